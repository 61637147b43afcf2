// Images of digits as pictures.

/**
 * @param {HTMLCanvasElement} canvas of 28 by 28 pixels
 * @param {Uint8Array} [pixels] none for an empty picture
 */
export function showPixels(canvas, pixels) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const picture = context.createImageData(28, 28);
  const colours = new Uint32Array(picture.data.buffer);
  // In memory: red, green, blue, opaque.
  for (let at = 0; at < 784; at++) colours[at] = 0xff000000 | ((pixels?.[at] ?? 0) * 0x010101);
  context.putImageData(picture, 0, 0);
}
