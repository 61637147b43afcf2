// What the laboratory computes, beside the page: drawing never waits for it.

import { answer } from '../answering-worker.js';
import { Module } from '../files.js';
import { hasSimd } from '../kernels.js';
import { readDigits } from './mnist.js';

/** @import { Report } from '../answering-worker.js' */
/** @import { Networks, Product, Workshop } from '../pkg/lab.js' */

const MODULE = new Module(
  new URL('../pkg/lab_bg.wasm', import.meta.url),
  new URL('../pkg/lab.js', import.meta.url),
  () => import('../pkg/lab.js'),
);
/** @type {typeof import('../pkg/lab.js')} */
let lab;

const PIXELS = 784;
/** Digits between two pieces of news. */
const CHUNK = 250;
/** Digits whose activations are drawn. */
const PICTURED = 500;

/** @type {Networks | undefined} */
let networks;

/** The networks, which were given before anything is asked about them. */
function given() {
  if (!networks) throw new Error('the two networks do not fit together');
  return networks;
}

/** @type {Record<string, (report: Report, ...args: any[]) => unknown>} */
const TASKS = {
  /** @param {Report} _ @param {Uint8Array} float @param {Uint8Array} int8 */
  use(_, float, int8) {
    networks?.free();
    networks = undefined;
    networks = new lab.Networks(float, int8);
  },
  /** @param {Report} _ @param {number} layer @param {number} index @param {Uint8Array} pixels */
  neuron: (_, layer, index, pixels) => given().neuron(layer, index, pixels),
  /** @param {Report} _ @param {Uint8Array} pixels */
  neurons: (_, pixels) => given().neurons(pixels),
  /** @param {Report} _ @param {Uint8Array} pixels */
  walk: (_, pixels) => given().walk(pixels),
  /** @param {Report} _ @param {Uint8Array} pixels */
  answers: (_, pixels) => given().answers(pixels),
  trial,
  mix,
  make,
  train,
  retrain,
  pictures,
  catalog: () => lab.catalog(),
  /** A recipe and its parts; without one, that of an int8 file. @param {Report} _ @param {string | undefined} given @param {Uint8Array} file */
  recipeParts(_, given, file) {
    const recipe = given ?? lab.recipeOfFile(file);
    return { recipe, parts: lab.recipeParts(recipe) };
  },
  /** @param {Report} _ @param {string} recipe @param {string} part @param {string} value */
  recipeWith: (_, recipe, part, value) => lab.recipeWith(recipe, part, value),
  /** @param {Report} _ @param {string} recipe */
  recipeJson: (_, recipe) => lab.recipeJson(recipe),
  /** @param {Report} _ @param {string} json */
  recipeOfJson: (_, json) => lab.recipeOfJson(json),
  /** @param {Report} _ @param {Uint8Array} file */
  outlier: (_, file) => lab.withOutlier(file, 10),
  /** @param {Report} _ @param {Uint8Array} colours @param {number} width @param {number} height */
  picture: (_, colours, width, height) => lab.readPicture(colours, width, height),
  /** @param {Report} _ @param {Uint8Array} file @param {string} scaling */
  network(_, file, scaling) {
    const brought = lab.readNetwork(file, scaling);
    const { kind, hidden, notes, float, int8 } = brought;
    brought.free();
    return { kind, hidden: Array.from(hidden), notes, float, int8 };
  },
  /** @param {Report} _ @param {Uint8Array} file */
  onnx: (_, file) => lab.writeOnnx(file),
};

/**
 * Both networks on all test digits.
 * @param {Report} report
 */
async function trial(report) {
  // Its own copies of the networks: others may be chosen meanwhile.
  const trial = new lab.Trial(given());
  const { pixels, ...about } = await onDigits(report, trial, Infinity);
  const verdicts = trial.verdicts();
  trial.free();
  const pictures = verdicts.cases.map(({ index }) => pixels.slice(PIXELS * index, PIXELS * (index + 1)));
  return { ...verdicts, ...about, pictures };
}

/**
 * Every mixture of float and int8 layers on the first test digits.
 * @param {Report} report
 * @param {number} count
 */
async function mix(report, count) {
  const mixer = new lab.Mixer(given());
  const { source, isTest } = await onDigits(report, mixer, count);
  const mixtures = mixer.mixtures();
  mixer.free();
  return { ...mixtures, source, isTest };
}

/**
 * Gives the first test digits to something that reads them, in pieces, so that others are heard between them.
 * @param {Report} report
 * @param {{ add: (pixels: Uint8Array, labels: Uint8Array) => void }} reader
 * @param {number} most
 */
async function onDigits(report, reader, most) {
  const digits = await readDigits('test', most, (share) => report({ share }));
  const { pixels, labels } = digits;
  const count = labels.length;
  for (let first = 0; first < count; first += CHUNK) {
    const end = Math.min(first + CHUNK, count);
    reader.add(pixels.subarray(PIXELS * first, PIXELS * end), labels.subarray(first, end));
    report({ done: end, count });
    await new Promise((resolve) => setTimeout(resolve));
  }
  return { ...digits, count };
}

/** The digits of the last recipe stay there. */
let calibration = '';
let training = '';
/** @type {Workshop | undefined} */
let workshop;

/**
 * Gives the workshop the digits that a recipe asks for.
 * @param {string} recipe
 * @param {(share: number) => void} loading
 */
