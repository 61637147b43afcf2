// The explanations' worker, kept in step with the page.

import { words } from './errors.js';

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
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
  #calls = new Map();
  #lastCall = 0;
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
  narrow(bits, samples) {
    const pixels = new Uint8Array(784 * samples.length);
    samples.forEach((sample, index) => pixels.set(sample.pixels, 784 * index));
    return this.#call('narrow', bits, pixels, Uint8Array.from(samples, ({ label }) => label), this.#session.pixels);
  }

  /** Asks for an explanation of what is there now. */
  async #update() {
    const { state, isReady } = this.#session;
    const { float, int8 } = state.networks;
    if (!isReady || !float.loaded || !int8.loaded) return;
    try {
      const wanted = [float.loaded.file, int8.loaded.file];
      if (wanted.some((file, index) => file !== this.#files[index])) {
        await this.#call('use', ...wanted);
        this.#files = wanted;
      }
      const { pixels } = this.#session;
      this.explanation = await this.#call('explain', pixels ?? new Uint8Array(784));
      this.isDrawn = pixels !== undefined;
      this.dispatchEvent(new Event('explained'));
    } catch (error) {
      this.trouble = words(error);
      this.dispatchEvent(new Event('failed'));
    }
  }

  /**
   * @param {string} task
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  #call(task, ...args) {
    this.#worker ??= this.#start();
    const id = ++this.#lastCall;
    this.#worker.postMessage({ id, task, args });
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
  }

  #start() {
    const worker = new Worker(new URL('./explain-worker.js', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data: { id, result, error } }) => {
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new Error(error));
    });
    // The worker's script itself did not load.
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      for (const { reject } of this.#calls.values()) reject(new Error(event.message || 'its worker did not load'));
      this.#calls.clear();
    });
    return worker;
  }
}
