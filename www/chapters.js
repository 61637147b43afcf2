// What stands below the answers. Nobody waits for it: it loads once int8 can answer.

import { fetchSamples, showSamples } from './samples.js';

/** @import { Session } from './session.js' */

/**
 * @param {Session} session
 * @param {{ show: (pixels: Uint8Array) => void, say: (text: string) => void }} page
 *   `show` puts an image in the place of the drawing, `say` announces
 */
export async function open(session, { show }) {
  const samples = await fetchSamples();
  showSamples(session, samples, show);
}
