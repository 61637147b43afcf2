// The laboratory: one neuron, the walk, the test digits.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { draw, pageTest, text } from './harness.js';
import { argmax, samples, shipped, staticLayers } from './reference.js';

/** @import { Page } from 'playwright-core' */

/** @param {Page} page @param {string} id */
const value = async (page, id) => Number(await page.getByTestId(id).getAttribute('data-value'));

/** Opens a neuron, and waits until its numbers stand there. @param {Page} page @param {number} layer @param {number} index */
async function openNeuron(page, layer, index) {
  await page.getByTestId(`neuron-${layer}-${index}`).click();
  await page.locator('[data-testid="neuron-title"]', { hasText: new RegExp(`^Neuron ${index}( of linear${layer}:| of linear3,)`) }).waitFor();
}

for (const scheme of ['static', 'fused']) {
  pageTest(`every line of a neuron of the ${scheme} network is the kernel’s`, { path: `?scheme=${scheme}` }, async (page) => {
    const model = shipped(`drawings-${scheme}`);
    await page.getByTestId('sample-5').click();
    const layers = staticLayers(model, samples()[5].pixels);
    for (const [layer, index] of [[1, 0], [1, 37], [1, 99], [2, 0], [2, 64], [3, 0], [3, 9]]) {
      await openNeuron(page, layer, index);
      const expected = layers[layer - 1];
      const what = `neuron ${layer}-${index}`;
      assert.equal(await value(page, 'neuron-accumulator'), expected.accumulators[index], what);
      assert.equal(await value(page, 'neuron-output'), expected.outputs[index], what);
      assert.equal(await value(page, 'neuron-real'), expected.reals[index], what);
      assert.equal((await value(page, 'neuron-products')) - (await value(page, 'neuron-correction')), expected.accumulators[index], what);
      const [rounded, shifted] = [await value(page, 'neuron-rounded'), await value(page, 'neuron-shifted')];
      assert(Math.abs((await value(page, 'neuron-scaled')) - rounded) <= 0.5, what);
      assert(Math.abs((await value(page, 'neuron-textbook')) - expected.outputs[index]) <= 1, what);
      assert(shifted >= rounded && (await value(page, 'neuron-clamped')) <= 255, what);
    }
  });
}

pageTest('a neuron of the dynamic network adds up, and arrow keys go from neuron to neuron', { path: '?scheme=dynamic' }, async (page) => {
  await draw(page, '3');
  await openNeuron(page, 2, 44);
  const sum = Math.fround((await value(page, 'neuron-accumulator')) * (await value(page, 'neuron-multiplier')));
  const bias = Number(shipped('drawings-dynamic')['linear2.bias'].data[44]);
  const total = await value(page, 'neuron-total');
  assert(Math.abs(sum + bias - total) <= 1e-5 * (Math.abs(sum) + Math.abs(bias)));
  assert.equal(await value(page, 'neuron-output'), Math.max(total, 0));
  assert(Math.abs((await value(page, 'neuron-output')) - (await value(page, 'neuron-float'))) < 0.5);
  await page.getByTestId('neuron-2-44').focus();
  for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp', 'ArrowRight']) await page.keyboard.press(key);
  await page.keyboard.press('Enter');
  await page.locator('[data-testid="neuron-title"]', { hasText: 'Neuron 45 of linear2' }).waitFor();
  assert.match(page.url(), /neuron=2-45/);
});

pageTest('the walk has every tensor, and a switch for each layer', {}, async (page) => {
  await page.getByTestId('sample-7').click();
  await page.locator('#walk').scrollIntoViewIfNeeded();
  await page.locator('[data-testid="walk-answer"]', { hasText: 'your drawing is read as' }).waitFor();
  const layers = staticLayers(shipped('drawings-static'), samples()[7].pixels);
  assert.equal(await page.getByTestId('walk-answer').getAttribute('data-value'), String(argmax(layers[2].outputs)));
  for (const name of ['input', 'linear1', 'linear2', 'linear3']) {
    assert((await value(page, `walk-sqnr-${name}`)) > 10, name);
    assert((await value(page, `walk-scale-${name}`)) > 0, name);
    assert((await value(page, `walk-clipped-${name}`)) <= 0.2, name);
  }
  for (const layer of [1, 2, 3]) await page.getByTestId(`walk-switch-${layer}`).uncheck();
  assert.match(await text(page, 'walk-answer'), /^With all in float/);
  assert.equal(await value(page, 'walk-logits-0'), 0);
  assert((await value(page, 'walk-logits-7')) > 0);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('walk-csv').click()]);
  const rows = readFileSync(await download.path(), 'utf8').trim().split('\n').map((line) => line.split(','));
  assert.equal(rows.length, 1 + 784 + 100 + 100 + 10);
  const integers = rows.filter(([name]) => name === 'linear2').map(([, , integer]) => Number(integer));
  assert.deepEqual(integers, layers[1].outputs);
});

