// The visitor's benchmark: both networks, every kernel, one digit and a thousand, round by round, so that a noisy machine hits
// all alike.

import { Network, kernels, load, timerStep } from './engine.js';

/** @import { Measured } from './bench-report.js' */

/** @typedef {{ float: Uint8Array, int8: Uint8Array, scheme: string, samples: Uint8Array, labels: Uint8Array, rounds: number }} Task */

const BATCHES = [1, 1000];
const PIXELS = 784;
/** A sample lasts at least so many steps of the timer, but a millisecond at least, and no longer than patience. */
const STEPS = 50;
const PATIENCE = 20;

onmessage = async (/** @type {MessageEvent<Task>} */ { data }) => {
  try {
    await run(data);
  } catch (error) {
    postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};

/** @param {Task} task */
async function run({ float, int8, scheme, samples, labels, rounds }) {
  const step = timerStep();
  const least = Math.min(Math.max(1, STEPS * step), PATIENCE);
  const jobs = [];
  for (const kernel of kernels()) {
    await load(kernel);
    for (const [model, file] of /** @type {const} */ ([['float32', float], [scheme, int8]])) {
      for (const batch of BATCHES) {
        const job = prepare(new Network(file, batch), samples, batch);
        jobs.push({ kernel, model, batch, ...judge(new Network(file), samples, labels), job, calls: warmUp(job, least), times: /** @type {number[]} */ ([]) });
        postMessage({ progress: { done: 0, rounds, text: `${kernel} ${model}, batch ${batch}` } });
      }
    }
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { job, calls, batch, times } of round % 2 ? jobs : [...jobs].reverse()) {
      times.push((1e6 * time(job, calls)) / calls / batch);
    }
    /** @type {Measured[]} */
    const rows = jobs.map(({ kernel, model, batch, correct, logits, calls, times }) => ({ kernel, model, batch, correct, logits, calls, times }));
    postMessage({ progress: { done: round, rounds }, result: { step, classified: labels.length, rows } });
  }
}

/**
 * One call after the other, walking through the samples.
 * @param {Network} network
 * @param {Uint8Array} samples
 * @param {number} batch
 */
function prepare(network, samples, batch) {
  const count = samples.length / PIXELS;
  const inputs = Array.from({ length: batch === 1 ? count : 1 }, (_, first) => {
    const pixels = new Uint8Array(PIXELS * batch);
    for (let image = 0; image < batch; image++) {
      const from = PIXELS * ((first + image) % count);
      pixels.set(samples.subarray(from, from + PIXELS), PIXELS * image);
    }
    return pixels;
  });
  let at = 0;
  return () => {
    network.logits(inputs[at]);
    at = at + 1 < inputs.length ? at + 1 : 0;
  };
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

/** Milliseconds of so many calls. @param {() => void} job @param {number} calls */
function time(job, calls) {
  const start = performance.now();
  for (let call = 0; call < calls; call++) job();
  return performance.now() - start;
}

/** The calls that fill a sample, once the engine is warm. @param {() => void} job @param {number} least in milliseconds */
function warmUp(job, least) {
  for (let calls = 1; ; calls *= 2) {
    // The quickest of three: one alone may be long because the machine was busy with something else.
    const quickest = Math.min(time(job, calls), time(job, calls), time(job, calls));
    // Twice as long as a sample: by then a browser has optimised what it will.
    if (quickest >= 2 * least) return Math.max(1, Math.ceil((calls * least) / quickest));
  }
}
