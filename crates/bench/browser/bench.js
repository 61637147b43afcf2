// The benchmark in a browser: every engine, model and batch in turn, round by round, so that a noisy machine hits all alike.
//
// The settings come from settings.json, the rows go to the server that sent the page.

import * as engines from './engines.js';

/** @import { Kernel } from '../../../www/engine.js' */
/** @import { Engine, Job } from './engines.js' */

/**
 * @typedef {object} Digits
 * @property {Uint8Array} pixels `[count, 784]`
 * @property {Float32Array} reals the pixels, normalised
 * @property {Uint8Array} labels
 */
/**
 * @typedef {object} Settings
 * @property {string} engine the address of the page's engine.js
 * @property {Kernel[]} kernels
 * @property {Record<string, string>} peers the folders of other people's engines, by name
 * @property {number[]} batches
 * @property {number} images the images that small batches go through, again and again
 * @property {number} rounds
 * @property {number} milliseconds a sample takes at least so long
 * @property {string} only rows whose name has this in it
 */
/** @typedef {{ engine: string, model: string, batch: number, job: Job, runs: number, correct: number, samples: number[] }} Row */

/** @param {object} message */
const post = (message) => fetch('message', { method: 'POST', body: JSON.stringify(message) });

/** @type {Settings} */
const settings = await (await fetch('settings.json')).json();

try {
  await post({ done: await benchmark() });
} catch (error) {
  await post({ error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) });
}

async function benchmark() {
  const digits = await loadDigits();
  /** @type {Row[]} */
  const rows = [];
  /** @type {string[]} */
  const leftOut = [];
  for (const engine of await allEngines(digits, leftOut)) {
    for (const model of engine.models) {
      for (const batch of settings.batches) {
        const name = `${engine.name} ${model}, batch ${batch}`;
        if (!name.includes(settings.only)) continue;
        await post({ progress: name });
        const job = await engine.prepare(model, batch);
        const correct = await countCorrect(job, batch, digits);
        rows.push({ engine: engine.name, model, batch, job, correct, runs: await warmUp(job, batch), samples: [] });
      }
    }
  }
  for (let round = 0; round < settings.rounds; round++) {
    await post({ progress: `round ${round + 1} of ${settings.rounds}` });
    for (const row of round % 2 ? [...rows].reverse() : rows) {
      row.samples.push((1e6 * (await time(row.job, row.batch, row.runs))) / row.runs / row.batch);
    }
  }
  return {
    timer_step_ns: 1e6 * timerStep(),
    isolated: crossOriginIsolated,
    agent: navigator.userAgent,
    classified: digits.labels.length,
    left_out: leftOut,
    rows: rows.map(({ engine, model, batch, correct, samples }) => ({ engine, model, batch, correct, samples })),
  };
}

/** @returns {Promise<Digits>} */
async function loadDigits() {
  const [pixels, labels] = await Promise.all([engines.bytes('pixels'), engines.bytes('labels')]);
  const { fround } = Math;
  const table = Float32Array.from({ length: 256 }, (_, pixel) =>
    fround(fround(fround(pixel / 255) - fround(0.1307)) / fround(0.3081)),
  );
  return { pixels, labels, reals: Float32Array.from(pixels, (pixel) => table[pixel]) };
}

/**
 * All that this browser can run.
 * @param {Digits} digits
 * @param {string[]} leftOut gets what it cannot, and why: not all have relaxed SIMD
 */
async function allEngines(digits, leftOut) {
  /** @type {Engine[]} */
  const all = [];
  for (const kernel of settings.kernels) {
    try {
      all.push(await engines.digit8(settings.engine, kernel, digits));
    } catch (error) {
      leftOut.push(`digit8 ${kernel}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const { onnxruntime, tensorflow, javascript } = settings.peers;
  if (onnxruntime) all.push(await engines.onnxruntime(new URL(onnxruntime, location.href).href, digits));
  if (tensorflow) {
    all.push(await engines.tensorflow(tensorflow, digits, await engines.tensors('models/float32.safetensors')));
  }
  if (javascript !== undefined) {
    const files = ['models/float32.safetensors', 'models/fused.safetensors'].map(engines.tensors);
    const [float, fused] = await Promise.all(files);
    all.push(await engines.javascript(digits, float, fused));
  }
  return all;
}

/** @param {Job} job @param {number} batch @param {Digits} digits */
async function countCorrect({ run }, batch, { labels }) {
  let correct = 0;
  for (let first = 0; first + batch <= labels.length; first += batch) {
    const logits = await run(first);
    for (let image = 0; image < batch; image++) {
      const ten = logits.subarray(10 * image, 10 * (image + 1));
      if (ten.indexOf(Math.max(...ten)) === labels[first + image]) correct++;
    }
  }
  return correct;
}

/** Milliseconds of so many runs. @param {Job} job @param {number} batch @param {number} runs */
async function time({ run, waits }, batch, runs) {
  const end = Math.max(settings.images, batch);
  let first = 0;
  const start = performance.now();
  for (let count = 0; count < runs; count++) {
    // To wait for what is there already would cost a turn of the event loop.
    if (waits) await run(first);
    else run(first);
    first = first + 2 * batch <= end ? first + batch : 0;
  }
  return performance.now() - start;
}

/** The number of runs that fill a sample, once the engine is warm. @param {Job} job @param {number} batch */
async function warmUp(job, batch) {
  const { milliseconds } = settings;
  for (let runs = 1; ; runs *= 2) {
    // The quickest of three: one alone may be long because the machine was busy with something else.
    const elapsed = Math.min(await time(job, batch, runs), await time(job, batch, runs), await time(job, batch, runs));
    // Twice as long as a sample: by then a browser has optimised what it will.
    if (elapsed >= 2 * milliseconds) return Math.max(1, Math.ceil((runs * milliseconds) / elapsed));
  }
}

/** The smallest step that the clock shows, in milliseconds. */
function timerStep() {
  let step = Infinity;
  for (let changes = 0, last = performance.now(); changes < 20; ) {
    const now = performance.now();
    if (now > last) {
      step = Math.min(step, now - last);
      last = now;
      changes++;
    }
  }
  return step;
}
