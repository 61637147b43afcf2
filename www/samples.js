// Digits of MNIST to click, where there is no time or no pen to draw.

import { byId, element, idle } from './dom.js';
import { fetched } from './files.js';
import { best } from './panel.js';
import { showPixels } from './engine.js';

/** @import { Session } from './session.js' */

/** @typedef {{ label: number, pixels: Uint8Array }} Sample */

const FILE = new URL('./samples.json', import.meta.url);

/** @type {Promise<Sample[]> | undefined} */
let asked;
/** The samples, fetched once. */
export function samples() {
  asked ??= fetchSamples();
  asked.catch(() => (asked = undefined));
  return asked;
}

/** @returns {Promise<Sample[]>} */
async function fetchSamples() {
  const response = await fetched(FILE);
  /** @type {{ digits: { label: number, pixels: string }[] }} */
  const { digits } = await response.json();
  return digits.map(({ label, pixels }) => ({ label, pixels: Uint8Array.from(atob(pixels), (byte) => byte.charCodeAt(0)) }));
}

/**
 * Puts an image on the pad.
 * @param {Session} session
 * @param {Uint8Array} pixels
 */
export const show = (session, pixels) => session.update({ drawing: { strokes: [], picture: pixels, isDown: false } });

/**
 * Puts an image on the pad from far below it, and goes there.
 * @param {Session} session
 * @param {Uint8Array} pixels
 */
export function showAbove(session, pixels) {
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  byId('pad').focus({ preventScroll: true });
  byId('pad').scrollIntoView({ behavior: isCalm ? 'auto' : 'smooth', block: 'center' });
  show(session, pixels);
}

/**
 * Fills the row of samples, and marks those that the two networks of the moment read differently.
 * @param {Session} session
 * @param {Sample[]} samples
 */
export function showSamples(session, samples) {
  const buttons = samples.map(({ label, pixels }, index) => {
    const canvas = element('canvas', { width: '28', height: '28' });
    showPixels(canvas, pixels);
    const name = `Sample ${index + 1}, a ${label}`;
    const button = element('button', { type: 'button', 'aria-label': name, 'data-testid': `sample-${index}` }, canvas);
    button.addEventListener('click', () => show(session, pixels));
    return { button, name };
  });
  byId('samples').replaceChildren(...buttons.map(({ button }) => button));

  const mark = () => {
    const [float, int8] = [session.network('float'), session.network('int8')];
    let disputed = 0;
    buttons.forEach(({ button, name }, index) => {
      const { pixels } = samples[index];
      const [a, b] = float && int8 && session.isReady ? [best(float.answer(pixels)), best(int8.answer(pixels))] : [];
      if (a !== b) disputed++;
      button.classList.toggle('disputed', a !== b);
      button.ariaLabel = button.title = a === b ? name : `${name}: float32 reads ${a}, int8 reads ${b}`;
    });
    const count = `${disputed || 'None'} of these ${samples.length} ${disputed === 1 ? 'is' : 'are'} read differently by the two networks`;
    byId('disputed').textContent = session.isReady ? `${count}${disputed ? ', marked ≠' : ''}.` : '–';
  };
  session.subscribe(async ({ networks }, before) => {
    if (networks === before.networks) return;
    await idle();
    mark();
  });
  mark();
}
