// The page as visitors use it: draw, read the answers, change the choice, and what happens when something is missing.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';

import { accessibilityProblems, pageTest, stroke } from './harness.js';

/** @import { Page } from 'playwright-core' */

/** @type {Record<string, [number, number][][]>} */
const DRAWINGS = {
  1: [[[0.5, 0.2], [0.5, 0.5], [0.5, 0.85]]],
  3: [[[0.3, 0.25], [0.5, 0.17], [0.66, 0.25], [0.64, 0.4], [0.48, 0.48], [0.66, 0.58], [0.7, 0.72], [0.52, 0.85], [0.3, 0.77]]],
  7: [[[0.3, 0.2], [0.7, 0.2], [0.58, 0.5], [0.45, 0.85]]],
};

/** @param {Page} page @param {string} digit */
async function draw(page, digit) {
  for (const line of DRAWINGS[digit]) await stroke(page, line);
}

/** @param {Page} page @param {string} id */
const text = (page, id) => page.getByTestId(id).textContent();

/** @param {Page} page @param {string} digit */
async function assertRead(page, digit) {
  assert.deepEqual([await text(page, 'float-digit'), await text(page, 'int8-digit')], [digit, digit]);
}

for (const digit of Object.keys(DRAWINGS)) {
  pageTest(`a drawn ${digit} is a ${digit} for both networks`, {}, async (page) => {
    await draw(page, digit);
    await assertRead(page, digit);
    for (const name of ['float', 'int8']) {
      const values = await page.locator(`[data-testid^="${name}-probability-"]`).evaluateAll((cells) =>
        cells.map((cell) => Number(/** @type {HTMLElement} */ (cell).dataset.value)),
      );
      assert.equal(values.length, 10);
      assert(Math.abs(values.reduce((sum, value) => sum + value) - 1) < 1e-9, 'probabilities add up to 1');
      assert.equal(values.indexOf(Math.max(...values)), Number(digit));
      assert.match((await text(page, `${name}-time`)) ?? '', /^[\d.]+ µs \(timer step \d+ µs\)$/);
    }
    assert.equal(await text(page, 'float-size'), '359.2 kB');
    assert.match((await text(page, 'agreement')) ?? '', new RegExp(`^Both read ${digit}\\.`));
    assert.match((await text(page, 'status')) ?? '', new RegExp(`float32 reads ${digit}, int8 reads ${digit}`));
  });
}

pageTest('a blank pad has no answer, before and after', {}, async (page) => {
  await assertRead(page, '–');
  await draw(page, '1');
  await draw(page, '7');
  await page.getByTestId('undo').click();
  await assertRead(page, '1');
  await page.getByTestId('clear').click();
  await assertRead(page, '–');
  assert.equal(await text(page, 'int8-probability-1'), '–');
  assert(await page.getByTestId('undo').isDisabled());
});

pageTest('a sample is answered like a drawing, and gives way to one', {}, async (page) => {
  const { digits } = JSON.parse(await readFile(new URL('../../www/samples.json', import.meta.url), 'utf8'));
  const samples = page.locator('[data-testid^="sample-"]');
  await page.getByTestId('sample-0').waitFor();
  assert.equal(await samples.count(), digits.length);
  for (const index of [0, 3, 21]) {
    await page.getByTestId(`sample-${index}`).click();
    await assertRead(page, String(digits[index].label));
  }
  await page.getByTestId('clear').click();
  await assertRead(page, '–');
  await page.getByTestId('sample-0').click();
  await page.getByTestId('pad').scrollIntoViewIfNeeded();
  await draw(page, '1');
  await assertRead(page, '1');
});

pageTest('the keyboard draws', {}, async (page) => {
  await page.getByTestId('pad').focus();
  for (let step = 0; step < 6; step++) await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Space');
  for (let step = 0; step < 12; step++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  await assertRead(page, '1');
  await page.keyboard.press('Escape');
  await assertRead(page, '–');
});

const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };

pageTest('a finger draws on a phone, and the page stays where it is', PHONE, async (page, context) => {
  const box = await page.getByTestId('pad').boundingBox();
  assert(box);
  assert(box.x >= 0 && box.x + box.width <= 360, 'the pad fits');
  const finger = await context.newCDPSession(page);
  const touch = (/** @type {string} */ type, /** @type {[number, number][]} */ points) =>
    finger.send('Input.dispatchTouchEvent', {
      type: /** @type {'touchStart'} */ (type),
      touchPoints: points.map(([x, y]) => ({ x: box.x + x * box.width, y: box.y + y * box.height })),
    });
  const [line] = DRAWINGS[1];
  await touch('touchStart', [line[0]]);
  for (let step = 1; step <= 20; step++) await touch('touchMove', [[0.5, 0.2 + 0.0325 * step]]);
  await touch('touchEnd', []);
  await assertRead(page, '1');
  assert.equal(await page.evaluate(() => scrollY), 0);
  assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the phone');
});

