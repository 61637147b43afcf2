// The pad: what is drawn is what one sees, whatever happens while the pen is down.

import assert from 'node:assert/strict';

import { DRAWINGS, PHONE, assertRead, draw, pageTest, stroke, text } from './harness.js';

/** @import { BrowserContext, Page } from 'playwright-core' */

/** What the networks see. @param {Page} page @returns {Promise<number[]>} */
const preview = (page) =>
  page.evaluate(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('preview'));
    const pixels = canvas.getContext('2d')?.getImageData(0, 0, 28, 28).data ?? [];
    return Array.from({ length: 784 }, (_, at) => pixels[4 * at]);
  });

/** What one sees of the pad, as a picture. @param {Page} page @returns {Promise<string>} */
const pad = (page) => page.evaluate(() => /** @type {HTMLCanvasElement} */ (document.getElementById('pad')).toDataURL());

/** @param {number[]} a @param {number[]} b */
function assertAlike(a, b) {
  const difference = a.reduce((sum, ink, at) => sum + Math.abs(ink - b[at]), 0) / 784;
  assert(difference < 3, `the images differ by ${difference} on average`);
}

/** Where points are on the screen. @param {Page} page @param {[number, number][]} points */
async function places(page, points) {
  const box = await page.getByTestId('pad').boundingBox();
  assert(box);
  return points.map(([x, y]) => /** @type {[number, number]} */ ([box.x + x * box.width, box.y + y * box.height]));
}

/** Puts the mouse's button down at the first point, and moves to the others. @param {Page} page @param {[number, number][]} points */
async function press(page, points) {
  const [first, ...rest] = await places(page, points);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const place of rest) await page.mouse.move(...place, { steps: 4 });
}

const DOWN = /** @type {[number, number][]} */ ([[0.5, 0.2], [0.5, 0.85]]);
const ROOM = { viewport: { width: 1280, height: 1100 } };

pageTest('a pen that flies off the pad leaves no more than one sees', ROOM, async (page) => {
  await stroke(page, [...DOWN, [1.6, 0.9]]);
  const far = await preview(page);
  await page.getByTestId('clear').click();
  await stroke(page, [...DOWN, [0.999, 0.873]]);
  assertAlike(far, await preview(page));
  // However far it goes.
  await page.getByTestId('clear').click();
  await stroke(page, [...DOWN, [0.5, 1.2], [-0.7, 1.3]]);
  await assertRead(page, '1');
});

pageTest('a pen that comes back from beyond the edge begins another line', ROOM, async (page) => {
  await stroke(page, [[0.5, 0.2], [0.5, 0.5], [1.3, 0.5], [1.3, 0.7], [0.7, 0.7]]);
  await page.getByTestId('undo').click();
  const one = await preview(page);
  await page.getByTestId('clear').click();
  await stroke(page, [[0.5, 0.2], [0.5, 0.5], [0.999, 0.5]]);
  assertAlike(one, await preview(page));
});

for (const [name, take] of /** @type {[string, (page: Page) => Promise<unknown>][]} */ ([
  ['Ctrl+Z', (page) => page.keyboard.press('Control+z')],
  ['Backspace', (page) => page.keyboard.press('Backspace')],
  ['the button', (page) => page.getByTestId('undo').evaluate((button) => /** @type {HTMLElement} */ (button).click())],
])) {
  pageTest(`undo by ${name} while the pen is down takes the stroke back, and what follows of it`, {}, async (page) => {
    await stroke(page, DOWN);
    const [image, picture] = [await preview(page), await pad(page)];
    await press(page, [[0.2, 0.2], [0.8, 0.3]]);
    await take(page);
    const [[x, y]] = await places(page, [[0.3, 0.8]]);
    await page.mouse.move(x, y, { steps: 5 });
    await page.mouse.up();
    assert.deepEqual(await preview(page), image);
    await page.mouse.move(0, 0);
    await page.locator('h1').click();
    assert.equal(await pad(page), picture);
    assert.equal(await text(page, 'status'), 'float32 reads 1, int8 reads 1.');
    // The next stroke is one of its own.
    await stroke(page, [[0.3, 0.5], [0.7, 0.5]]);
    await page.keyboard.press('Control+z');
    assert.deepEqual(await preview(page), image);
  });
}

