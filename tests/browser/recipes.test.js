// Every module of the page makes the same network of a recipe, to the bit, as native code does: the digests of the files that
// `tests/tests/recipes.rs` comes to with every kernel.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../../', import.meta.url);
const MODULES = fileURLToPath(new URL('target/web/trace/pkg/', root));
const modules = readdirSync(MODULES).flatMap((file) => /^(.+-trace)\.js$/.exec(file)?.[1] ?? []);
const network = readFileSync(new URL('www/models/notebook-float32.safetensors', root));
/** @type {Record<string, string>} */
const digests = JSON.parse(readFileSync(new URL('tests/fixtures/recipes.json', root), 'utf8'));

/**
 * Noise on a fifth of each image, as the test in Rust makes it.
 * @param {number} count
 */
function noise(count) {
  let state = 1;
  return Uint8Array.from({ length: 784 * count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return ((state >>> 8) & 0xff) < 51 ? state >>> 24 : 0;
  });
}

for (const name of modules) {
  test(`recipes give native code's bits: ${name} in Node.js`, { timeout: 600_000 }, async (t) => {
    const bytes = readFileSync(`${MODULES}${name}_bg.wasm`);
    if (!WebAssembly.validate(bytes)) {
      return t.skip(`Node.js ${process.version} does not know all of the module's instructions`);
    }
    const module = await import(pathToFileURL(`${MODULES}${name}.js`).href);
    await module.default({ module_or_path: bytes });
    const labels = Uint8Array.from({ length: 100 }, (_, at) => at % 10);
    for (const kernel of module.kernels()) {
      for (const [recipe, expected] of Object.entries(digests)) {
        const file = module.make(network, recipe, kernel, noise(100), labels);
        assert.equal(createHash('sha256').update(file).digest('hex'), expected, `${recipe} on ${kernel}`);
      }
    }
  });
}
