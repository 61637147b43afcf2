// Digits of MNIST to click, where there is no time or no pen to draw.

const FILE = new URL('./samples.json', import.meta.url);

/**
 * Fills the row of samples.
 * @param {HTMLElement} row
 * @param {(pixels: Uint8Array) => void} choose called with the 784 pixels of a sample that was clicked
 */
export async function showSamples(row, choose) {
  const response = await fetch(FILE);
  if (!response.ok) throw new Error(`${FILE.pathname}: ${response.status} ${response.statusText}`);
  /** @type {{ digits: { label: number, pixels: string }[] }} */
  const { digits } = await response.json();
  row.replaceChildren(
    ...digits.map(({ label, pixels }, index) => {
      const bytes = Uint8Array.from(atob(pixels), (byte) => byte.charCodeAt(0));
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = 28;
      showPixels(canvas, bytes);
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset.testid = `sample-${index}`;
      button.ariaLabel = `Sample ${index + 1}, a ${label}`;
      button.append(canvas);
      button.addEventListener('click', () => choose(bytes));
      return button;
    }),
  );
}

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
