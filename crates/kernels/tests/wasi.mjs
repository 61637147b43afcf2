// Runs a program for WebAssembly's system interface in Node.js: cargo's runner for the kernels' tests.
//
//   CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings crates/kernels/tests/wasi.mjs" \
//   CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS=-Ctarget-feature=+simd128 \
//     cargo test -p digit8-kernels --features scalar,simd128 --target wasm32-wasip1

import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [path, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args: [path, ...args], env: process.env, returnOnExit: true });
const module = await WebAssembly.compile(await readFile(path));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
