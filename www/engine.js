// The wasm module, and models that are ready to answer.

import init, * as exports from './pkg/digit8.js';

/** @typedef {'scalar' | 'simd128' | 'relaxed'} Kernel */

export const PIXELS = 784;
const CLASSES = 10;

/** @type {WebAssembly.Memory} */
let memory;
/** @type {Kernel} */
let current = 'simd128';

/** A function of no arguments whose result is a vector: valid only where there is SIMD. */
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** Whether this browser runs WebAssembly with SIMD. */
export const hasSimd = () => typeof WebAssembly === 'object' && WebAssembly.validate(SIMD_PROBE);

/** The kernels that this browser can run, plainest first. @returns {Kernel[]} */
export const kernels = () => (hasSimd() ? ['scalar', 'simd128'] : []);

/**
 * Loads a kernel, and makes it the one that new networks compute with.
 * @param {Kernel} [kernel]
 */
export async function load(kernel = 'simd128') {
  ({ memory } = await init());
  current = kernel;
}

/** The name of the kernel that answers. */
export const kernelName = () => current;

/** Why the module stopped, if it did. */
export const panic = () => exports.panicMessage();

/**
 * The image of a drawing, or nothing if nothing is drawn.
 * @param {[number, number][][]} strokes
 * @param {number} pen
 */
export function image(strokes, pen) {
  const points = Float32Array.from(strokes.flat(2));
  return exports.rasterize(points, Uint32Array.from(strokes, (stroke) => stroke.length), pen);
}

/** The smallest step that `performance.now` has shown, in milliseconds. */
export const timerStep = (() => {
  /** @type {number | undefined} */
  let step;
  return () => {
    if (step !== undefined) return step;
    step = Infinity;
    for (let changes = 0, last = performance.now(); changes < 5; ) {
      const now = performance.now();
      if (now > last) {
        step = Math.min(step, now - last);
        last = now;
        changes++;
      }
    }
    return step;
  };
})();

/** One model, and the memory that it shares with the module. */
export class Network {
  #classifier;

  /**
   * @param {Uint8Array} file
   * @param {number} [batch] the most images at once
   */
  constructor(file, batch = 1) {
    this.#classifier = new exports.Classifier(file, batch, current);
    this.batch = batch;
  }

  /**
   * The logits `[count, 10]` of images `[count, 784]`, in the shared memory: the next call overwrites them.
   * @param {Uint8Array} pixels
   */
  logits(pixels) {
    const count = pixels.length / PIXELS;
    new Uint8Array(memory.buffer, this.#classifier.pixelsAddress, pixels.length).set(pixels);
    this.#classifier.run(count);
    return new Float32Array(memory.buffer, this.#classifier.logitsAddress, count * CLASSES);
  }

  /**
   * The probabilities of the ten digits.
   * @param {Uint8Array} pixels
   */
  answer(pixels) {
    return exports.probabilities(this.logits(pixels).slice());
  }

  /**
   * Microseconds that one inference takes, over a batch of calls that fills at least 4 ms, for the image answered last.
   */
  time() {
    for (let count = 32; ; count *= 2) {
      const start = performance.now();
      for (let call = 0; call < count; call++) this.#classifier.run(1);
      const milliseconds = performance.now() - start;
      if (milliseconds >= 4) return (1000 * milliseconds) / count;
    }
  }

  free() {
    this.#classifier.free();
  }
}
