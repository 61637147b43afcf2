// Where the networks differ and why, fewer bits, and how int8 works.

import assert from 'node:assert/strict';

import { draw, openChapters, pageTest, text } from './harness.js';

/** @import { Page } from 'playwright-core' */

/** @param {Page} page @param {string} id */
const value = async (page, id) => Number(await page.getByTestId(id).getAttribute('data-value'));

/** Waits for the explanation of a drawing. @param {Page} page */
const explained = (page) => page.locator('[data-testid="verdict"]', { hasText: 'The logits differ' }).waitFor();

for (const scheme of ['static', 'fused', 'dynamic']) {
  pageTest(`the ${scheme} network’s difference is explained, and its numbers fit together`, { path: `?scheme=${scheme}` }, async (page) => {
    await openChapters(page);
    assert.match(await text(page, 'verdict'), /^Draw a digit/);
    await draw(page, '3');
    await explained(page);
    const all = await value(page, 'why-all');
    assert(all > 0);
    assert.equal(await value(page, 'why-none'), 0, 'all layers in float are the float network');
    const logits = await Promise.all(Array.from({ length: 10 }, (_, digit) => value(page, `why-logit-${digit}`)));
    assert(Math.abs(Math.max(...logits.map(Math.abs)) - all) < 1e-9, 'the greatest difference is that of a logit');
    for (const layer of [1, 2, 3]) {
      assert(await value(page, `why-sqnr-${layer}`) > 10);
      for (const id of [`why-without-${layer}`, `why-alone-${layer}`]) assert(await value(page, id) > 0, id);
    }
    assert.equal(await page.getByTestId('how-scale-input').count(), 1);
    assert.equal(await page.getByTestId('how-scale-linear3').count(), scheme === 'dynamic' ? 0 : 1);
    assert.match(await text(page, 'worked'), /rounded; with the zero point \d+ it is kept as \d+/);
  });
}

pageTest('the explanation follows the drawing and the choice', {}, async (page) => {
  await openChapters(page);
  await draw(page, '1');
  await explained(page);
  const one = await text(page, 'verdict');
  await page.getByTestId('clear').click();
  await page.locator('[data-testid="verdict"]', { hasText: 'Draw a digit' }).waitFor();
  await draw(page, '7');
  await explained(page);
  const seven = await text(page, 'verdict');
  assert.notEqual(one, seven);
  await page.getByTestId('scheme').selectOption('dynamic');
  await page.getByTestId('how-scale-linear3').waitFor({ state: 'detached' });
  assert.notEqual(await text(page, 'verdict'), seven);
});

pageTest('a sample that is read differently is explained as such', { path: '?model=notebook' }, async (page) => {
  await openChapters(page);
  await page.locator('#samples .disputed').first().click();
  await explained(page);
  assert.match(await text(page, 'verdict'), /back in float, the answer would be \d again|would bring the \d back/);
});

pageTest('weights of fewer bits read fewer samples', {}, async (page) => {
  await openChapters(page);
  await draw(page, '3');
  await page.locator('[data-testid="bits-answer"]', { hasText: 'your drawing is read as' }).waitFor();
  const right = await Promise.all([2, 3, 4, 5, 6, 7, 8].map((bits) => value(page, `bits-${bits}`)));
  const float = await value(page, 'bits-float');
  // Among the samples are digits that int8 and float32 read differently: 8 bits miss no others.
  const disputed = await page.locator('#samples .disputed').count();
  assert(right[0] < Math.min(...right.slice(1)) && Math.abs(float - right[6]) <= disputed, `${right} and ${float}, ${disputed}`);
  const slider = page.getByTestId('bits');
  await slider.focus();
  for (const [key, bits] of /** @type {const} */ ([['Home', 2], ['End', 8], ['ArrowLeft', 7]])) {
    await page.keyboard.press(key);
    assert.match(await text(page, 'bits-answer'), new RegExp(`^${bits} bits: ${right[bits - 2]} of the 40 samples are read right; your drawing is read as \\d\\.$`));
    assert(await value(page, 'bits-levels-linear1') <= 2 ** bits);
    assert.equal(await page.getByTestId('bits-misread').locator('button').count(), 40 - right[bits - 2]);
  }
});

pageTest('a misread sample is one click away', {}, async (page) => {
  await openChapters(page);
  await page.getByTestId('bits').fill('2');
  const first = page.getByTestId('bits-misread').locator('button').first();
  const [, number, reading] = /sample (\d+), a \d, is read as (\d)/.exec((await first.getAttribute('aria-label')) ?? '') ?? [];
  await first.click();
  const picture = (/** @type {string} */ selector) =>
    page.locator(selector).evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
  assert.equal(await picture('#preview'), await picture(`[data-testid="sample-${Number(number) - 1}"] canvas`));
  await page.locator('[data-testid="bits-answer"]', { hasText: `your drawing is read as ${reading}.` }).waitFor();
});
