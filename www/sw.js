// The service worker: later visits need no network, and each gets all of one version of the page.
//
// `cargo xtask web` fills in the version and the files, each with its digest, by which every file is checked: a deployment that is
// under way cannot leave a mixture. The page itself (CORE) is in the cache before any of it is used. Modules and models are large, and
// a visit needs few: the page says which are to be kept (`{ keep: [address, …] }`), and others are kept when they are asked for.
//
// What is not in the cache, or cannot be had from it for whatever reason, comes from the network, as if there were no worker.

const VERSION = '%VERSION%';
/** @type {Record<string, string>} */
const FILES = JSON.parse('%FILES%');

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const SCOPE = worker.registration.scope;
/** Another deployment of the same origin has caches of its own. */
const PREFIX = 'digit8-';
const SUFFIX = ` ${new URL(SCOPE).pathname}`;
const NAME = PREFIX + VERSION + SUFFIX;
const PAGE = 'index.html';

/** @param {string} path */
const address = (path) => new URL(path, SCOPE).href;
const isLarge = (/** @type {string} */ path) => /\.(wasm|safetensors|digits)$/.test(path);
const CORE = Object.keys(FILES).filter((path) => !isLarge(path));
/** The files of the page as they are named without their digests: an earlier version's are called the same. */
const stem = (/** @type {string} */ path) => path.replace(/-[0-9a-f]+(?=\.\w+$)/, '');
const STEMS = new Set(Object.keys(FILES).map(stem));

/** What the page has asked for first. @type {(paths: string[]) => void} */
let tell;
const told = new Promise((/** @type {(paths: string[]) => void} */ resolve) => (tell = resolve));

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(activate()));
worker.addEventListener('message', (event) => {
  const keep = /** @type {string[] | undefined} */ (event.data?.keep);
  if (!keep) return;
  const paths = keep.map((url) => url.replace(SCOPE, '')).filter((path) => path in FILES);
  tell(paths);
  event.waitUntil(keepLarge(paths).then(async () => event.source?.postMessage({ there: (await there()).map(address) })));
});
worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const path = pathOf(request);
  if (path === undefined) return;
  event.respondWith(path === PAGE ? page(event) : file(event, path));
});

/** The path of a file of this page that is asked for; nothing for all else, which is left to the browser. @param {Request} request */
function pathOf(request) {
  if (request.method !== 'GET' || !request.url.startsWith(SCOPE) || request.headers.has('range')) return undefined;
  const url = new URL(request.url);
  const path = (url.origin + url.pathname).replace(SCOPE, '') || PAGE;
  return STEMS.has(stem(path)) ? path : undefined;
}

async function install() {
  const cache = await caches.open(NAME);
  try {
    // All are waited for, even after one has failed: none may open the cache again once it is deleted.
    const outcomes = await Promise.allSettled(CORE.map((path) => keep(cache, path)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    // On the first visit the page says what it has loaded. An update keeps what the version before it had.
    const large = worker.registration.active ? await keptBefore() : await told;
    await keepLarge(large);
  } catch (error) {
    await caches.delete(NAME);
    throw error;
  }
  await worker.skipWaiting();
}

/** The modules and models that earlier versions have in their caches, under their names in this one. */
async function keptBefore() {
  const stems = new Set();
  for (const name of await ours()) {
    for (const { url } of await (await caches.open(name)).keys()) stems.add(stem(url.replace(SCOPE, '')));
  }
  return Object.keys(FILES).filter((path) => isLarge(path) && stems.has(stem(path)));
}

/**
 * Puts modules or models into the cache, one after the other. What does not come, or finds no room, comes from the network when it
 * is needed.
 * @param {string[]} paths
 */
async function keepLarge(paths) {
  try {
    const cache = await caches.open(NAME);
    for (const path of paths) await keep(cache, path).catch(() => {});
  } catch {
    // There is no cache to be had.
  }
}

/**
 * Puts a file into the cache, unless it is there: the one that an earlier version had under this name, or else the host's.
 * @param {Cache} cache
 * @param {string} path
 */
async function keep(cache, path) {
  if (await cache.match(address(path))) return;
  const isNamedAfterContent = stem(path) !== path;
  const known = isNamedAfterContent ? await fromOurs(path) : undefined;
  if (known) return store(cache, path, known);
  const fromHost = async (/** @type {string} */ at) =>
    store(cache, path, await fetch(address(at), { cache: isNamedAfterContent ? 'default' : 'no-cache' }));
  // Some hosts have the page under its folder's name alone, others under its own alone.
  if (path === PAGE) await fromHost('').catch(() => fromHost(PAGE));
  else await fromHost(path);
}

/**
 * Puts an answer into the cache, if it is this version's, as an answer of its own: neither redirected nor partial, and without
 * headers that say who may have it.
 * @param {Cache} cache
 * @param {string} path
 * @param {Response} response
 */
async function store(cache, path, response) {
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  const body = await response.blob();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await body.arrayBuffer()));
  if (`sha256-${btoa(String.fromCharCode(...digest))}` !== FILES[path]) throw new Error(`${path}: of another version`);
  const headers = new Headers(response.headers);
  for (const name of ['vary', 'content-encoding', 'content-range', 'set-cookie']) headers.delete(name);
  headers.set('content-length', String(body.size));
  await cache.put(address(path), new Response(body, { headers }));
}

/** The names of this deployment's caches, this version's last. */
async function ours() {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name.endsWith(SUFFIX));
  return [...names.filter((name) => name !== NAME), ...names.filter((name) => name === NAME)];
}

/** The paths of this version's files that are there. */
async function there() {
  const keys = await caches.open(NAME).then((cache) => cache.keys()).catch(() => []);
  return keys.map(({ url }) => url.replace(SCOPE, ''));
}

/** A file from the caches, this version's first. @param {string} path */
async function fromOurs(path) {
  for (const name of (await ours()).reverse()) {
    const found = await (await caches.open(name)).match(address(path));
    if (found) return found;
  }
  return undefined;
}

/** The version before this one stays, for pages that are still open. */
async function activate() {
  const before = (await ours().catch(() => [])).filter((name) => name !== NAME);
  await Promise.all(before.slice(0, -1).map((name) => caches.delete(name).catch(() => {})));
  await worker.clients.claim();
}

/**
 * The page of this version if all of it is there, else the network's; if there is no network, what there is.
 * @param {FetchEvent} event
 */
async function page({ request }) {
  const own = request.cache === 'no-store' ? undefined : await ownPage().catch(() => undefined);
  if (own?.isWhole) return own.response;
  return fetch(request).catch((error) => {
    if (own) return own.response;
    throw error;
  });
}

async function ownPage() {
  const paths = new Set(await there());
  const response = await (await caches.open(NAME)).match(address(PAGE));
  return response && { response, isWhole: CORE.every((path) => paths.has(path)) };
}

/**
 * A file of this version, or of an earlier one whose page is still open. What the network has in place of it is kept, if it is this
 * version's.
 * @param {FetchEvent} event
 * @param {string} path
 */
async function file(event, path) {
  const { request } = event;
  // A page that found a file damaged asks past all caches.
  const kept = request.cache === 'reload' ? undefined : await fromOurs(path).catch(() => undefined);
  if (kept) return kept;
  const response = await fetch(request);
  if (path in FILES && response.status === 200) {
    const copy = response.clone();
    event.waitUntil(
      caches.open(NAME).then((cache) => store(cache, path, copy)).catch(() => {}),
    );
  }
  return response;
}
