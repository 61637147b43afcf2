// The networks once more, written from the rules in crates/core/src/arithmetic.md and from nothing else: what the page shows is held
// against this.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @typedef {{ shape: number[], data: Float32Array | Int8Array | Uint8Array | BigInt64Array }} Tensor */
/** @typedef {{ accumulators: number[], outputs: number[], reals: number[] }} Layer */

const f = Math.fround;
const LAYERS = ['linear1', 'linear2', 'linear3'];

/** A shipped model's tensors. @param {string} name */
export const shipped = (name) => tensors(readFileSync(fileURLToPath(new URL(`../../www/models/${name}.safetensors`, import.meta.url))));

/** @param {Uint8Array} file @returns {Record<string, Tensor>} */
export function tensors(file) {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const types = { F32: Float32Array, I8: Int8Array, I64: BigInt64Array, U8: Uint8Array };
  return Object.fromEntries(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, { dtype, shape, data_offsets: [start, end] }]) => {
        const type = types[/** @type {keyof typeof types} */ (dtype)];
        return [name, { shape, data: new type(Uint8Array.from(file.subarray(8 + length + start, 8 + length + end)).buffer) }];
      }),
  );
}

/** A pixel as the network sees it (rule 1). @param {number} pixel */
const normalized = (pixel) => f(f(f(pixel / 255) - f(0.1307)) / f(0.3081));

/** @param {number} value to the nearest, of two the even one */
function rint(value) {
  const low = Math.floor(value);
  const part = value - low;
  if (part !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

/** @param {number} value @param {number} least @param {number} most */
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

/**
 * A static or fused network with a scale for each matrix, layer by layer (rules 4 to 6), behind ReLU.
 * @param {Record<string, Tensor>} model
 * @param {Uint8Array} pixels one image
 * @returns {Layer[]}
 */
export function staticLayers(model, pixels) {
  const scalar = (/** @type {string} */ name) => Number(model[name].data[0]);
  let [scale, zero] = [scalar('quant.scale'), scalar('quant.zero_point')];
  const table = Array.from({ length: 256 }, (_, pixel) => clamp(rint(f(normalized(pixel) * f(1 / scale))) + zero, 0, 255));
  let x = Array.from(pixels, (pixel) => table[pixel]);
  return LAYERS.map((name, at) => {
    const { data: weight, shape } = model[`${name}.weight`];
    const [outputs] = shape;
    const step = f(scale * scalar(`${name}.weight_scale`));
    const inverse = f(1 / step);
    const [outputScale, outputZero] = [scalar(`${name}.scale`), scalar(`${name}.zero_point`)];
    const multiplier = f(step / outputScale);
    const accumulators = sums(Int32Array.from(x, (q) => q - zero), /** @type {Int8Array} */ (weight), outputs);
    const integers = accumulators.map((sum, row) => {
      // A fused multiply-add: both products are exact in 53 bits.
      const total = f(Number(model[`${name}.bias`].data[row]) * inverse + f(sum));
      const q = clamp(rint(f(total * multiplier)) + outputZero, 0, 255);
      return at < 2 ? Math.max(q, outputZero) : q;
    });
    [x, scale, zero] = [integers, outputScale, outputZero];
    return { accumulators, outputs: integers, reals: integers.map((q) => f((q - outputZero) * outputScale)) };
  });
}

/**
 * The sums of products of each row.
 * @param {Int32Array} x
 * @param {Int8Array} weight
 * @param {number} outputs
 */
function sums(x, weight, outputs) {
  const all = Array.from({ length: outputs }, () => 0);
  for (let row = 0, at = 0; row < outputs; row++) {
    let sum = 0;
    for (let input = 0; input < x.length; input++, at++) sum = (sum + x[input] * weight[at]) | 0;
    all[row] = sum;
  }
  return all;
}

/** The digit with the greatest value. @param {ArrayLike<number>} values */
export const argmax = (values) => Array.from(values).indexOf(Math.max(...Array.from(values)));

/** The page's sample digits. @returns {{ label: number, pixels: Uint8Array }[]} */
export function samples() {
  const { digits } = JSON.parse(readFileSync(fileURLToPath(new URL('../../www/samples.json', import.meta.url)), 'utf8'));
  assert(digits.length > 0);
  return digits.map((/** @type {{ label: number, pixels: string }} */ { label, pixels }) => ({ label, pixels: new Uint8Array(Buffer.from(pixels, 'base64')) }));
}
