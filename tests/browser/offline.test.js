// The service worker: later visits without a network, and never a mixture of two versions.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { browser, ready, serve } from './harness.js';

/** @import { Page } from 'playwright-core' */

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

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

test('a second visit needs no network', { timeout: 60_000 }, async () => {
  const { address } = await deployment();
  const context = await (await browser()).newContext();
  const page = await context.newPage();
  await page.goto(address);
  await ready(page);
  await cached(page);
  await context.setOffline(true);
  await page.goto(`${address}?scheme=fused`);
  await ready(page);
  await context.close();
});

test('a visit gets all of one version, and the next visit the new one', { timeout: 60_000 }, async () => {
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

test('a deployment whose files do not fit together is not taken', { timeout: 60_000 }, async () => {
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
