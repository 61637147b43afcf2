// What stands below the answers. Nobody waits for it: it loads once int8 can answer.

import { openBench } from './bench.js';
import { openBits } from './bits.js';
import { byId, idle } from './dom.js';
import { Explainer } from './explainer.js';
import { openHow } from './how.js';
import { fetchSamples, showSamples } from './samples.js';
import { openWhy } from './why.js';

/** @import { Session } from './session.js' */

const STYLE = new URL('./chapters.css', import.meta.url);

/**
 * @param {Session} session
 * @param {{ show: (pixels: Uint8Array) => void, say: (text: string) => void }} page
 *   `show` puts an image in the place of the drawing, `say` announces
 */
export async function open(session, { show, say }) {
  await styled();
  /** @type {Explainer | undefined} */
  let explainer;
  const explain = () => (explainer ??= new Explainer(session));
  near('why', () => openWhy(explain()));
  near('how', () => openHow(explain()));
  try {
    const samples = await fetchSamples();
    await idle();
    showSamples(session, samples, show);
    await idle();
    openBench(session, samples, say);
    near('bits', () => openBits(session, explain(), samples, (pixels) => showAbove(pixels, show)));
  } catch (error) {
    byId('disputed').textContent = `The samples did not load: ${error instanceof Error ? error.message : error}. Drawing works without them.`;
  }
}

/**
 * Puts an image on the pad from far below it, and goes there.
 * @param {Uint8Array} pixels
 * @param {(pixels: Uint8Array) => void} show
 */
function showAbove(pixels, show) {
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  byId('pad').focus({ preventScroll: true });
  byId('pad').scrollIntoView({ behavior: isCalm ? 'auto' : 'smooth', block: 'center' });
  show(pixels);
}

/**
 * Does something once, when a chapter comes near the window: on a phone, most visitors only draw.
 * @param {string} id
 * @param {() => void} action
 */
function near(id, action) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      action();
    },
    { rootMargin: '160px' },
  );
  observer.observe(byId(id));
}

/** The style of these parts. */
function styled() {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = STYLE.href;
  return new Promise((resolve) => {
    link.addEventListener('load', resolve);
    link.addEventListener('error', resolve);
    document.head.append(link);
  });
}
