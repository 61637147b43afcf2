// What of a line can be seen.

/** @import { Point } from './session.js' */

/**
 * The part of a line that lies on the pad, its ends included (Liang and Barsky 1984); nothing if none does.
 * @param {Point} from
 * @param {Point} to
 * @returns {{ start: Point, end: Point, enters: boolean, leaves: boolean } | undefined} whether it comes from beyond the edge, and goes
 *   on beyond it
 */
export function clip(from, to) {
  let [first, last] = [0, 1];
  for (const axis of [0, 1]) {
    const length = to[axis] - from[axis];
    // Where on the line the two edges are, in shares of it; everywhere or nowhere if it runs along them.
    if (length === 0) {
      if (from[axis] < 0 || from[axis] > 1) return undefined;
      continue;
    }
    const edges = [-from[axis] / length, (1 - from[axis]) / length].sort((a, b) => a - b);
    first = Math.max(first, edges[0]);
    last = Math.min(last, edges[1]);
  }
  if (!(first <= last)) return undefined;
  const at = (/** @type {number} */ share) =>
    /** @type {Point} */ ([0, 1].map((axis) => within(from[axis] + share * (to[axis] - from[axis]))));
  return { start: first > 0 ? at(first) : from, end: last < 1 ? at(last) : to, enters: first > 0, leaves: last < 1 };
}

/** The nearest coordinate on the pad. @param {number} coordinate */
export const within = (coordinate) => Math.min(Math.max(coordinate, 0), 1);
