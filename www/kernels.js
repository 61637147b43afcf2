// What this browser can run.

/** @typedef {'scalar' | 'simd128' | 'relaxed'} Kernel */

/** A function of no arguments whose result is a vector: valid only where there is SIMD. */
const SIMD_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];
/** The same with a relaxed product of bytes in it. */
const RELAXED_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15, 65, 0, 253, 15, 65,
  0, 253, 15, 253, 147, 2, 11,
];

/** @param {number[]} module */
const isValid = (module) => typeof WebAssembly === 'object' && WebAssembly.validate(new Uint8Array(module));

/** Whether this browser runs WebAssembly with SIMD. */
export const hasSimd = () => isValid(SIMD_PROBE);

/** The kernels that this browser can run, plainest first. @returns {Kernel[]} */
export function kernels() {
  if (!hasSimd()) return ['scalar'];
  return isValid(RELAXED_PROBE) ? ['scalar', 'simd128', 'relaxed'] : ['scalar', 'simd128'];
}

/** Why WebAssembly cannot be had at all, if it cannot. */
export function withoutWasm() {
  if (typeof WebAssembly !== 'object') {
    return 'WebAssembly, which digit8 computes with, is turned off in this browser (some do that in a mode of more protection)';
  }
  try {
    new WebAssembly.Module(new Uint8Array(SIMD_PROBE.slice(0, 8)));
    return undefined;
  } catch {
    return 'the host’s policy (Content-Security-Policy) forbids WebAssembly, which digit8 computes with: its script-src needs \'wasm-unsafe-eval\'';
  }
}
