// The two answers to what is on the pad, and how they compare.

import { byId } from './dom.js';
import { NAMES } from './networks.js';
import { Panel, best } from './panel.js';
import { showPixels } from './engine.js';
import { SIDES } from './session.js';

/** @import { Networks } from './networks.js' */
/** @import { Session, Side } from './session.js' */

const preview = /** @type {HTMLCanvasElement} */ (byId('preview'));
const agreement = byId('agreement');

/**
 * @param {Session} session
 * @param {Networks} networks
 */
export function openAnswers(session, networks) {
  const panels = { float: new Panel(byId('float'), 'float'), int8: new Panel(byId('int8'), 'int8') };
  const retry = (/** @type {Side} */ side) => {
    byId('pad').focus();
    networks.bring(side);
  };
  session.subscribe((state, before) => {
    const isRedrawn = state.drawing !== before.drawing || state.pen !== before.pen || state.kernel !== before.kernel;
    for (const side of SIDES) {
      if (state.networks[side] === before.networks[side] && state.kernel === before.kernel) continue;
      panels[side].showSlot(state, side, () => retry(side));
    }
    if (isRedrawn || state.networks !== before.networks) answer(session, panels);
  });
  tell(session);
  return panels;
}

/**
 * @param {Session} session
 * @param {Record<Side, Panel>} panels
 */
function answer(session, panels) {
  const { pixels } = session;
  if (session.state.kernel) showPixels(preview, pixels);
  const [float, int8] = /** @type {const} */ (['float', 'int8']).map((side) => {
    const network = session.network(side);
    const answer = pixels && network?.answer(pixels);
    panels[side].show(answer, network?.isSure);
    return answer;
  });
  if (!float || !int8 || !session.isReady) {
    agreement.textContent = '–';
    delete agreement.dataset.agree;
    return;
  }
  agreement.textContent = comparison(float, int8);
  agreement.dataset.agree = String(best(float) === best(int8));
}

/**
 * Tells those who hear the answers: after a stroke, not during it; and what has become of the networks.
 * @param {Session} session
 */
function tell(session) {
  session.subscribe((state, before) => {
    const failed = SIDES.find((side) => state.networks[side].phase === 'failed' && before.networks[side].phase !== 'failed');
    if (state.isStopped) return;
    if (failed) {
      session.say(`${state.networks[failed].trouble}. So ${NAMES[failed]} cannot answer: try again, or choose another network.`);
      return;
    }
    const isNews = state.networks !== before.networks && SIDES.some((side) => state.networks[side].phase !== before.networks[side].phase);
    const hasCome = isNews && session.isReady;
    const isDone = !state.drawing.isDown && (state.drawing !== before.drawing || (state.pen !== before.pen && session.pixels));
    if (session.pixels && (hasCome || isDone)) session.say(readings(session));
    else if (hasCome) session.say('Ready. Draw a digit.');
    else if (isDone && session.isReady) session.say('Nothing is drawn.');
    else if (isNews && state.networks.int8.phase === 'ready' && state.networks.float.phase === 'loading' && !session.pixels) {
      session.say('int8 is ready, float32 is loading.');
    }
  });
}

/** @param {Session} session */
function readings(session) {
  const { state, pixels } = session;
  const parts = /** @type {const} */ (['float', 'int8']).map((side) => {
    const { phase, loaded } = state.networks[side];
    if (pixels && loaded) {
      const digit = best(loaded.network.answer(pixels));
      return loaded.network.isSure ? `${NAMES[side]} reads ${digit}` : `${NAMES[side]} is not sure (${digit}?)`;
    }
    return `${NAMES[side]} ${phase === 'loading' ? 'is still loading' : 'cannot answer'}`;
  });
  return `${parts.join(', ')}.`;
}

/**
 * @param {Float64Array} float
 * @param {Float64Array} int8
 */
function comparison(float, int8) {
  const differences = float.map((probability, digit) => Math.abs(probability - int8[digit]));
  const most = best(differences);
  const points = 100 * differences[most];
  const size = points >= 0.01 ? points.toFixed(2) : 'less than 0.01';
  const start = best(float) === best(int8) ? `Both read ${best(float)}.` : `They disagree: ${best(float)} and ${best(int8)}.`;
  return `${start} The largest difference of probability is ${size} points, for ${most}.`;
}