/** The packed test digits of the built page, if it was built with any. */
function testDigits() {
  const folder = fileURLToPath(new URL('../../dist/digits/', import.meta.url));
  const file = readdirSync(folder).find((name) => /^test(-\w+)?\.digits$/.test(name));
  if (!file) return undefined;
  const bytes = gunzipSync(readFileSync(folder + file));
  const end = bytes.indexOf(10);
  const { count } = JSON.parse(bytes.toString('utf8', 0, end));
  return count === 0 ? undefined : { labels: bytes.subarray(end + 1, end + 1 + count), pixels: bytes.subarray(end + 1 + count), count };
}

const digits = testDigits();

pageTest('the test digits are read as a network written from the rules alone reads them', { skip: digits ? false : 'the page was built without digits' }, async (page) => {
  assert(digits);
  await page.getByTestId('run-test-digits').click();
  await page.getByTestId('test-accuracy-int8').waitFor({ timeout: 0 });
  const model = shipped('drawings-static');
  let right = 0;
  for (let at = 0; at < digits.count; at++) {
    const layers = staticLayers(model, digits.pixels.subarray(784 * at, 784 * (at + 1)));
    if (argmax(layers[2].outputs) === digits.labels[at]) right++;
  }
  assert.equal(await value(page, 'test-accuracy-int8'), right / digits.count);
  assert((await value(page, 'test-accuracy-float')) > 0.97);
  assert.equal(await value(page, 'test-wrong-int8'), digits.count - right);
  // Every digit is in the confusion once.
  const counts = await page.locator('[data-testid^="confusion-int8-"]').evaluateAll((cells) => cells.map((cell) => Number(/** @type {HTMLElement} */ (cell).dataset.value)));
  assert.equal(counts.reduce((sum, count) => sum + count, 0), digits.count);
  // One click, and it is on the pad.
  await page.getByTestId('case-kind').selectOption('all');
  const first = page.getByTestId('test-cases').locator('button').first();
  const [, label, float, int8] = /, a (\d): float32 reads (\d), int8 (\d)/.exec((await first.getAttribute('aria-label')) ?? '') ?? [];
  assert(float !== label || int8 !== label);
  await first.click();
  assert.deepEqual([await text(page, 'float-digit'), await text(page, 'int8-digit')], [float, int8]);
});

for (const scheme of ['static', 'dynamic']) {
  pageTest(`every word has a sentence and a number of the ${scheme} network`, { path: `?scheme=${scheme}` }, async (page) => {
    await page.locator('#words').scrollIntoViewIfNeeded();
    const words = ['integers', 'scale', 'zero-point', 'calibration', 'observer', 'requantize', 'saturation'];
    const numbers = () => Promise.all(words.map((word) => text(page, `word-${word}`)));
    await page.locator('[data-testid="word-calibration"]', { hasText: 'blank paper' }).waitFor({ state: 'attached' });
    for (const number of await numbers()) assert.match(number, /\d/);
    await draw(page, '3');
    await page.locator('[data-testid="word-calibration"]', { hasText: 'this drawing' }).waitFor({ state: 'attached' });
    for (const number of await numbers()) assert.match(number, /\d/);
  });
}

pageTest('the address leaves parts of the page out', { path: '?show=pad,bits' }, async (page) => {
  const shown = () => page.locator('header, footer, .stage > *, .chapter').evaluateAll((parts) =>
    parts.filter((part) => part.getBoundingClientRect().height > 0).map(({ id, className }) => id || className));
  assert.deepEqual(await shown(), ['drawing', 'bits']);
  await page.goto(page.url().replace('show=pad,bits', 'hide=bench,pad'));
  await page.getByTestId('iframe').waitFor({ state: 'attached' });
  const left = await shown();
  assert(!left.includes('bench') && !left.includes('drawing') && left.includes('answers') && left.includes('how'), String(left));
  assert.equal(await page.locator('nav a[href="#bench"]:visible').count(), 0);
});

pageTest('for a class: code for another page, five states with a question each, and a sheet of keys', { path: '?scheme=fused' }, async (page) => {
  await draw(page, '3');
  const code = await page.getByTestId('iframe').inputValue();
  const address = /^<iframe src="([^"]+)"/.exec(code)?.[1].replaceAll('&amp;', '&') ?? '';
  assert.match(address, /scheme=fused.*show=/);
  const tasks = page.locator('.tasks li');
  assert.equal(await tasks.count(), 5);
  for (const question of await tasks.locator('p').allTextContents()) assert.match(question, /\?$/);
  await page.locator('body').press('?');
  await page.getByTestId('keys').waitFor();
  await page.keyboard.press('Escape');
  await page.getByTestId('keys').waitFor({ state: 'hidden' });
  await page.goto(address);
  await page.locator('html[data-ready="true"]').waitFor({ state: 'attached' });
  assert.equal(await text(page, 'int8-digit'), '3', 'the drawing is in the code');
  assert.equal(await page.locator('.chapter:visible').count(), 1);
});
