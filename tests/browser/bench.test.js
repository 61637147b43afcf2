// The benchmark that the visitor runs.

import assert from 'node:assert/strict';

import { accessibilityProblems, draw, pageTest, text } from './harness.js';

/** @import { Page } from 'playwright-core' */

/** Waits until it is done, for as long as it gets on. @param {Page} page */
async function finished(page) {
  const state = page.getByTestId('bench-state');
  for (let seen = ''; !(await page.getByTestId('bench-copy-json').isVisible()); ) {
    await page.waitForFunction(([id, seen]) => document.querySelector(`[data-testid="${id}"]`)?.textContent !== seen, ['bench-state', seen], { timeout: 0 });
    seen = (await state.textContent()) ?? '';
  }
}

/** @param {Page} page */
const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

pageTest('it runs beside the page, shows its distribution, and can be copied', { permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
  await page.getByTestId('bench-run').click();
  await page.locator('[data-testid="bench-state"]', { hasText: /Round|Warming/ }).waitFor();
  // The pad goes on answering meanwhile.
  await draw(page, '3');
  assert.equal(await text(page, 'int8-digit'), '3');
  await finished(page);
  assert.match(await text(page, 'bench-state'), /^One digit at a time, int8 is .* as float32 .*; 1000 at once, .* the same logits, bit for bit\.$/);
  assert.match(await text(page, 'bench-results'), /The timer steps by \d+ µs, which is at most [\d.]+ % of a sample/);

  await page.getByTestId('bench-copy-json').click();
  await page.locator('[data-testid="bench-copied"]', { hasText: 'Copied.' }).waitFor();
  const report = JSON.parse(await copied(page));
  const kernels = new Set(report.rows.map((/** @type {{ engine: string }} */ { engine }) => engine));
  assert(kernels.has('digit8 scalar') && kernels.has('digit8 simd128'), String([...kernels]));
  assert.equal(report.rows.length, kernels.size * 4, 'two networks, two batches');
  for (const row of report.rows) {
    assert.deepEqual([row.threads, row.samples, row.sample_ns.length, row.classified], [1, 30, 30, 40]);
    assert(row.min_ns > 0 && row.min_ns <= row.median_ns);
    assert(row.correct >= 30);
    assert([1, 1000].includes(row.batch) && ['float32', 'static'].includes(row.model));
  }
  assert.equal(await page.locator('#bench .sample').count(), 30 * report.rows.length, 'a stroke for each sample');

  await page.getByTestId('bench-copy-text').click();
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith('digit8, microseconds'));
  assert.match(await copied(page), /int8 static, simd128 +1000 .*\n[^]*timer step \d+ µs/);
  assert.deepEqual(await accessibilityProblems(page), []);
});

pageTest('it can be cancelled, and run again', {}, async (page) => {
  const run = page.getByTestId('bench-run');
  await run.click();
  assert(await run.isDisabled());
  await page.locator('[data-testid="bench-state"]', { hasText: 'Round' }).waitFor({ timeout: 0 });
  await page.getByTestId('bench-cancel').click();
  assert.match(await text(page, 'bench-state'), /^Cancelled after \d+ of 30 rounds\.$/);
  assert(await page.getByTestId('bench-cancel').isDisabled());
  // What was measured until then is there.
  await page.getByTestId('bench-copy-text').waitFor();
  await run.click();
  await page.locator('[data-testid="bench-state"]', { hasText: 'Warming up' }).waitFor();
  await page.getByTestId('bench-cancel').click();
  assert.match(await text(page, 'bench-state'), /^Cancelled/);
});

pageTest(
  'where copying is not allowed, the text is there to be copied by hand',
  { prepare: (context) => context.addInitScript(() => void (navigator.clipboard.writeText = () => Promise.reject(new Error('no')))) },
  async (page) => {
    await page.getByTestId('bench-run').click();
    await page.locator('[data-testid="bench-state"]', { hasText: 'Round' }).waitFor({ timeout: 0 });
    await page.getByTestId('bench-cancel').click();
    await page.getByTestId('bench-copy-text').click();
    assert.match(await page.getByTestId('bench-text').inputValue(), /^digit8, microseconds an image/);
  },
);

pageTest(
  'a worker that does not load is named',
  { mayLog: /404/, prepare: (context) => context.route(/bench-worker/, (route) => route.fulfill({ status: 404 })) },
  async (page) => {
    await page.getByTestId('bench-run').click();
    await page.locator('[data-testid="bench-state"]', { hasText: 'The benchmark failed' }).waitFor();
    assert(await page.getByTestId('bench-run').isEnabled());
  },
);
