// Both networks on MNIST's test digits: how many each reads right, which it takes for which, and every digit worth a look.

import { byId, element, idle } from '../dom.js';
import { scrolled, table } from '../chart.js';
import { showPixels } from '../engine.js';
import { button, figure, labOf, percent, sorry, styled, whole } from './lab.js';

/** @import { Case, Confusion, Verdicts } from '../pkg/lab.js' */
/** @import { Session } from '../session.js' */

/** @typedef {Verdicts & { source: string, isTest: boolean, count: number, pictures: Uint8Array[] }} Found */

/** Which cases are shown, by name. @type {Record<string, { label: string, has: (one: Case) => boolean }>} */
const KINDS = {
  differ: { label: 'read differently', has: ({ float, int8 }) => float !== int8 },
  lost: { label: 'int8 wrong, float32 right', has: ({ label, float, int8 }) => float === label && int8 !== label },
  won: { label: 'int8 right, float32 wrong', has: ({ label, float, int8 }) => float !== label && int8 === label },
  both: { label: 'both wrong', has: ({ label, float, int8 }) => float !== label && int8 !== label },
  all: { label: 'all of these', has: () => true },
};
/** Where a click goes: the element that comes into view. */
const PLACES = { pad: 'the pad', why: 'where they differ', neuron: 'one neuron' };
/** Pictures that are drawn at a time. */
const PIECE = 24;

/** @param {Session} session */
export async function open(session) {
  await styled();
  const lab = labOf(session);
  const run = button('Read the test digits', 'run-test-digits', () => start(), { class: 'main' });
  const progress = element('progress', { max: '1', 'aria-label': 'share of the digits that are loaded and read' });
  progress.value = 0;
  const state = element('span', { role: 'status', 'data-testid': 'test-digits-state' }, 'They are 1.6 MB, and come when you ask for them.');
  const results = element('div', { class: 'figures', 'data-testid': 'test-digits-results' });
  byId('test-digits-body').replaceChildren(element('p', { class: 'controls' }, run, progress, state), results);

  let turn = 0;
  let isWanted = false;
  const start = async () => {
    const mine = ++turn;
    isWanted = true;
    state.textContent = 'Loading the digits …';
    try {
      const news = ({ share = 1, done = 0, count = 1 }) => {
        if (mine !== turn) return;
        progress.value = 0.5 * share + (0.5 * done) / count;
        if (done) state.textContent = `${whole(done)} of ${whole(count)} digits read`;
      };
      /** @type {Found} */
      const found = await lab.watch(news, 'trial');
      if (mine !== turn) return;
      progress.value = 1;
      state.textContent = verdict(found);
      results.replaceChildren(accuracy(found), ...confusions(found), worthALook(session, found));
    } catch (error) {
      if (mine === turn) state.textContent = sorry(error);
    }
  };
  // Once asked for, they are read again by every network that is chosen.
  let [float, int8] = [session.network('float'), session.network('int8')];
  session.whenAtRest(() => {
    if (!session.isReady || (float === session.network('float') && int8 === session.network('int8'))) return;
    [float, int8] = [session.network('float'), session.network('int8')];
    if (isWanted) start();
  });
}

/** How many are right. @param {Confusion} confusion */
export const correct = ({ counts }) => counts.reduce((sum, row, digit) => sum + row[digit], 0);

/** @param {Found} found */
function verdict({ float, int8, cases, count, source, isTest }) {
  const differing = cases.filter((one) => one.float !== one.int8).length;
  const caution = isTest ? '' : ' These are training digits, which a network knows: on others it is worse.';
  const silent = [float, int8].map(({ unanswered }) => unanswered.reduce((sum, count) => sum + count));
  const overflow = silent.some(Boolean) ? ` No answer, because a number grew beyond float’s: float32 to ${whole(silent[0])}, int8 to ${whole(silent[1])}.` : '';
  return `Of ${whole(count)} digits, float32 reads ${whole(correct(float))} right and int8 ${whole(correct(int8))}; ${whole(differing)} are read differently. (${source}.)${overflow}${caution}`;
}

/** @param {Found} found */
function accuracy({ float, int8, count, isTest }) {
  const row = (/** @type {string} */ name, /** @type {Confusion} */ confusion, /** @type {string} */ id) => {
    const share = correct(confusion) / count;
    return [name, { text: percent(share), value: share, id: `test-accuracy-${id}` }, { text: whole(count - correct(confusion)), value: count - correct(confusion), id: `test-wrong-${id}` }];
  };
  return figure(
    isTest ? 'How many are right' : 'How many are right, of training digits',
    'the share of digits that each network reads as what they are, and how many it does not.',
    table('Accuracy of both networks', ['network', 'right', 'wrong'], [row('float32', float, 'float'), row('int8', int8, 'int8')]),
  );
}

