// Where float and int8 differ, and why: computed beside the page, so that drawing never waits for it.

import init, { Explainer, panicMessage } from './pkg/explain.js';

const loaded = init();
/** @type {Explainer | undefined} */
let explainer;

/** @type {Record<string, (...args: any[]) => unknown>} */
const TASKS = {
  /** @param {Uint8Array} float @param {Uint8Array} int8 */
  use(float, int8) {
    explainer?.free();
    explainer = undefined;
    explainer = new Explainer(float, int8);
  },
  /** @param {Uint8Array} pixels */
  explain: (pixels) => explainer?.explain(pixels),
  /** @param {number} bits @param {Uint8Array} samples @param {Uint8Array} labels @param {Uint8Array} [drawing] */
  narrow: (bits, samples, labels, drawing) => explainer?.narrow(bits, samples, labels, drawing),
};

onmessage = async ({ data: { id, task, args } }) => {
  try {
    await loaded;
    postMessage({ id, result: TASKS[task](...args) });
  } catch (error) {
    postMessage({ id, error: why(error) });
  }
};

/** @param {unknown} error */
function why(error) {
  try {
    const panic = panicMessage();
    if (panic) return panic;
  } catch {
    // The module is not there: the error itself says why.
  }
  return error instanceof Error ? error.message : String(error);
}
