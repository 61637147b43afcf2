// MNIST's digits, packed by `cargo xtask web`: asked for by those who want them.

import { fetched } from '../models.js';

/**
 * Labelled digits: `pixels` `[n, 784]`, `labels` `[n]`, what they are, and whether they are the data set's own test digits.
 * @typedef {{ pixels: Uint8Array, labels: Uint8Array, source: string, isTest: boolean }} Digits
 */

const PIXELS = 784;
const TEST = new URL('../digits/test.digits', import.meta.url);

const FILES = {
  test: [TEST],
};

/** @type {Map<string, Promise<Digits>>} */
const read = new Map();

/**
 * A set of digits; those of an earlier call, if there was one.
 * @param {keyof typeof FILES} set
 * @param {(share: number) => void} [progress] called with the share that has arrived, 0 to 1
 */
export function readDigits(set, progress = () => {}) {
  const digits = read.get(set) ?? fetchAll(FILES[set], progress);
  read.set(set, digits);
  digits.catch(() => read.delete(set));
  return digits;
}

/**
 * @param {URL[]} urls
 * @param {(share: number) => void} progress
 * @returns {Promise<Digits>}
 */
async function fetchAll(urls, progress) {
  const parts = [];
  for (const [index, url] of urls.entries()) {
    parts.push(await fetchPart(url, (share) => progress((index + share) / urls.length)));
  }
  const [{ source, isTest }] = parts;
  return { source, isTest, pixels: joined(parts.map(({ pixels }) => pixels)), labels: joined(parts.map(({ labels }) => labels)) };
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
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
