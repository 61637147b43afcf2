// Curves and points of the laboratory, drawn as chart.js draws: SVG in the page's own colours, so that it prints, scales, and follows
// dark and forced colours; a library would bring more weight than these few shapes.

import { svg } from '../chart.js';

const WIDTH = 320;
const HEIGHT = 190;
const [LEFT, RIGHT, TOP, FOOT] = [40, 8, 10, 24];

/** The most letters of a point's name. */
const ROOM = 22;

/** Picture of a name. @param {string} name @param {Node[]} children */
const picture = (name, children) => svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': name }, ...children);

/**
 * A share right on a scale on which each tenth of the errors takes as much room: 90, 99 and 99.9 % are as far from each other.
 * @param {number} share
 */
const rank = (share) => -Math.log10(Math.max(1 - share, 0.001));
const SHARES = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995];

/**
 * @param {number[]} shares
 */
function vertical(shares) {
  const low = Math.min(...shares.map(rank), rank(0.9)) - 0.08;
  const high = Math.max(...shares.map(rank), rank(0.98)) + 0.08;
  const y = (/** @type {number} */ share) => TOP + ((HEIGHT - TOP - FOOT) * (high - rank(share))) / (high - low);
  const marks = SHARES.filter((share) => rank(share) >= low && rank(share) <= high).flatMap((share) => [
    svg('line', { class: 'grid', x1: LEFT, x2: WIDTH - RIGHT, y1: y(share), y2: y(share) }),
    svg('text', { class: 'value', x: LEFT - 4, y: y(share) + 4, 'text-anchor': 'end' }, `${100 * share} %`),
  ]);
  return { y, marks };
}

/**
 * What share is right, against bytes: a point for each.
 * @param {string} name
 * @param {{ bytes: number, share: number, label: string, isPinned: boolean, isLast: boolean }[]} points
 */
export function tradeoff(name, points) {
  const { y, marks } = vertical(points.map(({ share }) => share));
  const all = points.map(({ bytes }) => bytes);
  const [least, most] = [Math.log(Math.min(...all, 20_000) / 1.15), Math.log(Math.max(...all, 95_000) * 1.1)];
  const x = (/** @type {number} */ bytes) => LEFT + ((WIDTH - LEFT - RIGHT) * (Math.log(bytes) - least)) / (most - least);
  const ticks = [5e3, 10e3, 20e3, 40e3, 80e3, 160e3, 320e3].filter((bytes) => x(bytes) >= LEFT && x(bytes) <= WIDTH - RIGHT);
  return picture(name, [
    ...marks,
    ...ticks.flatMap((bytes) => [
      svg('line', { class: 'grid', x1: x(bytes), x2: x(bytes), y1: TOP, y2: HEIGHT - FOOT }),
      svg('text', { class: 'value', x: x(bytes), y: HEIGHT - 8, 'text-anchor': 'middle' }, `${bytes / 1000} kB`),
    ]),
    ...points.map(({ bytes, share, label, isPinned, isLast }) =>
      svg(
        'circle',
        { class: isPinned ? 'amount' : 'dot', cx: x(bytes), cy: y(share), r: isLast ? 6 : 4, ...(isLast ? { stroke: 'currentColor', 'stroke-width': 1.5 } : {}) },
        svg('title', {}, `${label}: ${(100 * share).toFixed(2)} % of the test digits in ${(bytes / 1000).toFixed(1)} kB`),
      ),
    ),
    // A name stands on the side that has room, and as much of it as there is room for.
    ...points.filter(({ isPinned }) => isPinned).map(({ bytes, share, label }) => {
      const isLeft = x(bytes) > WIDTH / 2;
      return svg('text', { x: x(bytes) + (isLeft ? -9 : 9), y: y(share) + 4, 'text-anchor': isLeft ? 'end' : 'start' }, label.length > ROOM ? `${label.slice(0, ROOM - 1)}…` : label);
    }),
  ]);
}

/**
 * The loss of training as a line, and the share right as points.
 * @param {string} name
 * @param {{ at: number, loss: number }[]} losses `at` from 0 to 1
 * @param {{ at: number, share: number }[]} shares
 */
export function training(name, losses, shares) {
  const x = (/** @type {number} */ at) => LEFT + (WIDTH - LEFT - RIGHT) * at;
  const { y, marks } = vertical(shares.length > 0 ? shares.map(({ share }) => share) : [0.1]);
  const most = Math.max(...losses.map(({ loss }) => loss), 1e-9);
  const fall = (/** @type {number} */ loss) => TOP + (HEIGHT - TOP - FOOT) * (1 - loss / most);
  const line = (/** @type {string} */ kind, /** @type {[number, number][]} */ points) =>
    points.length > 1 ? [svg('path', { class: `curve ${kind}`, d: `M${points.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join('L')}` })] : [];
  return picture(name, [
    ...marks,
    ...line('float', losses.map(({ at, loss }) => [x(at), fall(loss)])),
    ...line('int8', shares.map(({ at, share }) => [x(at), y(share)])),
    ...shares.map(({ at, share }) => svg('circle', { class: 'amount', cx: x(at), cy: y(share), r: 3 })),
    svg('text', { class: 'value', x: LEFT, y: HEIGHT - 8 }, 'start'),
    svg('text', { class: 'value', x: WIDTH - RIGHT, y: HEIGHT - 8, 'text-anchor': 'end' }, 'end'),
  ]);
}
