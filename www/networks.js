// Brings the two networks in line with the state: whatever is chosen, in whatever order and however fast, ends in what a
// visitor would find who came with that choice.

import { Network } from './engine.js';
import { fetchBytes, words } from './files.js';
import { MODELS } from './models.js';
import { SIDES } from './session.js';

/** @import { Session, Side, State } from './session.js' */

/**
 * What a network is made from: `key` tells it from all others, the page calls it `label`, and errors call it `name`; `file` gets its
 * safetensors file.
 * @typedef {{ key: string, label: string, name: string, file: (progress: (share: number) => void, signal: AbortSignal) => Promise<Uint8Array> }} Source
 */
/**
 * What becomes of asking for a network: it was there already, it came, another was asked for before it came, or it cannot be had.
 * @typedef {'kept' | 'loaded' | 'superseded' | 'failed'} Outcome
 */
/** @typedef {(state: State, side: Side) => Source | undefined} Maker what a side's network is to be, where the maker knows */

/** @type {Maker} */
const shipped = ({ model, scheme }, side) => {
  const url = MODELS[model][side === 'float' ? 'float32' : scheme];
  return {
    key: url.href,
    label: side === 'float' ? model : `${model}, ${scheme}`,
    name: url.pathname,
    file: (progress, signal) => fetchBytes(url, progress, signal),
  };
};

/** How the page names its networks. */
export const NAMES = { float: 'float32', int8: 'int8' };

export class Networks {
  #session;
  #ready;
  #make;
  #makers = [shipped];
  /** How often both were asked for. */
  #turn = 0;
  /** What is on its way. @type {Partial<Record<Side, { key: string, stop: AbortController, outcome: Promise<Outcome> }>>} */
  #pending = {};

  /**
   * Follows the state from now on.
   * @param {Session} session
   * @param {() => Promise<unknown>} ready what must have been done before a network can answer
   * @param {(file: Uint8Array) => Network} [make] what makes a network of a file
   */
  constructor(session, ready, make = (file) => new Network(file)) {
    this.#session = session;
    this.#ready = ready;
    this.#make = make;
    session.subscribe(({ model, scheme, recipe, ranges, own }, before) => {
      if (model !== before.model || scheme !== before.scheme || recipe !== before.recipe || ranges !== before.ranges || own !== before.own) this.bringAll();
    });
  }

  /** Adds a maker, which is asked before those that are there. @param {Maker} maker */
  add(maker) {
    this.#makers.unshift(maker);
  }

  /**
   * Brings in what the state asks for, int8 before float32.
   * @returns {Promise<Record<Side, Outcome>>}
   */
  async bringAll() {
    const turn = ++this.#turn;
    for (const side of SIDES) this.#mark(side);
    const int8 = await this.bring('int8');
    return { int8, float: turn === this.#turn ? await this.bring('float') : 'superseded' };
  }

  /**
   * Brings in one side's network, unless it is there or on its way.
   * @param {Side} side
   * @returns {Promise<Outcome>}
   */
  bring(side) {
    const source = this.#mark(side);
    if (this.#session.state.networks[side].phase === 'ready') return Promise.resolve('kept');
    const pending = this.#pending[side];
    if (pending) return pending.outcome;
    const stop = new AbortController();
    const outcome = this.#load(side, source, stop.signal);
    this.#pending[side] = { key: source.key, stop, outcome };
    return outcome;
  }

  /** Says in the state what a side's network is to be, and gives up whatever else is on its way. @param {Side} side */
  #mark(side) {
    const session = this.#session;
    const source = /** @type {Source} */ (first(this.#makers, (maker) => maker(session.state, side)));
    const { key, label } = source;
    const pending = this.#pending[side];
    if (pending && pending.key !== key) {
      pending.stop.abort();
      delete this.#pending[side];
    }
    const isThere = session.state.networks[side].loaded?.key === key;
    const isNew = session.state.networks[side].wanted !== key;
    if (isThere) session.updateSlot(side, { wanted: key, label, phase: 'ready', trouble: undefined });
    else if (isNew || !this.#pending[side]) session.updateSlot(side, { wanted: key, label, phase: 'loading', share: 0, trouble: undefined });
    return source;
  }

  /**
   * @param {Side} side
   * @param {Source} source
   * @param {AbortSignal} signal
   * @returns {Promise<Outcome>}
   */
  async #load(side, { key, label, name, file: get }, signal) {
    const session = this.#session;
    const { loaded: old } = session.state.networks[side];
    try {
      const progress = (/** @type {number} */ share) => signal.aborted || session.updateSlot(side, { share });
      const [file] = await Promise.all([get(progress, signal), this.#ready()]);
      if (signal.aborted) return 'superseded';
      const network = named(name, () => this.#make(file));
      delete this.#pending[side];
      session.updateSlot(side, { phase: 'ready', share: 1, loaded: { key, label, network, file, arrival: performance.now() } });
      old?.network.free();
      return 'loaded';
    } catch (error) {
      if (signal.aborted) return 'superseded';
      delete this.#pending[side];
      // A stopped module is no fault of the file.
      if (error instanceof WebAssembly.RuntimeError) session.onError(error);
      session.updateSlot(side, { phase: 'failed', trouble: words(error), loaded: undefined });
      old?.network.free();
      return 'failed';
    }
  }
}

/**
 * The first result that is one.
 * @template T, R
 * @param {T[]} list
 * @param {(item: T) => R | undefined} ask
 */
function first(list, ask) {
  for (const item of list) {
    const result = ask(item);
    if (result !== undefined) return result;
  }
  return undefined;
}

/**
 * What `make` makes; its errors say of what.
 * @template T
 * @param {string} name
 * @param {() => T} make
 */
function named(name, make) {
  try {
    return make();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    throw new Error(`${name}: ${words(error)}`);
  }
}
