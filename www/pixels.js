// Images of digits as pictures.

/**
 * @param {HTMLCanvasElement} canvas of 28 by 28 pixels
 * @param {Uint8Array} [pixels] none for an empty picture
 */
export function showPixels(canvas, pixels) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const picture = context.createImageData(28, 28);
  for (let at = 0; at < 784; at++) picture.data.fill(pixels?.[at] ?? 0, 4 * at, 4 * at + 3).fill(255, 4 * at + 3, 4 * at + 4);
  context.putImageData(picture, 0, 0);
}
