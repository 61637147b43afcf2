// The service worker: later visits without a network, and never a mixture of two versions.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { assertRead, browser, draw, openChapters, ready, serve, text } from './harness.js';
import { DIST, host } from './host.js';

/** @import { Page } from 'playwright-core' */

/** A copy of the built page that a test may change, and its address. */
async function deployment() {
  const folder = await mkdtemp(join(tmpdir(), 'digit8-'));
  after(() => rm(folder, { recursive: true }));
  await cp(DIST, folder, { recursive: true });
  return { folder, address: await serve(folder) };
}

/**
 * Puts another version of index.html there, and its compressed forms away.
 * @param {string} folder
 * @returns {Promise<() => Promise<void>>} puts the service worker of that version there, too
 */
async function deploy(folder) {
  const index = join(folder, 'index.html');
  const old = await readFile(index, 'utf8');
  const changed = old.replace('<html', '<html data-version="2"');
  const digest = (/** @type {string} */ text) => `sha256-${createHash('sha256').update(text).digest('base64')}`;
  await writeFile(index, changed);
  await rm(`${index}.br`);
  await rm(`${index}.gz`);
  return async () => {
    const worker = join(folder, 'sw.js');
    const text = await readFile(worker, 'utf8');
    assert(text.includes(digest(old)), 'the service worker knows index.html by its digest');
    const version = /VERSION = '(\w+)'/.exec(text)?.[1] ?? '';
    await writeFile(worker, text.replace(digest(old), digest(changed)).replace(version, '2222222222'));
    await rm(`${worker}.br`);
    await rm(`${worker}.gz`);
  };
}

/** @param {Page} page */
const version = (page) => page.evaluate(() => document.documentElement.dataset.version ?? '1');

/**
 * Waits for a service worker that has a version in its cache, and is in charge.
 * @param {Page} page
 * @param {string} [named] the start of the version's name
 */
async function cached(page, named = '') {
  const isCached = () =>
    page.evaluate(async (named) => {
      const names = await caches.keys();
      const { controller } = navigator.serviceWorker;
      const { active, installing, waiting } = (await navigator.serviceWorker.getRegistration()) ?? {};
      const settled = controller && controller === active && active.state === 'activated' && !installing && !waiting;
      return settled && names.some((name) => name.startsWith(`digit8-${named}`));
    }, named);
  while (!(await isCached())) await setTimeout(20);
}

test('a second visit needs no network', { timeout: 600_000 }, async () => {
  const { address } = await deployment();
  const context = await (await browser()).newContext();
  const page = await context.newPage();
  await page.goto(address);
  await ready(page);
  await cached(page);
  await context.setOffline(true);
  await page.goto(`${address}?pen=1.5`);
  await ready(page);
  await draw(page, '3');
  await assertRead(page, '3');
  await openChapters(page);
  await context.close();
});

test('a visit gets all of one version, and the next visit the new one', { timeout: 600_000 }, async () => {
  const { folder, address } = await deployment();
  const context = await (await browser()).newContext();
  const page = await context.newPage();
  await page.goto(address);
  await ready(page);
  await cached(page);

  const finish = await deploy(folder);
  await page.reload();
  await ready(page);
  assert.equal(await version(page), '1', 'a new page without its service worker is half a deployment');

  await finish();
  await page.reload();
  assert.equal(await version(page), '1', 'this visit began with version 1');
  await cached(page, '2222222222');
  await page.reload();
  await ready(page);
  assert.equal(await version(page), '2', 'the visit after that has version 2');
  await context.close();
});

test('a deployment whose files do not fit together is not taken', { timeout: 600_000 }, async () => {
  const { folder, address } = await deployment();
  const context = await (await browser()).newContext();
  const page = await context.newPage();
  await page.goto(address);
  await ready(page);
  await cached(page);

  const before = await readFile(join(folder, 'index.html'));
  const finish = await deploy(folder);
  await finish();
  await writeFile(join(folder, 'index.html'), before);
  const update = page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    const rejected = new Promise((resolve) => {
      registration.addEventListener('updatefound', () => {
        const { installing } = registration;
        installing?.addEventListener('statechange', () => resolve(installing.state));
      });
    });
    await registration.update().catch(() => {});
    return rejected;
  });
  assert.equal(await update, 'redundant', 'the browser gives the new service worker up');
  assert.deepEqual(
    await page.evaluate(async () => (await caches.keys()).filter((name) => name.includes('2222222222'))),
    [],
  );
  await page.reload();
  await ready(page);
  assert.equal(await version(page), '1');
  await context.close();
});

