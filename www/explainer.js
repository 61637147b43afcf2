// The explanations' worker, kept in step with the page.

import { words } from './files.js';
import { Helper } from './helper.js';
import { hasSimd } from './kernels.js';

/** @import { Explanation, Narrowed } from './pkg/explain.js' */
/** @import { Sample } from './samples.js' */
/** @import { Session } from './session.js' */

/** @type {Explainer | undefined} */
let shared;
/** The explainer that all chapters share. @param {Session} session */
export const explainerOf = (session) => (shared ??= new Explainer(session));

/** Fires `news` when anything that it knows is another. */
class Explainer extends EventTarget {
  /** Of the drawing, or of blank paper, and of the networks that were there then. @type {Explanation | undefined} */
  explanation;
  /** Whether it is of a drawing. */
  isDrawn = false;
  /** The int8 network that it is of, in words. */
  label = '';
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
    session.subscribe(({ networks }, before) => networks.int8.phase !== before.networks.int8.phase && this.#tell());
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

  /** What is missing for it to be of the networks that are chosen; nothing if it is. */
  get isStale() {
    const { int8 } = this.#session.state.networks;
    return this.explanation !== undefined && int8.label !== this.label ? `These numbers are of ${this.label}: ${int8.label} is not there yet.` : '';
  }

  #tell() {
    this.dispatchEvent(new Event('news'));
  }

  /** Asks for an explanation of what is there now. */
  async #update() {
    if (!this.#session.isReady) return;
    const { pixels, state } = this.#session;
    try {
      await this.#use();
      this.explanation = await this.#helper.call('explain', pixels ?? new Uint8Array(784));
      this.isDrawn = pixels !== undefined;
      this.label = state.networks.int8.label;
      this.trouble = '';
    } catch (error) {
      this.trouble = words(error);
    }
    this.#tell();
  }
}

/** Where the module is that explains. */
export const explainAddress = () =>
  hasSimd() ? new URL('./pkg/explain_bg.wasm', import.meta.url) : new URL('./pkg/explain_scalar_bg.wasm', import.meta.url);
