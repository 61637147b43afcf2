// What visitors read when something is missing or breaks, and what goes on working.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PANICS, address, assertRead, browser, draw, launch, openChapters, pageTest, ready, text } from './harness.js';

/** @import { BrowserContext, Page } from 'playwright-core' */

/** @param {Page} page @param {RegExp} pattern */
async function statusSays(page, pattern) {
  await page.locator('html[data-state="error"]').waitFor({ state: 'attached' });
  assert.match(await text(page, 'status'), pattern);
}

/** @param {RegExp} url */
const missing = (url) => (/** @type {BrowserContext} */ context) => context.route(url, (route) => route.fulfill({ status: 404 }));

pageTest(
  'without float32, int8 answers, until float32 comes',
  { unready: true, mayLog: /404/, prepare: missing(/drawings-float32/) },
  async (page, context) => {
    await statusSays(page, /drawings-float32.*404.*float32 cannot answer.*try again/i);
    assert.match(await text(page, 'float-trouble'), /did not load/);
    await draw(page, '3');
    assert.deepEqual([await text(page, 'float-digit'), await text(page, 'int8-digit')], ['–', '3']);
    assert.match(await text(page, 'status'), /float32 cannot answer, int8 reads 3/);
    await page.locator('[data-testid="int8-time"]', { hasText: 'µs' }).waitFor();
    assert.equal(await text(page, 'agreement'), '–');
    await context.unroute(/drawings-float32/);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('html[data-ready="true"]:not([data-state])').waitFor({ state: 'attached' });
    await assertRead(page, '3');
    assert(await page.getByTestId('float-trouble').isHidden());
  },
);

pageTest(
  'without int8, float32 answers',
  { unready: true, mayLog: /404/, prepare: missing(/drawings-static/) },
  async (page) => {
    await statusSays(page, /drawings-static.*404.*int8 cannot answer/);
    await page.locator('[data-testid="float-arrival"]', { hasText: 's' }).waitFor();
    await draw(page, '7');
    assert.deepEqual([await text(page, 'float-digit'), await text(page, 'int8-digit')], ['7', '–']);
  },
);

pageTest(
  'a model that is cut short is named as such, and another can be chosen',
  {
    unready: true,
    prepare: (context) => context.route(/drawings-static/, (route) => route.fulfill({ body: 'no model' })),
  },
  async (page) => {
    await statusSays(page, /drawings-static.*: its bytes are not those that its name promises/);
    await page.getByTestId('scheme').selectOption('fused');
    await page.locator('html[data-ready="true"]:not([data-state])').waitFor({ state: 'attached' });
    await draw(page, '3');
    await assertRead(page, '3');
  },
);

test('a browser without SIMD answers, and says what it lacks', { timeout: 600_000 }, async () => {
  // As an old processor: a real engine that rejects every module with an instruction of SIMD.
  const old = await launch(['--js-flags=--no-enable-sse4-1 --no-enable-ssse3 --no-enable-sse4-2 --no-enable-avx']);
  const page = await (await old.newContext({ serviceWorkers: 'block' })).newPage();
  await page.goto(await address());
  await ready(page);
  assert.equal(await text(page, 'int8-kernel'), 'scalar');
  await page.getByTestId('notice').getByText('SIMD').waitFor();
  assert.match(await text(page, 'notice'), /no WebAssembly SIMD.*Chrome and Edge have it from version 91, Firefox from 89, Safari from 16\.4/);
  await draw(page, '3');
  await assertRead(page, '3');
  await openChapters(page);
  const modules = await page.evaluate(async () => {
    const names = performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.endsWith('.wasm'));
    return Promise.all(names.map(async (name) => WebAssembly.validate(await (await fetch(name)).arrayBuffer())));
  });
  assert(modules.length > 0 && modules.every(Boolean), 'only modules that this engine knows were loaded');
  await page.locator('#walk').scrollIntoViewIfNeeded();
  await page.locator('#walk-body', { hasText: 'This cannot be computed: this part of the page needs WebAssembly with SIMD' }).waitFor();
  await old.close();
});

pageTest(
  'a program that does not come is named',
  { unready: true, mayLog: /404/, prepare: missing(/digit8\w*-\w+\.wasm$/) },
  (page) => statusSays(page, /The program that computes did not load: .*reload the page/),
);

pageTest('who is offline is told so, and can try again', { mayLog: /ERR_INTERNET_DISCONNECTED/ }, async (page, context) => {
  await openChapters(page);
  await context.setOffline(true);
  await page.getByTestId('scheme').selectOption('dynamic');
  await statusSays(page, /drawings-dynamic.*you are offline/);
  await context.setOffline(false);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('html[data-ready="true"]:not([data-state])').waitFor({ state: 'attached' });
  await draw(page, '1');
  await assertRead(page, '1');
});

/** Has the program stop. @param {typeof PANICS.page} change */
const panicking = ({ script, call, bad }) => (/** @type {BrowserContext} */ context) =>
  context.route(script, async (route) => {
    const text = await (await route.fetch()).text();
    assert.match(text, call);
    await route.fulfill({ contentType: 'text/javascript', body: text.replace(call, bad) });
  });

pageTest(
  'a panic in the program is shown in its own words',
  {
    unready: true,
    mayLog: /panicked/,
    prepare: panicking(PANICS.page),
  },
  async (page) => {
    await statusSays(page, /panicked at .*capacity overflow.*Reload the page/s);
    await draw(page, '1');
    await statusSays(page, /capacity overflow/);
  },
);

