// The visitor's benchmark: both networks, every kernel, one digit and a thousand, round by round, so that a noisy machine hits
// all alike.

import { answer } from './answering-worker.js';
import { Network, kernels, load, panic } from './engine.js';
import { callsFor, sampleLength, timerStep } from './timing.js';

/** @import { Report } from './answering-worker.js' */
/** @import { Measured } from './bench-report.js' */

/** @typedef {{ float: Uint8Array, int8: Uint8Array, scheme: string, samples: Uint8Array, labels: Uint8Array, rounds: number }} Task */

const BATCHES = [1, 1000];
const PIXELS = 784;
/** A sample lasts so many steps of the clock, but a millisecond at least, and no longer than patience. */
const STEPS = 50;
const PATIENCE = 20;
/** Rounds where the clock is too coarse for that, and each sample takes long. */
const FEW_ROUNDS = 10;

answer({ run }, panic);

/**
 * Tells of every round, and what was found until then.
 * @param {Report} report
 * @param {Task} task
 */
async function run(report, { float, int8, scheme, samples, labels, rounds: wanted }) {
  await load('scalar');
  const step = await timerStep();
  if (!Number.isFinite(step)) throw new Error('this browser’s clock stands still, so nothing can be timed by it');
  const short = sampleLength(step, PATIENCE, STEPS);
  const least = short ?? /** @type {number} */ (sampleLength(step, Infinity));
  const rounds = short === undefined ? FEW_ROUNDS : wanted;
  const jobs = [];
  for (const kernel of kernels()) {
    await load(kernel);
    for (const [model, file] of /** @type {const} */ ([['float32', float], [scheme, int8]])) {
      for (const batch of BATCHES) {
        const network = new Network(file, batch);
        const images = inputs(samples, batch);
        const time = (/** @type {number} */ calls) => network.time(images, batch, calls);
        const calls = callsFor(time, least, 2);
        jobs.push({ kernel, model, batch, ...judge(new Network(file), samples, labels), time, calls, times: /** @type {number[]} */ ([]) });
        report({ done: 0, rounds, text: `${kernel} ${model}, batch ${batch}` });
      }
    }
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { time, calls, batch, times } of round % 2 ? jobs : [...jobs].reverse()) {
      times.push((1e6 * time(calls)) / calls / batch);
    }
    /** @type {Measured[]} */
    const rows = jobs.map(({ kernel, model, batch, correct, logits, calls, times }) => ({ kernel, model, batch, correct, logits, calls, times }));
    report({ done: round, rounds, found: { step, classified: labels.length, rows } });
  }
}

/**
 * The samples, repeated until they fill a batch.
 * @param {Uint8Array} samples
 * @param {number} batch
 */
function inputs(samples, batch) {
  const count = samples.length / PIXELS;
  if (count >= batch) return samples;
  const images = new Uint8Array(PIXELS * batch);
  for (let at = 0; at < images.length; at += samples.length) images.set(samples.subarray(0, images.length - at), at);
  return images;
}

/**
 * What a network makes of the samples: how many are right, and the bits of all logits.
 * @param {Network} network
 * @param {Uint8Array} samples
 * @param {Uint8Array} labels
 */
function judge(network, samples, labels) {
  let correct = 0;
  let logits = '';
  labels.forEach((label, index) => {
    const ten = network.logits(samples.subarray(PIXELS * index, PIXELS * (index + 1)));
    if (ten.indexOf(Math.max(...ten)) === label) correct++;
    logits += `${ten.join()};`;
  });
  network.free();
  return { correct, logits };
}
