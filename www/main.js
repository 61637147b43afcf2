// The page: a drawing goes in, two answers come out.

import { choices, readAddress, writeAddress } from './address.js';
import { byId } from './dom.js';
import { hasSimd, image, kernelName, load, panic, timerStep } from './engine.js';
import { Pad } from './pad.js';
import { Panel, best } from './panel.js';
import { showPixels } from './pixels.js';
import { Session } from './session.js';

/** @import { Side } from './session.js' */

const undo = /** @type {HTMLButtonElement} */ (byId('undo'));
const clear = /** @type {HTMLButtonElement} */ (byId('clear'));
const preview = /** @type {HTMLCanvasElement} */ (byId('preview'));
const agreement = byId('agreement');
const NAMES = { float: 'float32', int8: 'int8' };

const pad = new Pad(/** @type {HTMLCanvasElement} */ (byId('pad')));
const panels = { float: new Panel(byId('float'), 'float'), int8: new Panel(byId('int8'), 'int8') };
const session = new Session();
/** What is on its way. @type {Set<Side>} */
const awaited = new Set();
/** What stands below the answers. @type {Promise<unknown> | undefined} */
let chapters;
/** The timer of another measurement. @type {ReturnType<typeof setTimeout> | undefined} */
let remeasure;
/** Whether nothing works any more. */
let stopped = false;

// From here on the page itself says what is wrong.
document.documentElement.dataset.started = '';
readAddress();
pad.pen = choices.values.pen;
pad.addEventListener('change', () => {
  clearTimeout(remeasure);
  answer();
});
pad.addEventListener('done', () => finish());
pad.addEventListener('down', () => say('The pen is down.'));
undo.addEventListener('click', () => pad.undo());
clear.addEventListener('click', () => pad.clear());
choices.pen.addEventListener('input', () => {
  pad.pen = choices.values.pen;
  pad.draw();
  answer();
});
choices.pen.addEventListener('change', () => finish());
for (const choice of [choices.pen, choices.model, choices.scheme]) choice.addEventListener('change', writeAddress);
for (const choice of [choices.model, choices.scheme]) choice.addEventListener('change', () => choose());
addEventListener('keydown', (event) => {
  if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || undo.disabled) return;
  event.preventDefault();
  pad.undo();
});
start();

async function start() {
  if (!hasSimd()) {
    return stop('This browser has no WebAssembly SIMD, which digit8 computes with. A browser of 2021 or later has it.');
  }
  const module = load();
  module.catch((error) => stop(`The program that computes did not load: ${words(error)}. Check the connection and reload the page.`));
  await choose(module);
  if ('serviceWorker' in navigator) await navigator.serviceWorker.register('./sw.js').catch(() => {});
}

/**
 * Brings in the chosen networks, int8 before float32.
 * @param {Promise<unknown>} [module] the module that runs them, while it is on its way
 */
async function choose(module) {
  delete document.documentElement.dataset.ready;
  awaited.add('int8').add('float');
  await bring('int8', module);
  if (!session.isReady && session.networks.int8 && !session.pixels) say('int8 is ready, float32 is loading.');
  chapters ??= openChapters();
  await bring('float', module);
  if (!session.isReady) return;
  document.documentElement.dataset.ready = 'true';
  delete document.documentElement.dataset.state;
  if (session.pixels) finish();
  else say('Ready. Draw a digit.');
}

/**
 * @param {Side} side
 * @param {Promise<unknown>} [module]
 */
async function bring(side, module) {
  const { model, scheme } = choices.values;
  const panel = panels[side];
  const progress = (/** @type {number} */ share) => panel.loading(share);
  try {
    const came = await session.bring(side, model, side === 'float' ? 'float32' : scheme, progress, module);
    awaited.delete(side);
    if (!came) return;
    panel.note({
      kernel: kernelName(),
      size: `${((session.files[side]?.length ?? 0) / 1000).toFixed(1)} kB`,
      arrival: `in ${(performance.now() / 1000).toFixed(2)} s`,
    });
  } catch (error) {
    if (stopped || error instanceof WebAssembly.RuntimeError) return stop(panicked(error));
    const text = `${words(error)}. So ${NAMES[side]} cannot answer: try again, or choose another network.`;
    document.documentElement.dataset.state = 'error';
    say(text);
    awaited.delete(side);
    panel.fail('Its model did not load.', () => {
      byId('pad').focus();
      choose();
    });
  }
  answer();
}