/** A new profile, for the service worker to be in. @param {{ saveData?: boolean }} [settings] */
async function visitor({ saveData = false } = {}) {
  const context = await (await browser()).newContext();
  await context.addInitScript((saveData) => Object.defineProperty(navigator, 'connection', { value: { saveData } }), saveData);
  const page = await context.newPage();
  after(() => context.close());
  return { context, page };
}

/** @param {Page} page */
const offline = (page) => page.locator('[data-testid="offline"]', { hasText: 'Kept for visits without a network' });

for (const [name, habits] of Object.entries({
  'that redirects /index.html': { redirectIndex: true },
  'that sends web pages for what is not there': { spa: true },
  'whose answers depend on everything': { headers: { vary: '*' } },
  'that answers with parts': { partial: /notebook-|samples/ },
})) {
  test(`a host ${name} shows the page at every visit`, { timeout: 600_000 }, async () => {
    const { address } = await host(habits);
    const { page } = await visitor();
    await page.goto(address);
    await ready(page);
    await page.waitForFunction(() => document.querySelector('[data-testid="offline"]')?.textContent);
    for (const go of [() => page.reload(), () => page.goto(`${address}?scheme=fused`), () => page.goto(`${address}index.html`)]) {
      assert.equal((await go())?.status(), 200);
      await ready(page);
    }
  });
}

test('a host that redirects /index.html has visits without a network, too', { timeout: 600_000 }, async () => {
  const { address } = await host({ redirectIndex: true });
  const { context, page } = await visitor();
  await page.goto(address);
  await ready(page);
  await cached(page);
  await context.setOffline(true);
  await page.reload();
  await ready(page);
});

test('two deployments of one origin leave each other alone', { timeout: 600_000 }, async () => {
  const { address, asked } = await host({ mounts: { '/a/': DIST, '/b/': DIST } });
  const { context, page } = await visitor();
  for (const folder of ['a/', 'b/', 'a/']) {
    await page.goto(address + folder);
    await ready(page);
    await cached(page);
    await offline(page).getByText('all of its networks').waitFor();
    // What opens by itself has what it reads: nothing is on its way when the network goes.
    for (const id of ['calibration-digits', 'iframe']) await page.getByTestId(id).waitFor({ state: 'attached' });
  }
  asked.length = 0;
  await context.setOffline(true);
  for (const folder of ['a/', 'b/']) {
    await page.goto(`${address}${folder}?model=notebook&scheme=dynamic`);
    await ready(page);
  }
  // The browser looks for a new service worker by itself.
  assert.deepEqual(asked.filter((path) => !path.endsWith('/sw.js')), []);
});

test('a first visit loads what it needs; others come when they are chosen, or asked for', { timeout: 600_000 }, async () => {
  const { address, asked } = await host();
  const { context, page } = await visitor({ saveData: true });
  const fetched = () => new Set(asked.filter((path) => /\.(safetensors|wasm)$/.test(path)).map((path) => path.replace(/^.*\/|-[0-9a-f]+\..*$/g, '')));
  await page.goto(address);
  await ready(page);
  await cached(page);
  await offline(page).waitFor();
  const needed = fetched();
  // What is near the window is explained.
  needed.delete('explain_bg');
  assert.deepEqual([...needed].sort(), ['digit8_relaxed_bg', 'drawings-float32', 'drawings-static']);
  assert.match(await text(page, 'offline'), /this page and the networks drawings \(float32, static\); others when you choose them/);

  await page.getByTestId('scheme').selectOption('fused');
  await ready(page);
  await page.getByTestId('offline').getByText('drawings (float32, static, fused)').waitFor();
  await context.setOffline(true);
  await page.goto(`${address}?scheme=fused`);
  await ready(page);
  await context.setOffline(false);
  await page.getByTestId('keep-all').click();
  await offline(page).getByText('all of its networks').waitFor();
  await context.setOffline(true);
  await page.goto(`${address}?model=notebook&scheme=dynamic`);
  await ready(page);
});

test('where the connection costs nothing, the rest comes when nobody waits for it', { timeout: 600_000 }, async () => {
  const { address } = await host();
  const { context, page } = await visitor();
  await page.goto(address);
  await offline(page).getByText('all of its networks and explanations').waitFor();
  await context.setOffline(true);
  await page.goto(`${address}?model=notebook&scheme=fused`);
  await ready(page);
  await openChapters(page);
});

