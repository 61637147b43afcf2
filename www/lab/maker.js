// What networks are made from where they are not the page's own: a file that a visitor brought, or a recipe. Small, since it is there
// from the start, for links that ask for it.

import { fetchBytes } from '../files.js';
import { MODELS } from '../models.js';

/** @import { Maker } from '../networks.js' */
/** @import { Own, State } from '../session.js' */

/** @type {WeakMap<Own, string>} */
const keys = new WeakMap();
let last = 0;

/** What tells networks that were brought from all others. @param {Own} own */
function keyOf(own) {
  const key = keys.get(own) ?? `own ${++last}`;
  keys.set(own, key);
  return key;
}

/** The recipe by which the int8 network is made; none if it is a file's. @param {State} state */
export const recipeOf = ({ recipe, ranges, own, scheme }) => recipe ?? ((own && !own.int8) || ranges ? `scheme=${scheme}` : undefined);

/** @type {Maker} */
export const made = (state, side) => {
  const { own, model } = state;
  if (side === 'float') return own && { key: keyOf(own), label: own.name, name: own.name, file: async () => own.float };
  const recipe = recipeOf(state);
  const source = own ? keyOf(own) : model;
  if (recipe === undefined) {
    const file = own?.int8;
    return file && { key: `${source} int8`, label: own.name, name: own.name, file: async () => file };
  }
  return {
    key: `${source} ${recipe} ${state.ranges}`,
    label: `${own?.name ?? model}, ${recipe}`,
    name: recipe,
    file: async (progress, signal) => {
      const [{ worker }, float] = await Promise.all([import('./lab.js'), own?.float ?? fetchBytes(MODELS[model].float32, () => {}, signal)]);
      const { file } = await worker.watch(({ share = 1 }) => progress(share), 'make', float, recipe, state.ranges);
      return file;
    },
  };
};
