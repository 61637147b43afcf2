// What one would write without any library: loops over typed arrays.

/** @import { Tensors } from './engines.js' */

/** @typedef {(x: Float32Array, logits: Float32Array) => void} Forward one image in, its logits out */

/**
 * The float32 network.
 * @param {Tensors} tensors
 * @returns {Forward}
 */
function float32(tensors) {
  const layers = [1, 2, 3].map((number) => ({
    weight: /** @type {Float32Array} */ (tensors[`linear${number}.weight`].values),
    bias: /** @type {Float32Array} */ (tensors[`linear${number}.bias`].values),
    y: new Float32Array(tensors[`linear${number}.bias`].values.length),
  }));
  return (input, logits) => {
    let x = input;
    for (const { weight, bias, y } of layers) {
      const last = y.length === logits.length;
      for (let o = 0, at = 0; o < y.length; o++, at += x.length) {
        let sum = bias[o];
        for (let i = 0; i < x.length; i++) sum += x[i] * weight[at + i];
        y[o] = last || sum > 0 ? sum : 0;
      }
      x = y;
    }
    logits.set(x);
  };
}

/**
 * The static network with fused ReLU, per tensor.
 * @param {Tensors} tensors
 * @returns {Forward}
 */
function int8(tensors) {
  const scale = (/** @type {string} */ name) => Number(tensors[`${name}.scale`].values[0]);
  const zero = (/** @type {string} */ name) => Number(tensors[`${name}.zero_point`].values[0]);
  const layers = [1, 2, 3].map((number) => {
    const name = `linear${number}`;
    const products = scale(number === 1 ? 'quant' : `linear${number - 1}`) * Number(tensors[`${name}.weight_scale`].values[0]);
    const bias = /** @type {Float32Array} */ (tensors[`${name}.bias`].values);
    const zeroPoint = zero(number === 1 ? 'quant' : `linear${number - 1}`);
    const weight = /** @type {Int8Array} */ (tensors[`${name}.weight`].values);
    const inputs = weight.length / bias.length;
    return {
      weight,
      // What the zero point of the input adds to every sum is taken off the bias.
      start: Float64Array.from(bias, (bias, o) => {
        const sum = weight.subarray(o * inputs, (o + 1) * inputs).reduce((sum, w) => sum + w, 0);
        return bias / products - zeroPoint * sum;
      }),
      multiplier: products / scale(name),
      zero: zero(name),
      least: number < 3 ? zero(name) : 0,
      y: new Uint8Array(bias.length),
    };
  });
  const input = new Uint8Array(784);
  const [perStep, offset] = [1 / scale('quant'), zero('quant')];
  const [outputScale, outputZero] = [scale('linear3'), zero('linear3')];
  return (reals, logits) => {
    for (let i = 0; i < input.length; i++) input[i] = clamp(Math.round(reals[i] * perStep) + offset, 0);
    let x = input;
    for (const { weight, start, multiplier, zero, least, y } of layers) {
      for (let o = 0, at = 0; o < y.length; o++, at += x.length) {
        let sum = 0;
        for (let i = 0; i < x.length; i++) sum = (sum + Math.imul(x[i], weight[at + i])) | 0;
        y[o] = clamp(Math.round((sum + start[o]) * multiplier) + zero, least);
      }
      x = y;
    }
    for (let o = 0; o < logits.length; o++) logits[o] = (x[o] - outputZero) * outputScale;
  };
}

/** @param {number} value @param {number} least */
const clamp = (value, least) => Math.min(Math.max(value, least), 255);

export const plain = { float32, int8 };
