// The page's files: fetched and checked, who brought them, and in words, what is in the way of one.

import { withoutWasm } from './kernels.js';

/** What went wrong, in words. @param {unknown} error */
export const words = (error) => (error instanceof Error ? error.message : String(error));

/** The browser's service workers; none where it has none, or where the page may not touch them. */
export function serviceWorkers() {
  try {
    return navigator.serviceWorker;
  } catch {
    return undefined;
  }
}

/** The service worker that brought this page, if one did: once another is in charge, a new version is out. */
export const STARTED_BY = serviceWorkers()?.controller;

/**
 * The bytes of a file whose name has its content's SHA-256 in it: no others are taken.
 * @param {URL} url
 * @param {(share: number) => void} [progress] called with the share that has arrived, 0 to 1
 * @param {AbortSignal} [signal] ends it
 * @param {(bytes: Uint8Array) => boolean} [isAnotherForm] whether a host has changed the form of the file, of which its name says nothing
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function fetchBytes(url, progress = () => {}, signal = undefined, isAnotherForm = () => false) {
  progress(0);
  const bytes = await arrived(await fetched(url, { signal }), progress);
  if (isAnotherForm(bytes) || (await isNamed(bytes, url))) return bytes;
  // What was damaged may lie in a cache: once more from the host.
  const again = await arrived(await fetched(url, { signal, cache: 'reload' }), progress);
  if (await isNamed(again, url)) return again;
  throw new Error(`${url.pathname}: its bytes are not those that its name promises: it was damaged on the way, or changed on the host${await advice()}`);
}

/** @param {Response} response @param {(share: number) => void} progress */
async function arrived(response, progress) {
  // The length is that of the compressed form where there is one: a guide for the eye, no more.
  const expected = Number(response.headers.get('content-length')) || Infinity;
  const chunks = [];
  let length = 0;
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    const chunk = /** @type {Uint8Array} */ (value);
    chunks.push(chunk);
    length += chunk.length;
    progress(Math.min(length / expected, 1));
  }
  return new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (chunks)).arrayBuffer());
}

/** The digest in a file's name, in hexadecimal, if there is a whole one. @param {URL} url */
const digestOf = ({ pathname }) => /-([0-9a-f]{64})\.\w+$/.exec(pathname)?.[1];

/**
 * Whether bytes are those that a file's name promises.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {URL} url
 */
async function isNamed(bytes, url) {
  const expected = digestOf(url);
  // Where a page comes without encryption, the browser itself has checked them.
  if (!expected || !crypto.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') === expected;
}

/** The digest as `fetch` wants it. @param {string} hex */
const integrity = (hex) => `sha256-${btoa(String.fromCharCode(...(hex.match(/../g) ?? []).map((byte) => parseInt(byte, 16))))}`;

/**
 * A file of the page. Its errors say which, and what is in the way.
 * @param {URL} url
 * @param {RequestInit} [options]
 */
export async function fetched(url, options = {}) {
  const digest = digestOf(url);
  const checked = digest && !crypto.subtle ? { integrity: integrity(digest), ...options } : options;
  const response = await fetch(url, checked).catch((error) => {
    if (options.signal?.aborted) throw error;
    throw new Error(`${url.pathname}: ${navigator.onLine ? 'the host does not answer' : 'you are offline, and no earlier visit has kept this file'}`);
  });
  const trouble = response.body ? misfit(response, url) : 'there is nothing in it';
  if (trouble) throw new Error(`${url.pathname}: ${trouble}${await advice()}`);
  return response;
}

/**
 * What is wrong with an answer, if something is.
 * @param {Response} response
 * @param {URL} url
 */
function misfit(response, url) {
  if (!response.ok) return `${response.status} ${response.statusText}`.trim();
  const type = response.headers.get('content-type') ?? '';
  if (/^text\/html/.test(type) && !url.pathname.endsWith('.html')) return 'the host sends a web page in place of this file';
  if (url.pathname.endsWith('.js') && !/javascript|ecmascript/.test(type)) {
    return `the host sends it as ${type || 'no type at all'}, and browsers take scripts as text/javascript alone`;
  }
  return undefined;
}

/**
 * A module of the page: its script, which wasm-bindgen wrote, and its wasm.
 * @template {{ default: (input: any) => Promise<{ memory: WebAssembly.Memory }> }} Exports
 */
export class Module {
  #script;
  #run;
  /** @type {Promise<{ exports: Exports, memory: WebAssembly.Memory }> | undefined} */
  #loading;

  /**
   * @param {URL} wasm
   * @param {URL} script
   * @param {() => Promise<Exports>} run imports the script
   */
  constructor(wasm, script, run) {
    this.wasm = wasm;
    this.#script = script;
    this.#run = run;
  }

  /** Loads it once; after a failure, the next call tries again. The errors say which file, and what is in the way. */
  load() {
    this.#loading ??= this.#start();
    // Who waits for it is told; nobody else needs to be.
    this.#loading.catch(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #start() {
    // Both are asked for at once, though the one loads the other.
    const [exports, bytes] = await Promise.all([this.#imported(), fetchBytes(this.wasm)]);
    const module = await WebAssembly.compile(bytes).catch((error) => {
      throw new Error(withoutWasm() ?? `${this.wasm.pathname}: ${error.message}`);
    });
    return { exports, memory: (await exports.default({ module_or_path: module })).memory };
  }

  async #imported() {
    try {
      return await this.#run();
    } catch (error) {
      await fetched(this.#script);
      throw new Error(`${this.#script.pathname}: ${words(error)}`);
    }
  }
}

/** What to do about a file that is not there: where the host has another version of the page by now, to reload it. */
async function advice() {
  const own = /[^/]+$/.exec(new URL(import.meta.url).pathname)?.[0] ?? '';
  const page = await fetch(new URL('./', import.meta.url), { cache: 'no-store' }).then((response) => (response.ok ? response.text() : own), () => own);
  return page.includes(own) ? '' : '. A new version of this page is out: reload it to have all of one';
}
