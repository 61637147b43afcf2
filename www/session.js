// What the page is about right now: two networks, and the image that they read.

import { Network } from './engine.js';
import { MODELS, fetchModel } from './models.js';

/** @import { Kind } from './models.js' */
/** @typedef {'float' | 'int8'} Side */

/** @type {Side[]} */
const SIDES = ['int8', 'float'];

/**
 * Fires `networks` when a network has come or gone, and `settled` when the image will stay for a moment: after a stroke, not
 * during it.
 */
export class Session extends EventTarget {
  /** @type {{ float?: Network, int8?: Network }} */
  networks = {};
  /** The files they are from. @type {{ float?: Uint8Array, int8?: Uint8Array }} */
  files = {};
  /** The image `[784]`, if something is drawn. @type {Uint8Array | undefined} */
  pixels;
  /** @type {{ float?: string, int8?: string }} */
  #wanted = {};
  /** @type {{ float?: string, int8?: string }} */
  #loaded = {};

  /** Whether both networks can answer. */
  get isReady() {
    return SIDES.every((side) => this.networks[side] && this.#loaded[side] === this.#wanted[side]);
  }

  /**
   * Brings in a network, unless it is there already.
   * @param {Side} side
   * @param {string} model
   * @param {Kind} kind
   * @param {(share: number) => void} progress
   * @param {Promise<unknown>} [before] what must be done before it can be used
   * @returns {Promise<boolean>} whether it came; not if another has been asked for meanwhile
   */
  async bring(side, model, kind, progress, before) {
    const url = MODELS[model][kind];
    this.#wanted[side] = url.href;
    if (this.#loaded[side] === url.href) return false;
    try {
      const [file] = await Promise.all([fetchModel(url, progress), before]);
      if (this.#wanted[side] !== url.href) return false;
      this.#drop(side);
      this.networks[side] = named(url, () => new Network(file));
      this.files[side] = file;
      this.#loaded[side] = url.href;
    } catch (error) {
      if (this.#wanted[side] !== url.href) return false;
      this.#drop(side);
      throw error;
    } finally {
      this.dispatchEvent(new Event('networks'));
    }
    return true;
  }

  /** @param {Side} side */
  #drop(side) {
    this.networks[side]?.free();
    delete this.networks[side];
    delete this.files[side];
    delete this.#loaded[side];
  }
}

/**
 * What `make` makes; its errors name the file.
 * @template T
 * @param {URL} url
 * @param {() => T} make
 */
function named(url, make) {
  try {
    return make();
  } catch (error) {
    // A stopped module is no fault of the file.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    throw new Error(`${url.pathname}: ${error instanceof Error ? error.message : error}`);
  }
}
