// Times, for the page and for its workers: how long a sample must last, and whether the browser's clock allows an honest one.

import { clockStep } from './engine.js';

/** So often the clock is read at once: less than a frame also where reading it is slow. */
const READINGS = 4000;
/** A sample of fewer steps of the clock is no measurement. */
const LEAST_STEPS = 10;

/** @type {Promise<number> | undefined} */
let step;
/** The step of the browser's clock in milliseconds, found once. */
export const timerStep = () => (step ??= findStep());

async function findStep() {
  const clock = clockStep();
  for (let turn = 0; turn < 60 && clock.watch(READINGS) < 8; turn++) await pause();
  const { least } = clock;
  clock.free();
  return least;
}

/** Lets everything else have its turn. */
export const pause = () => new Promise((resolve) => setTimeout(resolve));

/**
 * Milliseconds that a sample should last, or nothing if that is more than it may.
 * @param {number} step the clock's, in milliseconds
 * @param {number} most milliseconds that it may last
 * @param {number} [steps] of the clock that it should last, if that is not more than it may
 */
export function sampleLength(step, most, steps = LEAST_STEPS) {
  const least = Math.max(1, LEAST_STEPS * step);
  return least > most ? undefined : Math.max(least, Math.min(steps * step, most));
}

/**
 * The calls that fill a sample.
 * @param {(calls: number) => number} time returns milliseconds
 * @param {number} length of a sample, in milliseconds
 * @param {number} [warm] how many times as long to run at the least, for the browser to compile what runs often
 */
export function callsFor(time, length, warm = 1) {
  for (let calls = 4; ; calls *= 2) {
    // The quickest of three where there is time: one alone may be long because the machine was busy with something else.
    const quickest = warm > 1 ? Math.min(time(calls), time(calls), time(calls)) : time(calls);
    if (quickest >= warm * length) return Math.max(1, Math.ceil((calls * length) / quickest));
  }
}
