// What all views of the laboratory share: its worker, kept in step with the page's networks, its style, and its words.

import { element } from '../dom.js';
import { words } from '../files.js';
import { Helper } from '../helper.js';

/** @import { Session } from '../session.js' */

const STYLE = new URL('./lab.css', import.meta.url);

/** A worker of the laboratory. */
export const helper = () => new Helper(() => new Worker(new URL('./lab-worker.js', import.meta.url), { type: 'module' }));

/** What computes, for all views. */
export const worker = helper();

/** @type {WeakMap<Session, Lab>} */
const labs = new WeakMap();

/** Computes with the networks of the moment, in a worker that all views share. */
class Lab {
  #session;
  /** The files that the worker has. @type {(Uint8Array | undefined)[]} */
  #files = [];

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * Asks about the two networks of the moment.
   * @param {string} task
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  ask(task, ...args) {
    return this.watch(() => {}, task, ...args);
  }

  /**
   * As `ask`, with news on the way.
   * @param {(news: any) => void} progress
   * @param {string} task
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  async watch(progress, task, ...args) {
    const { float, int8 } = this.#session.state.networks;
    const files = [float.loaded?.file, int8.loaded?.file];
    if (files.includes(undefined)) throw new Error('both networks are needed: please wait until they have arrived');
    if (!worker.isAlive || files.some((file, index) => file !== this.#files[index])) {
      this.#files = files;
      // Asked first, so answered first. What is wrong with the networks, whoever asks about them is told.
      worker.call('use', ...files).catch(() => {});
    }
    return worker.watch(progress, task, ...args);
  }
}

/** The laboratory of a session. @param {Session} session */
export function labOf(session) {
  const lab = labs.get(session) ?? new Lab(session);
  labs.set(session, lab);
  return lab;
}

/** @type {Promise<unknown> | undefined} */
let style;

/** The style of the views. */
export function styled() {
  style ??= new Promise((resolve) => {
    const link = element('link', { rel: 'stylesheet', href: STYLE.href });
    for (const event of ['load', 'error']) link.addEventListener(event, resolve);
    document.head.append(link);
  });
  return style;
}

/**
 * A figure with its name, a sentence, and what it shows.
 * @param {string} title
 * @param {string} note
 * @param {...Node} children
 */
export const figure = (title, note, ...children) =>
  element('figure', {}, element('figcaption', {}, element('b', {}, title), ` ${note}`), ...children);

/** What cannot be computed, and why. @param {unknown} error */
export const sorry = (error) => `This cannot be computed: ${words(error)}.`;

/** A whole number as people write it. @param {number} value */
export const whole = (value) => value.toLocaleString('en').replace('-', '−');

/** A real number of some digits. @param {number} value @param {number} [digits] */
export const real = (value, digits = 5) => (value === 0 ? '0' : String(Number(value.toPrecision(digits))).replace('-', '−').replace('e−', 'e-'));

/** A share as a percentage. @param {number} share @param {number} [digits] */
export const percent = (share, digits = 2) => `${(100 * share).toFixed(digits)} %`;

/**
 * A button.
 * @param {string} label
 * @param {string} id
 * @param {() => unknown} action
 * @param {Record<string, string>} [attributes]
 */
export function button(label, id, action, attributes = {}) {
  const made = element('button', { type: 'button', 'data-testid': id, ...attributes }, label);
  made.addEventListener('click', action);
  return made;
}
