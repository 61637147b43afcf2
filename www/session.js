// What the page is about right now: one object, and one way to change it.
//
// A view is a module that renders from the state: it subscribes, and draws what it shows from what it gets. Whatever a visitor
// does is an `update`; nothing in a state is ever changed in place. How to add one: www/lab/NAME.js exports
// `open(session, networks)`, and chapters.js lists it with the section in index.html that it fills; it is loaded when that section
// comes near the window. `session.whenAtRest` is for what takes longer than a frame. What belongs in the page's address is a line
// in address.js (FIELDS). Where a network comes from, if not from a shipped file, `networks.add` is told.

import { image } from './engine.js';
import { idle } from './dom.js';

/** @import { Network } from './engine.js' */
/** @import { Scheme } from './models.js' */
/** @typedef {'float' | 'int8'} Side */
/** @typedef {[number, number]} Point in units of the pad's side, x to the right and y downwards */

/**
 * @typedef {object} Drawing
 * @property {Point[][]} strokes
 * @property {Uint8Array} [picture] an image `[784]` that stands there in place of strokes
 * @property {boolean} isDown whether a stroke is under way
 */

/**
 * The network of one side, and what is to take its place.
 * @typedef {object} Slot
 * @property {string} wanted the key of the source that is asked for (networks.js)
 * @property {string} label its name in words
 * @property {'loading' | 'ready' | 'failed'} phase
 * @property {number} share what has arrived of it, 0 to 1
 * @property {string} [trouble] why it cannot be had
 * @property {Loaded} [loaded] the network that answers; another one's for as long as this one is loading
 */

/**
 * A network that can answer.
 * @typedef {object} Loaded
 * @property {string} key
 * @property {string} label
 * @property {Network} network
 * @property {Uint8Array} file the safetensors file that it is from
 * @property {number} arrival when it came, in milliseconds since the page was asked for
 */

/**
 * Networks that are not the page's own.
 * @typedef {object} Own
 * @property {string} name
 * @property {Uint8Array} float the float network's safetensors file
 * @property {Uint8Array} [int8] the int8 network's, where it is not made from the float one
 */

/**
 * @typedef {object} State
 * @property {string} model the chosen network, a name in MODELS
 * @property {Scheme} scheme the chosen int8 scheme
 * @property {string} [recipe] how the int8 network is made, where it is not the shipped one of the scheme
 * @property {string} ranges the ranges of activations that the visitor moved, as `min:max` of each tensor; or nothing
 * @property {Own} [own] networks that the visitor brought or trained, which answer in place of the shipped ones
 * @property {string} neuron the neuron that is taken apart, as `2-17`: the layer from 1, the neuron from 0; or nothing
 * @property {number} pen the pen's width, 1 for a normal one
 * @property {Drawing} drawing
 * @property {string} chapter the id of the chapter that the address names, or nothing
 * @property {string} [kernel] the kernel that answers, once its module is there
 * @property {Record<Side, Slot>} networks
 * @property {string} status what is announced
 * @property {string | undefined} notice what else a visitor should know, for as long as it holds
 * @property {boolean} isStopped whether nothing can go on
 */

/** @typedef {(state: State, before: State) => void} Listener */

/** @type {Side[]} In the order in which they load: int8 is what makes the page quick. */
export const SIDES = ['int8', 'float'];

/** @type {Drawing} */
export const BLANK = { strokes: [], isDown: false };

/** @returns {State} what a visitor finds who comes without wishes */
const initial = () => {
  const slot = () => /** @type {Slot} */ ({ wanted: '', label: '', phase: 'loading', share: 0 });
  return {
    model: 'drawings',
    scheme: 'static',
    recipe: undefined,
    ranges: '',
    own: undefined,
    neuron: '',
    pen: 1,
    drawing: BLANK,
    chapter: '',
    networks: { int8: slot(), float: slot() },
    status: 'Loading…',
    notice: undefined,
    isStopped: false,
  };
};

export class Session {
  #state = Object.freeze(initial());
  /** @type {Set<Listener>} */
  #listeners = new Set();
  /** The image of the drawing, and what it was made from. @type {{ of: unknown[], pixels?: Uint8Array }} */
  #image = { of: [] };
  /** Called with what a listener throws. @type {(error: unknown) => void} */
  onError = (error) => reportError(error);

  get state() {
    return this.#state;
  }

  /**
   * The one way to change the state.
   * @param {Partial<State>} change
   */
  update(change) {
    const before = this.#state;
    const names = /** @type {(keyof State)[]} */ (Object.keys(change));
    if (names.every((name) => Object.is(change[name], before[name]))) return;
    this.#state = Object.freeze({ ...before, ...change });
    for (const listener of [...this.#listeners]) {
      try {
        // A listener that makes an update of its own leaves a newer state for those after it.
        listener(this.#state, before);
      } catch (error) {
        this.onError(error);
      }
    }
  }

  /**
   * Changes one side's slot.
   * @param {Side} side
   * @param {Partial<Slot>} change
   */
  updateSlot(side, change) {
    const { networks } = this.#state;
    this.update({ networks: { ...networks, [side]: { ...networks[side], ...change } } });
  }

  /**
   * Calls a listener after every change, and returns what ends that.
   * @param {Listener} listener
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Calls a listener now, and whenever the image or the networks are others: not while the pen is down, and in a moment when
   * nothing else happens. For what takes longer than a frame.
   * @param {() => unknown} listener
   */
  whenAtRest(listener) {
    /** @type {unknown[]} */
    let seen = [];
    let isWaiting = false;
    const look = async () => {
      if (isWaiting || this.#state.drawing.isDown) return;
      const now = [this.pixels, ...SIDES.map((side) => this.network(side)), this.isReady];
      if (now.length === seen.length && now.every((part, index) => part === seen[index])) return;
      isWaiting = true;
      await idle();
      isWaiting = false;
      if (this.#state.drawing.isDown) return;
      seen = [this.pixels, ...SIDES.map((side) => this.network(side)), this.isReady];
      try {
        await listener();
      } catch (error) {
        this.onError(error);
      }
      look();
    };
    look();
    return this.subscribe(look);
  }

  /** The image `[784]` that the networks read, if something is drawn and the module is there. */
  get pixels() {
    const { drawing, pen, kernel } = this.#state;
    const of = [drawing.strokes, drawing.picture, pen, kernel];
    if (of.some((part, index) => part !== this.#image.of[index])) {
      this.#image = { of, pixels: drawing.picture ?? (kernel ? image(drawing.strokes, pen) : undefined) };
    }
    return this.#image.pixels;
  }

  /** The network that answers on a side, if one does. @param {Side} side */
  network(side) {
    return this.#state.networks[side].loaded?.network;
  }

  /** Whether both networks are the ones that were asked for. */
  get isReady() {
    return SIDES.every((side) => this.#state.networks[side].phase === 'ready');
  }

  /** Announces something. @param {string} text */
  say(text) {
    if (!this.#state.isStopped) this.update({ status: text });
  }

  /** Announces why nothing can go on; nothing is announced after that. @param {string} text */
  stop(text) {
    if (this.#state.isStopped) return;
    const slot = (/** @type {Side} */ side) => ({ ...this.#state.networks[side], phase: /** @type {const} */ ('failed'), loaded: undefined });
    this.update({ status: text, isStopped: true, kernel: undefined, networks: { int8: slot('int8'), float: slot('float') } });
  }
}
