// The kernels of the built page give the same logits to the bit: scalar, simd128 and relaxed SIMD, in Node.js and in Chromium, over
// noise, whose activations are far outside of what calibration saw. (Digits are parity.test.js's, which knows what PyTorch gives.)

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { digest } from './digests.js';
import { address, browser, pageTest } from './harness.js';

const DIST = new URL('../../dist/', import.meta.url);
const MODULES = { scalar: 'digit8_scalar', simd128: 'digit8', relaxed: 'digit8_relaxed' };
const KERNELS = /** @type {(keyof typeof MODULES)[]} */ (Object.keys(MODULES));

/** Images of noise, half of it paper: a generator's bytes. @param {number} count */
function noise(count) {
  const pixels = new Uint8Array(count * 784);
  for (let at = 0, state = 1; at < pixels.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pixels[at] = state >>> 31 ? state >>> 23 : 0;
  }
  return pixels;
}

const images = noise(1000);

/** The published name of a file of the page. @param {string} folder @param {RegExp} pattern */
const find = async (folder, pattern) =>
  (await readdir(new URL(folder, DIST))).filter((name) => pattern.test(name)).map((name) => folder + name);
const models = await find('models/', /-(static|fused|dynamic)-\w+\.safetensors$/);
assert.equal(models.length, 6);

/** @param {keyof typeof MODULES} kernel */
async function files(kernel) {
  const [script] = await find('pkg/', new RegExp(`^${MODULES[kernel]}-\\w+\\.js$`));
  const [wasm] = await find('pkg/', new RegExp(`^${MODULES[kernel]}_bg-\\w+\\.wasm$`));
  return { script, wasm };
}

/**
 * Every model's digest; none if this Node.js rejects the module. (Version 20 has relaxed SIMD as an experiment behind a flag, and
 * its baseline compiler computes it wrongly: there Chromium alone tells.)
 * @param {keyof typeof MODULES} kernel
 */
async function inNode(kernel) {
  const { script, wasm } = await files(kernel);
  const bytes = await readFile(new URL(wasm, DIST));
  if (!WebAssembly.validate(bytes)) return undefined;
  /** @type {typeof import('../../target/web/pkg/digit8.js')} */
  const module = await import(new URL(script, DIST).href);
  const { memory } = await module.default({ module_or_path: bytes });
  assert.deepEqual(module.kernels(), [kernel], 'a module has one kernel');
  const all = models.map(async (path) => digest(module, memory, kernel, await readFile(new URL(path, DIST)), images));
  return Promise.all(all);
}

/** Every model's digest. @param {keyof typeof MODULES} kernel */
async function inChromium(kernel) {
  const context = await (await browser()).newContext({ serviceWorkers: 'block', bypassCSP: true });
  const page = await context.newPage();
  await page.route('**/digests.js', (route) => route.fulfill({ path: fileURLToPath(new URL('digests.js', import.meta.url)) }));
  await page.route('**/images', (route) => route.fulfill({ body: Buffer.from(images) }));
  await page.goto(await address());
  const { script } = await files(kernel);
  const found = await page.evaluate(
    async ([kernel, script, ...models]) => {
      const at = (/** @type {string} */ path) => new URL(path, document.baseURI).href;
      const bytes = async (/** @type {string} */ path) => new Uint8Array(await (await fetch(at(path))).arrayBuffer());
      /** @type {typeof import('../../target/web/pkg/digit8.js')} */
      const module = await import(at(script));
      const { memory } = await module.default();
      /** @type {typeof import('./digests.js')} */
      const { digest } = await import(at('digests.js'));
      const images = await bytes('images');
      return Promise.all(models.map(async (path) => digest(module, memory, kernel, await bytes(path), images)));
    },
    [kernel, script, ...models],
  );
  await context.close();
  return found;
}

/** What the scalar kernel gives in Node.js, which every engine runs. @type {Promise<string[] | undefined> | undefined} */
let reference;

test('the scalar kernel tells the models apart', { timeout: 300_000 }, async () => {
  const digests = await (reference ??= inNode('scalar'));
  assert.equal(new Set(digests).size, models.length);
});
for (const kernel of KERNELS) {
  if (kernel !== 'scalar') {
    test(`${kernel} in Node.js gives what scalar gives, to the bit`, { timeout: 300_000 }, async (t) => {
      const digests = await inNode(kernel);
      if (!digests) return t.skip(`Node.js ${process.version} does not know all of the module's instructions`);
      return assert.deepEqual(digests, await (reference ??= inNode('scalar')));
    });
  }
  test(`${kernel} in Chromium gives what scalar gives in Node.js, to the bit`, { timeout: 300_000 }, async () => {
    assert.deepEqual(await inChromium(kernel), await (reference ??= inNode('scalar')));
  });
}

test('the scalar module has no instruction of SIMD', async () => {
  const { wasm } = await files('scalar');
  // WebAssembly as it was before SIMD: binaryen's validator rejects a module with anything newer.
  const { default: binaryen } = await import('binaryen');
  const module = binaryen.readBinary(new Uint8Array(await readFile(new URL(wasm, DIST))));
  const { BulkMemory, BulkMemoryOpt, MutableGlobals, NontrappingFPToInt, ReferenceTypes, SignExt, Multivalue } = binaryen.Features;
  module.setFeatures(BulkMemory | BulkMemoryOpt | MutableGlobals | NontrappingFPToInt | ReferenceTypes | SignExt | Multivalue);
  assert.equal(module.validate(), 1);
});

for (const kernel of KERNELS) {
  pageTest(`the address chooses ${kernel}`, { path: `?kernel=${kernel}` }, async (page) => {
    const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
    const modules = loaded.filter((name) => name.endsWith('.wasm') && !name.includes('explain'));
    assert.equal(modules.length, 1, `one module is fetched, not ${modules}`);
    assert.match(modules[0], new RegExp(`/${MODULES[kernel]}_bg-`));
  });
}

pageTest('the fastest kernel is chosen, and none that the engine does not know', {}, async (page) => {
  const wasm = async () =>
    (await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name))).filter((name) =>
      /digit8\w*_bg.*wasm$/.test(name),
    );
  assert.match(String(await wasm()), /digit8_relaxed_bg/);
  // As an engine without the instructions does: the probe for plain SIMD is the shorter one.
  await page.addInitScript(() => {
    const { validate } = WebAssembly;
    WebAssembly.validate = (bytes) => /** @type {Uint8Array} */ (bytes).length < 35 && validate(/** @type {BufferSource} */ (bytes));
  });
  await page.goto(`${await address()}?kernel=relaxed`);
  await page.locator('html[data-ready="true"]').waitFor({ state: 'attached' });
  assert.match(String(await wasm()), /digit8_bg/);
});