pageTest(
  'without explanations the answers are there, and the page says what is missing',
  { mayLog: /404/, prepare: missing(/explain-\w+\.js$/) },
  async (page) => {
    await page.locator('#why').scrollIntoViewIfNeeded();
    await page.locator('#why-body', { hasText: 'This cannot be computed' }).waitFor();
    assert.match(await text(page, 'verdict'), /Reload the page.*not affected/);
    await draw(page, '3');
    await assertRead(page, '3');
  },
);

pageTest(
  'without samples one can draw',
  { mayLog: /404/, prepare: missing(/samples-\w+\.json$/) },
  async (page) => {
    await page.locator('#disputed', { hasText: 'did not load' }).waitFor();
    assert.match(await text(page, 'disputed'), /samples.*404.*Drawing works/);
    await draw(page, '3');
    await assertRead(page, '3');
  },
);

pageTest(
  'without what stands below, one can draw',
  { mayLog: /404/, prepare: missing(/chapters-\w+\.js$/) },
  async (page) => {
    await page.locator('#disputed', { hasText: 'did not load' }).waitFor();
    await draw(page, '3');
    await assertRead(page, '3');
  },
);

test('a page that was opened as a file says what it needs', { timeout: 600_000 }, async () => {
  const page = await (await browser()).newPage();
  await page.goto(new URL('../../dist/index.html', import.meta.url).href);
  await page.waitForFunction(() => {
    const { visibility, content } = getComputedStyle(/** @type {Element} */ (document.querySelector('.hint')), '::after');
    return visibility === 'visible' && content.includes('must come from a server');
  });
  await page.close();
});

/** Waits for an explanation of what is drawn. @param {Page} page */
const explained = (page) => page.locator('[data-testid="verdict"]', { hasText: 'The logits differ' }).waitFor();

pageTest('a worker that dies is started again', {}, async (page) => {
  await openChapters(page);
  await draw(page, '1');
  await explained(page);
  const [worker] = page.workers();
  await worker.evaluate(() => self.close());
  await page.getByTestId('clear').click();
  await page.locator('[data-testid="verdict"]', { hasText: 'Draw a digit' }).waitFor();
  await draw(page, '7');
  await explained(page);
});

/** Waits until the walk shows the layers of what is drawn. @param {Page} page @param {string} digit */
const walked = (page, digit) => page.locator(`[data-testid="walk-answer"][data-value="${digit}"]`).waitFor();

pageTest('so is the laboratory’s, and it is told the networks anew', {}, async (page) => {
  await page.locator('#walk').scrollIntoViewIfNeeded();
  await draw(page, '1');
  await walked(page, '1');
  const worker = page.workers().find((worker) => worker.url().includes('lab-worker'));
  assert(worker);
  await Promise.all([page.waitForEvent('worker'), worker.evaluate(() => self.close()).then(async () => {
    await page.getByTestId('clear').click();
    await draw(page, '7');
  })]);
  await walked(page, '7');
});

pageTest(
  'a panic in the laboratory’s worker is shown in its own words, and the next one is another worker’s',
  { mayLog: /panicked/, prepare: panicking(PANICS.laboratory) },
  async (page, context) => {
    await page.locator('#walk').scrollIntoViewIfNeeded();
    await page.locator('#walk-body', { hasText: /cannot be computed: panicked at .*capacity overflow/s }).waitFor();
    await context.unroute(/lab-worker/);
    await draw(page, '3');
    await walked(page, '3');
  },
);

pageTest(
  'a panic in the explanations’ worker is shown in its own words, and the next one is another worker’s',
  {
    mayLog: /panicked/,
    prepare: panicking(PANICS.worker),
  },
  async (page, context) => {
    await page.locator('#why').scrollIntoViewIfNeeded();
    await page.locator('[data-testid="verdict"]', { hasText: /cannot be computed: panicked at .*capacity overflow/s }).waitFor();
    await context.unroute(/explain-worker/);
    await draw(page, '3');
    await assertRead(page, '3');
    await explained(page);
  },
);

pageTest(
  'a panic in the benchmark’s worker is shown in its own words, and in the console',
  { mayLog: /panicked/, prepare: panicking(PANICS.benchmark) },
  async (page) => {
    const logged = page.waitForEvent('console', (message) => /panicked at .*capacity overflow/s.test(message.text()));
    await page.getByTestId('bench-run').click();
    await page.locator('[data-testid="bench-state"]', { hasText: /The benchmark failed: panicked at .*capacity overflow/s }).waitFor();
    await logged;
    assert(await page.getByTestId('bench-run').isEnabled());
  },
);

pageTest(
  'where workers are forbidden, the answers are there',
  { prepare: (context) => context.addInitScript(() => Object.assign(globalThis, { Worker: class { constructor() { throw new DOMException('no workers here', 'SecurityError'); } } })) },
  async (page) => {
    await draw(page, '3');
    await assertRead(page, '3');
    await page.locator('#why').scrollIntoViewIfNeeded();
    await page.locator('[data-testid="verdict"]', { hasText: /cannot be computed: no workers here/ }).waitFor();
    await page.getByTestId('bench-run').click();
    await page.locator('[data-testid="bench-state"]', { hasText: /The benchmark failed: no workers here/ }).waitFor();
  },
);

pageTest(
  'where nothing may be stored, the page is whole',
  {
    prepare: (context) =>
      context.addInitScript(() => {
        for (const name of ['caches', 'localStorage', 'sessionStorage', 'indexedDB']) {
          Object.defineProperty(globalThis, name, { get: () => { throw new DOMException('no', 'SecurityError'); } });
        }
      }),
  },
  async (page) => {
    await openChapters(page);
    await draw(page, '3');
    await assertRead(page, '3');
  },
);