async function supplied(recipe, loading) {
  workshop ??= new lab.Workshop();
  const needs = lab.recipeNeeds(recipe);
  if (needs.calibrates) {
    const { set, digits = Infinity } = needs.calibration;
    const wanted = `${set} ${digits}`;
    if (wanted !== calibration) {
      const { pixels, labels } = await readDigits(set, digits, loading);
      workshop.calibrateWith(pixels, labels);
      calibration = wanted;
    }
  }
  if (needs.retrains) {
    const { digits = Infinity } = needs.training;
    if (String(digits) !== training) {
      const { pixels, labels } = await readDigits('train', digits, loading);
      workshop.trainWith(pixels, labels);
      training = String(digits);
    }
  }
  return workshop;
}

/** The shares of the work that its stages take. @type {Record<string, [number, number]>} */
const STAGES = { calibrate: [0, 0.2], round: [0.2, 0.4], retrain: [0.4, 1] };

/**
 * Makes a network by a recipe.
 * @param {Report} report
 * @param {Uint8Array} float
 * @param {string} recipe
 * @param {string} ranges
 */
async function make(report, float, recipe, ranges) {
  const ready = await supplied(recipe, (share) => report({ share: 0.5 * share }));
  const news = (/** @type {string} */ stage, /** @type {number} */ done) => {
    const [from, to] = STAGES[stage] ?? [0, 1];
    report({ share: 0.5 + 0.5 * (from + (to - from) * done) });
  };
  return made(ready.make(float, recipe, ranges, sparing(news)));
}

/** @param {Product} product */
function made(product) {
  const { file, weightBytes } = product;
  product.free();
  return { file, weightBytes };
}

/**
 * The same function, called no more often than the eye can follow.
 * @template {unknown[]} A
 * @param {(...args: A) => void} tell
 */
function sparing(tell) {
  let last = 0;
  return (/** @type {A} */ ...args) => {
    const now = performance.now();
    if (now - last < 50) return;
    last = now;
    tell(...args);
  };
}

/**
 * What the activations of the first test digits are, and what becomes of the weights.
 * @param {Report} _
 * @param {number} bits of activations
 */
async function pictures(_, bits) {
  const networks = given();
  const { pixels } = await readDigits('test', Infinity).catch(() => ({ pixels: new Uint8Array(PIXELS) }));
  return networks.pictures(pixels.subarray(0, PIXELS * PICTURED), 2 ** bits - 1);
}

/**
 * Trains a network from nothing, as the notebook does: one epoch.
 * @param {Report} report
 */
async function train(report) {
  const [digits, test] = [await readDigits('train', Infinity, (share) => report({ share })), await readDigits('test', Infinity)];
  const news = (/** @type {number} */ done, /** @type {number} */ loss) => report({ done, loss });
  const float = lab.trainFromNothing(digits.pixels, digits.labels, 1, 0, news);
  return { float, digits: digits.labels.length, right: lab.shareRight(float, test.pixels, test.labels), count: test.labels.length };
}

/** Digits by which the climb is watched. */
const WATCHED = 1000;
/** How often it is looked at. */
const LOOKS = 24;

/**
 * Trains a network of few bits back to sense, watched.
 * @param {Report} report
 * @param {Uint8Array} float
 * @param {string} plainly the plainest recipe without training
 * @param {string} rounded the recipe that training starts from
 */
async function retrain(report, float, plainly, rounded) {
  const test = await readDigits('test', Infinity, (share) => report({ share }));
  const accuracy = (/** @type {Uint8Array} */ file) => lab.shareRight(file, test.pixels, test.labels);
  const untrained = async (/** @type {string} */ recipe) => {
    const ready = await supplied(recipe, (share) => report({ share }));
    const right = accuracy(made(ready.make(float, recipe, '', () => {})).file);
    report({ done: 0, right });
    return right;
  };
  const [plain, before] = [await untrained(plainly), await untrained(rounded)];
  const recipe = RETRAINING.reduce((text, [part, value]) => lab.recipeWith(text, part, value), rounded);
  const ready = await supplied(recipe, (share) => report({ share }));
  const few = [test.pixels.subarray(0, PIXELS * WATCHED), test.labels.subarray(0, WATCHED)];
  let looked = 1;
  const sparingly = sparing(report);
  const news = (/** @type {string} */ stage, /** @type {number} */ done, /** @type {number | undefined} */ loss) => {
    if (stage !== 'retrain') return undefined;
    sparingly({ done, loss });
    if (done * LOOKS < looked) return undefined;
    looked = Math.floor(done * LOOKS) + 1;
    return (/** @type {Uint8Array} */ file) => report({ done, right: lab.shareRight(file, few[0], few[1]) });
  };
  const { file } = made(ready.make(float, recipe, '', news));
  return { recipe, plain, before, right: accuracy(file), count: test.labels.length, digits: Number(RETRAINING[1][1]) };
}

/** What is added to a recipe for retraining. */
const RETRAINING = [
  ['retrain', '4'],
  ['retrain-digits', '10000'],
];

answer(waiting(TASKS), () => lab?.panicMessage());

/** The tasks, each once the module is there. @param {typeof TASKS} tasks */
function waiting(tasks) {
  const ready = async () => {
    if (!hasSimd()) throw new Error('this part of the page needs WebAssembly with SIMD, which this browser has not');
    lab = (await MODULE.load()).exports;
  };
  return Object.fromEntries(
    Object.entries(tasks).map(([name, task]) => [name, (/** @type {Report} */ report, /** @type {any[]} */ ...args) => ready().then(() => task(report, ...args))]),
  );
}
