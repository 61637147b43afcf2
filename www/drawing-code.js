// Drawings as text that fits into an address, and back: to the bit, so that whoever opens a link sees the same answers.

/** @import { Drawing, Point } from './session.js' */

/** Coordinates are kept as 12 bits, from half a pad outside of it on one side to half a pad on the other. */
const STEPS = 2048;
const OUTSIDE = 0.5;
/** No point that is left out lies further from the line than this. */
const TOLERANCE = 0.004;
const PIXELS = 784;

/**
 * A stroke with few points, each on the grid of what the text can say: what a finished stroke becomes.
 * @param {Point[]} stroke
 * @returns {Point[]}
 */
export function settled(stroke) {
  const points = stroke.map(([x, y]) => /** @type {Point} */ ([real(whole(x)), real(whole(y))]));
  return points.length < 3 ? points : simplified(points, 0, points.length - 1);
}

/** @param {number} coordinate */
const whole = (coordinate) => Math.min(Math.max(Math.round((coordinate + OUTSIDE) * STEPS), 0), 2 * STEPS - 1);

/** @param {number} step */
const real = (step) => step / STEPS - OUTSIDE;

/**
 * The points between two that a line cannot do without (Douglas and Peucker 1973), with both.
 * @param {Point[]} points
 * @param {number} first
 * @param {number} last
 * @returns {Point[]}
 */
function simplified(points, first, last) {
  const [[x, y], [toX, toY]] = [points[first], points[last]];
  const length = Math.hypot(toX - x, toY - y);
  let [furthest, distance] = [first, 0];
  for (let at = first + 1; at < last; at++) {
    const [dx, dy] = [points[at][0] - x, points[at][1] - y];
    const off = length > 0 ? Math.abs(dx * (toY - y) - dy * (toX - x)) / length : Math.hypot(dx, dy);
    if (off > distance) [furthest, distance] = [at, off];
  }
  if (distance <= TOLERANCE) return first === last ? [points[first]] : [points[first], points[last]];
  return [...simplified(points, first, furthest).slice(0, -1), ...simplified(points, furthest, last)];
}

/**
 * The text of a drawing; nothing if nothing is drawn.
 * @param {Drawing} drawing
 */
export function written({ strokes, picture }) {
  if (picture) return `p${base64(packed(picture))}`;
  if (strokes.length === 0) return undefined;
  /** @type {number[]} */
  const bytes = [];
  for (const stroke of strokes) {
    bytes.push(stroke.length >> 8, stroke.length & 255);
    for (const [x, y] of stroke) {
      const [a, b] = [whole(x), whole(y)];
      bytes.push(a >> 4, ((a & 15) << 4) | (b >> 8), b & 255);
    }
  }
  return `s${base64(bytes)}`;
}

/**
 * The drawing of a text; nothing if it is none.
 * @param {string} text
 * @returns {Drawing | undefined}
 */
export function drawn(text) {
  const bytes = unbase64(text.slice(1));
  if (!bytes) return undefined;
  if (text[0] === 'p') {
    const picture = unpacked(bytes);
    return picture && { strokes: [], picture, isDown: false };
  }
  if (text[0] !== 's') return undefined;
  /** @type {Point[][]} */
  const strokes = [];
  for (let at = 0; at < bytes.length; ) {
    const count = (bytes[at] << 8) | bytes[at + 1];
    at += 2;
    if (!(count > 0) || at + 3 * count > bytes.length) return undefined;
    strokes.push(
      Array.from({ length: count }, (_, point) => {
        const [a, b, c] = bytes.subarray(at + 3 * point);
        return [real((a << 4) | (b >> 4)), real(((b & 15) << 8) | c)];
      }),
    );
    at += 3 * count;
  }
  return strokes.length > 0 ? { strokes, isDown: false } : undefined;
}

/** An image as runs: so many pixels of paper, so many that follow. @param {Uint8Array} picture */
function packed(picture) {
  /** @type {number[]} */
  const bytes = [];
  for (let at = 0; at < PIXELS; ) {
    let paper = 0;
    while (at < PIXELS && picture[at] === 0 && paper < 255) [paper, at] = [paper + 1, at + 1];
    const start = at;
    while (at < PIXELS && picture[at] !== 0 && at - start < 255) at++;
    bytes.push(paper, at - start, ...picture.subarray(start, at));
  }
  return bytes;
}

/** @param {Uint8Array} bytes */
function unpacked(bytes) {
  const picture = new Uint8Array(PIXELS);
  let place = 0;
  for (let at = 0; at < bytes.length; ) {
    const [paper, count] = bytes.subarray(at, at + 2);
    const ink = bytes.subarray(at + 2, at + 2 + count);
    if (place + paper + count > PIXELS || ink.length !== count) return undefined;
    picture.set(ink, place + paper);
    place += paper + count;
    at += 2 + count;
  }
  return place === PIXELS ? picture : undefined;
}

/** @param {ArrayLike<number>} bytes */
const base64 = (bytes) => btoa(String.fromCharCode(...Array.from(bytes))).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');

/** @param {string} text */
function unbase64(text) {
  if (!/^[\w-]+$/.test(text)) return undefined;
  try {
    return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
