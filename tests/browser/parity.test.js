// Every kernel of every module of the page gives PyTorch's values at every step of every scheme, to the bit: in Node.js and in
// Chromium. The modules are the page's, and have the steps' values besides (`cargo xtask test` builds them).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { compare } from './compare.js';
import { browser } from './harness.js';
import { fixtures, golden, read } from './runs.js';

/** @import { AddressInfo } from 'node:net' */
/** @import { Run } from './compare.js' */

/**
 * A module that has been loaded somewhere.
 * @typedef {object} Loaded
 * @property {string[]} kernels
 * @property {(kernel: string, run: Run) => ReturnType<typeof compare>} compare
 */

const MODULES = fileURLToPath(new URL('../../target/web/trace/pkg/', import.meta.url));
const modules = readdirSync(MODULES).flatMap((file) => /^(.+-trace)\.js$/.exec(file)?.[1] ?? []);
/** The kernel of each module. @type {Record<string, string>} */
const KERNELS = { 'digit8-trace': 'simd128', 'digit8_relaxed-trace': 'relaxed', 'digit8_scalar-trace': 'scalar' };
assert.deepEqual(modules.sort(), Object.keys(KERNELS), `modules in ${MODULES}`);

/**
 * @param {string} name
 * @returns {Promise<Loaded | undefined>} nothing if this Node.js does not know the module's instructions
 */
async function inNode(name) {
  const bytes = readFileSync(`${MODULES}${name}_bg.wasm`);
  if (!WebAssembly.validate(bytes)) return undefined;
  const module = await import(pathToFileURL(`${MODULES}${name}.js`).href);
  const { memory } = await module.default({ module_or_path: bytes });
  return { kernels: module.kernels(), compare: (kernel, run) => compare(module, memory, kernel, run, read) };
}

/**
 * @param {string} name
 * @returns {Promise<Loaded>}
 */
async function inChromium(name) {
  const page = await (await browser()).newPage();
  await page.goto(`http://localhost:${/** @type {AddressInfo} */ (server.address()).port}/`);
  const kernels = await page.evaluate(async (name) => {
    const module = await import(`/${name}.js`);
    const { memory } = await module.default();
    const script = '/compare.js';
    const { compare } = await import(script);
    const read = async (/** @type {string} */ where) => {
      const response = await fetch(`/read?${encodeURIComponent(where)}`);
      if (!response.ok) throw new Error(await response.text());
      return new Uint8Array(await response.arrayBuffer());
    };
    Object.assign(globalThis, {
      compareHere: (/** @type {string} */ kernel, /** @type {Run} */ run) => compare(module, memory, kernel, run, read),
    });
    return module.kernels();
  }, name);
  return {
    kernels,
    compare: (kernel, run) =>
      page.evaluate(
        ([kernel, run]) => /** @type {any} */ (globalThis).compareHere(kernel, run),
        /** @type {const} */ ([kernel, run]),
      ),
  };
}

/** An empty page, the modules, the comparison and the values. */
const server = createServer(({ url = '/' }, response) => {
  const [path, query] = url.split('?');
  const type = path.endsWith('.js') ? 'text/javascript' : path.endsWith('.wasm') ? 'application/wasm' : 'text/html';
  response.setHeader('content-type', type);
  if (path === '/read') {
    read(decodeURIComponent(query)).then(
      (bytes) => response.end(bytes),
      (error) => response.writeHead(404).end(String(error)),
    );
  } else if (path === '/compare.js') {
    createReadStream(fileURLToPath(new URL('compare.js', import.meta.url))).pipe(response);
  } else if (modules.some((name) => path === `/${name}.js` || path === `/${name}_bg.wasm`)) {
    createReadStream(MODULES + path).pipe(response);
  } else {
    response.end();
  }
}).listen(0, 'localhost');
await once(server, 'listening');
server.unref();

const PLACES = [
  { place: 'Node.js', load: inNode },
  { place: 'Chromium', load: inChromium },
];
const SETS = [
  { set: "the fixtures' networks", runs: fixtures() },
  { set: "MNIST's 10,000 test images", runs: golden() },
];

for (const name of modules) {
  for (const { place, load } of PLACES) {
    for (const { set, runs } of SETS) {
      test(`PyTorch's values: ${set}, ${name} in ${place}`, { timeout: 600_000 }, async (t) => {
        if (!runs) return t.skip('no PyTorch values (DIGIT8_SHARED, or ../shared beside the checkout)');
        const loaded = await load(name);
        if (!loaded) return t.skip(`Node.js ${process.version} does not know all of the module's instructions`);
        assert.deepEqual(loaded.kernels, [KERNELS[name]], 'a module has one kernel');
        /** @type {string[]} */
        const differences = [];
        for (const kernel of loaded.kernels) {
          let compared = 0;
          for (const run of runs) {
            for (const [step, { values, different }] of Object.entries(await loaded.compare(kernel, run))) {
              compared += values;
              if (different) differences.push(`${kernel}, ${run.name}, ${step}: ${different} of ${values}`);
            }
          }
          t.diagnostic(`${kernel}: ${compared.toLocaleString('en')} values compared`);
        }
        assert.deepEqual(differences, [], 'values that differ from PyTorch’s');
      });
    }
  }
}
