// Runs an ONNX file that `digit8 export --all-layers` has written in onnxruntime-web, and counts the values that differ from those
// of `digit8 dump`, layer by layer: what onnxruntime_layers.py does for onnxruntime.
//
//   node onnxruntime_web_layers.mjs MODEL.onnx LAYERS.npz IMAGES
//
// Prints one line of JSON. Needs the npm package onnxruntime-web.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import * as ort from 'onnxruntime-web';

import { values } from '../browser/npz.js';

const [model, layers, images] = process.argv.slice(2);
let idx = readFileSync(images);
if (idx[0] === 0x1f && idx[1] === 0x8b) idx = gunzipSync(idx);
const pixels = new Uint8Array(idx.subarray(16));
const npz = readFileSync(layers);

ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';
const session = await ort.InferenceSession.create(readFileSync(model), { executionProviders: ['wasm'] });
/** What the graph puts out, with `dump`'s values. @type {Map<string, Buffer>} */
const expected = new Map();
for (const name of session.outputNames) {
  // The logits of a static network are the step `dequant`; of a dynamic one, they are `linear3`, which is there as well.
  const step = name === 'logits' ? 'dequant' : name;
  try {
    expected.set(name, values(npz, step));
  } catch {
    if (name !== 'logits') throw new Error(`${layers} has no ${step}`);
  }
}
/** @type {Record<string, number>} */
const differ = Object.fromEntries([...expected.keys()].map((name) => [name, 0]));
for (let image = 0; image < pixels.length / 784; image++) {
  const one = pixels.slice(784 * image, 784 * (image + 1));
  const outputs = await session.run({ pixels: new ort.Tensor('uint8', one, [1, 784]) });
  for (const [name, all] of expected) {
    const { data } = outputs[name];
    const found = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const size = data.BYTES_PER_ELEMENT;
    const start = image * data.byteLength;
    for (let at = 0; at < found.length; at += size) {
      if (found.compare(all, start + at, start + at + size, at, at + size) !== 0) differ[name] += 1;
    }
  }
}
console.log(JSON.stringify({ images: pixels.length / 784, differ }));
