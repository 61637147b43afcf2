// Quantize it yourself: a recipe's parts as controls, and at once what they make of the network.

import { byId, element } from '../dom.js';
import { words } from '../files.js';
import { near } from '../near.js';
import { best } from '../panel.js';
import { samples } from '../samples.js';
import { button, labOf, percent, sorry, styled, worker } from './lab.js';
import { activations, weights } from './make-pictures.js';
import { recipeOf } from './maker.js';
import { Tries } from './tries.js';

/** @import { Session } from '../session.js' */
/** @import { Catalog } from '../pkg/lab.js' */

const WIDTHS = ['8', '7', '6', '5', '4', '3', '2', 'ternary', 'binary'];

/**
 * A control of a part of the recipe: a choice, or a box.
 * @typedef {{ part: string, label: string, id: string, choices?: [string, string][] }} Control
 */

/** @param {Session} session */
export async function open(session) {
  await styled();
  /** @type {Catalog} */
  const catalog = await worker.call('catalog');
  const about = element('p', { class: 'small', 'data-testid': 'recipe-about' });
  const named = catalog.recipes.map(({ name, about: text, recipe }) => {
    const made = button(name, `recipe-${name}`, () => choose(recipe), { title: text });
    return { made, recipe, text };
  });
  const controls = element('div', { class: 'parts' });
  const answer = element('p', { class: 'verdict', role: 'status', 'data-testid': 'make-answer' });
  const figures = element('div', { class: 'figures' });
  const tries = new Tries(session, choose);

  /** @param {string} recipe */
  function choose(recipe) {
    session.update({ recipe });
  }

  /** The parts of the recipe that is shown, by name. @type {Record<string, string>} */
  let parts = {};
  /** The recipe that is shown. */
  let shown = '';
  const current = () => recipeOf(session.state) ?? shown;
  const change = async (/** @type {string} */ part, /** @type {string} */ value) => {
    try {
      choose(await worker.call('recipeWith', current(), part, value));
    } catch (error) {
      answer.textContent = `This cannot be: ${words(error)}.`;
      show();
    }
  };
  /** @type {Map<string, HTMLInputElement | HTMLSelectElement>} */
  const inputs = new Map();
  controls.replaceChildren(...controlsOf(catalog).map((control) => made(catalog, control, inputs, change, () => parts)));
  const show = async () => {
    const { scheme, networks, recipe: chosen } = session.state;
    const { file } = networks.int8.loaded ?? {};
    const told = recipeOf(session.state) ?? (file ? undefined : `scheme=${scheme}`);
    ({ recipe: shown, parts } = await worker.call('recipeParts', told, file));
    for (const [id, input] of inputs) {
      const value = valueOf(id, parts);
      if (input instanceof HTMLInputElement) input.checked = value === 'true';
      else select(input, value);
    }
    for (const { made, recipe } of named) made.setAttribute('aria-pressed', String(recipe === chosen));
    about.textContent = named.find(({ recipe }) => recipe === chosen)?.text ?? `The recipe: ${shown}`;
  };
  session.subscribe((state, before) => {
    const { int8 } = state.networks;
    const isOther = int8.loaded !== before.networks.int8.loaded;
    if (isOther || state.recipe !== before.recipe || state.scheme !== before.scheme || state.own !== before.own) show();
    if (int8 === before.networks.int8) return;
    if (int8.phase === 'loading') answer.textContent = `Making the network${int8.share > 0 && int8.share < 1 ? `: ${percent(int8.share, 0)}` : ' …'}`;
    if (int8.phase === 'failed') answer.textContent = `This cannot be made: ${int8.trouble}.`;
  });
  await show();
  // Whole from the start, and what comes later comes below: nothing that is in sight moves.
  tries.element.hidden = true;
  byId('make-body').replaceChildren(
    element('div', { class: 'controls', role: 'group', 'aria-label': 'Recipes with a name' }, ...named.map(({ made }) => made)),
    about,
    controls,
    answer,
    element('p', { class: 'controls' }, ...extras(session)),
    figures,
    tries.element,
  );
  // The pictures need the test digits: they come when somebody looks, or has made a network.
  let isSeen = false;
  const draw = async () => {
    if (!session.isReady || !(isSeen || recipeOf(session.state))) return;
    try {
      const lab = labOf(session);
      const reading = await said(session);
      answer.textContent = reading;
      const pictures = await lab.ask('pictures', Number(parts['activation-bits']));
      answer.textContent = `${reading} Its weights take ${(pictures.weightBytes / 1000).toFixed(1)} kB; what an inference takes stands beside its answer above.`;
      figures.replaceChildren(weights(pictures), ...activations(pictures, session));
      tries.element.hidden = false;
      tries.made(current(), pictures.weightBytes);
    } catch (error) {
      answer.textContent = sorry(error);
    }
  };
  session.whenAtRest(draw);
  await near(byId('make'));
  isSeen = true;
  if (!figures.hasChildNodes()) await draw();
}

