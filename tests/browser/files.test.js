// The laboratory's module reads the model files that the commands read, and says the same of those that it does not. (What that is,
// case by case, core's own tests hold; here are those that depend on JavaScript's parser of the header, and one of each other kind.)
// The modules of the first answer read only what digit8 wrote.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';

const DIST = new URL('../../dist/', import.meta.url);

/** @param {RegExp} pattern */
const find = async (pattern) => {
  const name = (await readdir(new URL('pkg/', DIST))).find((name) => pattern.test(name));
  return new URL(`pkg/${name}`, DIST);
};
/** @type {typeof import('../../target/web/pkg/digit8.js')} */
const first = await import((await find(/^digit8-\w+\.js$/)).href);
await first.default({ module_or_path: await readFile(await find(/^digit8_bg-\w+\.wasm$/)) });
/** @type {typeof import('../../target/web/pkg/lab.js')} */
const lab = await import((await find(/^lab-\w+\.js$/)).href);
await lab.default({ module_or_path: await readFile(await find(/^lab_bg-\w+\.wasm$/)) });

/** @typedef {{ dtype: string, shape: number[], bytes: Uint8Array }} Tensor */

/** @param {number} length @param {(at: number) => number} value */
const reals = (length, value) => new Uint8Array(Float32Array.from({ length }, (_, at) => value(at)).buffer);

/**
 * A network 784-3-2-10.
 * @param {string[]} names @param {(at: number) => number} [value] @returns {Record<string, Tensor>}
 */
function network(names, value = (at) => Math.sin(at) / 9) {
  const shapes = [
    [3, 784],
    [2, 3],
    [10, 2],
  ];
  const layers = shapes.map(([outputs, inputs], index) => [
    [`${names[index]}.weight`, { dtype: 'F32', shape: [outputs, inputs], bytes: reals(outputs * inputs, value) }],
    [`${names[index]}.bias`, { dtype: 'F32', shape: [outputs], bytes: reals(outputs, value) }],
  ]);
  return Object.fromEntries(layers.flat());
}

/** @param {string} header @param {Uint8Array[]} data */
function withHeader(header, data) {
  const text = new TextEncoder().encode(header);
  const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer);
  return new Uint8Array(Buffer.concat([length, text, ...data]));
}

/** @param {Record<string, Tensor>} tensors @param {object} [metadata] */
function safetensors(tensors, metadata) {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const start = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [start, end] }];
  });
  const header = { ...(metadata && { __metadata__: metadata }), ...Object.fromEntries(entries) };
  return withHeader(
    JSON.stringify(header),
    Object.values(tensors).map(({ bytes }) => bytes),
  );
}

const LAYERS = ['linear1', 'linear2', 'linear3'];
/** @param {Uint8Array} file */
const open = (file) => lab.readNetwork(file, 'normalized');
/** @param {Uint8Array} file @param {RegExp} expected */
const refused = (file, expected) => assert.throws(() => open(file), { message: expected });

test('files of other names and types are read, and that is said', () => {
  assert.deepEqual(open(safetensors(network(LAYERS))).notes, []);
  const sequential = open(safetensors(network(['_orig_mod.0', '_orig_mod.2', '_orig_mod.4']), { epoch: 3 }));
  assert.deepEqual(sequential.notes, ['_orig_mod.0, _orig_mod.2, _orig_mod.4 are read as linear1, linear2, linear3']);
  assert.deepEqual([...sequential.hidden], [3, 2]);
  const { 'linear2.bias': _, ...unbiased } = network(LAYERS);
  assert.deepEqual(open(safetensors(unbiased)).notes, ['no bias in linear2: zeros']);
  const brain = network(LAYERS);
  const { shape, bytes } = brain['linear1.weight'];
  const upper = Uint8Array.from({ length: bytes.length / 2 }, (_, at) => bytes[4 * (at >> 1) + 2 + (at & 1)]);
  brain['linear1.weight'] = { dtype: 'BF16', shape, bytes: upper };
  assert.deepEqual(open(safetensors(brain)).notes, ['BF16 became F32, without a loss']);
});

test('tensors that would be left out, other containers and damage are named', () => {
  const whole = network(LAYERS);
  const bn = { dtype: 'F32', shape: [3], bytes: new Uint8Array(12) };
  refused(safetensors({ ...whole, 'bn1.weight': bn }), /bn1\.weight would be left out/);
  const text = (/** @type {string} */ text) => new TextEncoder().encode(text);
  refused(text('<!doctype html><title>Not found</title>'), /a web page/);
  refused(text('version https://git-lfs.github.com/spec/v1\n'), /git lfs pull/);
  refused(new Uint8Array(), /it is empty/);
  refused(safetensors(whole).subarray(0, -1), /cut short/);
  const entry = (/** @type {number} */ start) => `{"dtype":"F32","shape":[1],"data_offsets":[${start},${start + 4}]}`;
  const data = [new Uint8Array(12)];
  refused(withHeader(`{"a":${entry(0)},"b":${entry(4)},"a":${entry(8)}}`, data), /the name a twice/);
  refused(withHeader(`{"a":${entry(0.5)}}`, data), /a is not described as a tensor/);
  refused(withHeader(`{"a":${entry(-4)}}`, data), /a is not described as a tensor/);
  refused(withHeader('{"a":', data), /its header is not JSON/);
});

test('the modules of the first answer read what digit8 wrote, and refuse other containers', async () => {
  const models = new URL('models/', DIST);
  const names = (await readdir(models)).filter((name) => name.endsWith('.safetensors'));
  assert.equal(names.length, 8);
  for (const name of names) assert.deepEqual(new first.Classifier(await readFile(new URL(name, models)), 1).notes, []);
  const page = new TextEncoder().encode('<!doctype html><title>Not found</title>');
  assert.throws(() => new first.Classifier(page, 1), { message: /no safetensors file/ });
});

test('an answer that is not finite is an error', () => {
  assert.equal(first.probabilities(new Float32Array(10)).length, 10);
  for (const wrong of [NaN, Infinity, -Infinity]) {
    assert.throws(() => first.probabilities(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, wrong)), {
      message: /leave the range of float32/,
    });
  }
});
