// What a recipe does to numbers: the weights with the grid of what can be represented, the activations with the range that is.

import { short, svg, table } from '../chart.js';
import { element } from '../dom.js';
import { figure, percent, real } from './lab.js';

/** @import { Session } from '../session.js' */
/** @import { Pictures, Weights, Spread } from '../pkg/lab.js' */

const WIDTH = 320;
/** The most lines that a grid shows: of more, nobody sees the space between. */
const LINES = 40;
const TENSORS = ['quant', 'linear1', 'linear2', 'linear3'];
/** Parts of a handle's way. */
const STEPS = 1000;

/**
 * @param {number} height
 * @param {string} name
 * @param {Node[]} children
 */
const picture = (height, name, children) => svg('svg', { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': name }, ...children);

/** The weights of the three layers. @param {Pictures} pictures */
export function weights({ weights }) {
  const [height, room] = [104, 56];
  const drawn = weights.flatMap((layer, at) => {
    const { name, limit, before, after } = layer;
    const foot = height * at + 84;
    const width = WIDTH / before.length;
    const most = Math.log1p(Math.max(...before, ...after));
    const tall = (/** @type {number} */ count) => (room * Math.log1p(count)) / most;
    const outline = before.map((count, bar) => `H${bar * width}V${foot - tall(count)}`).join('');
    return [
      svg('text', { x: 0, y: foot - 70 }, `${name}: ${grid(layer)}`),
      ...values(layer).map((value) => {
        const x = (WIDTH * (value / limit + 1)) / 2;
        return svg('line', { class: 'level', x1: x, x2: x, y1: foot - room - 4, y2: foot });
      }),
      ...after.map((count, bar) => svg('rect', { class: 'amount', x: bar * width + 0.5, width: width - 1, y: foot - tall(count), height: tall(count) })),
      svg('path', { class: 'outline', d: `M0 ${foot}${outline}H${WIDTH}V${foot}` }),
      svg('line', { class: 'rule', x1: 0, x2: WIDTH, y1: foot, y2: foot }),
      svg('text', { class: 'value', x: 0, y: foot + 13 }, `−${short(limit)}`),
      svg('text', { class: 'value', x: WIDTH / 2, y: foot + 13, 'text-anchor': 'middle' }, '0'),
      svg('text', { class: 'value', x: WIDTH, y: foot + 13, 'text-anchor': 'end' }, short(limit)),
    ];
  });
  return figure(
    'The weights',
    'how many of each size, on a logarithmic scale: as an outline in float32, as bars what is left of them, and as thin lines all that can be.',
    picture(height * weights.length, 'Weights of each layer before and after, with all that can be represented', drawn),
    table(
      'Weights of each layer',
      ['layer', 'different', 'became 0', 'SQNR'],
      weights.map(({ name, levels, zeros, error }) => [
        name,
        { text: String(levels), value: levels, id: `make-levels-${name}` },
        percent(zeros, 0),
        { text: error.sqnr === Infinity ? 'exact' : `${error.sqnr.toFixed(1)} dB`, value: error.sqnr, id: `make-sqnr-${name}` },
      ]),
    ),
  );
}

/** @param {Weights} layer */
function grid({ scale, least, greatest, perChannel }) {
  const steps = `${String(least).replace('-', '−')} to ${greatest} times ${real(scale, 3)}`;
  return perChannel ? `${steps} (the widest of its channels)` : steps;
}

/** What can be represented, unless it is so much that nobody could see it. @param {Weights} layer */
function values({ scale, least, greatest, limit }) {
  const all = Array.from({ length: greatest - least + 1 }, (_, at) => (least + at) * scale).filter((value) => Math.abs(value) <= limit);
  return all.length <= LINES ? all : [];
}

/**
 * The activations of the four tensors, each with the range of its integers and handles to move it; none in a dynamic network, which
 * takes the range of each image.
 * @param {Pictures} pictures
 * @param {Session} session
 */
export function activations({ spreads, ranges }, session) {
  if (!ranges) return [];
  return [
    figure(
      'The activations',
      'calibration digits’ values on their way through the float network, on a logarithmic scale; in the band: the range that integers cover. Move its ends, and see what it costs.',
      ...spreads.flatMap((spread, at) => tensor(spread, ranges, at, session)),
    ),
  ];
}

/**
 * @param {Spread} spread
 * @param {{ min: number, max: number }[]} ranges
 * @param {number} at
 * @param {Session} session
 */
function tensor({ seen, counts }, ranges, at, session) {
  const name = TENSORS[at] === 'quant' ? 'pixels' : TENSORS[at];
  const { min, max } = ranges[at];
  const [low, high] = [Math.min(seen.min, min, 0), Math.max(seen.max, max)];
  const x = (/** @type {number} */ value) => (WIDTH * (value - low)) / (high - low || 1);
  const [foot, room] = [70, 48];
  const most = Math.log1p(Math.max(...counts));
  const width = (x(seen.max) - x(seen.min)) / counts.length;
  const drawn = [
    svg('rect', { class: 'band', x: x(min), width: Math.max(x(max) - x(min), 1), y: 16, height: foot - 16 }),
    svg('text', { x: 0, y: 11 }, name),
    svg('text', { class: 'value', x: WIDTH, y: 11, 'text-anchor': 'end' }, `${real(min, 3)} to ${real(max, 3)}`),
    ...counts.map((count, bar) => {
      const tall = (room * Math.log1p(count)) / most;
      return svg('rect', { class: 'amount', x: x(seen.min) + bar * width, width: Math.max(width - 0.5, 0.5), y: foot - tall, height: tall });
    }),
    svg('line', { class: 'rule', x1: 0, x2: WIDTH, y1: foot, y2: foot }),
  ];
  const handle = (/** @type {'least' | 'greatest'} */ end) => {
    const value = end === 'least' ? min : max;
    const input = element('input', {
      type: 'range',
      min: '0',
      max: String(STEPS),
      value: String((STEPS * (value - low)) / (high - low || 1)),
      'aria-label': `${end} value of ${name} that integers cover`,
      'data-testid': `range-${end}-${TENSORS[at]}`,
      'data-value': String(value),
    });
    const real = () => low + ((high - low) * Number(input.value)) / STEPS;
    input.setAttribute('aria-valuetext', short(value));
    input.addEventListener('change', () => {
      const moved = ranges.map((range) => ({ ...range }));
      if (end === 'least') moved[at].min = Math.min(real(), 0, moved[at].max);
      else moved[at].max = Math.max(real(), 0, moved[at].min);
      session.update({ ranges: moved.map(({ min, max }) => `${Number(min.toPrecision(6))}:${Number(max.toPrecision(6))}`).join() });
    });
    return input;
  };
  return [picture(74, `Values of ${name}, and the range that integers cover`, drawn), element('div', { class: 'handles' }, handle('least'), handle('greatest'))];
}