pageTest('clear while the pen is down leaves a blank pad', {}, async (page) => {
  await press(page, [[0.2, 0.2], [0.8, 0.3]]);
  await page.keyboard.press('Escape');
  const [[x, y]] = await places(page, [[0.3, 0.8]]);
  await page.mouse.move(x, y, { steps: 5 });
  await page.mouse.up();
  await assertRead(page, '–');
  assert(await page.getByTestId('undo').isDisabled());
});

pageTest('a sample that is chosen while the pen is down stays', {}, async (page) => {
  await page.getByTestId('sample-0').waitFor();
  await page.getByTestId('sample-0').click();
  const image = await preview(page);
  await page.getByTestId('clear').click();
  await press(page, [[0.2, 0.2], [0.8, 0.3]]);
  await page.getByTestId('sample-0').evaluate((button) => /** @type {HTMLElement} */ (button).click());
  const [[x, y]] = await places(page, [[0.3, 0.8]]);
  await page.mouse.move(x, y, { steps: 5 });
  await page.mouse.up();
  assert.deepEqual(await preview(page), image);
});

pageTest('a network that is chosen while the pen is down answers the whole stroke', {}, async (page) => {
  await press(page, [[0.3, 0.2], [0.7, 0.2]]);
  await page.evaluate(() => {
    const model = /** @type {HTMLSelectElement} */ (document.getElementById('model'));
    model.value = 'notebook';
    model.dispatchEvent(new Event('change'));
  });
  await page.locator('[data-testid="int8-network"]', { hasText: 'notebook' }).waitFor();
  for (const place of await places(page, [[0.58, 0.5], [0.45, 0.85]])) await page.mouse.move(...place, { steps: 4 });
  await page.mouse.up();
  await assertRead(page, '7');
  await page.keyboard.press('Control+z');
  await assertRead(page, '–');
});

