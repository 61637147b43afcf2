// The choices that matter, kept in the page's address.

import { byId } from './dom.js';

/** @import { Scheme } from './models.js' */

const pen = /** @type {HTMLInputElement} */ (byId('pen'));
const model = /** @type {HTMLSelectElement} */ (byId('model'));
const scheme = /** @type {HTMLSelectElement} */ (byId('scheme'));

export const choices = {
  pen,
  model,
  scheme,
  get values() {
    return { model: model.value, scheme: /** @type {Scheme} */ (scheme.value), pen: Number(pen.value) };
  },
};

/** Takes the choices from the address, where they are known ones. */
export function readAddress() {
  const search = new URLSearchParams(location.search);
  for (const [name, choice] of /** @type {const} */ ([['model', model], ['scheme', scheme]])) {
    const wanted = search.get(name);
    if (wanted && [...choice.options].some((option) => option.value === wanted)) choice.value = wanted;
  }
  const width = Number(search.get('pen'));
  if (width >= Number(pen.min) && width <= Number(pen.max)) pen.value = String(width);
}

export function writeAddress() {
  const search = new URLSearchParams({ model: model.value, scheme: scheme.value, pen: pen.value });
  history.replaceState(null, '', `?${search}${location.hash}`);
}
