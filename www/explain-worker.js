// Where float and int8 differ, and why: computed beside the page, so that drawing never waits for it.

import { answer } from './answering-worker.js';
import { Module } from './files.js';
import { hasSimd } from './kernels.js';

/** @import { Explainer } from './pkg/explain.js' */

const MODULE = hasSimd()
  ? new Module(
      new URL('./pkg/explain_bg.wasm', import.meta.url),
      new URL('./pkg/explain.js', import.meta.url),
      () => import('./pkg/explain.js'),
    )
  : new Module(
      new URL('./pkg/explain_scalar_bg.wasm', import.meta.url),
      new URL('./pkg/explain_scalar.js', import.meta.url),
      () => import('./pkg/explain_scalar.js'),
    );

/** @type {typeof import('./pkg/explain.js')} */
let exports;
/** @type {Explainer | undefined} */
let explainer;

answer(
  {
    /** @param {unknown} _ @param {Uint8Array} float @param {Uint8Array} int8 */
    async use(_, float, int8) {
      ({ exports } = await MODULE.load());
      explainer?.free();
      explainer = undefined;
      explainer = new exports.Explainer(float, int8);
    },
    /** @param {unknown} _ @param {Uint8Array} pixels */
    explain: (_, pixels) => explainer?.explain(pixels),
    /** @param {unknown} _ @param {number} bits @param {Uint8Array} samples @param {Uint8Array} labels @param {Uint8Array} [drawing] */
    narrow: (_, bits, samples, labels, drawing) => explainer?.narrow(bits, samples, labels, drawing),
  },
  () => exports?.panicMessage(),
);
