// Every module of the page makes the same network of a recipe, to the bit, as native code does: the digests are those that
// `tests/tests/recipes.rs` has left in `target/tmp`.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../../', import.meta.url);
const DIGESTS = new URL('target/tmp/recipes.json', root);
const MODULES = fileURLToPath(new URL('target/web/trace/pkg/', root));
const modules = readdirSync(MODULES).flatMap((file) => /^(.+-trace)\.js$/.exec(file)?.[1] ?? []);
const network = readFileSync(new URL('www/models/notebook-float32.safetensors', root));

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
    if (!existsSync(DIGESTS)) {
      return t.skip('no digests of native code: `cargo test -p digit8-tests --test recipes` writes them');
    }
    const bytes = readFileSync(`${MODULES}${name}_bg.wasm`);
    if (!WebAssembly.validate(bytes)) {
      return t.skip(`Node.js ${process.version} does not know all of the module's instructions`);
    }
    /** @type {Record<string, string>} */
    const digests = JSON.parse(readFileSync(DIGESTS, 'utf8'));
    const module = await import(pathToFileURL(`${MODULES}${name}.js`).href);
    await module.default({ module_or_path: bytes });
    const labels = Uint8Array.from({ length: 100 }, (_, at) => at % 10);
    for (const kernel of module.kernels()) {
      for (const [recipe, expected] of Object.entries(digests)) {
        const file = module.make(network, recipe, kernel, noise(100), labels);
        // Behind the header, which begins with its length: the tensors.
        const header = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
        const tensors = createHash('sha256').update(file.subarray(8 + header));
        assert.equal(tensors.digest('hex'), expected, `${recipe} on ${kernel}`);
      }
    }
  });
}