for (const scheme of ['static', 'fused', 'dynamic']) {
  for (const model of ['drawings', 'notebook']) {
    pageTest(`${model}, ${scheme}: chosen on the page, kept in the address`, {}, async (page) => {
      await draw(page, '1');
      await page.getByTestId('model').selectOption(model);
      await page.getByTestId('scheme').selectOption(scheme);
      await page.locator('html[data-ready="true"]').waitFor({ state: 'attached' });
      await assertRead(page, '1');
      await page.reload();
      assert.deepEqual(
        [await page.getByTestId('model').inputValue(), await page.getByTestId('scheme').inputValue()],
        [model, scheme],
      );
    });
  }
}

const statusSays = async (/** @type {Page} */ page, /** @type {RegExp} */ pattern) => {
  await page.locator('html[data-state="error"]').waitFor({ state: 'attached' });
  assert.match((await text(page, 'status')) ?? '', pattern);
};

pageTest(
  'a model that does not come is named',
  {
    unready: true,
    mayLog: /404/,
    prepare: (context) => context.route(/drawings-float32/, (route) => route.fulfill({ status: 404 })),
  },
  (page) => statusSays(page, /drawings-float32.*404/),
);

pageTest(
  'a model that is cut short is named as such',
  {
    unready: true,
    prepare: (context) => context.route(/drawings-static/, (route) => route.fulfill({ body: 'no model' })),
  },
  (page) => statusSays(page, /drawings-static.*: not a model file/),
);

pageTest(
  'a browser without SIMD is told so',
  {
    unready: true,
    prepare: (context) => context.addInitScript(() => void (WebAssembly.validate = () => false)),
  },
  (page) => statusSays(page, /no WebAssembly SIMD/),
);

pageTest(
  'a host that calls wasm something else still serves the page',
  {
    prepare: (context) =>
      context.route(/\.wasm$/, async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, headers: { ...response.headers(), 'content-type': 'application/octet-stream' } });
      }),
  },
  async (page) => {
    await draw(page, '7');
    await assertRead(page, '7');
  },
);

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  pageTest(`axe finds nothing wrong in ${colorScheme}`, { colorScheme }, async (page) => {
    await draw(page, '3');
    assert.deepEqual(await accessibilityProblems(page), []);
  });
}

pageTest('every kernel of the module gives the same int8 answers, bit for bit', {}, async (page) => {
  const dist = new URL('../../dist/', import.meta.url);
  const find = async (/** @type {string} */ folder, /** @type {RegExp} */ pattern) =>
    (await readdir(new URL(folder, dist))).filter((name) => pattern.test(name)).map((name) => `./${folder}${name}`);
  const [script] = await find('pkg/', /^digit8-\w+\.js$/);
  const models = await find('models/', /-(static|fused|dynamic)-\w+\.safetensors$/);
  assert.equal(models.length, 6);
  const kernels = await page.evaluate(
    async ([script, ...models]) => {
      /** @type {typeof import('../../target/web/pkg/digit8.js')} */
      const module = await import(new URL(script, document.baseURI).href);
      const { memory } = await module.default();
      for (const url of models) {
        const file = new Uint8Array(await (await fetch(url)).arrayBuffer());
        const answers = module.kernels().map((kernel) => {
          const classifier = new module.Classifier(file, 64, kernel);
          const pixels = new Uint8Array(memory.buffer, classifier.pixelsAddress, 64 * 784);
          // A generator's bytes, half of them background; the same for every kernel.
          for (let at = 0, state = 1; at < pixels.length; at++) {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            pixels[at] = state >>> 31 ? state >>> 23 : 0;
          }
          /** @type {number[]} */
          const bits = [];
          for (const count of [1, 7, 64]) {
            classifier.run(count);
            bits.push(...new Uint32Array(memory.buffer, classifier.logitsAddress, 10 * count));
          }
          classifier.free();
          return String(bits);
        });
        if (new Set(answers).size !== 1) throw new Error(`${url}: ${module.kernels()} differ`);
      }
      return module.kernels();
    },
    [script, ...models],
  );
  assert.deepEqual(kernels, ['scalar', 'simd128']);
});
