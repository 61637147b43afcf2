// Weights of fewer bits: what becomes of them, of the samples, and of the drawing.

import { bars, histogram, short, table } from './chart.js';
import { byId, element } from './dom.js';
import { words } from './files.js';
import { explainerOf } from './explainer.js';
import { best } from './panel.js';
import { showPixels } from './engine.js';
import { samples, showAbove } from './samples.js';

/** @import { Narrowed } from './pkg/explain.js' */
/** @import { Sample } from './samples.js' */
/** @import { Session } from './session.js' */

const WIDTHS = [2, 3, 4, 5, 6, 7, 8];

/** @param {Session} session */
export async function open(session) {
  const explainer = explainerOf(session);
  const digits = await samples();
  const pick = (/** @type {Uint8Array} */ pixels) => showAbove(session, pixels);
  const slider = element('input', { type: 'range', id: 'width', min: '2', max: '8', value: '4', 'data-testid': 'bits' });
  const output = element('output', { for: 'width', 'data-testid': 'bits-answer' });
  const figures = element('div', { class: 'figures' });
  byId('bits-body').replaceChildren(
    element('p', { class: 'slider' }, element('label', { for: 'width' }, 'Bits per weight'), slider, output),
    figures,
  );
  /** @type {Narrowed[]} */
  let results = [];
  const show = () => {
    const chosen = results.find(({ bits }) => bits === Number(slider.value));
    if (!chosen) return;
    output.textContent = `${chosen.bits} bits: ${right(chosen.correct, digits.length)}${
      chosen.probabilities ? `; your drawing is read as ${best(chosen.probabilities)}` : ''
    }.`;
    figures.replaceChildren(outcome(session, digits, results, chosen), weights(chosen), misread(digits, chosen, pick));
  };
  let latest = 0;
  let seen = explainer.explanation;
  const update = async () => {
    figures.ariaBusy = String(explainer.isStale !== '');
    if (explainer.trouble) output.textContent = `This cannot be computed: ${explainer.trouble}. Reload the page to try again.`;
    if (!explainer.explanation || explainer.trouble || (explainer.explanation === seen && results.length > 0)) return;
    seen = explainer.explanation;
    const turn = ++latest;
    try {
      const made = [];
      for (const bits of WIDTHS) {
        made.push(await explainer.narrow(bits, digits));
        if (turn !== latest) return;
      }
      results = made;
      show();
    } catch (error) {
      output.textContent = `This cannot be computed: ${words(error)}. Reload the page to try again.`;
    }
  };
  slider.addEventListener('input', show);
  explainer.addEventListener('news', update);
  update();
}

/** @param {number} correct @param {number} count */
const right = (correct, count) => `${correct} of the ${count} samples are read right`;

/**
 * What the network can still do.
 * @param {Session} session
 * @param {Sample[]} samples
 * @param {Narrowed[]} results
 * @param {Narrowed} chosen
 */
function outcome(session, samples, results, chosen) {
  const { pixels } = session;
  const float = session.network('float');
  const correct = samples.filter((sample) => float && best(float.answer(sample.pixels)) === sample.label).length;
  const drawing = pixels && float?.answer(pixels);
  const sure = (/** @type {ArrayLike<number> | undefined} */ answer) =>
    answer ? `${best(Array.from(answer))}, ${(100 * Math.max(...Array.from(answer))).toFixed(1)} %` : '–';
  const rows = [
    ...results.map(({ bits, correct, weightBytes, probabilities }) => ({
      name: String(bits), correct, bytes: weightBytes, answer: sure(probabilities), isChosen: bits === chosen.bits, id: `bits-${bits}`,
    })),
    { name: 'float32', correct, bytes: results[0].weightBytes * 16, answer: sure(drawing), isChosen: false, id: 'bits-float' },
  ];
  const list = table(
    'The network by the bits of its weights',
    ['bits', 'weights', 'samples right', 'your drawing'],
    rows.map(({ name, bytes, correct, answer, id }) => [
      name,
      `${(bytes / 1000).toFixed(1)} kB`,
      { text: `${correct} of ${samples.length}`, value: correct, id },
      answer,
    ]),
  );
  rows.forEach(({ isChosen }, index) => list.tBodies[0].rows[index].classList.toggle('chosen', isChosen));
  return element(
    'figure',
    {},
    element('figcaption', {}, element('b', {}, 'What it still reads'), ' samples read right, by the bits of a weight.'),
    bars(
      'Samples read right, by the bits of a weight',
      rows.map(({ name, correct, isChosen }) => ({
        label: name === 'float32' ? name : `${name} bits`,
        value: correct,
        text: String(correct),
        kind: isChosen ? 'amount' : 'rest',
      })),
      { greatest: samples.length },
    ),
    list,
  );
}

/** The weights before and after. @param {Narrowed} chosen */
function weights({ bits, weights }) {
  return element(
    'figure',
    {},
    element(
      'figcaption',
      {},
      element('b', {}, `The weights in ${bits} bits`),
      ' how many of each size, on a logarithmic scale: as an outline in float32, as bars what is left of them.',
    ),
    histogram(
      `Weights of each layer in float32 and in ${bits} bits`,
      weights.map(({ name, limit, before, after }) => ({ label: name, limit, before, after })),
    ),
    table(
      'Weights of each layer',
      ['layer', 'different', 'became 0', 'SQNR'],
      weights.map(({ name, levels, zeros, error }) => [
        name,
        { text: String(levels), value: levels, id: `bits-levels-${name}` },
        `${(100 * zeros).toFixed(0)} %`,
        `${short(error.sqnr)} dB`,
      ]),
    ),
  );
}

/**
 * The samples that go wrong, each one click away from the pad.
 * @param {Sample[]} samples
 * @param {Narrowed} chosen
 * @param {(pixels: Uint8Array) => void} pick
 */
function misread(samples, { bits, digits }, pick) {
  const wrong = samples
    .map(({ label, pixels }, index) => ({ label, pixels, reading: digits[index], name: `sample ${index + 1}` }))
    .filter(({ label, reading }) => label !== reading);
  const buttons = wrong.map(({ label, pixels, reading, name }) => {
    const canvas = element('canvas', { width: '28', height: '28' });
    showPixels(canvas, pixels);
    const button = element('button', { type: 'button', 'aria-label': `${label} → ${reading}: ${name}, a ${label}, is read as ${reading}` }, canvas, `${label} → ${reading}`);
    button.addEventListener('click', () => pick(pixels));
    return button;
  });
  return element(
    'figure',
    {},
    element(
      'figcaption',
      {},
      element('b', {}, `Misread with ${bits} bits`),
      wrong.length > 0 ? ' the samples, what they are → what they are read as; a click puts one on the pad.' : ' none of the samples.',
    ),
    element('div', { class: 'misread', 'data-testid': 'bits-misread' }, ...buttons),
  );
}
