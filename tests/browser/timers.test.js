// Clocks of all kinds: what the page does by them, and what it says.

import assert from 'node:assert/strict';

import { draw, pageTest, text } from './harness.js';

/** @import { BrowserContext } from 'playwright-core' */

/**
 * A clock of coarse steps, and the readings of it within one turn of the page's loop: a page that waits for such a clock to move reads
 * it without end.
 * @param {number} step in milliseconds
 */
const clock = (step) => (/** @type {BrowserContext} */ context) =>
  context.addInitScript((step) => {
    const now = performance.now.bind(performance);
    const { port1, port2 } = new MessageChannel();
    const watch = Object.assign(globalThis, { most: 0 });
    let readings = 0;
    port1.onmessage = () => (readings = 0);
    performance.now = () => {
      if (readings++ === 0) port2.postMessage(0);
      watch.most = Math.max(watch.most, readings);
      return Math.floor(now() / step) * step;
    };
  }, step);

for (const [step, words] of /** @type {const} */ ([[0.005, '5 µs'], [0.1, '100 µs'], [1, '1 ms']])) {
  pageTest(`a clock of ${step} ms measures, and says its step`, { prepare: clock(step) }, async (page) => {
    await draw(page, '3');
    await page.locator('[data-testid="ratio"]', { hasText: /^Here int8 is [\d.]+× as (fast|slow), and 3\.9× smaller\.$/ }).waitFor({ timeout: 0 });
    for (const side of ['float', 'int8']) assert(/^[\d.]+ µs \(timer step (.*)\)$/.test(await text(page, `${side}-time`)));
    // The real clock under this one has steps of its own, 100 µs or less.
    if (step >= 0.1) assert.match(await text(page, 'int8-time'), new RegExp(`timer step ${words}`));
    assert(await page.evaluate(() => /** @type {any} */ (globalThis).most) < 10_000);
  });
}

/** A clock of 0.1 ms that jumps ahead whenever something is timed for the first time in a turn, as if the machine were busy just then. @param {BrowserContext} context */
const jumping = (context) =>
  context.addInitScript(() => {
    const now = performance.now.bind(performance);
    const { port1, port2 } = new MessageChannel();
    let [ahead, readings] = [0, 0];
    port1.onmessage = () => (readings = 0);
    performance.now = () => {
      if (readings++ === 0) port2.postMessage(0);
      if (readings === 2) ahead += 30;
      return Math.floor(10 * (now() + ahead)) / 10;
    };
    addEventListener('DOMContentLoaded', () => {
      /** @type {string[]} */
      const shown = [];
      Object.assign(globalThis, { shown });
      new MutationObserver(() => shown.push(document.querySelector('[data-testid="int8-time"]')?.textContent ?? '')).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
  });

pageTest('a machine that is busy while a sample is prepared leaves no sample below the clock’s step', { prepare: jumping }, async (page) => {
  await draw(page, '3');
  await page.locator('[data-testid="ratio"]', { hasText: 'Here int8 is' }).waitFor({ timeout: 0 });
  const shown = /** @type {string[]} */ (await page.evaluate(() => /** @type {any} */ (globalThis).shown)).filter((time) => time.includes('µs'));
  assert(shown.length > 0);
  for (const time of shown) assert(parseFloat(time) > 0.05, time);
});

for (const step of [16.7, 100]) {
  pageTest(`a clock of ${step} ms measures nothing, and the page says so`, { prepare: clock(step) }, async (page) => {
    await draw(page, '3');
    const ratio = page.locator('[data-testid="ratio"]', { hasText: `clock steps by ${step} ms` });
    await ratio.waitFor();
    assert.match(await text(page, 'int8-time'), /benchmark/);
    await ratio.getByRole('link', { name: 'benchmark' }).click();
    await page.getByTestId('bench-run').waitFor();
    assert.match(page.url(), /#bench(&|$)/);
    assert(await page.evaluate(() => /** @type {any} */ (globalThis).most) < 10_000, 'nothing waits for the clock to move');
  });
}

pageTest('nothing is said of the speed before it is stable, nor of another drawing', {}, async (page) => {
  const ratio = page.getByTestId('ratio');
  await draw(page, '1');
  await ratio.getByText('Here int8 is').waitFor({ timeout: 0 });
  await page.getByTestId('clear').click();
  await ratio.getByText('Here int8 is').waitFor({ state: 'detached' });
  assert.equal(await ratio.textContent(), '');
});
