// MNIST's digits, packed by `cargo xtask web`: asked for by those who want them.

import { fetched } from '../files.js';

/**
 * Labelled digits: `pixels` `[n, 784]`, `labels` `[n]`, what they are, and whether they are the data set's own test digits.
 * @typedef {{ pixels: Uint8Array, labels: Uint8Array, source: string, isTest: boolean }} Digits
 */

const PIXELS = 784;
/** Every set in parts, in the order of its digits. */
const PARTS = {
  test: [new URL('../digits/test.digits', import.meta.url)],
  train: [
    new URL('../digits/train-1.digits', import.meta.url),
    new URL('../digits/train-2.digits', import.meta.url),
    new URL('../digits/train-3.digits', import.meta.url),
    new URL('../digits/train-4.digits', import.meta.url),
    new URL('../digits/train-5.digits', import.meta.url),
    new URL('../digits/train-6.digits', import.meta.url),
  ],
};

/** Parts that were asked for. @type {Map<URL, Promise<Digits>>} */
const asked = new Map();

/**
 * The first digits of a set. What has come before is not asked for again.
 * @param {keyof typeof PARTS} set
 * @param {number} count how many, Infinity for all
 * @param {(share: number) => void} [progress] called with the share that has arrived, 0 to 1
 * @returns {Promise<Digits>}
 */
export async function readDigits(set, count, progress = () => {}) {
  const urls = PARTS[set];
  /** @type {Digits[]} */
  const parts = [];
  let have = 0;
  for (const [index, url] of urls.entries()) {
    if (have >= count) break;
    const part = await partOf(url, (share) => progress((index + share) / urls.length));
    parts.push(part);
    have += part.labels.length;
  }
  progress(1);
  const [{ source, isTest }] = parts;
  const all = Math.min(count, have);
  const pixels = joined(parts.map(({ pixels }) => pixels)).subarray(0, PIXELS * all);
  return { source, isTest, pixels, labels: joined(parts.map(({ labels }) => labels)).subarray(0, all) };
}

/**
 * @param {URL} url
 * @param {(share: number) => void} progress
 */
function partOf(url, progress) {
  const part = asked.get(url) ?? fetchPart(url, progress);
  asked.set(url, part);
  part.catch(() => asked.delete(url));
  return part;
}

/**
 * One file: a line of JSON, the labels, the pixels, all compressed as gzip does.
 * @param {URL} url
 * @param {(share: number) => void} progress
 * @returns {Promise<Digits>}
 */
async function fetchPart(url, progress) {
  const response = await fetched(url);
  const expected = Number(response.headers.get('content-length')) || Infinity;
  let arrived = 0;
  const counted = new TransformStream({
    transform(chunk, controller) {
      arrived += chunk.length;
      progress(Math.min(arrived / expected, 1));
      controller.enqueue(chunk);
    },
  });
  const stream = /** @type {ReadableStream<Uint8Array>} */ (response.body).pipeThrough(counted);
  const bytes = new Uint8Array(await new Response(await unpacked(stream)).arrayBuffer());
  const end = bytes.indexOf(10);
  const { count, source, isTest } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  if (count === 0) throw new Error('this copy of the page was built without digits; cargo xtask web adds them where there is MNIST');
  const labels = bytes.subarray(end + 1, end + 1 + count);
  const pixels = bytes.subarray(end + 1 + count);
  if (pixels.length !== PIXELS * count) throw new Error(`${url.pathname}: ${pixels.length} pixels, expected ${PIXELS * count}`);
  return { source, isTest, labels, pixels };
}

/**
 * What was compressed. Some hosts unpack such a file on the way.
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {Promise<ReadableStream<Uint8Array>>}
 */
async function unpacked(stream) {
  const [first, second] = stream.tee();
  const reader = first.getReader();
  const { value } = await reader.read();
  reader.cancel();
  const isPacked = value?.[0] === 0x1f && value[1] === 0x8b;
  return isPacked ? second.pipeThrough(/** @type {any} */ (new DecompressionStream('gzip'))) : second;
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
