// The models that ship with the page, each as float32 and in every int8 scheme.

/** @typedef {'static' | 'fused' | 'dynamic'} Scheme */
/** @typedef {'float32' | Scheme} Kind */

/** @type {Record<string, Record<Kind, URL>>} */
export const MODELS = {
  drawings: {
    float32: new URL('./models/drawings-float32.safetensors', import.meta.url),
    static: new URL('./models/drawings-static.safetensors', import.meta.url),
    fused: new URL('./models/drawings-fused.safetensors', import.meta.url),
    dynamic: new URL('./models/drawings-dynamic.safetensors', import.meta.url),
  },
  notebook: {
    float32: new URL('./models/notebook-float32.safetensors', import.meta.url),
    static: new URL('./models/notebook-static.safetensors', import.meta.url),
    fused: new URL('./models/notebook-fused.safetensors', import.meta.url),
    dynamic: new URL('./models/notebook-dynamic.safetensors', import.meta.url),
  },
};

/**
 * The bytes of a model's file.
 * @param {URL} url
 * @param {(share: number) => void} [progress] called with the share that has arrived, 0 to 1
 * @param {AbortSignal} [signal] ends it
 * @returns {Promise<Uint8Array>}
 */
export async function fetchModel(url, progress = () => {}, signal = undefined) {
  progress(0);
  const response = await fetched(url, signal);
  // The length is that of the compressed form where there is one: a guide for the eye, no more.
  const expected = Number(response.headers.get('content-length')) || Infinity;
  const chunks = [];
  let arrived = 0;
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    const chunk = /** @type {Uint8Array} */ (value);
    chunks.push(chunk);
    arrived += chunk.length;
    progress(Math.min(arrived / expected, 1));
  }
  return new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (chunks)).arrayBuffer());
}

/**
 * A file of the page. Its errors say which, and what is in the way.
 * @param {URL} url
 * @param {AbortSignal} [signal] ends it
 */
export async function fetched(url, signal) {
  const response = await fetch(url, { signal }).catch(() => {
    const why = navigator.onLine ? 'the server does not answer' : 'you are offline, and no earlier visit has kept this file';
    throw new Error(`${url.pathname}: ${why}`);
  });
  if (!response.ok || !response.body) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`);
  return response;
}
