// The wasm modules, and models that are ready to answer.

/** @typedef {'scalar' | 'simd128' | 'relaxed'} Kernel */
/** @typedef {typeof import('./pkg/digit8.js')} Exports */

export const PIXELS = 784;
const CLASSES = 10;

/** A function of no arguments whose result is a vector: valid only where there is SIMD. */
const SIMD_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];
/** The same with a relaxed product of bytes in it. */
const RELAXED_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15, 65, 0, 253, 15, 65,
  0, 253, 15, 253, 147, 2, 11,
];

/** @param {number[]} module */
const isValid = (module) => typeof WebAssembly === 'object' && WebAssembly.validate(new Uint8Array(module));

/** Whether this browser runs WebAssembly with SIMD. */
export const hasSimd = () => isValid(SIMD_PROBE);

/** The kernels that this browser can run, plainest first. @returns {Kernel[]} */
export function kernels() {
  if (!hasSimd()) return [];
  return isValid(RELAXED_PROBE) ? ['scalar', 'simd128', 'relaxed'] : ['scalar', 'simd128'];
}

/** The kernel that the address asks for (`?kernel=scalar`), or else the fastest. */
function chosen() {
  const wanted = new URLSearchParams(globalThis.location?.search).get('kernel');
  return kernels().find((kernel) => kernel === wanted) ?? kernels().at(-1);
}

/** @typedef {{ exports: Exports, memory: WebAssembly.Memory }} Module */
/** @type {Record<Kernel, { wasm: URL, script: () => Promise<Exports> }>} */
const SOURCES = {
  scalar: {
    wasm: new URL('./pkg/digit8_scalar_bg.wasm', import.meta.url),
    script: () => import('./pkg/digit8_scalar.js'),
  },
  simd128: { wasm: new URL('./pkg/digit8_bg.wasm', import.meta.url), script: () => import('./pkg/digit8.js') },
  relaxed: {
    wasm: new URL('./pkg/digit8_relaxed_bg.wasm', import.meta.url),
    script: () => import('./pkg/digit8_relaxed.js'),
  },
};
/** @type {Map<Kernel, Promise<Module>>} */
const modules = new Map();

/**
 * The module of a kernel. Its script and its wasm are asked for at once, though the one loads the other.
 * @param {Kernel} kernel
 */
function moduleOf(kernel) {
  const start = async () => {
    const { wasm, script } = SOURCES[kernel];
    const response = fetch(wasm);
    const [exports] = await Promise.all([script(), response]);
    return { exports, memory: (await exports.default({ module_or_path: response })).memory };
  };
  const module = modules.get(kernel) ?? start();
  modules.set(kernel, module);
  // Who waits for it is told; nobody else needs to be.
  module.catch(() => modules.delete(kernel));
  return module;
}

/** The module that was loaded last, and its kernel. @type {Module & { kernel: Kernel } | undefined} */
let current;

// The page has other things to load besides: this is not to wait for them.
const first = chosen();
if (first) moduleOf(first);

/**
 * Loads a kernel, and makes it the one that new networks compute with.
 * @param {Kernel} [kernel] or else the one that the address asks for (`?kernel=scalar`), or the fastest
 */
export async function load(kernel = chosen()) {
  if (!kernel) throw new Error('no WebAssembly SIMD');
  current = { ...(await moduleOf(kernel)), kernel };
}

function loaded() {
  if (!current) throw new Error('no module is loaded');
  return current;
}

/** The name of the kernel that answers. */
export const kernelName = () => loaded().kernel;

/** Why the module stopped, if it did. */
export const panic = () => loaded().exports.panicMessage();

/**
 * The image of a drawing, or nothing if nothing is drawn.
 * @param {[number, number][][]} strokes
 * @param {number} pen
 */
export function image(strokes, pen) {
  const points = Float32Array.from(strokes.flat(2));
  return loaded().exports.rasterize(points, Uint32Array.from(strokes, (stroke) => stroke.length), pen);
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
  #module = loaded();
  #classifier;
  /** Views on the shared memory, for as long as it does not grow. @type {{ buffer?: ArrayBuffer, pixels: Uint8Array, logits: Float32Array }} */
  #shared = { pixels: new Uint8Array(), logits: new Float32Array() };

  /**
   * @param {Uint8Array} file
   * @param {number} [batch] the most images at once
   */
  constructor(file, batch = 1) {
    this.#classifier = new this.#module.exports.Classifier(file, batch, this.#module.kernel);
    this.batch = batch;
    // From here on it can answer.
    performance.mark(`network ${this.#classifier.kind}`);
  }

  #views() {
    const { buffer } = this.#module.memory;
    if (this.#shared.buffer !== buffer) {
      const { pixelsAddress, logitsAddress } = this.#classifier;
      this.#shared = {
        buffer,
        pixels: new Uint8Array(buffer, pixelsAddress, this.batch * PIXELS),
        logits: new Float32Array(buffer, logitsAddress, this.batch * CLASSES),
      };
    }
    return this.#shared;
  }

  /**
   * The logits `[count, 10]` of images `[count, 784]`, in the shared memory: the next call overwrites them.
   * @param {Uint8Array} pixels
   */
  logits(pixels) {
    const count = pixels.length / PIXELS;
    this.#views().pixels.set(pixels);
    this.#classifier.run(count);
    const { logits } = this.#views();
    return count === this.batch ? logits : logits.subarray(0, count * CLASSES);
  }

  /**
   * The probabilities of the ten digits.
   * @param {Uint8Array} pixels
   */
  answer(pixels) {
    return this.#module.exports.probabilities(this.logits(pixels).slice(0, CLASSES));
  }

  /**
   * Microseconds that one inference takes, for the image answered last: the least of three series of calls that fill at least
   * 3 ms and ten steps of the timer each.
   */
  time() {
    const series = (/** @type {number} */ count) => {
      const start = performance.now();
      for (let call = 0; call < count; call++) this.#classifier.run(1);
      return performance.now() - start;
    };
    const enough = Math.max(3, 10 * timerStep());
    for (let count = 32; ; count *= 2) {
      // The least of three: one alone may be long because the machine was busy with something else.
      const least = Math.min(series(count), series(count), series(count));
      if (least >= enough) return (1000 * least) / count;
    }
  }

  free() {
    this.#classifier.free();
  }
}
