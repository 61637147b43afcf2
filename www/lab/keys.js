// What the keyboard does, on one sheet.

import { element } from '../dom.js';
import { styled } from './lab.js';

/** @type {[string, string][]} */
const KEYS = [
  ['Tab', 'to the pad, the choices, the samples, and on through the chapters'],
  ['arrow keys', 'on the pad: move the pen; on a neuron: go to its neighbours; on a slider: move it'],
  ['Space', 'on the pad: put the pen down, or lift it'],
  ['Backspace', 'on the pad: take back the last stroke'],
  ['Escape', 'on the pad: clear it; here: close this sheet'],
  ['Ctrl or ⌘ + Z', 'take back the last stroke, from anywhere'],
  ['Enter', 'on a neuron or a digit: open it'],
  ['?', 'this sheet'],
];

/** @type {HTMLDialogElement | undefined} */
let sheet;

/** Opens the sheet. */
export async function showKeys() {
  await styled();
  if (!sheet) {
    const close = element('button', { type: 'button' }, 'Close');
    sheet = element(
      'dialog',
      { class: 'keys', 'aria-labelledby': 'keys-title', 'data-testid': 'keys' },
      element('h2', { id: 'keys-title' }, 'With the keyboard'),
      element('dl', {}, ...KEYS.flatMap(([key, does]) => [element('dt', {}, element('kbd', {}, key)), element('dd', {}, does)])),
      close,
    );
    const made = sheet;
    close.addEventListener('click', () => made.close());
    document.body.append(sheet);
  }
  if (!sheet.open) sheet.showModal();
}
