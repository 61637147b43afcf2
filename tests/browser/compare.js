// A network of PyTorch's in one of the page's modules, step by step: the same code in Node.js and in a browser.

/**
 * @typedef {object} Run what PyTorch ran
 * @property {string} name
 * @property {string} model where the float32 model is
 * @property {string} images where the images are
 * @property {string} scheme
 * @property {boolean} perChannel
 * @property {number[]} ranges the least and the greatest value by layer; none for the dynamic scheme
 * @property {number} batch how many images at a time
 * @property {Record<string, string>} steps where each step's output is, in order
 */

const PIXELS = 784;
const CLASSES = 10;

/**
 * Runs a network with a kernel of a module, and counts the values of each step, and of the logits that the page would get,
 * that are not PyTorch's.
 * @param {typeof import('../../target/web/pkg/digit8-trace.js')} module
 * @param {WebAssembly.Memory} memory the module's
 * @param {string} kernel
 * @param {Run} run
 * @param {(where: string) => Promise<Uint8Array>} read
 * @returns {Promise<Record<string, { values: number, different: number }>>} by step
 */
export async function compare(module, memory, kernel, run, read) {
  /** @type {Record<string, Tally>} */
  const tallies = {};
  for (const [step, where] of Object.entries(run.steps)) {
    const real = run.scheme === 'dynamic' || step === 'dequant';
    tallies[step] = new Tally(await read(where), real ? 4 : 1);
    // The last step's output is what the page gets.
    tallies.logits = new Tally(tallies[step].theirs, 4);
  }
  const int8 = module.quantize(await read(run.model), run.scheme, run.perChannel, Float32Array.from(run.ranges));
  const images = await read(run.images);
  const classifier = new module.Classifier(int8, run.batch, kernel);
  for (let start = 0; start < images.length; start += run.batch * PIXELS) {
    const pixels = images.subarray(start, start + run.batch * PIXELS);
    for (const step of module.trace(int8, kernel, pixels)) {
      if (!(step.name in tallies)) throw new Error(`PyTorch has no step ${step.name}`);
      tallies[step.name].add(step.bytes);
      step.free();
    }
    const count = pixels.length / PIXELS;
    new Uint8Array(memory.buffer, classifier.pixelsAddress, pixels.length).set(pixels);
    classifier.run(count);
    tallies.logits.add(new Uint8Array(memory.buffer, classifier.logitsAddress, 4 * CLASSES * count));
  }
  classifier.free();
  return Object.fromEntries(Object.entries(tallies).map(([step, tally]) => [step, tally.result()]));
}

/** Values compared, as they come. */
class Tally {
  #width;
  #position = 0;
  #different = 0;

  /**
   * @param {Uint8Array} theirs all values
   * @param {number} width bytes of a value
   */
  constructor(theirs, width) {
    this.theirs = theirs;
    this.#width = width;
  }

  /** @param {Uint8Array} ours the next values */
  add(ours) {
    for (let value = 0; value < ours.length; value += this.#width) {
      let same = true;
      for (let byte = value; byte < value + this.#width; byte++) same &&= ours[byte] === this.theirs[this.#position + byte];
      if (!same) this.#different++;
    }
    this.#position += ours.length;
  }

  /** The counts, once all values have come. */
  result() {
    if (this.#position !== this.theirs.length) throw new Error(`${this.#position} bytes for ${this.theirs.length}`);
    return { values: this.theirs.length / this.#width, different: this.#different };
  }
}
