// What a kernel answers, in a form that is easily compared: the same code in Node.js and in a browser.

const PIXELS = 784;
const CLASSES = 10;

/**
 * The digest of the bits of all logits of a model, one image at a time and in batches that do not come out even.
 * @param {typeof import('../../target/web/pkg/digit8.js')} module
 * @param {WebAssembly.Memory} memory the module's
 * @param {string} kernel
 * @param {Uint8Array} model
 * @param {Uint8Array} images
 * @returns {Promise<string>}
 */
export async function digest(module, memory, kernel, model, images) {
  const count = images.length / PIXELS;
  const bits = new Uint32Array(2 * count * CLASSES);
  let at = 0;
  for (const batch of [1, 37]) {
    const classifier = new module.Classifier(model, batch, kernel);
    for (let first = 0; first < count; first += batch) {
      const part = images.subarray(first * PIXELS, (first + batch) * PIXELS);
      new Uint8Array(memory.buffer, classifier.pixelsAddress, part.length).set(part);
      classifier.run(part.length / PIXELS);
      const logits = new Uint32Array(memory.buffer, classifier.logitsAddress, (CLASSES * part.length) / PIXELS);
      bits.set(logits, at);
      at += logits.length;
    }
    classifier.free();
  }
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bits));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
