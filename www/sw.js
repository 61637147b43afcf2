// The service worker: later visits need no network, and each gets all of one version of the page.
//
// `cargo xtask web` fills in the version and the list of files, each with its digest. All of a version is in the cache
// before any of it is used, and the browser checks the digests, so a deployment that is under way cannot leave a mixture.
// Files other than pages are named after their content: a page that is still open keeps finding its own, also while a
// newer version is already being served to others.

const PREFIX = 'digit8-';
const VERSION = '%VERSION%';
/** @type {Record<string, string>} */
const FILES = JSON.parse('%FILES%');

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** @param {string} path */
const address = (path) => new URL(path, worker.registration.scope).href;

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(activate()));
worker.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  if (method === 'GET' && url.startsWith(worker.registration.scope)) event.respondWith(respond(event.request));
});

async function install() {
  const name = PREFIX + VERSION;
  const cache = await caches.open(name);
  try {
    await Promise.all(Object.entries(FILES).map(([path, integrity]) => keep(cache, path, integrity)));
  } catch (error) {
    await caches.delete(name);
    throw error;
  }
  await worker.skipWaiting();
}

/**
 * Puts a file into the cache: the one an earlier version had under this name, or else the host's.
 * @param {Cache} cache
 * @param {string} path
 * @param {string} integrity
 */
async function keep(cache, path, integrity) {
  const isPage = path.endsWith('.html') || path.endsWith('.webmanifest');
  const known = isPage ? undefined : await caches.match(address(path));
  const response = known ?? (await fetch(address(path), { integrity, cache: isPage ? 'no-cache' : 'default' }));
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  await cache.put(address(path), response);
}

/** The version before this one stays, for pages that are still open. */
async function activate() {
  const ours = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== PREFIX + VERSION);
  await Promise.all(ours.slice(0, -1).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** @param {Request} request */
async function respond(request) {
  const url = new URL(request.url);
  url.search = url.hash = '';
  const wanted = url.pathname.endsWith('/') ? new URL('index.html', url).href : url.href;
  const own = await (await caches.open(PREFIX + VERSION)).match(wanted);
  const kept = own ?? (await caches.match(wanted));
  if (kept) return kept;
  const response = await fetch(request);
  // Digits to test and to train with: too much for everybody, and kept once somebody has asked for them.
  if (response.ok && wanted.endsWith('.digits')) {
    const cache = await caches.open(PREFIX + VERSION);
    await cache.put(wanted, response.clone());
  }
  return response;
}
