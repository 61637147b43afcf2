// Digits of MNIST to click, where there is no time or no pen to draw.

import { byId, element, idle } from './dom.js';
import { fetched } from './models.js';
import { best } from './panel.js';
import { showPixels } from './pixels.js';

/** @import { Session } from './session.js' */

/** @typedef {{ label: number, pixels: Uint8Array }} Sample */

const FILE = new URL('./samples.json', import.meta.url);

/** @returns {Promise<Sample[]>} */
export async function fetchSamples() {
  const response = await fetched(FILE);
  /** @type {{ digits: { label: number, pixels: string }[] }} */
  const { digits } = await response.json();
  return digits.map(({ label, pixels }) => ({ label, pixels: Uint8Array.from(atob(pixels), (byte) => byte.charCodeAt(0)) }));
}

/**
 * Fills the row of samples, and marks those that the two networks of the moment read differently.
 * @param {Session} session
 * @param {Sample[]} samples
 * @param {(pixels: Uint8Array) => void} show called with the sample that was clicked
 */
export function showSamples(session, samples, show) {
  const buttons = samples.map(({ label, pixels }, index) => {
    const canvas = element('canvas', { width: '28', height: '28' });
    showPixels(canvas, pixels);
    const name = `Sample ${index + 1}, a ${label}`;
    const button = element('button', { type: 'button', 'aria-label': name, 'data-testid': `sample-${index}` }, canvas);
    button.addEventListener('click', () => show(pixels));
    return { button, name };
  });
  byId('samples').replaceChildren(...buttons.map(({ button }) => button));

  const mark = async () => {
    await idle();
    const { float, int8 } = session.networks;
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
  session.addEventListener('networks', mark);
  mark();
}
