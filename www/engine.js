// The wasm modules, and models that are ready to answer.

import { Module } from './files.js';
import { kernels, withoutWasm } from './kernels.js';

/** @typedef {import('./kernels.js').Kernel} Kernel */
/** @typedef {typeof import('./pkg/digit8.js')} Exports */

export { kernels };
export const PIXELS = 784;
const CLASSES = 10;

/** The kernels to try, the best first; `?kernel=scalar` in the address makes another one that. */
function wishes() {
  const wanted = new URLSearchParams(globalThis.location?.search).get('kernel');
  const known = kernels().reverse();
  return known.includes(/** @type {Kernel} */ (wanted)) ? known.slice(known.indexOf(/** @type {Kernel} */ (wanted))) : known;
}

/** @type {Record<Kernel, Module<Exports>>} */
const MODULES = {
  scalar: new Module(
    new URL('./pkg/digit8_scalar_bg.wasm', import.meta.url),
    new URL('./pkg/digit8_scalar.js', import.meta.url),
    () => import('./pkg/digit8_scalar.js'),
  ),
  simd128: new Module(
    new URL('./pkg/digit8_bg.wasm', import.meta.url),
    new URL('./pkg/digit8.js', import.meta.url),
    () => import('./pkg/digit8.js'),
  ),
  relaxed: new Module(
    new URL('./pkg/digit8_relaxed_bg.wasm', import.meta.url),
    new URL('./pkg/digit8_relaxed.js', import.meta.url),
    () => import('./pkg/digit8_relaxed.js'),
  ),
};

/** Where the modules are that this browser can run. */
export const moduleAddresses = () => kernels().map((kernel) => MODULES[kernel].wasm);

/** The module that was loaded last, and its kernel. @type {{ exports: Exports, memory: WebAssembly.Memory, kernel: Kernel } | undefined} */
let current;

// The page has other things to load besides: this is not to wait for them. A worker says itself what it wants.
if ('document' in globalThis) MODULES[wishes()[0]].load();

/**
 * Loads a kernel, and makes it the one that new networks compute with.
 * @param {Kernel} [kernel] or else the one that the address asks for (`?kernel=scalar`), or the fastest
 */
export async function load(kernel = wishes()[0]) {
  current = { ...(await MODULES[kernel].load()), kernel };
}

/**
 * Loads the best kernel that can be had.
 * @returns {Promise<string | undefined>} why it is not the best of all, if it is not
 */
export async function loadBest() {
  let trouble;
  for (const kernel of wishes()) {
    try {
      await load(kernel);
      return trouble;
    } catch (error) {
      trouble ??= error instanceof Error ? error.message : String(error);
      if (withoutWasm()) break;
    }
  }
  throw new Error(trouble);
}

function loaded() {
  if (!current) throw new Error('no module is loaded');
  return current;
}

/** The name of the kernel that answers. */
export const kernelName = () => loaded().kernel;

/** Finds the step of the browser's clock. */
export const clockStep = () => new (loaded().exports.ClockStep)();

/**
 * Shows the picture of an image, white on black; all black without one.
 * @param {any} canvas of 28 by 28 pixels; workers, which load this too, know no type of it
 * @param {Uint8Array} [pixels] `[784]`
 */
export function showPixels(canvas, pixels) {
  canvas.getContext('2d').putImageData(loaded().exports.picture(pixels), 0, 0);
}

/** The picture of an image `[784]` in ink of a colour. @param {Uint8Array} pixels @param {number[]} colour red, green and blue */
export const inkPicture = (pixels, colour) => loaded().exports.inkPicture(pixels, Uint8Array.from(colour));

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

  /** Whether the last answer is to be believed: as something that is no digit, a network would call a drawing one all the same. */
  get isSure() {
    return this.#classifier.isSure;
  }

  /**
   * Milliseconds that so many calls take, each with the next batch of images `[n, 784]`.
   * @param {Uint8Array} images
   * @param {number} batch
   * @param {number} calls
   */
  time(images, batch, calls) {
    return this.#classifier.time(images, batch, calls);
  }

  free() {
    this.#classifier.free();
  }
}
