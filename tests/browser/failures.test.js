// What visitors read when something is missing or breaks, and what goes on working.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertRead, browser, draw, openChapters, pageTest, text } from './harness.js';

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
    assert.match(await text(page, 'int8-time'), /µs/);
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
    await statusSays(page, /drawings-static.*: not a model file/);
    await page.getByTestId('scheme').selectOption('fused');
    await page.locator('html[data-ready="true"]:not([data-state])').waitFor({ state: 'attached' });
    await draw(page, '3');
    await assertRead(page, '3');
  },
);

pageTest(
  'a browser without SIMD is told so',
  {
    unready: true,
    prepare: (context) => context.addInitScript(() => void (WebAssembly.validate = () => false)),
  },
  (page) => statusSays(page, /no WebAssembly SIMD.*A browser of 2021 or later/),
);

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

pageTest(
  'a panic in the program is shown in its own words',
  {
    unready: true,
    mayLog: /panicked/,
    // Room for so many images cannot be had, and the program stops: what it says then comes from Rust.
    prepare: (context) =>
      context.route(/engine-\w+\.js$/, async (route) => {
        const script = await (await route.fetch()).text();
        assert(script.includes('batch = 1'));
        await route.fulfill({ contentType: 'text/javascript', body: script.replace('batch = 1', 'batch = 3000000') });
      }),
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

test('a page that was opened as a file says what it needs', { timeout: 60_000 }, async () => {
  const page = await (await browser()).newPage();
  await page.goto(new URL('../../dist/index.html', import.meta.url).href);
  await page.waitForFunction(() => {
    const { visibility, content } = getComputedStyle(/** @type {Element} */ (document.querySelector('.hint')), '::after');
    return visibility === 'visible' && content.includes('must come from a server');
  });
  await page.close();
});
