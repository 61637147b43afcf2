// What visitors read, and what works, on hosts with habits of their own.

import assert from 'node:assert/strict';

import { test } from 'node:test';

import { assertRead, browser, draw, hasDigits, ready, text } from './harness.js';
import { host } from './host.js';

/** @import { Page } from 'playwright-core' */
/** @import { Habits } from './host.js' */

/**
 * Declares a test of the page on a host.
 * @param {string} name
 * @param {Habits} habits
 * @param {(page: Page, asked: string[]) => Promise<unknown>} body
 * @param {string | false} [skip] why it cannot run
 */
function hostTest(name, habits, body, skip = false) {
  test(name, { timeout: 600_000, skip }, async () => {
    const { address, asked } = await host(habits);
    const context = await (await browser()).newContext({ serviceWorkers: 'block' });
    context.setDefaultTimeout(120_000);
    try {
      const page = await context.newPage();
      await page.goto(address);
      await body(page, asked);
    } finally {
      await context.close();
    }
  });
}

/** @param {Page} page @param {RegExp} pattern */
async function says(page, pattern) {
  await page.locator('html[data-state="error"]').waitFor({ state: 'attached' });
  const status = await text(page, 'status');
  assert.match(status, pattern);
  if (/did not load/.test(status)) {
    assert.equal(await page.locator('.panel progress').count(), 0, 'nothing is on its way any more');
    assert(await page.locator('#hint').isHidden(), 'nobody is asked to draw');
  }
  assert.doesNotMatch(status, /\.\.|magic word|\[object/);
}

/** @param {Page} page */
async function answers(page) {
  await ready(page);
  await draw(page, '3');
  await assertRead(page, '3');
}

for (const type of ['application/octet-stream', '', 'text/plain']) {
  hostTest(`wasm as ${type || 'no type at all'} is taken`, { types: { '.wasm': type } }, answers);
}
hostTest('strict headers of the host are no hindrance', {
  headers: {
    'x-content-type-options': 'nosniff',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
  },
}, answers);
hostTest('scripts as text/plain are named as that', { types: { '.js': 'text/plain' } }, (page) =>
  says(page, /sends .*\.js as text\/plain.*text\/javascript/));
hostTest('styles as text/plain cost the looks alone', { types: { '.css': 'text/plain' } }, async (page) => {
  await ready(page);
  await page.getByTestId('scheme').selectOption('fused');
  await ready(page);
});
for (const policy of ["script-src 'self'", "default-src 'self'"]) {
  hostTest(`a policy of ${policy} is named`, { headers: { 'content-security-policy': policy } }, (page) =>
    says(page, /did not load: the host’s policy \(Content-Security-Policy\) forbids WebAssembly.*'wasm-unsafe-eval'/));
}
hostTest('a script that is gone means that a new version is out', { missing: /\/main-/ }, (page) =>
  says(page, /main-\w+\.js is gone \(404 .*new version of this page is out: reload it/));
hostTest('so does a web page in place of a script', { missing: /\/main-/, spa: true }, (page) =>
  says(page, /main-\w+\.js is gone \(the host sends a web page.*new version of this page is out: reload it/));
hostTest('a web page in place of wasm is called that', { missing: /\.wasm$/, spa: true }, (page) =>
  says(page, /_bg-\w+\.wasm: the host sends a web page in place of this file/));
hostTest('a web page in place of a model is called that, and the other network answers', { missing: /drawings-static/, spa: true }, async (page) => {
  await says(page, /drawings-static-\w+\.safetensors: the host sends a web page in place of this file\. So int8 cannot answer/);
  await page.getByTestId('float-kernel').getByText(/relaxed|simd128/).waitFor();
  await draw(page, '3');
  assert.equal(await text(page, 'float-digit'), '3');
});

test('a model that is gone since the page was opened means that a new version is out', { timeout: 600_000 }, async () => {
  const { address, habits } = await host();
  const context = await (await browser()).newContext({ serviceWorkers: 'block' });
  const page = await context.newPage();
  await page.goto(address);
  await ready(page);
  habits.missing = /notebook-/;
  habits.change = (path, body) => (path === '/' ? Buffer.from(String(body).replace(/(files|main)-\w+\.js/g, '$1-0000000000.js')) : body);
  await page.getByTestId('model').selectOption('notebook');
  await says(page, /notebook-.*404.*A new version of this page is out: reload it/);
  await context.close();
});

hostTest('a module that is not there leaves the answers to a slower one', { missing: /digit8_relaxed/ }, async (page) => {
  await answers(page);
  assert.equal(await text(page, 'int8-kernel'), 'simd128');
  assert.match(await text(page, 'notice'), /faster program did not load.*digit8_relaxed.*404/);
});

/** A host that turns one bit of some files around, once or always. @param {RegExp} files @param {number} times @returns {Habits} */
function damaging(files, times) {
  let left = times;
  return {
    change: (path, body) => {
      if (!files.test(path) || left-- <= 0) return body;
      const changed = Buffer.from(body);
      changed[changed.length - 1000] ^= 1;
      return changed;
    },
  };
}
hostTest('a model with one bit flipped is refused, and the other network answers', damaging(/drawings-static/, Infinity), async (page) => {
  await says(page, /drawings-static-\w+\.safetensors: its bytes are not those that its name promises/);
  await page.getByTestId('float-kernel').getByText(/relaxed|simd128/).waitFor();
  await draw(page, '7');
  assert.deepEqual([await text(page, 'float-digit'), await text(page, 'int8-digit')], ['7', '–']);
});
hostTest('a model that was damaged on its way once is asked for again', damaging(/drawings-static/, 1), answers);
hostTest('a module with one bit flipped is refused, and another answers', damaging(/digit8_relaxed_bg/, Infinity), async (page) => {
  await answers(page);
  assert.match(await text(page, 'notice'), /digit8_relaxed_bg-\w+\.wasm: its bytes are not those that its name promises/);
});
hostTest('no damaged module computes', damaging(/digit8\w*_bg/, Infinity), (page) => says(page, /did not load: .*its bytes are not those/));

/** Goes to the walk, which the laboratory's module computes. @param {Page} page @param {RegExp} why */
async function walkSays(page, why) {
  await ready(page);
  await page.locator('#walk').scrollIntoViewIfNeeded();
  await page.locator('#walk-body', { hasText: why }).waitFor();
  await draw(page, '3');
  await assertRead(page, '3');
}
hostTest('the laboratory’s module with one bit flipped is refused', damaging(/lab_bg/, Infinity), (page) =>
  walkSays(page, /This cannot be computed: .*lab_bg-\w+\.wasm: its bytes are not those that its name promises/));
for (const [what, body, why] of /** @type {const} */ ([
  ['that is a web page is called that', '<!doctype html><title>Not found</title>', /lab-\w+\.js: .*Unexpected token/],
  ['that is still being built says so', "throw new Error('this part of the page is still being built');", /lab-\w+\.js: this part of the page is still being built\./],
])) {
  hostTest(`a script of the laboratory ${what}`, { change: (path, old) => (/pkg\/lab-\w+\.js$/.test(path) ? Buffer.from(body) : old) }, (page) =>
    walkSays(page, new RegExp(`This cannot be computed: .*${why.source}`)));
}
hostTest('a web page in place of the laboratory’s module is called that', { missing: /pkg\/lab/, spa: true }, (page) =>
  walkSays(page, /This cannot be computed: .*lab\w*-\w+\.(js|wasm): the host sends a web page in place of this file/));
hostTest('test digits with one bit flipped are asked for again', damaging(/test-\w+\.digits$/, 1), async (page) => {
  await ready(page);
  await page.getByTestId('run-test-digits').click();
  await page.getByTestId('test-accuracy-int8').waitFor({ timeout: 0 });
}, hasDigits() ? false : 'the page was built without digits');

test('without encryption, where a page has no digests of its own, the browser refuses what is damaged', { timeout: 600_000 }, async () => {
  const { address } = await host(damaging(/drawings-static/, Infinity));
  const context = await (await browser()).newContext({ serviceWorkers: 'block' });
  await context.addInitScript(() => Object.defineProperty(crypto, 'subtle', { value: undefined }));
  const page = await context.newPage();
  await page.goto(address);
  await says(page, /drawings-static-\w+\.safetensors: .*int8 cannot answer/);
  await context.close();
});
