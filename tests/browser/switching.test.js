// Networks and schemes, chosen in any order and at any speed, on a host that is slow and fails: what is there in the end is what
// a reload would show.

import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';

import { draw, pageTest, stroke, text } from './harness.js';

/** @import { Page } from 'playwright-core' */

const MODELS = ['drawings', 'notebook'];
const SCHEMES = ['static', 'fused', 'dynamic'];

/** Numbers from 0 to 1 that are the same in every run (mulberry32). @param {number} state */
function random(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Waits until nothing is on its way. @param {Page} page */
const settled = (page) =>
  page.waitForFunction(() => {
    const { ready, state } = document.documentElement.dataset;
    return (ready || state) && !document.querySelector('.panel progress');
  });

/** One step back, unless that leaves the page. @param {Page} page */
async function back(page) {
  if (await page.evaluate(() => /** @type {any} */ (globalThis).navigation.canGoBack)) await page.goBack().catch(() => {});
}

/** What a visitor sees of the networks, without times. @param {Page} page */
async function seen(page) {
  const ids = ['network', 'size', 'kernel', 'digit', 'trouble', ...Array.from({ length: 10 }, (_, digit) => `probability-${digit}`)];
  const all = ['float', 'int8'].flatMap((side) => ids.map((id) => `${side}-${id}`));
  const texts = await Promise.all(all.map(async (id) => [id, (await page.getByTestId(id).isVisible()) ? await text(page, id) : '']));
  return {
    ...Object.fromEntries(texts),
    agreement: await text(page, 'agreement'),
    choice: [await page.getByTestId('model').inputValue(), await page.getByTestId('scheme').inputValue()],
    state: await page.evaluate(() => ({ ...document.documentElement.dataset })),
  };
}

for (const seed of [1, 2, 3, 4]) {
  pageTest(`switching at random ends in what a reload shows (${seed})`, { mayLog: /404|Failed to load/ }, async (page, context) => {
    const next = random(seed);
    /** Files that the host does not have any more. @type {Set<string>} */
    const gone = new Set();
    /** @type {(() => void)[]} */
    let held = [];
    await context.route(/\.safetensors$/, async (route) => {
      const name = /(\w+-\w+)-\w+\.safetensors/.exec(route.request().url())?.[1] ?? '';
      const isSlow = next() < 0.6;
      if (isSlow) await new Promise((resolve) => held.push(() => resolve(undefined)));
      // A request that the page has given up cannot be answered any more.
      await (gone.has(name) ? route.fulfill({ status: 404 }) : route.continue()).catch(() => {});
    });
    for (let step = 0; step < 40; step++) {
      const chance = next();
      if (chance < 0.35) await page.getByTestId('model').selectOption(MODELS[Math.floor(next() * 2)]);
      else if (chance < 0.75) await page.getByTestId('scheme').selectOption(SCHEMES[Math.floor(next() * 3)]);
      else if (chance < 0.8) await back(page);
      else if (chance < 0.9 && held.length > 0) held.splice(Math.floor(next() * held.length), 1)[0]();
      else await setTimeout(20 * next());
      if (next() < 0.15) {
        const name = `${MODELS[Math.floor(next() * 2)]}-${['float32', ...SCHEMES][Math.floor(next() * 4)]}`;
        if (!gone.delete(name)) gone.add(name);
      }
    }
    // What was loaded when the host had it stays: a reload is to find the same.
    gone.clear();
    for (const release of held) release();
    held = [];
    const trying = page.getByRole('button', { name: 'Try again' });
    await context.unroute(/\.safetensors$/);
    await settled(page);
    while (await trying.first().isVisible()) {
      await trying.first().click();
      await settled(page);
    }
    await draw(page, '3');
    const here = await seen(page);
    await page.reload();
    await settled(page);
    await draw(page, '3');
    assert.deepEqual(here, await seen(page));
    assert.equal(here['float-network'], here.choice[0]);
    assert.equal(here['int8-network'], here.choice.join(', '));
  });
}

pageTest('A, B, and A again before B has come: A has answered all the time', {}, async (page, context) => {
  await draw(page, '7');
  const before = await seen(page);
  await context.route(/notebook-/, () => {});
  await page.getByTestId('model').selectOption('notebook');
  await page.locator('#int8 progress').waitFor();
  assert.equal(await text(page, 'int8-network'), 'drawings, static', 'the network that answers is named');
  assert.equal(await text(page, 'agreement'), '–', 'networks of two choices are not compared');
  await stroke(page, [[0.4, 0.5], [0.6, 0.5]]);
  assert.match(await text(page, 'status'), /float32 reads 7, int8 reads 7/);
  await page.getByTestId('undo').click();
  await page.getByTestId('model').selectOption('drawings');
  assert.equal(await page.locator('.panel progress').count(), 0);
  assert.deepEqual(await seen(page), before);
});

pageTest('a network that fails leaves nothing of the one before', { mayLog: /404/ }, async (page, context) => {
  await draw(page, '7');
  await context.route(/notebook-(static|float32)/, (route) => route.fulfill({ status: 404 }));
  await page.getByTestId('model').selectOption('notebook');
  await settled(page);
  await page.getByTestId('float-trouble').getByRole('button').waitFor();
  assert.deepEqual(
    [await text(page, 'int8-network'), await text(page, 'int8-digit'), await text(page, 'int8-time')],
    ['–', '–', '–'],
  );
  await page.getByTestId('model').selectOption('drawings');
  await settled(page);
  assert.equal(await text(page, 'int8-digit'), '7');
  assert(await page.getByTestId('int8-trouble').isHidden());
});

pageTest('back and forward go through the choices', {}, async (page) => {
  await draw(page, '1');
  await page.getByTestId('scheme').selectOption('fused');
  await page.getByTestId('model').selectOption('notebook');
  await settled(page);
  assert.match(page.url(), /\?(?=.*model=notebook)(?=.*scheme=fused)/);
  await page.goBack();
  await settled(page);
  assert.equal(await text(page, 'int8-network'), 'drawings, fused');
  assert.equal(await page.getByTestId('model').inputValue(), 'drawings');
  await page.goBack();
  await settled(page);
  assert.equal(await text(page, 'int8-network'), 'drawings, static');
  await page.goForward();
  await settled(page);
  assert.equal(await text(page, 'int8-network'), 'drawings, fused');
  assert.equal(await text(page, 'int8-digit'), '1', 'the drawing stays');
});