/** What the int8 network of the moment does. @param {Session} session */
async function said(session) {
  const [float, int8] = [session.network('float'), session.network('int8')];
  if (!float || !int8) return '';
  const digits = await samples();
  const right = digits.filter(({ pixels, label }) => best(int8.answer(pixels)) === label).length;
  const { pixels } = session;
  const drawing = pixels
    ? `Your drawing is read as ${best(int8.answer(pixels))} (float32: ${best(float.answer(pixels))}). `
    : '';
  return `${drawing}${right} of the ${digits.length} samples are read right.`;
}

/** @param {Catalog} catalog @returns {Control[]} */
function controlsOf({ observers, roundings }) {
  const widths = WIDTHS.map((width) => /** @type {[string, string]} */ ([width, Number(width) ? `${width} bits` : width]));
  const named = (/** @type {{ name: string }[]} */ list) => list.map(({ name }) => /** @type {[string, string]} */ ([name, name]));
  return [
    { part: 'scheme', label: 'Scheme', id: 'make-scheme', choices: [['static', 'static'], ['fused', 'fused'], ['dynamic', 'dynamic']] },
    ...[1, 2, 3].map((layer) => ({ part: 'weight-bits', label: `Weights of linear${layer}`, id: `weight-bits-${layer}`, choices: widths })),
    { part: 'per-channel', label: 'A weight scale for', id: 'granularity', choices: [['false', 'the whole matrix'], ['true', 'each channel']] },
    { part: 'weight-range', label: 'Range of weights', id: 'weight-range', choices: named(observers) },
    { part: 'rounding', label: 'Rounding', id: 'rounding', choices: named(roundings) },
    { part: 'observer', label: 'Range of activations', id: 'observer', choices: named(observers) },
    { part: 'activation-bits', label: 'Activations', id: 'activation-bits', choices: ['8', '7', '6', '5', '4', '3', '2'].map((bits) => [bits, `${bits} bits`]) },
    { part: 'samples', label: 'Calibration digits', id: 'calibration-digits', choices: [['all', 'all'], ...['1', '10', '100', '1000'].map((count) => /** @type {[string, string]} */ ([count, count]))] },
    { part: 'calibrate', label: 'Taken from', id: 'calibration-set', choices: [['test', 'test digits'], ['train', 'training digits']] },
    { part: 'symmetric', label: 'Zero in the middle', id: 'symmetric' },
    { part: 'equalize', label: 'Equalize channels', id: 'equalize' },
    { part: 'correct-bias', label: 'Correct biases', id: 'correct-bias' },
  ];
}

/**
 * @param {Catalog} catalog
 * @param {Control} control
 * @param {Map<string, HTMLInputElement | HTMLSelectElement>} inputs
 * @param {(part: string, value: string) => void} change
 * @param {() => Record<string, string>} parts
 */
function made(catalog, { part, label, id, choices }, inputs, change, parts) {
  const title = catalog.parts.find(({ name }) => name === part)?.about ?? '';
  const input = choices
    ? element('select', { id, 'data-testid': id }, ...choices.map(([value, text]) => element('option', { value }, text)))
    : element('input', { type: 'checkbox', id, 'data-testid': id });
  input.addEventListener('change', () => {
    const value = input instanceof HTMLInputElement ? String(input.checked) : input.value;
    const layer = /^weight-bits-(\d)$/.exec(id)?.[1];
    if (!layer) return change(part, value);
    const widths = three(parts()['weight-bits']);
    widths[Number(layer) - 1] = value;
    change(part, widths.join());
  });
  inputs.set(id, input);
  return element('div', { class: 'part', title }, element('label', { for: id }, label), input);
}

/** Three widths, which are written as one where they are alike. @param {string} text */
function three(text) {
  const widths = text.split(',');
  return widths.length === 3 ? widths : [widths[0], widths[0], widths[0]];
}

/** @param {string} id @param {Record<string, string>} parts */
function valueOf(id, parts) {
  const layer = /^weight-bits-(\d)$/.exec(id)?.[1];
  if (layer) return three(parts['weight-bits'])[Number(layer) - 1];
  const part = { 'make-scheme': 'scheme', granularity: 'per-channel', 'calibration-digits': 'samples', 'calibration-set': 'calibrate' }[id] ?? id;
  return parts[part];
}

/** Chooses a value, also one that is not in the list. @param {HTMLSelectElement} list @param {string} value */
function select(list, value) {
  if (![...list.options].some((option) => option.value === value)) list.append(element('option', { value }, value));
  list.value = value;
}

/** @param {Session} session */
function extras(session) {
  const back = button('The page’s own int8 network', 'recipe-none', () => session.update({ recipe: undefined, ranges: '' }));
  const outlier = button('Ten times the greatest weight', 'outlier', async () => {
    const { float } = session.state.networks;
    if (!float.loaded) return;
    const file = await worker.call('outlier', float.loaded.file);
    session.update({ own: { name: 'with an outlier', float: file } });
  });
  const mended = button('Without the outlier', 'outlier-gone', () => session.update({ own: undefined }));
  const show = () => (mended.hidden = session.state.own?.name !== 'with an outlier');
  session.subscribe(show);
  show();
  return [back, outlier, mended];
}
