// What one inference takes here: both networks in turn, in samples so short that no pen waits for one.

import { byId, element } from './dom.js';
import { callsFor, pause, sampleLength, timerStep } from './timing.js';

/** @import { Panel } from './panel.js' */
/** @import { Loaded, Session, Side } from './session.js' */

/** A sample may take so many milliseconds: one that turns out twice as long is still shorter than 50. So many steps of the clock are
 * better than ten. */
const MOST = 20;
const STEPS = 20;
/** So many rounds are compared with as many before them. */
const SPAN = 8;
/** Until a browser has compiled for speed what runs often, its times say nothing about the networks. */
const FIRST_ROUNDS = 60;
const MOST_ROUNDS = 400;
/** Two times that are no further apart are one. */
const TOLERANCE = 0.05;

const ORDER = /** @type {Side[]} */ (['float', 'int8']);

/**
 * Shows the times of what is on the pad, and how they compare.
 * @param {Session} session
 * @param {Record<Side, Panel>} panels
 */
export function openTimes(session, panels) {
  const ratio = byId('ratio');
  /** Networks that have been timed before. @type {WeakSet<object>} */
  const warm = new WeakSet();
  session.whenAtRest(async () => {
    ratio.replaceChildren();
    const { pixels } = session;
    const sides = ORDER.map((side) => ({ side, loaded: session.state.networks[side].loaded, times: /** @type {number[]} */ ([]), calls: 0 }));
    const timed = /** @type {(typeof sides[0] & { loaded: Loaded })[]} */ (sides.filter(({ loaded }) => loaded));
    if (!pixels || timed.length === 0) return;
    const step = await timerStep();
    const isCurrent = () =>
      !session.state.drawing.isDown && session.pixels === pixels && sides.every(({ side, loaded }) => session.state.networks[side].loaded === loaded);
    const length = sampleLength(step, MOST, STEPS);
    if (length === undefined) {
      for (const { side } of timed) panels[side].note({ time: 'see the benchmark' });
      ratio.replaceChildren(...tooCoarse(step));
      return;
    }
    const rounds = timed.every(({ loaded }) => warm.has(loaded)) ? 2 * SPAN : FIRST_ROUNDS;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      for (const entry of timed) {
        await pause();
        if (!isCurrent()) return;
        const { network } = entry.loaded;
        const time = (/** @type {number} */ calls) => network.time(pixels, 1, calls);
        // Compiled code takes fewer milliseconds for as many calls: counted anew from time to time.
        if (round % SPAN === 0) entry.calls = callsFor(time, length);
        let elapsed = time(entry.calls);
        // Too few calls, because the machine was busy with something else while they were counted.
        while (elapsed < length / 2) elapsed = time((entry.calls *= 2));
        entry.times.push((1000 * elapsed) / entry.calls);
      }
      const isStable = round + 1 >= rounds && timed.every(({ times, calls }) => isSteady(times, (1000 * step) / calls));
      if (round === 0 || round === 4 || isStable || round === MOST_ROUNDS - 1) {
        for (const { side, times } of timed) {
          panels[side].note({ time: `${lately(times).toPrecision(3)} µs (timer step ${inWords(step)})` });
        }
      }
      if (!isStable) continue;
      for (const { loaded } of timed) warm.add(loaded);
      if (timed.length === 2 && session.isReady) ratio.replaceChildren(saving(timed));
      return;
    }
  });
}

/** The least of the last times: the others are long because the machine was busy with something else. @param {number[]} times */
const lately = (times) => Math.min(...times.slice(-SPAN));

/** Whether the last times are those before them, as far as a step of the clock lets one see. @param {number[]} times @param {number} least */
const isSteady = (times, least) => Math.abs(lately(times.slice(0, -SPAN)) - lately(times)) <= Math.max(TOLERANCE * lately(times), least);

/** @param {{ loaded: Loaded, times: number[] }[]} timed float32 and int8 */
function saving([float, int8]) {
  const faster = lately(float.times) / lately(int8.times);
  const speed = faster >= 1 ? `${faster.toFixed(1)}× as fast` : `${(1 / faster).toFixed(1)}× as slow`;
  return `Here int8 is ${speed}, and ${(float.loaded.file.length / int8.loaded.file.length).toFixed(1)}× smaller.`;
}

/** @param {number} step */
function tooCoarse(step) {
  const how = Number.isFinite(step) ? `steps by ${inWords(step)}` : 'hardly moves';
  return [
    `This browser’s clock ${how}: to time one inference by it, the pen would have to wait. The `,
    element('a', { href: '#bench' }, 'benchmark'),
    ' can, in a worker.',
  ];
}

/** @param {number} step in milliseconds */
const inWords = (step) => (step < 1 ? `${(1000 * step).toFixed(0)} µs` : `${Number(step.toFixed(1))} ms`);
