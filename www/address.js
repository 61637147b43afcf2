// The choices that matter, kept in the page's address: to be opened again, sent to somebody, gone back to.

import { drawn, written } from './drawing-code.js';
import { MODELS } from './models.js';

/** @import { Session, State } from './session.js' */

export const SCHEMES = /** @type {const} */ (['static', 'fused', 'dynamic']);
export const PEN = { least: 0.5, most: 2 };
/** The most characters of a drawing that an address keeps. */
const LONGEST = 4000;

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
  recipe: {
    read: (text) => (/^[\w=,:./-]{1,400}$/.test(text) ? text : undefined),
    write: (recipe) => recipe,
    isStep: true,
  },
  ranges: {
    read: (text) => (/^[\d.e:,-]{1,120}$/.test(text) ? text : undefined),
    write: (ranges) => ranges,
    isStep: false,
  },
  neuron: {
    read: (text) => (/^[123]-\d{1,5}$/.test(text) ? text : undefined),
    write: (neuron) => neuron,
    isStep: false,
  },
  pen: {
    read: (text) => (Number(text) >= PEN.least && Number(text) <= PEN.most ? Number(text) : undefined),
    write: String,
    isStep: false,
  },
};

const fields = () => /** @type {[keyof State, Field<any>][]} */ (Object.entries(FIELDS));

/** What stands behind the `#`: the chapter, and the drawing, which so never leaves for the page's host. */
function fragment() {
  const [chapter, ...rest] = location.hash.slice(1).split('&');
  return { chapter: /^[\w-]*$/.test(chapter) ? chapter : '', drawing: new URLSearchParams(rest.join('&')).get('drawing') };
}

/**
 * The part of the state that an address names; of what it does not name, what there is without wishes. A drawing stays where the
 * address has none.
 * @param {State} initial
 * @returns {Partial<State>}
 */
function read(initial) {
  const search = new URLSearchParams(location.search);
  const values = fields().map(([name, field]) => {
    const text = search.get(name);
    return [name, (text === null ? undefined : field.read(text)) ?? initial[name]];
  });
  const { chapter, drawing } = fragment();
  const found = drawing === null ? undefined : drawn(drawing);
  return { ...Object.fromEntries(values), chapter, ...(found && { drawing: found }) };
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
  const drawing = written(state.drawing);
  url.hash = drawing && drawing.length <= LONGEST ? `${state.chapter}&drawing=${drawing}` : state.chapter;
  return url;
}

/**
 * Takes the state from the address, and keeps the two in step: also on the way back and forward.
 * @param {Session} session
 */
export function keepAddress(session) {
  const initial = session.state;
  let isTaking = false;
  const take = () => {
    isTaking = true;
    session.update(read(initial));
    isTaking = false;
  };
  take();
  // The browser finds the place of a chapter's name alone.
  const { chapter, drawing } = fragment();
  if (chapter && drawing !== null) document.getElementById(chapter)?.scrollIntoView();
  addEventListener('popstate', take);
  session.subscribe((state, before) => {
    // A stroke is kept when it has ended.
    if (state.drawing.isDown) return;
    const changed = fields().filter(([name]) => state[name] !== before[name]);
    const isElsewhere = state.chapter !== before.chapter;
    if (changed.length === 0 && !isElsewhere && state.drawing === before.drawing) return;
    const url = addressOf(state, initial);
    if (url.href === location.href) return;
    const isStep = isElsewhere || changed.some(([, { isStep }]) => isStep);
    if (isStep && !isTaking) history.pushState(null, '', url);
    else history.replaceState(null, '', url);
  });
}
