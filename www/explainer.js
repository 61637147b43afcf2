// The explanations' worker, kept in step with the page.

import { words } from './errors.js';
import { Helper } from './helper.js';
import { hasSimd } from './kernels.js';

/** @import { Explanation, Narrowed } from './pkg/explain.js' */
/** @import { Sample } from './samples.js' */
/** @import { Session } from './session.js' */

/** @type {Explainer | undefined} */
let shared;
/** The explainer that all chapters share. @param {Session} session */
export const explainerOf = (session) => (shared ??= new Explainer(session));

/**
 * Fires `explained` when there is news of the image and the networks of the moment, and `failed` when there will be none.
 */
class Explainer extends EventTarget {
  /** Of the drawing, or of blank paper. @type {Explanation | undefined} */
  explanation;
  /** Whether it is of a drawing. */
  isDrawn = false;
  /** Why there is none. */
  trouble = '';
  #session;
  #helper = new Helper(() => new Worker(new URL('./explain-worker.js', import.meta.url), { type: 'module' }));
  /** The files that the worker has. @type {Uint8Array[]} */
  #files = [];

  /** @param {Session} session */
  constructor(session) {
    super();
    this.#session = session;
    session.whenAtRest(() => this.#update());
  }

  /**
   * The int8 network with weights of fewer bits.
   * @param {number} bits
   * @param {Sample[]} samples
   * @returns {Promise<Narrowed>}
   */
  async narrow(bits, samples) {
    const pixels = new Uint8Array(784 * samples.length);
    samples.forEach((sample, index) => pixels.set(sample.pixels, 784 * index));
    await this.#use();
    return this.#helper.call('narrow', bits, pixels, Uint8Array.from(samples, ({ label }) => label), this.#session.pixels);
  }

  /** Gives the worker the networks of the moment, unless it has them. */
  async #use() {
    const { float, int8 } = this.#session.state.networks;
    const wanted = [float, int8].flatMap(({ loaded }) => loaded?.file ?? []);
    if (this.#helper.isAlive && wanted.every((file, index) => file === this.#files[index])) return;
    this.#files = [];
    await this.#helper.call('use', ...wanted);
    this.#files = wanted;
  }

  /** Asks for an explanation of what is there now. */
  async #update() {
    if (!this.#session.isReady) return;
    const { pixels } = this.#session;
    try {
      await this.#use();
      this.explanation = await this.#helper.call('explain', pixels ?? new Uint8Array(784));
      this.isDrawn = pixels !== undefined;
      this.dispatchEvent(new Event('explained'));
    } catch (error) {
      this.trouble = words(error);
      this.dispatchEvent(new Event('failed'));
    }
  }
}

/** Where the module is that explains. */
export const explainAddress = () =>
  hasSimd() ? new URL('./pkg/explain_bg.wasm', import.meta.url) : new URL('./pkg/explain_scalar_bg.wasm', import.meta.url);