pageTest('undo while the keyboard’s pen is down takes the stroke back, and lifts the pen', {}, async (page) => {
  const pen = page.getByTestId('pad');
  await pen.focus();
  await page.keyboard.press('Space');
  for (let step = 0; step < 4; step++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Control+z');
  for (let step = 0; step < 4; step++) await page.keyboard.press('ArrowRight');
  await assertRead(page, '–');
  await page.keyboard.press('Space');
  assert.equal(await text(page, 'status'), 'The pen is down.', 'Space puts it down again');
  for (let step = 0; step < 8; step++) await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Space');
  await assertRead(page, '1');
});

pageTest('the mouse ends the keyboard’s stroke, and keys do not break into the mouse’s', {}, async (page) => {
  await page.getByTestId('pad').focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('ArrowLeft');
  await stroke(page, DOWN);
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+z');
  await assertRead(page, '–');
  await press(page, [[0.5, 0.2], [0.5, 0.5]]);
  for (const key of ['Space', 'ArrowRight', 'ArrowRight', 'Space']) await page.keyboard.press(key);
  const [[x, y]] = await places(page, [[0.5, 0.85]]);
  await page.mouse.move(x, y, { steps: 4 });
  await page.mouse.up();
  await assertRead(page, '1');
  await page.keyboard.press('Control+z');
  await assertRead(page, '–');
});

pageTest('a button that was let go outside of the window ends the stroke', {}, async (page) => {
  await press(page, DOWN);
  const image = await preview(page);
  await page.getByTestId('pad').evaluate((pad) => {
    const id = 1;
    pad.dispatchEvent(new PointerEvent('pointermove', { pointerId: id, buttons: 0, clientX: 0, clientY: 0 }));
  });
  await page.mouse.move(5, 5);
  assert.deepEqual(await preview(page), image);
  await page.mouse.up();
});

/**
 * Fingers on the pad.
 * @param {Page} page
 * @param {BrowserContext} context
 */
async function fingers(page, context) {
  const session = await context.newCDPSession(page);
  return async (/** @type {'touchStart' | 'touchMove' | 'touchEnd' | 'touchCancel'} */ type, /** @type {[number, number][]} */ points) => {
    const at = await places(page, points);
    await session.send('Input.dispatchTouchEvent', { type, touchPoints: at.map(([x, y], id) => ({ x, y, id })) });
  };
}

pageTest('a second finger draws nothing', PHONE, async (page, context) => {
  const touch = await fingers(page, context);
  await touch('touchStart', [[0.5, 0.2]]);
  for (let step = 1; step <= 10; step++) await touch('touchMove', [[0.5, 0.2 + 0.0325 * step]]);
  await touch('touchStart', [[0.5, 0.525], [0.1, 0.9]]);
  for (let step = 11; step <= 20; step++) await touch('touchMove', [[0.5, 0.2 + 0.0325 * step], [0.02 * step, 0.9]]);
  await touch('touchEnd', []);
  await assertRead(page, '1');
  await page.getByTestId('undo').click();
  await assertRead(page, '–');
});

pageTest('a touch that the system takes away leaves what was drawn, and the next one is another', PHONE, async (page, context) => {
  const touch = await fingers(page, context);
  await touch('touchStart', [[0.5, 0.2]]);
  for (let step = 1; step <= 20; step++) await touch('touchMove', [[0.5, 0.2 + 0.0325 * step]]);
  await touch('touchCancel', []);
  await assertRead(page, '1');
  assert.equal(await text(page, 'status'), 'float32 reads 1, int8 reads 1.');
  await touch('touchStart', [[0.3, 0.3]]);
  await touch('touchMove', [[0.4, 0.3]]);
  await touch('touchEnd', []);
  await page.getByTestId('undo').click();
  await assertRead(page, '1');
});

pageTest('a phone that is turned while a finger is down ends the stroke', { ...PHONE, viewport: { width: 390, height: 844 } }, async (page, context) => {
  const touch = await fingers(page, context);
  await touch('touchStart', [[0.5, 0.2]]);
  for (let step = 1; step <= 20; step++) await touch('touchMove', [[0.5, 0.2 + 0.0325 * step]]);
  const image = await preview(page);
  const width = (await page.getByTestId('pad').boundingBox())?.width;
  await page.setViewportSize({ width: 844, height: 390 });
  await page.waitForFunction((width) => document.getElementById('pad')?.getBoundingClientRect().width !== width, width);
  await page.evaluate(() => new Promise(requestAnimationFrame));
  await touch('touchMove', [[0.9, 0.1]]);
  await touch('touchEnd', []);
  assertAlike(await preview(page), image);
  await assertRead(page, '1');
});

pageTest('whatever is done at random, the networks see what is on the pad', ROOM, async (page) => {
  let state = 7;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  await page.getByTestId('sample-3').waitFor();
  let isDown = false;
  for (let turn = 0; turn < 120; turn++) {
    const chance = next();
    const [[x, y]] = await places(page, [[next() * 1.6 - 0.3, next() * 1.4 - 0.2]]);
    if (chance < 0.5) await page.mouse.move(x, y, { steps: 2 });
    else if (chance < 0.6) await ((isDown = !isDown) ? page.mouse.down() : page.mouse.up());
    else if (chance < 0.7) await page.keyboard.press('Control+z');
    else if (chance < 0.75) await page.getByTestId('pad').evaluate((pad) => pad.focus());
    else if (chance < 0.95) await page.keyboard.press(['ArrowUp', 'ArrowLeft', 'ArrowDown', 'ArrowRight', 'Space', 'Backspace'][Math.floor(6 * next())]);
    else if (chance < 0.97) await page.keyboard.press('Escape');
    else await page.getByTestId('sample-3').evaluate((button) => /** @type {HTMLElement} */ (button).click());
    if (turn % 20 < 19) continue;
    if (isDown) await page.mouse.up();
    isDown = false;
    await page.locator('h1').click();
    const isBlank = await page.getByTestId('clear').isDisabled();
    assert.equal((await preview(page)).every((ink) => ink === 0), isBlank, 'both are blank, or neither');
    assert.equal(await text(page, 'int8-digit') === '–', isBlank);
    const ink = await page.evaluate(() => {
      const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('pad'));
      const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      let count = 0;
      for (let at = 3; at < pixels.length; at += 4) count += Number(pixels[at] > 0);
      return count;
    });
    assert.equal(ink === 0, isBlank, 'the pad shows ink where the networks see some');
  }
});

pageTest('what was drawn is drawn again in other colours', { colorScheme: 'light' }, async (page) => {
  await draw(page, '1');
  const before = await pad(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForFunction((before) => /** @type {HTMLCanvasElement} */ (document.getElementById('pad')).toDataURL() !== before, before);
  assert(DRAWINGS[1]);
});
