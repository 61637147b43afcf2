// What the laboratory computes, beside the page: drawing never waits for it.

import { readDigits } from './mnist.js';
import init, {
  Mixer,
  Networks,
  Trial,
  catalog,
  panicMessage,
  readNetwork,
  readPicture,
  recipeJson,
  recipeOfJson,
  recipeParts,
  recipeWith,
  shareRight,
  trainFromNothing,
  withOutlier,
} from '../pkg/lab.js';

const PIXELS = 784;
/** Digits between two pieces of news. */
const CHUNK = 250;

const loaded = init();
/** @type {Networks | undefined} */
let networks;

/** The networks, which were given before anything is asked about them. */
function given() {
  if (!networks) throw new Error('the two networks do not fit together');
  return networks;
}

/** @typedef {(news: unknown) => void} Report */
/** @type {Record<string, (report: Report, ...args: any[]) => unknown>} */
const TASKS = {
  /** @param {Report} _ @param {Uint8Array} float @param {Uint8Array} int8 */
  use(_, float, int8) {
    networks?.free();
    networks = undefined;
    networks = new Networks(float, int8);
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
  train,
  catalog: () => catalog(),
  /** @param {Report} _ @param {string} recipe */
  recipeParts: (_, recipe) => recipeParts(recipe),
  /** @param {Report} _ @param {string} recipe @param {string} part @param {string} value */
  recipeWith: (_, recipe, part, value) => recipeWith(recipe, part, value),
  /** @param {Report} _ @param {string} recipe */
  recipeJson: (_, recipe) => recipeJson(recipe),
  /** @param {Report} _ @param {string} json */
  recipeOfJson: (_, json) => recipeOfJson(json),
  /** @param {Report} _ @param {Uint8Array} file */
  outlier: (_, file) => withOutlier(file, 10),
  /** @param {Report} _ @param {Uint8Array} colours @param {number} width @param {number} height */
  picture: (_, colours, width, height) => readPicture(colours, width, height),
  /** @param {Report} _ @param {Uint8Array} file */
  network(_, file) {
    const brought = readNetwork(file);
    const { kind, hidden, float, int8 } = brought;
    brought.free();
    return { kind, hidden: Array.from(hidden), float, int8 };
  },
};

/**
 * Both networks on all test digits.
 * @param {Report} report
 */
async function trial(report) {
  // Its own copies of the networks: others may be chosen meanwhile.
  const trial = new Trial(given());
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
  const mixer = new Mixer(given());
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

/**
 * Trains a network from nothing, as the notebook does: one epoch.
 * @param {Report} report
 */
async function train(report) {
  const [digits, test] = [await readDigits('train', Infinity, (share) => report({ share })), await readDigits('test', Infinity)];
  const news = (/** @type {number} */ done, /** @type {number} */ loss) => report({ done, loss });
  const float = trainFromNothing(digits.pixels, digits.labels, 1, 0, news);
  return { float, digits: digits.labels.length, right: shareRight(float, test.pixels, test.labels), count: test.labels.length };
}

onmessage = async ({ data: { id, task, args } }) => {
  try {
    await loaded;
    postMessage({ id, result: await TASKS[task]((progress) => postMessage({ id, progress }), ...args) });
  } catch (error) {
    postMessage({ id, error: why(error) });
  }
};

/** @param {unknown} error */
function why(error) {
  try {
    const panic = panicMessage();
    if (panic) return panic;
  } catch {
    // The module is not there: the error itself says why.
  }
  return error instanceof Error ? error.message : String(error);
}