/** @param {Found} found */
const confusions = ({ float, int8 }) => [
  figure('What float32 takes for what', 'a row for each true digit, a column for each reading.', confusion('float32', float.counts)),
  figure('What int8 takes for what', 'the same of the int8 network; cells that differ from float32 are framed.', confusion('int8', int8.counts, float.counts)),
];

/**
 * @param {string} name
 * @param {number[][]} counts
 * @param {number[][]} [others] those of a network to compare with
 */
function confusion(name, counts, others = counts) {
  const most = Math.max(...counts.flatMap((row, digit) => row.filter((_, reading) => reading !== digit)), 1);
  const heads = ['digit', ...counts.keys()].map(String);
  const made = table(`What ${name} takes each digit for: true digits by row, readings by column`, heads, counts.map((row, digit) => [
    String(digit),
    ...row.map((count, reading) => ({ text: count ? String(count) : '·', value: count, id: `confusion-${name}-${digit}-${reading}` })),
  ]));
  made.classList.add('confusion');
  counts.forEach((row, digit) =>
    row.forEach((count, reading) => {
      const cell = made.tBodies[0].rows[digit].cells[reading + 1];
      if (digit === reading) cell.classList.add('right');
      else cell.style.setProperty('--share', String(count / most));
      cell.classList.toggle('other', count !== others[digit][reading]);
    }),
  );
  return scrolled(`What ${name} takes each digit for`, made);
}

/**
 * The digits that one of the networks reads wrongly, each one click away.
 * @param {Session} session
 * @param {Found} found
 */
function worthALook(session, { cases, pictures }) {
  const option = (/** @type {[string, string]} */ [value, label]) => element('option', { value }, label);
  const kinds = element('select', { id: 'case-kind', 'data-testid': 'case-kind' }, ...Object.entries(KINDS).map(([kind, { label, has }]) => option([kind, `${label} (${whole(cases.filter(has).length)})`])));
  const places = element('select', { id: 'case-place', 'data-testid': 'case-place' }, ...Object.entries(PLACES).map(option));
  const grid = element('div', { class: 'misread', 'data-testid': 'test-cases' });
  let turn = 0;
  const show = async () => {
    const mine = ++turn;
    grid.replaceChildren();
    const chosen = cases.map((one, at) => ({ one, pixels: pictures[at] })).filter(({ one }) => KINDS[kinds.value].has(one));
    for (let first = 0; first < chosen.length; first += PIECE) {
      grid.append(...chosen.slice(first, first + PIECE).map(({ one, pixels }) => picture(one, pixels, () => go(session, pixels, places.value))));
      await idle();
      if (mine !== turn) return;
    }
  };
  kinds.value = cases.some(KINDS.differ.has) ? 'differ' : 'all';
  kinds.addEventListener('change', show);
  show();
  return element(
    'figure',
    { class: 'broad' },
    element('figcaption', {}, element('b', {}, 'Worth a look'), ' what it is: what float32 reads, what int8 reads. Those that were closest come first.'),
    element('p', { class: 'controls' }, element('label', { for: 'case-kind' }, 'Show'), kinds, element('label', { for: 'case-place' }, 'a click goes to'), places),
    grid,
  );
}

/**
 * @param {Case} one
 * @param {Uint8Array} pixels
 * @param {() => void} action
 */
function picture({ index, label, float, int8, margin }, pixels, action) {
  const canvas = element('canvas', { width: '28', height: '28' });
  showPixels(canvas, pixels);
  const name = `${label}: ${float}, ${int8}. Test digit ${index}, a ${label}: float32 reads ${float}, int8 ${int8}; ${percent(margin, 1)} short of the right answer`;
  const made = button('', `case-${index}`, action, { 'aria-label': name, title: name, 'data-value': String(margin) });
  made.append(canvas, `${label}: ${float}, ${int8}`);
  return made;
}

/**
 * Puts a digit on the pad, and goes to what shows it.
 * @param {Session} session
 * @param {Uint8Array} picture
 * @param {string} place
 */
function go(session, picture, place) {
  session.update({ drawing: { strokes: [], picture, isDown: false } });
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  byId('pad').focus({ preventScroll: true });
  byId(place).scrollIntoView({ behavior: isCalm ? 'auto' : 'smooth', block: place === 'pad' ? 'center' : 'start' });
}
