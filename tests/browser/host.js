// A static host with the habits of other people's hosts.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

/** @import { AddressInfo } from 'node:net' */

export const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
};

/**
 * @typedef {object} Habits they may change while the host runs
 * @property {Record<string, string>} [mounts] folders by the path that they are served under
 * @property {Record<string, string>} [types] other types for files with an ending
 * @property {Record<string, string>} [headers] of every answer
 * @property {boolean} [redirectIndex] answers /index.html with 308 to its folder
 * @property {RegExp} [missing] paths that are not there
 * @property {boolean} [spa] answers with index.html for what is not there
 * @property {RegExp} [partial] paths whose answers are 206, as if a part had been asked for
 * @property {(path: string, body: Buffer) => Buffer} [change] other bytes
 */

/**
 * Serves the page until the tests of this file have run.
 * @param {Habits} habits
 * @returns {Promise<{ address: string, habits: Habits, asked: string[], stop: () => void }>} `asked` are the paths of all requests
 */
export async function host(habits = {}) {
  /** @type {string[]} */
  const asked = [];
  const server = createServer(async ({ url = '/' }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://host').pathname);
    asked.push(path);
    const { mounts = { '/': DIST }, types = {}, headers = {} } = habits;
    const prefix = Object.keys(mounts).sort((a, b) => b.length - a.length).find((prefix) => path.startsWith(prefix));
    const send = (/** @type {number} */ status, /** @type {Buffer | string} */ body, /** @type {string} */ type) => {
      response.writeHead(status, { ...(type && { 'content-type': type }), 'cache-control': 'no-cache', ...headers }).end(body);
    };
    if (prefix === undefined) return send(404, 'not found', 'text/plain');
    if (habits.redirectIndex && path.endsWith('/index.html')) {
      response.writeHead(308, { location: path.slice(0, -'index.html'.length), ...headers }).end();
      return undefined;
    }
    const name = path.slice(prefix.length);
    const file = name === '' || name.endsWith('/') ? `${name}index.html` : name;
    try {
      if (habits.missing?.test(path)) throw new Error('missing');
      const body = await readFile(join(mounts[prefix], file));
      const extension = extname(file);
      const type = types[extension] ?? TYPES[extension] ?? 'application/octet-stream';
      return send(habits.partial?.test(path) ? 206 : 200, habits.change?.(path, body) ?? body, type);
    } catch {
      if (habits.spa) return send(200, await readFile(join(mounts[prefix], 'index.html')), TYPES['.html']);
      return send(404, 'not found', 'text/plain');
    }
  });
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  after(stop);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  return { address: `http://localhost:${/** @type {AddressInfo} */ (server.address()).port}/`, habits, asked, stop };
}