/** What nobody waits for, and nobody needs to draw. */
async function openChapters() {
  try {
    const { open } = await import('./chapters.js');
    await open(session, { show: (pixels) => pad.show(pixels), say });
  } catch (error) {
    byId('disputed').textContent = `The samples and what stands below did not load: ${words(error)}. Reload the page to have them.`;
  }
}

/** Answers what is on the pad. */
function answer() {
  undo.disabled = pad.strokes.length === 0;
  clear.disabled = pad.strokes.length === 0 && !pad.picture;
  byId('hint').hidden = !clear.disabled;
  const { networks } = session;
  if (!networks.int8 && !networks.float) return;
  attempt(() => {
    const pixels = pad.picture ?? image(pad.strokes, pad.pen);
    session.pixels = pixels;
    showPixels(preview, pixels);
    const float = pixels && networks.float?.answer(pixels);
    const int8 = pixels && networks.int8?.answer(pixels);
    panels.float.show(float);
    panels.int8.show(int8);
    if (!float || !int8) {
      byId('ratio').textContent = '';
      agreement.textContent = '–';
      delete agreement.dataset.agree;
      return;
    }
    agreement.textContent = comparison(float, int8);
    agreement.dataset.agree = String(best(float) === best(int8));
  });
}

/** After a stroke: the times, and the answers for those who hear them. */
function finish() {
  const { networks, pixels } = session;
  attempt(() => {
    if (pixels) {
      const readings = /** @type {const} */ (['float', 'int8']).map((side) => {
        const network = networks[side];
        if (network) return `${NAMES[side]} reads ${best(network.answer(pixels))}`;
        return `${NAMES[side]} ${awaited.has(side) ? 'is still loading' : 'cannot answer'}`;
      });
      say(`${readings.join(', ')}.`);
      measure();
      // Once more when the browser has compiled for speed what runs often, unless somebody draws.
      clearTimeout(remeasure);
      remeasure = setTimeout(() => attempt(measure), 600);
    } else if (session.isReady) {
      say('Nothing is drawn.');
    }
    session.dispatchEvent(new Event('settled'));
  });
}

/** Times both networks on what is there. */
function measure() {
  const { networks, pixels } = session;
  if (!pixels) return;
  const [float, int8] = /** @type {const} */ (['float', 'int8']).map((side) => {
    const network = networks[side];
    if (!network) return;
    network.answer(pixels);
    const time = network.time();
    panels[side].note({ time: `${time.toPrecision(3)} µs (timer step ${(1000 * timerStep()).toFixed(0)} µs)` });
    return time;
  });
  byId('ratio').textContent = float && int8 ? ratio(float, int8, session.files) : '';
}

/**
 * What int8 saves.
 * @param {number} float a time
 * @param {number} int8 a time
 * @param {{ float?: Uint8Array, int8?: Uint8Array }} files
 */
function ratio(float, int8, files) {
  const speed = int8 <= float ? `${(float / int8).toFixed(1)}× as fast` : `${(int8 / float).toFixed(1)}× as slow`;
  const size = (files.float?.length ?? 0) / (files.int8?.length ?? 1);
  return `Here int8 is ${speed}, and ${size.toFixed(1)}× smaller.`;
}

/**
 * @param {Float64Array} float
 * @param {Float64Array} int8
 */
function comparison(float, int8) {
  const differences = float.map((probability, digit) => Math.abs(probability - int8[digit]));
  const most = best(differences);
  const points = 100 * differences[most];
  const size = points >= 0.01 ? points.toFixed(2) : 'less than 0.01';
  const start = best(float) === best(int8) ? `Both read ${best(float)}.` : `They disagree: ${best(float)} and ${best(int8)}.`;
  return `${start} The largest difference of probability is ${size} points, for ${most}.`;
}

/** @param {string} text */
function say(text) {
  if (!stopped) byId('status').textContent = text;
}

/** Says why nothing works any more. @param {string} text */
function stop(text) {
  if (stopped) return;
  say(text);
  stopped = true;
  document.documentElement.dataset.state = 'error';
}

/**
 * Does something that can fail, and says so in words.
 * @param {() => unknown} action
 */
async function attempt(action) {
  if (stopped) return;
  try {
    await action();
  } catch (error) {
    stop(panicked(error));
  }
}

/** Why the module has stopped: its panic's text, where it has left one. @param {unknown} error */
function panicked(error) {
  let text;
  try {
    text = panic();
  } catch {
    // The module is not there: the error itself says why.
  }
  return `Something failed: ${text ?? words(error)}. Reload the page to try again.`;
}

/** @param {unknown} error */
const words = (error) => (error instanceof Error ? error.message : String(error));
