// The lines that go beyond the pad.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clip } from '../../www/clip.js';

/** @import { Point } from '../../www/session.js' */

/** @type {[string, Point, Point, [Point, Point, boolean, boolean] | undefined][]} */
const CASES = [
  ['within', [0.2, 0.3], [0.8, 0.9], [[0.2, 0.3], [0.8, 0.9], false, false]],
  ['out to the right', [0.5, 0.5], [1.5, 0.5], [[0.5, 0.5], [1, 0.5], false, true]],
  ['in from above', [0.5, -1], [0.5, 0.5], [[0.5, 0], [0.5, 0.5], true, false]],
  ['across a corner', [-0.25, 0.25], [0.25, -0.25], [[0, 0], [0, 0], true, true]],
  ['across, from side to side', [-1, 0.25], [2, 0.75], [[0, 5 / 12], [1, 7 / 12], true, true]],
  ['beyond a corner', [-0.5, 0.4], [0.4, -0.5], undefined],
  ['all of it outside', [1.2, 0.2], [1.4, 0.8], undefined],
  ['along the edge', [0.2, 1], [0.7, 1], [[0.2, 1], [0.7, 1], false, false]],
  ['along a line outside', [0.2, 1.01], [0.7, 1.01], undefined],
  ['a point within', [0.5, 0.5], [0.5, 0.5], [[0.5, 0.5], [0.5, 0.5], false, false]],
  ['a point outside', [-1, 0.5], [-1, 0.5], undefined],
];
for (const [name, from, to, expected] of CASES) {
  test(`a line that goes ${name}`, () => {
    const seen = clip(from, to);
    if (!expected || !seen) return assert.equal(seen, expected);
    const [start, end, enters, leaves] = expected;
    assert.deepEqual([seen.enters, seen.leaves], [enters, leaves]);
    for (const axis of [0, 1]) {
      assert(Math.abs(seen.start[axis] - start[axis]) < 1e-12, `starts at ${seen.start}`);
      assert(Math.abs(seen.end[axis] - end[axis]) < 1e-12, `ends at ${seen.end}`);
    }
    return undefined;
  });
}

test('every part of a line that is clipped lies on the pad and on the line', () => {
  let state = 1;
  const next = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * 4 - 1.5;
  for (let trial = 0; trial < 10_000; trial++) {
    const [from, to] = [[next(), next()], [next(), next()]].map((point) => /** @type {Point} */ (point));
    const seen = clip(from, to);
    for (const [x, y] of seen ? [seen.start, seen.end] : []) {
      assert(x >= 0 && x <= 1 && y >= 0 && y <= 1);
      const beside = (to[0] - from[0]) * (y - from[1]) - (to[1] - from[1]) * (x - from[0]);
      assert(Math.abs(beside) < 1e-9, `${x}, ${y} is ${beside} beside the line`);
    }
    // What is seen of it in a hundred steps is what the clipped line has.
    for (let step = 0; step <= 100; step++) {
      const [x, y] = [0, 1].map((axis) => from[axis] + (step / 100) * (to[axis] - from[axis]));
      if (x > 1e-9 && x < 1 - 1e-9 && y > 1e-9 && y < 1 - 1e-9) assert(seen, `${from} to ${to} is seen at ${x}, ${y}`);
    }
  }
});
