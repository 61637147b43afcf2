// The field's words: a sentence for each, and the number that it has for this drawing.

import { byId, element } from '../dom.js';
import { labOf, percent, real, sorry, styled, whole } from './lab.js';

/** @import { Neuron, Stop } from '../pkg/lab.js' */
/** @import { Session } from '../session.js' */

/** What the numbers are taken from, and what is on the pad, in words. @typedef {{ stops: Stop[], neuron: Neuron, pad: string }} Now */

/**
 * A word: what it means, and its number now.
 * @typedef {{ term: string, id: string, means: string, now: (now: Now) => string }} Word
 */

/** @param {Now} now */
const first = ({ stops }) => stops[1].integers;

/** @type {Word[]} */
const WORDS = [
  {
    term: 'Is it really integers?',
    id: 'integers',
    means: 'Yes: weights and activations are bytes, their products are added up as whole numbers, and only the finished sum is scaled and rounded again.',
    now: ({ neuron: { index, accumulator, products, correction, x }, pad }) =>
      `Neuron ${index} of linear1, for ${pad}: ${whole(x.length)} products of bytes are ${whole(products)}, less ${whole(correction)} for the zero point is ${whole(accumulator)}, exactly.`,
  },
  {
    term: 'Scale',
    id: 'scale',
    means: 'The width of one step: how much of a real number an integer more stands for.',
    now: (now) => (first(now) ? `A step of linear1’s outputs is ${real(first(now)?.scale ?? 0)}.` : '–'),
  },
  {
    term: 'Zero point',
    id: 'zero-point',
    means: 'The integer that stands for exactly 0, so that nothing is lost on blank paper and behind ReLU.',
    now: (now) => (first(now) ? `For linear1 it is ${first(now)?.zeroPoint}.` : '–'),
  },
  {
    term: 'Calibration',
    id: 'calibration',
    means: 'Sending some digits through the float network, to see which numbers occur before any is rounded.',
    now: (now) => `For ${now.pad} linear1 has numbers from ${real(now.stops[1].seen.min, 3)} to ${real(now.stops[1].seen.max, 3)}.`,
  },
  {
    term: 'Observer',
    id: 'observer',
    means: 'What watches during calibration and chooses the range that integers are to cover: all that was seen, or without the rarest.',
    now: (now) => (first(now) ? `linear1’s integers cover ${real(first(now)?.range.min ?? 0, 3)} to ${real(first(now)?.range.max ?? 0, 3)}.` : '–'),
  },
  {
    term: 'Requantize',
    id: 'requantize',
    means: 'Bringing a layer’s large sum back to a byte for the next layer: one multiplication, one rounding.',
    now: ({ neuron: { accumulator, output } }) =>
      output.kind === 'requantized'
        ? `${whole(accumulator)} with its bias, times ${real(output.multiplier)}, becomes the byte ${output.integer}.`
        : `${whole(accumulator)} becomes ${real(output.sum)}, and a byte of the range of all outputs.`,
  },
  {
    term: 'Saturation',
    id: 'saturation',
    means: 'What lies beyond the range that integers cover becomes the last integer: it is clipped.',
    now: (now) => (first(now) ? `Of linear1’s numbers for ${now.pad}, ${percent(first(now)?.clipped ?? 0)} are clipped.` : '–'),
  },
];

/** @param {Session} session */
export async function open(session) {
  await styled();
  const entries = WORDS.map((word) => {
    const number = element('p', { class: 'live', 'data-testid': `word-${word.id}` }, '–');
    const entry = element('details', { id: `word-${word.id}` }, element('summary', {}, word.term), element('p', {}, word.means), number);
    return { ...word, entry, number };
  });
  byId('words-body').replaceChildren(element('div', { class: 'words' }, ...entries.map(({ entry }) => entry)));
  // On paper nobody can open them.
  /** @type {HTMLDetailsElement[]} */
  let closed = [];
  addEventListener('beforeprint', () => {
    closed = entries.map(({ entry }) => entry).filter(({ open }) => !open);
    for (const entry of closed) entry.open = true;
  });
  addEventListener('afterprint', () => {
    for (const entry of closed) entry.open = false;
  });
  const lab = labOf(session);
  session.whenAtRest(async () => {
    if (!session.isReady) return;
    const image = session.pixels ?? new Uint8Array(784);
    try {
      const [stops, { layers }] = await Promise.all([lab.ask('walk', image), lab.ask('neurons', image)]);
      const index = layers[0].indexOf(Math.max(...layers[0]));
      const now = { stops, neuron: await lab.ask('neuron', 1, index, image), pad: session.pixels ? 'this drawing' : 'blank paper' };
      for (const { number, now: tell } of entries) number.textContent = tell(now);
    } catch (error) {
      for (const { number } of entries) number.textContent = sorry(error);
    }
  });
}
