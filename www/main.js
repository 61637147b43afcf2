// The page: a drawing goes in, two answers come out.

import { Network, hasSimd, image, load, panic, timerStep } from './engine.js';
import { MODELS, fetchModel } from './models.js';
import { Pad } from './pad.js';
import { Panel, best } from './panel.js';
import { showPixels, showSamples } from './samples.js';

/** @import { Scheme } from './models.js' */

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const pen = /** @type {HTMLInputElement} */ (byId('pen'));
const model = /** @type {HTMLSelectElement} */ (byId('model'));
const scheme = /** @type {HTMLSelectElement} */ (byId('scheme'));
const undo = /** @type {HTMLButtonElement} */ (byId('undo'));
const clear = /** @type {HTMLButtonElement} */ (byId('clear'));
const preview = /** @type {HTMLCanvasElement} */ (byId('preview'));

const pad = new Pad(/** @type {HTMLCanvasElement} */ (byId('pad')));
const panels = { float: new Panel(byId('float'), 'float'), int8: new Panel(byId('int8'), 'int8') };
/** @type {{ float?: Network, int8?: Network }} */
const networks = {};
/** Where they came from. @type {{ float?: string, int8?: string }} */
const loaded = {};
/** @type {Uint8Array | undefined} */
let pixels;
/** The sample that was clicked, until something is drawn. @type {Uint8Array | undefined} */
let sample;

readUrl();
pad.addEventListener('change', () => {
  sample = undefined;
  answer();
});
pad.addEventListener('done', () => guarded(finish));
undo.addEventListener('click', () => pad.undo());
clear.addEventListener('click', () => pad.clear());
pen.addEventListener('input', () => {
  pad.pen = Number(pen.value);
  pad.draw();
  writeUrl();
  answer();
});
for (const choice of [model, scheme]) {
  choice.addEventListener('change', () => {
    writeUrl();
    guarded(choose);
  });
}
guarded(start);

async function start() {
  if (location.protocol === 'file:') {
    return fail('This page is open as a file, and browsers load no modules from files. Run `cargo xtask serve`.');
  }
  if (!hasSimd()) {
    return fail('This browser has no WebAssembly SIMD, which digit8 computes with. A browser of 2021 or later has it.');
  }
  const [file] = await Promise.all([fetchModel(chosen('int8'), report), load()]);
  install('int8', file);
  await choose();
  await guarded(() => showSamples(byId('samples'), chooseSample));
  if ('serviceWorker' in navigator) await navigator.serviceWorker.register('./sw.js').catch(() => {});
}

/** Brings in the chosen networks, int8 before float32. */
async function choose() {
  delete document.documentElement.dataset.ready;
  for (const name of /** @type {const} */ (['int8', 'float'])) {
    const wanted = chosen(name);
    if (loaded[name] === wanted.href) continue;
    const file = await fetchModel(wanted, report);
    // If the choice has changed meanwhile, that change brings in its own.
    if (wanted !== chosen(name)) return;
    install(name, file);
  }
  document.documentElement.dataset.ready = 'true';
  say(pixels ? '' : 'Ready. Draw a digit.');
  if (pixels) finish();
}

/**
 * @param {'float' | 'int8'} name
 * @param {Uint8Array} file
 */
function install(name, file) {
  const { href, pathname } = chosen(name);
  networks[name]?.free();
  delete networks[name];
  try {
    networks[name] = new Network(file);
  } catch (error) {
    throw new Error(`${pathname}: ${error instanceof Error ? error.message : error}`);
  }
  loaded[name] = href;
  panels[name].note({
    size: `${(file.length / 1000).toFixed(1)} kB`,
    arrival: `after ${(performance.now() / 1000).toFixed(2)} s`,
  });
  answer();
}

/** Answers what is on the pad. */
function answer() {
  undo.disabled = pad.strokes.length === 0;
  clear.disabled = pad.strokes.length === 0 && !sample;
  byId('hint').hidden = pad.strokes.length > 0;
  if (!networks.int8 && !networks.float) return;
  guarded(() => {
    pixels = sample ?? image(pad.strokes, pad.pen);
    showPixels(preview, pixels);
    const given = pixels;
    const float = given && networks.float?.answer(given);
    const int8 = given && networks.int8?.answer(given);
    panels.float.show(float);
    panels.int8.show(int8);
    byId('agreement').textContent = float && int8 ? comparison(float, int8) : '–';
  });
}

/** Answers a sample instead of a drawing. @param {Uint8Array} digit */
function chooseSample(digit) {
  pad.clear();
  sample = digit;
  answer();
  guarded(finish);
}

/** After a stroke: the times, and the answers for those who hear them. */
function finish() {
  if (!pixels) return say(networks.float && networks.int8 ? 'Nothing is drawn.' : '');
  for (const name of /** @type {const} */ (['float', 'int8'])) {
    const time = networks[name]?.time();
    if (time) panels[name].note({ time: `${time.toPrecision(3)} µs (timer step ${(1000 * timerStep()).toFixed(0)} µs)` });
  }
  const float = networks.float && best(networks.float.answer(pixels));
  const int8 = networks.int8 && best(networks.int8.answer(pixels));
  say(`float32 reads ${float ?? 'nothing yet'}, int8 reads ${int8 ?? 'nothing yet'}.`);
}

/**
 * @param {Float64Array} float
 * @param {Float64Array} int8
 */
function comparison(float, int8) {
  const differences = float.map((probability, digit) => Math.abs(probability - int8[digit]));
  const most = best(differences);
  const start = best(float) === best(int8) ? `Both read ${best(float)}.` : `They disagree: ${best(float)} and ${best(int8)}.`;
  return `${start} Their probabilities differ most for ${most}, by ${(100 * differences[most]).toFixed(2)} points.`;
}

/** The chosen network's file for a panel. @param {'float' | 'int8'} name */
function chosen(name) {
  return MODELS[model.value][name === 'float' ? 'float32' : /** @type {Scheme} */ (scheme.value)];
}

/** @param {number} share */
function report(share) {
  say(`Loading a model: ${Math.round(100 * share)} %`);
}

/** @param {string} text */
function say(text) {
  if (document.documentElement.dataset.state !== 'error') byId('status').textContent = text;
}

/** @param {string} text */
function fail(text) {
  document.documentElement.dataset.state = 'error';
  byId('status').textContent = text;
}

/**
 * Does something that can fail, and says so in words.
 * @param {() => unknown} action
 */
async function guarded(action) {
  try {
    await action();
  } catch (error) {
    let text;
    try {
      text = panic();
    } catch {
      // The module is not there: the error itself says why.
    }
    fail(`Something failed: ${text ?? (error instanceof Error ? error.message : error)}. Reload the page to try again.`);
  }
}

/** The choices in the address, where they are known ones. */
function readUrl() {
  const search = new URLSearchParams(location.search);
  for (const [name, choice] of /** @type {const} */ ([['model', model], ['scheme', scheme]])) {
    const wanted = search.get(name);
    if ([...choice.options].some((option) => option.value === wanted)) choice.value = wanted ?? '';
  }
  const width = Number(search.get('pen'));
  if (width >= 0.5 && width <= 2) pen.value = String(width);
  pad.pen = Number(pen.value);
}

function writeUrl() {
  const search = new URLSearchParams({ model: model.value, scheme: scheme.value, pen: pen.value });
  history.replaceState(null, '', `?${search}`);
}
