// MNIST's digits, packed by `cargo xtask web`: asked for by those who want them.

import { fetchBytes } from '../files.js';

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
  // Some hosts unpack such a file on the way.
  const isUnpacked = (/** @type {Uint8Array} */ bytes) => bytes[0] !== 0x1f || bytes[1] !== 0x8b;
  const file = await fetchBytes(url, progress, undefined, isUnpacked);
  const bytes = isUnpacked(file) ? file : await unpacked(file);
  const end = bytes.indexOf(10);
  const { count, source, isTest } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  if (count === 0) throw new Error('this copy of the page was built without digits; cargo xtask web adds them where there is MNIST');
  const labels = bytes.subarray(end + 1, end + 1 + count);
  const pixels = bytes.subarray(end + 1 + count);
  if (pixels.length !== PIXELS * count) throw new Error(`${url.pathname}: ${pixels.length} pixels, expected ${PIXELS * count}`);
  return { source, isTest, labels, pixels };
}

/** What was compressed. @param {Uint8Array<ArrayBuffer>} file */
async function unpacked(file) {
  const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
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
