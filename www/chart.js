// Small pictures, and the tables under them.

import { element } from './dom.js';

const WIDTH = 320;
const LABEL = 124;
const VALUE = 62;
const ROW = 22;

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
export function svg(tag, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * A picture with a name.
 * @param {number} height in the units of its children
 * @param {string} name
 * @param {Node[]} children
 * @param {number} [width]
 */
const picture = (height, name, children, width = WIDTH) =>
  svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': name }, ...children);

/**
 * Lengths of bars, one under the other.
 * @param {string} name
 * @param {{ label: string, value: number, text: string, kind?: string }[]} rows
 * @param {{ greatest?: number, mark?: number }} [scale] the value of a full bar, and one to mark in all rows
 */
export function bars(name, rows, { greatest = Math.max(...rows.map(({ value }) => value)), mark } = {}) {
  const place = (/** @type {number} */ value) => (WIDTH - LABEL - VALUE) * Math.min(greatest ? value / greatest : 0, 1);
  const drawn = rows.flatMap(({ label, value, text, kind }, index) => {
    const y = ROW * index;
    return [
      svg('text', { x: 0, y: y + 15 }, label),
      svg('rect', { class: kind ?? 'amount', x: LABEL, y: y + 5, width: Math.max(place(value), 1), height: 12, rx: 1.5 }),
      svg('text', { class: 'value', x: LABEL + place(value) + 6, y: y + 15 }, text),
    ];
  });
  const height = ROW * rows.length;
  const line = mark === undefined ? [] : [svg('line', { class: 'mark', x1: LABEL + place(mark), x2: LABEL + place(mark), y1: 0, y2: height })];
  return picture(height, name, [...line, ...drawn]);
}

/**
 * Ten deviations from 0, up or down.
 * @param {string} name
 * @param {number[]} values
 * @param {number} [band] what is no more than this, up or down, lies in a band
 */
export function deviations(name, values, band = 0) {
  const [top, middle, left] = [8, 71, 40];
  const limit = Math.max(...values.map(Math.abs), band) || 1;
  const y = (/** @type {number} */ value) => middle - ((middle - top) * value) / limit;
  const width = (WIDTH - left) / values.length;
  const rule = (/** @type {number} */ value, /** @type {string} */ text) => [
    svg('line', { class: 'rule', x1: left, x2: WIDTH, y1: y(value), y2: y(value) }),
    svg('text', { class: 'value', x: left - 6, y: y(value) + 4, 'text-anchor': 'end' }, text),
  ];
  return picture(156, name, [
    svg('rect', { class: 'band', x: left, width: WIDTH - left, y: y(band), height: y(-band) - y(band) }),
    ...rule(limit, `+${short(limit)}`),
    ...rule(-limit, `−${short(limit)}`),
    ...values.flatMap((value, digit) => [
      svg('rect', {
        class: 'amount',
        x: left + width * digit + 0.2 * width,
        width: 0.6 * width,
        y: Math.min(y(value), middle),
        height: Math.abs(y(value) - middle),
      }),
      svg('text', { x: left + width * (digit + 0.5), y: 153, 'text-anchor': 'middle' }, String(digit)),
    ]),
    ...rule(0, '0'),
  ]);
}

/**
 * Values across and their errors up or down, a dot for each; one strip for each layer.
 * @param {string} name
 * @param {{ label: string, text: string, values: number[], errors: number[] }[]} strips
 */
export function scatter(name, strips) {
  const [height, left] = [96, 8];
  const drawn = strips.flatMap(({ label, text, values, errors }, index) => {
    const [top, middle] = [height * index, height * index + 52];
    const [least, most] = [Math.min(0, ...values), Math.max(...values, 1e-9)];
    const limit = Math.max(...errors.map(Math.abs)) || 1;
    const x = (/** @type {number} */ value) => left + ((WIDTH - 2 * left) * (value - least)) / (most - least);
    return [
      svg('text', { x: 0, y: top + 12 }, label),
      svg('text', { class: 'value', x: WIDTH, y: top + 12, 'text-anchor': 'end' }, text),
      svg('line', { class: 'rule', x1: 0, x2: WIDTH, y1: middle, y2: middle }),
      ...values.map((value, at) => svg('circle', { class: 'dot', cx: x(value), cy: middle - (30 * errors[at]) / limit, r: 2.25 })),
    ];
  });
  return picture(height * strips.length, name, drawn);
}

/**
 * Counts before, as an outline, and after, as bars, from `-limit` to `limit`, on a logarithmic scale; one strip for each layer.
 * @param {string} name
 * @param {{ label: string, limit: number, before: number[], after: number[] }[]} strips
 */
export function histogram(name, strips) {
  const [height, room] = [92, 56];
  const drawn = strips.flatMap(({ label, limit, before, after }, index) => {
    const foot = height * index + 74;
    const width = WIDTH / before.length;
    const most = Math.log1p(Math.max(...before, ...after));
    const tall = (/** @type {number} */ count) => (room * Math.log1p(count)) / most;
    const outline = before.map((count, at) => `H${at * width}V${foot - tall(count)}`).join('');
    return [
      svg('text', { x: 0, y: foot - 62 }, label),
      ...after.map((count, at) =>
        svg('rect', { class: 'amount', x: at * width + 0.5, width: width - 1, y: foot - tall(count), height: tall(count) }),
      ),
      svg('path', { class: 'outline', d: `M0 ${foot}${outline}H${WIDTH}V${foot}` }),
      svg('line', { class: 'rule', x1: 0, x2: WIDTH, y1: foot, y2: foot }),
      svg('text', { class: 'value', x: 0, y: foot + 13 }, `−${short(limit)}`),
      svg('text', { class: 'value', x: WIDTH / 2, y: foot + 13, 'text-anchor': 'middle' }, '0'),
      svg('text', { class: 'value', x: WIDTH, y: foot + 13, 'text-anchor': 'end' }, short(limit)),
    ];
  });
  return picture(height * strips.length, name, drawn);
}

/**
 * Samples of times as strokes on a logarithmic scale, their median bold.
 * @param {string} name
 * @param {{ label: string, kind: string, values: number[] }[]} rows in nanoseconds
 * @param {number} width in pixels, which are the units
 */
export function distribution(name, rows, width) {
  const [left, right] = [170, 12];
  const all = rows.flatMap(({ values }) => values);
  const [least, most] = [Math.log(Math.min(...all) / 1.1), Math.log(Math.max(...all) * 1.1)];
  const x = (/** @type {number} */ value) => left + ((width - left - right) * (Math.log(value) - least)) / (most - least);
  const foot = ROW * rows.length + 6;
  const digits = most - least < 3 || width > 600 ? [1, 2, 5] : [1];
  const marks = [10, 100, 1000, 1e4, 1e5, 1e6]
    .flatMap((power) => digits.map((digit) => digit * power))
    .filter((value) => x(value) >= left && x(value) <= width - right);
  return picture(
    foot + 16,
    name,
    [
      ...marks.flatMap((value) => [
        svg('line', { class: 'grid', x1: x(value), x2: x(value), y1: 0, y2: foot }),
        svg('text', { class: 'value', x: x(value), y: foot + 13, 'text-anchor': 'middle' }, String(value / 1000)),
      ]),
      ...rows.flatMap(({ label, kind, values }, index) => {
        const y = ROW * index + 4;
        const stroke = (/** @type {number} */ value, /** @type {string} */ name) =>
          svg('line', { class: `${name} ${kind}`, x1: x(value), x2: x(value), y1: y, y2: y + 15 });
        const middle = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
        return [svg('text', { x: 0, y: y + 12 }, label), ...values.map((value) => stroke(value, 'sample')), stroke(middle, 'median')];
      }),
    ],
    width,
  );
}

const THREE_DIGITS = new Intl.NumberFormat('en', { minimumSignificantDigits: 3, maximumSignificantDigits: 3, useGrouping: false });

/** A number of three digits. @param {number} value */
export function short(value) {
  if (value === Infinity) return '∞';
  return value === 0 ? '0' : THREE_DIGITS.format(value).replace('-', '−');
}

/**
 * A table whose rows begin with their name.
 * @param {string} caption
 * @param {string[]} heads
 * @param {(string | { text: string, value: number | string, id: string })[][]} rows a cell with a value has it as `data-value`,
 *   and `id` as `data-testid`
 */
export function table(caption, heads, rows) {
  const cell = (/** @type {typeof rows[0][0]} */ content) =>
    typeof content === 'string'
      ? element('td', {}, content)
      : element('td', { 'data-value': String(content.value), 'data-testid': content.id }, content.text);
  return element(
    'table',
    {},
    element('caption', {}, caption),
    element('thead', {}, element('tr', {}, ...heads.map((head) => element('th', { scope: 'col' }, head)))),
    element(
      'tbody',
      {},
      ...rows.map(([name, ...cells]) => element('tr', {}, element('th', { scope: 'row' }, String(name)), ...cells.map(cell))),
    ),
  );
}

/**
 * A table that scrolls by itself where it is wider than the page.
 * @param {string} name
 * @param {HTMLTableElement} table
 */
export const scrolled = (name, table) => element('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': name }, table);
