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