/** What the service worker's storage does wrong. @type {Record<string, string>} */
const STORAGES = {
  'that cannot be opened': "caches.open = () => Promise.reject(new DOMException('no', 'SecurityError'));",
  'that is full': "Cache.prototype.put = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));",
  'that is full after the first twenty files': `
    let left = 20;
    const { put } = Cache.prototype;
    Cache.prototype.put = function (...args) {
      return left-- > 0 ? put.apply(this, args) : Promise.reject(new DOMException('full', 'QuotaExceededError'));
    };`,
  'that fails once it is in use': `
    addEventListener('activate', () => {
      for (const name of ['match', 'keys', 'put']) Cache.prototype[name] = () => Promise.reject(new DOMException('no', 'UnknownError'));
      caches.keys = () => Promise.reject(new DOMException('no', 'UnknownError'));
    });`,
  'that finds nothing any more': "addEventListener('activate', () => { Cache.prototype.match = async () => undefined; });",
};
for (const [name, code] of Object.entries(STORAGES)) {
  test(`storage ${name} costs visits without a network, and no others`, { timeout: 600_000 }, async () => {
    const { address } = await host({ change: (path, body) => (path === '/sw.js' ? Buffer.from(code + body) : body) });
    const { page } = await visitor();
    for (let visit = 0; visit < 3; visit++) {
      assert.equal((await page.goto(address))?.status(), 200);
      await ready(page);
      await page.waitForFunction(() => document.querySelector('[data-testid="offline"]')?.textContent);
    }
    await draw(page, '3');
    await assertRead(page, '3');
  });
}

for (const [name, lost] of Object.entries({ 'all of it': /./, 'a script': /chapters-\w+\.js$/, 'the page itself': /index\.html$/ })) {
  test(`where the browser has thrown away ${name} of the copy, the network has it`, { timeout: 600_000 }, async () => {
    const { address } = await host();
    const { page } = await visitor();
    await page.goto(address);
    await ready(page);
    await cached(page);
    await page.evaluate(async (lost) => {
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) if (new RegExp(lost).test(request.url)) await cache.delete(request);
      }
    }, lost.source);
    assert.equal((await page.reload())?.status(), 200);
    await ready(page);
    await page.getByTestId('sample-0').waitFor();
  });
}

test('a copy with a flipped bit is asked for again from the host', { timeout: 600_000 }, async () => {
  const { address } = await host();
  const { page } = await visitor();
  await page.goto(address);
  await offline(page).waitFor();
  await page.evaluate(async () => {
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        if (!/drawings-static/.test(request.url)) continue;
        const bytes = new Uint8Array((await (await cache.match(request))?.arrayBuffer()) ?? new ArrayBuffer(0));
        bytes[bytes.length - 100] ^= 1;
        await cache.put(request, new Response(bytes));
      }
    }
  });
  await page.reload();
  await ready(page);
  await draw(page, '3');
  await assertRead(page, '3');
});

for (const [name, block] of /** @type {[string, () => void][]} */ ([
  ['no service workers', () => delete (/** @type {any} */ (Navigator.prototype).serviceWorker)],
  ['service workers that it may not touch', () => Object.defineProperty(Navigator.prototype, 'serviceWorker', { get: () => { throw new DOMException('no', 'SecurityError'); } })],
])) {
  test(`a browser with ${name} shows the page, and says that it needs the network`, { timeout: 600_000 }, async () => {
    const { address } = await host();
    const { context, page } = await visitor();
    await context.addInitScript(block);
    await page.goto(address);
    await ready(page);
    await page.getByTestId('offline').getByText('needs the network').waitFor();
  });
}

test('an open page is told of a new version', { timeout: 600_000 }, async () => {
  const { folder, address } = await deployment();
  const { page } = await visitor();
  await page.goto(address);
  await ready(page);
  await cached(page);
  await page.reload();
  await ready(page);
  // A browser under a debugger lets no version take over from one that was busy at that moment, for five minutes.
  await offline(page).getByText('all of its networks').waitFor();
  await (await deploy(folder))();
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
  await page.getByTestId('status').getByText('A new version of this page is out: reload to have it.').waitFor();
  await page.reload();
  await ready(page);
  assert.equal(await version(page), '2');
});
