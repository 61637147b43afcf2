// The page: a drawing goes in, two answers come out.

import { PEN, SCHEMES, keepAddress } from './address.js';
import { openAnswers } from './answers.js';
import { byId } from './dom.js';
import { kernelName, loadBest, panic } from './engine.js';
import { words } from './files.js';
import { made } from './lab/maker.js';
import { Networks } from './networks.js';
import { Pad } from './pad.js';
import { SIDES, Session } from './session.js';
import { leaveOut } from './visible.js';

const root = document.documentElement;
const undo = /** @type {HTMLButtonElement} */ (byId('undo'));
const clear = /** @type {HTMLButtonElement} */ (byId('clear'));
const pen = /** @type {HTMLInputElement} */ (byId('pen'));
const model = /** @type {HTMLSelectElement} */ (byId('model'));
const scheme = /** @type {HTMLSelectElement} */ (byId('scheme'));

/** The module's coming. @type {Promise<void> | undefined} */
let loading;
const session = new Session();
session.onError = (error) => session.stop(panicked(error));
const networks = new Networks(session, program);
networks.add(made);

// From here on the page itself says what is wrong.
root.dataset.started = '';
leaveOut();
openChoices();
openPad();
const panels = openAnswers(session, networks);
openStatus();
keepAddress(session);
start();

async function start() {
  networks.bringAll();
  await networks.bring('int8');
  // What nobody waits for, and nobody needs to draw.
  try {
    const { open } = await import('./chapters.js');
    await open(session, networks, panels);
  } catch (error) {
    byId('disputed').textContent = `The samples and what stands below did not load: ${words(error)}. Reload the page to have them.`;
  }
}

/** Loads the module that computes, once. */
function program() {
  loading ??= loadBest().then(
    (trouble) => {
      const notice = trouble && `The faster program did not load, so a slower one answers: ${trouble}.`;
      session.update({ kernel: kernelName(), notice });
    },
    (error) => {
      session.stop(`The program that computes did not load: ${words(error)}. To try again, reload the page.`);
      throw error;
    },
  );
  return loading;
}

/** Pen, network and scheme. */
function openChoices() {
  pen.min = String(PEN.least);
  pen.max = String(PEN.most);
  pen.addEventListener('input', () => session.update({ pen: Number(pen.value) }));
  model.addEventListener('change', () => session.update({ model: model.value }));
  scheme.addEventListener('change', () => session.update({ scheme: SCHEMES.find((name) => name === scheme.value) }));
  session.subscribe((state) => {
    pen.value = String(state.pen);
    model.value = state.model;
    scheme.value = state.scheme;
  });
}

/** The pad and its buttons. */
function openPad() {
  const pad = new Pad(/** @type {HTMLCanvasElement} */ (byId('pad')), session);
  undo.addEventListener('click', () => pad.undo());
  clear.addEventListener('click', () => pad.clear());
  addEventListener('keydown', (event) => {
    if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || undo.disabled) return;
    event.preventDefault();
    pad.undo();
  });
  session.subscribe(({ drawing, isStopped }) => {
    undo.disabled = drawing.strokes.length === 0;
    clear.disabled = undo.disabled && !drawing.picture;
    byId('hint').hidden = isStopped || !clear.disabled;
  });
}

/** What is announced, and for tests and styles: whether both answer, and whether something is wrong. */
function openStatus() {
  session.subscribe(({ status, notice, networks, isStopped }) => {
    byId('said').textContent = status;
    byId('notice').textContent = notice ?? '';
    const isBroken = isStopped || SIDES.some((side) => networks[side].phase === 'failed');
    if (isBroken) root.dataset.state = 'error';
    else delete root.dataset.state;
    if (session.isReady) root.dataset.ready = 'true';
    else delete root.dataset.ready;
  });
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
