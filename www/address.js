// The choices that matter, kept in the page's address: to be opened again, sent to somebody, gone back to.

import { MODELS } from './models.js';

/** @import { Session, State } from './session.js' */

export const SCHEMES = /** @type {const} */ (['static', 'fused', 'dynamic']);
export const PEN = { least: 0.5, most: 2 };

/**
 * A part of the state that the address keeps: `read` gives what its text stands for, or nothing if that is nothing known; `write`
 * gives its text, or nothing where it is as it is without wishes. A change of it is a step to go back to, or none.
 * @template T
 * @typedef {{ read: (text: string) => T | undefined, write: (value: T) => string | undefined, isStep: boolean }} Field
 */

/** @type {{ [name in keyof State]?: Field<State[name]> }} */
export const FIELDS = {
  model: {
    read: (text) => (Object.hasOwn(MODELS, text) ? text : undefined),
    write: (model) => model,
    isStep: true,
  },
  scheme: {
    read: (text) => SCHEMES.find((scheme) => scheme === text),
    write: (scheme) => scheme,
    isStep: true,
  },
  pen: {
    read: (text) => (Number(text) >= PEN.least && Number(text) <= PEN.most ? Number(text) : undefined),
    write: String,
    isStep: false,
  },
};

const fields = () => /** @type {[keyof State, Field<any>][]} */ (Object.entries(FIELDS));

/**
 * The part of the state that an address names; of what it does not name, what there is without wishes.
 * @param {State} initial
 * @returns {Partial<State>}
 */
function read(initial) {
  const search = new URLSearchParams(location.search);
  const values = fields().map(([name, field]) => {
    const text = search.get(name);
    return [name, (text === null ? undefined : field.read(text)) ?? initial[name]];
  });
  return { ...Object.fromEntries(values), chapter: /^#([\w-]+)$/.exec(location.hash)?.[1] ?? '' };
}

/**
 * The address of a state. Parameters of other meanings (`kernel`) stay as they are.
 * @param {State} state
 * @param {State} initial
 */
function addressOf(state, initial) {
  const url = new URL(location.href);
  for (const [name, field] of fields()) {
    const text = Object.is(state[name], initial[name]) ? null : (field.write(state[name]) ?? null);
    if (url.searchParams.get(name) === text) continue;
    if (text === null) url.searchParams.delete(name);
    else url.searchParams.set(name, text);
  }
  url.hash = state.chapter;
  return url;
}

/**
 * Takes the state from the address, and keeps the two in step: also on the way back and forward.
 * @param {Session} session
 */
export function keepAddress(session) {
  const initial = session.state;
  const take = () => session.update(read(initial));
  take();
  addEventListener('popstate', take);
  session.subscribe((state, before) => {
    const changed = fields().filter(([name]) => state[name] !== before[name]);
    const isElsewhere = state.chapter !== before.chapter;
    if (changed.length === 0 && !isElsewhere) return;
    const url = addressOf(state, initial);
    if (url.href === location.href) return;
    if (isElsewhere || changed.some(([, { isStep }]) => isStep)) history.pushState(null, '', url);
    else history.replaceState(null, '', url);
  });
}
