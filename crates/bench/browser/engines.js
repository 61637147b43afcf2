// The engines of the benchmark, each with the same network in it.
//
// An engine gives `prepare(model, batch)`, which makes a job: `run(first)` answers `batch` images from the number `first` on
// and returns logits `[batch, 10]`, or a promise of them. What others take as input, normalised reals, is made before the
// clock starts; digit8 takes pixels, and its time includes copying them and all that is done to them.

import { plain } from './plain.js';

/** @import { Kernel } from '../../www/engine.js' */
/** @import { Digits } from './bench.js' */

/**
 * @typedef {object} Job
 * @property {(first: number) => Float32Array | Promise<Float32Array>} run
 * @property {boolean} waits whether `run` returns a promise
 */
/**
 * @typedef {object} Engine
 * @property {string} name
 * @property {string[]} models
 * @property {(model: string, batch: number) => Promise<Job>} prepare
 */

const INPUTS = 784;
const CLASSES = 10;

/** @param {string} path */
export async function bytes(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * The page's own engine, on one kernel.
 * @param {string} script the address of engine.js
 * @param {Kernel} kernel
 * @param {Digits} digits
 * @returns {Promise<Engine>}
 */
export async function digit8(script, kernel, { pixels }) {
  // Another address is another module, with memory of its own.
  /** @type {typeof import('../../www/engine.js')} */
  const { Network, load } = await import(`${script}?${kernel}`);
  await load(kernel);
  return {
    name: `digit8 ${kernel}`,
    models: ['float32', 'static', 'fused', 'dynamic'],
    async prepare(model, batch) {
      const network = new Network(await bytes(`models/${model}.safetensors`), batch);
      /** @param {number} first */
      const run = (first) => network.logits(pixels.subarray(first * INPUTS, (first + batch) * INPUTS));
      return { run, waits: false };
    },
  };
}

/**
 * onnxruntime-web on its WebAssembly backend. Its other backends run on the GPU.
 * @param {string} folder
 * @param {Digits} digits
 * @returns {Promise<Engine>}
 */
export async function onnxruntime(folder, { reals }) {
  const ort = await import(`${folder}ort.wasm.min.mjs`);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = folder;
  const models = ['float32', 'static', 'fused', 'dynamic'];
  return {
    name: 'onnxruntime-web',
    models,
    async prepare(model, batch) {
      const options = { executionProviders: ['wasm'], graphOptimizationLevel: 'all' };
      const session = await ort.InferenceSession.create(await bytes(`models/${model}.onnx`), options);
      const inputs = everyBatch(reals, batch, (values) => new ort.Tensor('float32', values, [batch, INPUTS]));
      /** @param {number} first */
      const run = async (first) => (await session.run({ input: inputs(first) })).logits.data;
      return { run, waits: true };
    },
  };
}

/**
 * TensorFlow.js on its WebAssembly backend.
 * @param {string} folder
 * @param {Digits} digits
 * @param {Tensors} weights of the float32 model
 * @returns {Promise<Engine>}
 */
export async function tensorflow(folder, { reals }, weights) {
  await script(`${folder}tf-core.min.js`);
  await script(`${folder}tf-backend-wasm.min.js`);
  const { tf } = /** @type {any} */ (globalThis);
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  tf.wasm.setWasmPaths(folder);
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs has no WebAssembly backend here');
  await tf.ready();
  const layers = [1, 2, 3].map((number) => {
    const { values, shape } = weights[`linear${number}.weight`];
    // `[inputs, outputs]`, which is what its fast product takes.
    const b = tf.tidy(() => tf.keep(tf.transpose(tf.tensor2d(values, shape))));
    const bias = tf.tensor1d(weights[`linear${number}.bias`].values);
    return { b, bias, activation: number < 3 ? 'relu' : 'linear' };
  });
  return {
    name: 'tfjs wasm',
    models: ['float32'],
    async prepare(_, batch) {
      const inputs = everyBatch(reals, batch, (values) => tf.tensor2d(values, [batch, INPUTS]));
      /** @param {number} first */
      const run = (first) => {
        const input = inputs(first);
        const logits = tf.tidy(() => layers.reduce((a, layer) => tf.fused.matMul({ a, ...layer }), input));
        const values = logits.dataSync();
        logits.dispose();
        return values;
      };
      return { run, waits: false };
    },
  };
}

/**
 * Loops of plain JavaScript on typed arrays.
 * @param {Digits} digits
 * @param {Tensors} float
 * @param {Tensors} fused
 * @returns {Promise<Engine>}
 */
export async function javascript({ reals }, float, fused) {
  return {
    name: 'plain JavaScript',
    models: ['float32', 'fused'],
    async prepare(model, batch) {
      const forward = model === 'float32' ? plain.float32(float) : plain.int8(fused);
      const logits = new Float32Array(batch * CLASSES);
      /** @param {number} first */
      const run = (first) => {
        for (let image = 0; image < batch; image++) {
          const at = (first + image) * INPUTS;
          forward(reals.subarray(at, at + INPUTS), logits.subarray(image * CLASSES, (image + 1) * CLASSES));
        }
        return logits;
      };
      return { run, waits: false };
    },
  };
}

/**
 * A function that makes something of the batch that begins with an image, once.
 * @template T
 * @param {Float32Array} reals
 * @param {number} batch
 * @param {(values: Float32Array) => T} make
 */
function everyBatch(reals, batch, make) {
  /** @type {Map<number, T>} */
  const made = new Map();
  return (/** @type {number} */ first) => {
    let one = made.get(first);
    if (one === undefined) {
      one = make(reals.subarray(first * INPUTS, (first + batch) * INPUTS));
      made.set(first, one);
    }
    return one;
  };
}

/** @typedef {Record<string, { shape: number[], values: Float32Array | Int8Array | BigInt64Array }>} Tensors */

/**
 * The tensors of a safetensors file: its header is JSON, behind the header's length in eight bytes.
 * @param {string} path
 * @returns {Promise<Tensors>}
 */
export async function tensors(path) {
  const { buffer } = await bytes(path);
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  delete header.__metadata__;
  /** @type {Record<string, typeof Float32Array | typeof Int8Array | typeof BigInt64Array>} */
  const types = { F32: Float32Array, I8: Int8Array, I64: BigInt64Array };
  /** @type {Tensors} */
  const found = {};
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(header)) {
    found[name] = { shape, values: new types[dtype](buffer.slice(8 + length + start, 8 + length + end)) };
  }
  return found;
}

/** @param {string} src */
const script = (src) =>
  new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement('script'), { src, onload: resolve });
    element.onerror = () => reject(new Error(`${src} does not load`));
    document.head.append(element);
  });
