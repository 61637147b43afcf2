// Images of digits as pictures.

import { picture } from './engine.js';

/**
 * @param {HTMLCanvasElement} canvas of 28 by 28 pixels
 * @param {Uint8Array} [pixels] none for an empty picture
 */
export function showPixels(canvas, pixels) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.putImageData(picture(pixels), 0, 0);
}
