// Where float and int8 differ, and why: computed beside the page, so that drawing never waits for it.

import { answer } from './answering-worker.js';
import { fetchBytes, imported } from './files.js';
import { hasSimd, withoutWasm } from './kernels.js';

/** @import { Explainer } from './pkg/explain.js' */

const SOURCE = hasSimd()
  ? {
      wasm: new URL('./pkg/explain_bg.wasm', import.meta.url),
      script: new URL('./pkg/explain.js', import.meta.url),
      load: () => import('./pkg/explain.js'),
    }
  : {
      wasm: new URL('./pkg/explain_scalar_bg.wasm', import.meta.url),
      script: new URL('./pkg/explain_scalar.js', import.meta.url),
      load: () => import('./pkg/explain_scalar.js'),
    };

/** @type {typeof import('./pkg/explain.js')} */
let module;
/** @type {Promise<void> | undefined} */
let loading;
/** @type {Explainer | undefined} */
let explainer;

async function load() {
  const [exports, bytes] = await Promise.all([imported(SOURCE.script, SOURCE.load), fetchBytes(SOURCE.wasm)]);
  const compiled = await WebAssembly.compile(bytes).catch((error) => {
    throw new Error(withoutWasm() ?? `${SOURCE.wasm.pathname}: ${error.message}`);
  });
  await exports.default({ module_or_path: compiled });
  module = exports;
}

answer(
  {
    /** @param {Uint8Array} float @param {Uint8Array} int8 */
    async use(float, int8) {
      loading ??= load();
      loading.catch(() => (loading = undefined));
      await loading;
      explainer?.free();
      explainer = undefined;
      explainer = new module.Explainer(float, int8);
    },
    /** @param {Uint8Array} pixels */
    explain: (pixels) => explainer?.explain(pixels),
    /** @param {number} bits @param {Uint8Array} samples @param {Uint8Array} labels @param {Uint8Array} [drawing] */
    narrow: (bits, samples, labels, drawing) => explainer?.narrow(bits, samples, labels, drawing),
  },
  () => module?.panicMessage(),
);
