// A neuron's weights and what its inputs add, as pictures: a cell for each input, laid out as the image or as the layer before.

import { element } from '../dom.js';

/** @import { Neuron } from '../pkg/lab.js' */

const CELL = 10;

/**
 * The weights by colour, with the input as dots on top.
 * @param {Neuron} neuron
 * @param {Uint8Array} [pixels]
 */
export function weights(neuron, pixels) {
  const inks = neuron.layer === 1 ? Array.from(pixels ?? [], (ink) => ink / 255) : neuron.float.x.map((x) => x / (Math.max(...neuron.float.x) || 1));
  return picture(neuron, neuron.w, 'Its weights, with the input on top', inks);
}

/** What each input adds to the sum. @param {Neuron} neuron */
export const contributions = (neuron) =>
  picture(neuron, neuron.x.map((x, at) => (x - neuron.inputZeroPoint) * neuron.w[at]), 'What each input adds to the sum');

/**
 * @param {Neuron} neuron
 * @param {number[]} values
 * @param {string} name
 * @param {number[]} [inks] from 0 to 1, a dot on each cell
 */
function picture({ layer }, values, name, inks = []) {
  const columns = layer === 1 ? 28 : Math.ceil(Math.sqrt(values.length));
  const rows = Math.ceil(values.length / columns);
  const canvas = element('canvas', { width: String(columns * CELL), height: String(rows * CELL), role: 'img', 'aria-label': name });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const style = getComputedStyle(document.documentElement);
  const [positive, negative, ink] = ['--int8', '--float', '--ink'].map((colour) => style.getPropertyValue(colour));
  const most = Math.max(...values.map(Math.abs)) || 1;
  values.forEach((value, at) => {
    const [x, y] = [CELL * (at % columns), CELL * Math.floor(at / columns)];
    context.globalAlpha = Math.sqrt(Math.abs(value) / most);
    context.fillStyle = value > 0 ? positive : negative;
    context.fillRect(x, y, CELL, CELL);
    if (!inks[at]) return;
    context.globalAlpha = inks[at];
    context.fillStyle = ink;
    context.beginPath();
    context.arc(x + CELL / 2, y + CELL / 2, CELL / 4, 0, 2 * Math.PI);
    context.fill();
  });
  return canvas;
}
