// What is there for visits without a network: what this visit needed, and the rest when nobody waits for the connection.

import { byId, element, idle } from './dom.js';
import { moduleAddresses } from './engine.js';
import { serviceWorkers, STARTED_BY, words } from './files.js';
import { explainAddress } from './explainer.js';
import { MODELS } from './models.js';

/** @import { Session } from './session.js' */

const LARGE = /\.(wasm|safetensors)$/;

/**
 * Registers the service worker, tells it what to keep, and says in the footer what there is.
 * @param {Session} session
 */
export async function openOffline(session) {
  const place = byId('offline');
  const workers = serviceWorkers();
  if (!workers) {
    place.textContent = 'This browser, or the way in which this page was opened, has no room for a copy: it needs the network.';
    return;
  }
  const everything = [...Object.values(MODELS).flatMap((files) => Object.values(files)), ...moduleAddresses(), explainAddress()].map(({ href }) => href);
  workers.addEventListener('message', ({ data }) => data.there && place.replaceChildren(...describe(data.there, everything, keepAll)));
  const tellOfUpdate = () => {
    if (STARTED_BY && workers.controller !== STARTED_BY) session.say('A new version of this page is out: reload to have it.');
  };
  workers.addEventListener('controllerchange', tellOfUpdate);
  tellOfUpdate();
  /** @type {ServiceWorkerRegistration} */
  let registration;
  const post = (/** @type {string[]} */ keep) =>
    (registration.active ?? registration.waiting ?? registration.installing)?.postMessage({ keep });
  const keepAll = () => post(everything);
  try {
    registration = await workers.register('./sw.js');
    const tell = () => post(loaded());
    tell();
    if (registration.installing && !registration.active) await installed(registration.installing);
    await workers.ready;
    // What has come since is not lost, either.
    session.subscribe(({ networks }, before) => networks !== before.networks && session.isReady && tell());
    await idle();
    tell();
    if (!isMetered()) keepAll();
  } catch (error) {
    place.textContent = `No copy of this page can be kept here (${words(error)}): it needs the network.`;
  }
}

/** Waits until a service worker is in place. @param {ServiceWorker} worker */
const installed = (worker) =>
  new Promise((resolve, reject) => {
    worker.addEventListener('statechange', () => {
      if (worker.state === 'activated') resolve(undefined);
      if (worker.state === 'redundant') reject(new Error('some of its files did not come, or there is no room for them'));
    });
  });

/** The modules and models that this page has fetched. */
const loaded = () => performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => LARGE.test(name));

/**
 * What there is, in words.
 * @param {string[]} there the addresses of the files that are kept
 * @param {string[]} everything
 * @param {() => void} keepAll
 * @returns {(Node | string)[]}
 */
function describe(there, everything, keepAll) {
  const kept = new Set(there);
  if (!there.some((url) => url.endsWith('/index.html'))) return ['This browser keeps no copy of this page: it needs the network.'];
  if (everything.every((url) => kept.has(url))) return ['Kept for visits without a network: this page, all of its networks and explanations.'];
  const networks = Object.entries(MODELS).flatMap(([model, files]) => {
    const kinds = Object.entries(files).filter(([, { href }]) => kept.has(href)).map(([kind]) => kind);
    return kinds.length > 0 ? `${model} (${kinds.join(', ')})` : [];
  });
  const button = element('button', { type: 'button', 'data-testid': 'keep-all' }, 'Keep all');
  button.addEventListener('click', () => {
    button.disabled = true;
    keepAll();
  });
  const list = networks.length > 0 ? ` and the networks ${networks.join(' and ')}` : '';
  return [`Kept for visits without a network: this page${list}; others when you choose them. `, button];
}

/** Whether data costs the visitor money or patience. */
export function isMetered() {
  const { connection } = /** @type {{ connection?: { saveData?: boolean, type?: string, effectiveType?: string } }} */ (navigator);
  return connection?.saveData === true || connection?.type === 'cellular' || /2g|3g/.test(connection?.effectiveType ?? '');
}
