// All neurons of the three layers, as many buttons, shaded by what they hand on.

import { element } from '../dom.js';
import { real } from './lab.js';

/** Buttons of a row. */
const ROW = 10;

export class Picker {
  element = element('div', { class: 'neurons' });
  #pick;
  /** @type {HTMLButtonElement[][]} */
  #layers = [];

  /** @param {(layer: number, index: number) => void} pick called with the layer, from 1, and the neuron, from 0 */
  constructor(pick) {
    this.#pick = pick;
    this.element.addEventListener('keydown', (event) => this.#key(event));
  }

  /**
   * @param {number[][]} layers what the neurons hand on
   * @param {number} layer the chosen one's, from 1
   * @param {number} index
   */
  show(layers, layer, index) {
    if (layers.some(({ length }, at) => this.#layers[at]?.length !== length)) this.#build(layers);
    layers.forEach((outputs, at) => {
      // Logits are below 0, too: the least of them has no bar.
      const least = Math.min(...outputs, 0);
      const room = Math.max(...outputs) - least || 1;
      this.#layers[at].forEach((button, neuron) => {
        const isChosen = at + 1 === layer && neuron === index;
        button.style.setProperty('--share', String((outputs[neuron] - least) / room));
        button.ariaLabel = button.title = `linear${at + 1}, neuron ${neuron}: ${real(outputs[neuron], 3)}`;
        button.setAttribute('aria-pressed', String(isChosen));
        button.tabIndex = isChosen || (at + 1 !== layer && neuron === 0) ? 0 : -1;
      });
    });
  }

  /** @param {number[][]} layers */
  #build(layers) {
    this.#layers = layers.map((outputs, at) =>
      outputs.map((_, neuron) => {
        const name = at === 2 ? [String(neuron)] : [];
        const button = element('button', { type: 'button', 'data-testid': `neuron-${at + 1}-${neuron}` }, ...name);
        button.addEventListener('click', () => this.#pick(at + 1, neuron));
        return button;
      }),
    );
    this.element.replaceChildren(
      ...this.#layers.map((buttons, at) =>
        element(
          'div',
          { class: 'layer', role: 'group', 'aria-label': `linear${at + 1}: arrow keys go from neuron to neuron` },
          element('p', { class: 'small' }, at === 2 ? 'linear3, a neuron for each digit' : `linear${at + 1}, ${buttons.length} neurons`),
          element('div', { class: 'grid' }, ...buttons),
        ),
      ),
    );
  }

  /** Arrow keys go from neuron to neuron. @param {KeyboardEvent} event */
  #key(event) {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -ROW, ArrowDown: ROW };
    const move = moves[/** @type {keyof typeof moves} */ (event.key)];
    const buttons = this.#layers.find((buttons) => buttons.includes(/** @type {HTMLButtonElement} */ (event.target)));
    if (!move || !buttons) return;
    event.preventDefault();
    buttons[buttons.indexOf(/** @type {HTMLButtonElement} */ (event.target)) + move]?.focus();
  }
}
