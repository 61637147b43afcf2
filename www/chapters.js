// What stands below the answers. Nobody waits for it: it loads once int8 can answer, and most of it when it comes near the window.

import { byId, idle } from './dom.js';
import { words } from './files.js';
import { hasSimd } from './kernels.js';
import { near } from './near.js';
import { isMetered, openOffline } from './offline.js';
import { samples, showSamples } from './samples.js';
import { openTimes } from './times.js';

/** @import { Networks } from './networks.js' */
/** @import { Panel } from './panel.js' */
/** @import { Session, Side } from './session.js' */

/** @typedef {{ open: (session: Session, networks: Networks) => unknown }} View */

const STYLE = new URL('./chapters.css', import.meta.url);

/**
 * The chapters, by the id of their section in index.html. `open` fills the element `ID-body` in it, and keeps that in step with
 * the session from then on.
 * @type {Record<string, () => Promise<View>>}
 */
const CHAPTERS = {
  why: () => import('./why.js'),
  walk: () => import('./lab/walk.js'),
  neuron: () => import('./lab/neuron.js'),
  'test-digits': () => import('./lab/test-digits.js'),
  bits: () => import('./bits.js'),
  make: () => import('./lab/make.js'),
  retrain: () => import('./lab/retrain.js'),
  own: () => import('./lab/own.js'),
  bench: () => import('./bench.js'),
  how: () => import('./how.js'),
  words: () => import('./lab/words.js'),
  class: () => import('./lab/class.js'),
};
const NO_SIMD =
  'This browser has no WebAssembly SIMD here, so both networks answer without it, only slower. Chrome and Edge have it from version 91, Firefox from 89, Safari from 16.4; a very old processor lacks it, too.';
/** Those that come when nobody waits for them, so that a search of the page finds them. */
const EARLY = ['walk', 'neuron', 'test-digits', 'make', 'retrain', 'own', 'bench', 'class'];

/**
 * @param {Session} session
 * @param {Networks} networks
 * @param {Record<Side, Panel>} panels of the two answers
 */
export async function open(session, networks, panels) {
  if (!hasSimd()) session.update({ notice: NO_SIMD });
  openTimes(session, panels);
  const fill = (/** @type {string} */ id) => openChapter(id, session, networks);
  await styled();
  addEventListener('keydown', helpWithKeys);
  const early = isMetered() ? [] : EARLY;
  for (const id of Object.keys(CHAPTERS)) {
    if (!early.includes(id)) near(byId(id)).then(() => fill(id));
  }
  try {
    const digits = await samples();
    await idle();
    showSamples(session, digits);
  } catch (error) {
    byId('disputed').textContent = `The samples did not load: ${words(error)}. Drawing works without them.`;
  }
  for (const id of early) {
    await idle();
    fill(id);
  }
  await openOffline(session);
}

/** A sheet of what the keys do, on `?`. @param {KeyboardEvent} event */
async function helpWithKeys(event) {
  const isTyping = event.target instanceof HTMLElement && event.target.matches('input[type="text"], textarea');
  if (event.key !== '?' || isTyping) return;
  const { showKeys } = await import('./lab/keys.js');
  showKeys();
}

/**
 * @param {string} id
 * @param {Session} session
 * @param {Networks} networks
 */
async function openChapter(id, session, networks) {
  try {
    const view = await CHAPTERS[id]();
    await view.open(session, networks);
  } catch (error) {
    byId(`${id}-body`).textContent = `This did not load: ${words(error)}. Reload the page to try again; the answers above are not affected.`;
  }
}

/** The style of these parts. */
function styled() {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = STYLE.href;
  return new Promise((resolve) => {
    link.addEventListener('load', resolve);
    link.addEventListener('error', resolve);
    document.head.append(link);
  });
}
