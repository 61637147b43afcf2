// What PyTorch ran: the networks of tests/fixtures, and MNIST's 10,000 test images where ../shared has them.
//
// Where values are is written FILE; FILE#ARRAY for an array of NumPy's, FILE#COUNT for the first images of MNIST's.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { values } from './npz.js';

/** @import { Run } from './compare.js' */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FIXTURES = join(ROOT, 'tests/fixtures');
const SHARED = process.env.DIGIT8_SHARED ?? join(ROOT, '../shared');

const STEPS = {
  static: ['quant', 'linear1', 'relu1', 'linear2', 'relu2', 'linear3', 'dequant'],
  fused: ['quant', 'linear1', 'linear2', 'linear3', 'dequant'],
  dynamic: ['linear1', 'linear2', 'linear3'],
};
const LAYERS = ['quant', 'linear1', 'linear2', 'linear3'];
const STATIC = /** @type {const} */ (['static', 'fused']);
const GRANULARITIES = [
  { perChannel: false, suffix: '' },
  { perChannel: true, suffix: '-per-channel' },
];

/**
 * Reads values: the bytes of a file or an array, or the pixels of MNIST's compressed images.
 * @param {string} where
 * @returns {Promise<Uint8Array>}
 */
export async function read(where) {
  const [file, part] = where.split('#');
  const bytes = await readFile(file);
  if (file.endsWith('.npz')) return values(bytes, part);
  return file.endsWith('.gz') ? gunzipSync(bytes).subarray(16, part ? 16 + 784 * Number(part) : undefined) : bytes;
}

/** @param {string} file */
const json = (file) => JSON.parse(readFileSync(file, 'utf8'));

/**
 * @param {keyof typeof STEPS} scheme
 * @param {(step: string) => string} where
 */
const steps = (scheme, where) => Object.fromEntries(STEPS[scheme].map((step) => [step, where(step)]));

/**
 * The runs of the networks of tests/fixtures.
 * @returns {Run[]}
 */
export function fixtures() {
  const names = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'model.safetensors')));
  return names.flatMap((name) => {
    const folder = join(FIXTURES, name);
    const file = join(folder, 'layers.npz');
    const observers = json(join(folder, 'observers.json'));
    const count = values(readFileSync(file), 'images').length / 784;
    const base = { model: join(folder, 'model.safetensors'), images: `${file}#images` };
    return GRANULARITIES.flatMap(({ perChannel, suffix }) => [
      ...STATIC.map((scheme) => ({
        ...base,
        name: `${name} ${scheme}${suffix}`,
        scheme,
        perChannel,
        ranges: LAYERS.flatMap((layer) => [observers[scheme][layer].min, observers[scheme][layer].max]),
        batch: count,
        steps: steps(scheme, (step) => `${file}#${scheme}${suffix}.${step}`),
      })),
      ...[1, count].map((batch) => ({
        ...base,
        name: `${name} dynamic${suffix}, batch ${batch}`,
        scheme: 'dynamic',
        perChannel,
        ranges: [],
        batch,
        steps: steps('dynamic', (step) => `${file}#dynamic${suffix}-batch${batch}.${step}`),
      })),
    ]);
  });
}

/** Where MNIST's test images are, if anywhere. */
export function mnist() {
  const images = join(SHARED, 'mnist/t10k-images-idx3-ubyte.gz');
  return existsSync(images) ? images : undefined;
}

/**
 * The runs of MNIST's test images: all 10,000, and the first 256 of them in the dynamic scheme.
 * @returns {Run[] | undefined} none where there is no `DIGIT8_SHARED` and no ../shared beside the checkout
 */
export function golden() {
  const folder = join(SHARED, 'torch-golden');
  const model = join(folder, 'model.safetensors');
  if (!existsSync(model)) {
    // Whoever set the variable expects the comparison to be made.
    if (process.env.DIGIT8_SHARED) throw new Error(`DIGIT8_SHARED is ${SHARED}, which has no torch-golden`);
    return undefined;
  }
  const qparams = json(join(folder, 'qparams.json'));
  const images = join(SHARED, 'mnist/t10k-images-idx3-ubyte.gz');
  const statics = GRANULARITIES.flatMap(({ perChannel, suffix }) =>
    STATIC.map((scheme) => {
      const file = perChannel ? `per-channel/${scheme}_minmax_perchannel_layers_all.npz` : `${scheme}_x86_layers_all.npz`;
      const { observers } = qparams[scheme];
      return {
        name: `MNIST ${scheme}${suffix}`,
        model,
        images,
        scheme,
        perChannel,
        ranges: LAYERS.flatMap((layer) => {
          const { min, max } = observers[`${layer}.activation_post_process`];
          return [min, max];
        }),
        // Any will do: a static network's answer to an image does not depend on the others.
        batch: 500,
        steps: steps(scheme, (step) => `${join(folder, file)}#${step}`),
      };
    }),
  );
  const dynamics = [
    { batch: 1, names: ['single_l1_256', 'single_l2_256', 'single_logits_256'] },
    { batch: 256, names: ['batch256_l1', 'batch256_l2', 'batch256_logits'] },
  ].map(({ batch, names }) => ({
    name: `MNIST dynamic, batch ${batch}`,
    model,
    images: `${images}#256`,
    scheme: 'dynamic',
    perChannel: false,
    ranges: [],
    batch,
    steps: Object.fromEntries(
      STEPS.dynamic.map((step, at) => [step, `${join(folder, 'dynamic_x86.npz')}#${names[at]}`]),
    ),
  }));
  return [...statics, ...dynamics];
}
