// What visitors draw is read: every style of every digit that the program draws by rule, with a real pointer; upright, slanted,
// narrow, wide, tiny and huge.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { pageTest, stroke, text } from './harness.js';

/** @import { Page } from 'playwright-core' */
/** @typedef {[number, number]} Point */

/** The styles of each digit: strokes of points in fractions of the height, a mark that a curve turns sharply there. */
const styles = await (async () => {
  const source = await readFile(new URL('../../crates/core/src/drawn.rs', import.meta.url), 'utf8');
  const digits = source.slice(source.indexOf('const STYLES')).split('&[').slice(2);
  return digits.map((digit) => [...digit.matchAll(/"([\d,!| ]+)"/g)].map(([, style]) => style.split('|').map(curve)));
})();

/**
 * A curve through the points of a stroke (Catmull and Rom), as `drawn.rs` has it.
 * @param {string} marks
 * @returns {Point[]}
 */
function curve(marks) {
  const points = marks.trim().split(/\s+/).flatMap((mark) => {
    const [x, y] = mark.replace('!', '').split(',').map((value) => Number(value) / 100);
    /** @type {Point[]} */
    const point = [[x, y]];
    return mark.endsWith('!') ? [...point, ...point] : point;
  });
  const at = (/** @type {number} */ index) => points[Math.max(0, Math.min(points.length - 1, index))];
  /** @type {Point[]} */
  const line = [];
  for (let index = 0; index + 1 < points.length; index += 1) {
    const corners = [-1, 0, 1, 2].map((step) => at(index + step));
    for (let t = 0; t < 1; t += 0.25) {
      const [x, y] = [0, 1].map((axis) => {
        const [a, b, c, d] = corners.map((corner) => corner[axis]);
        return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t ** 3);
      });
      line.push([x, y]);
    }
  }
  return [...line, points[points.length - 1]];
}

/**
 * Draws strokes in the middle of the pad.
 * @param {Page} page
 * @param {Point[][]} strokes
 * @param {{ height?: number, slant?: number, width?: number }} change the height as a share of the pad's, the slant in degrees, the
 *   width as a factor
 */
async function drawStrokes(page, strokes, { height = 0.7, slant = 0, width = 1 }) {
  const changed = strokes.map((line) =>
    line.map(([x, y]) => /** @type {Point} */ ([(x - Math.tan((slant * Math.PI) / 180) * (y - 0.5)) * width, y])),
  );
  const all = changed.flat();
  const middle = [0, 1].map((axis) => {
    const values = all.map((point) => point[axis]);
    return (Math.min(...values) + Math.max(...values)) / 2;
  });
  const extent = Math.max(...all.map(([x]) => Math.abs(x - middle[0])), 0.5) * 2;
  const scale = Math.min(height, 0.95 / extent);
  for (const line of changed) {
    await stroke(page, line.map(([x, y]) => [0.5 + (x - middle[0]) * scale, 0.5 + (y - middle[1]) * scale]), 1);
  }
}

/** How drawings are changed, and the least share of them that both networks have to read. */
const CHANGES = /** @type {const} */ ([
  ['as they are', {}, 0.95],
  ['slanted to the left', { slant: -25 }, 0.85],
  ['slanted to the right', { slant: 25 }, 0.85],
  ['half as wide', { width: 0.5 }, 0.85],
  ['twice as wide', { width: 2 }, 0.85],
  ['tiny', { height: 0.1 }, 0.85],
  ['huge', { height: 0.95 }, 0.95],
]);

for (const [name, change, least] of CHANGES) {
  pageTest(`digits of all styles are read, ${name}`, { timeout: 300_000 }, async (page) => {
    /** @type {string[]} */
    const misread = [];
    let drawn = 0;
    for (const [digit, ofDigit] of styles.entries()) {
      // All styles once; changed ones, every third.
      for (const strokes of name === 'as they are' ? ofDigit : ofDigit.filter((_, index) => index % 3 === 0)) {
        await page.getByTestId('clear').click({ force: true });
        await drawStrokes(page, strokes, change);
        const answers = [await text(page, 'float-digit'), await text(page, 'int8-digit')];
        drawn += 1;
        if (answers.some((answer) => answer !== String(digit))) misread.push(`a ${digit} as ${answers.join(' and ')}`);
      }
    }
    const share = 1 - misread.length / drawn;
    console.log(`${name}: ${drawn - misread.length} of ${drawn} read right${misread.length ? `; ${misread.join(', ')}` : ''}`);
    assert(share >= least, `${name}: ${misread.join(', ')}`);
  });
}
