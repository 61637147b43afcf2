// The drawing's way through both networks, tensor by tensor, and what each layer's integers cost.

import { scatter, scrolled, table } from '../chart.js';
import { byId, element } from '../dom.js';
import { save } from './save.js';
import { button, figure, labOf, percent, real, sorry, styled, whole } from './lab.js';

/** @import { Answer, Mixtures, Stop } from '../pkg/lab.js' */
/** @import { Session } from '../session.js' */

const LAYERS = ['linear1', 'linear2', 'linear3'];
/** How many test digits the mixtures read. */
const DIGITS = 1000;

/** @param {Session} session */
export async function open(session) {
  await styled();
  const lab = labOf(session);
  const switches = LAYERS.map((name, at) => {
    const box = element('input', { type: 'checkbox', id: `walk-switch-${at + 1}`, role: 'switch', 'data-testid': `walk-switch-${at + 1}` });
    box.checked = true;
    return { box, label: element('label', { for: box.id }, `${name} on integers`) };
  });
  const answer = element('p', { class: 'verdict', role: 'status', 'data-testid': 'walk-answer' });
  const run = button(`Read ${whole(DIGITS)} test digits with every mixture`, 'walk-run', () => read());
  const progress = element('progress', { max: '1', 'aria-label': 'share of the test digits that are read' });
  progress.value = 0;
  const state = element('span', { role: 'status', 'data-testid': 'walk-state' });
  const figures = element('div', { class: 'figures' });
  byId('walk-body').replaceChildren(
    element('fieldset', { class: 'controls' }, element('legend', {}, 'Which layers compute on integers'), ...switches.flatMap(({ box, label }) => [box, label])),
    answer,
    element('p', { class: 'controls' }, run, progress, state),
    figures,
  );

  /** @type {Stop[]} */
  let stops = [];
  /** @type {Answer[]} */
  let answers = [];
  /** @type {Mixtures | undefined} */
  let mixtures;
  let isDrawn = false;
  const mixture = () => switches.reduce((sum, { box }, at) => sum | (box.checked ? 1 << at : 0), 0);
  const show = () => {
    if (answers.length === 0) return;
    answer.textContent = said(answers, mixture(), isDrawn, mixtures);
    answer.dataset.value = String(answers[mixture()].digit);
    figures.replaceChildren(...stops.map((stop) => tensor(stop, isDrawn)), layers(answers, mixtures, mixture()), integers(stops));
  };
  const update = async () => {
    if (!session.isReady) return;
    const image = session.pixels ?? new Uint8Array(784);
    try {
      const found = await Promise.all([lab.ask('walk', image), lab.ask('answers', image)]);
      [stops, answers] = found;
      isDrawn = session.pixels !== undefined;
      show();
    } catch (error) {
      answer.textContent = sorry(error);
      figures.replaceChildren();
    }
  };
  const read = async () => {
    state.textContent = 'Loading the digits …';
    try {
      mixtures = await lab.watch(({ share = 1, done = 0, count = 1 }) => (progress.value = 0.3 * share + (0.7 * done) / count), 'mix', DIGITS);
      state.textContent = `All eight mixtures have read ${whole(mixtures?.total ?? 0)} digits: the last column below.`;
      show();
    } catch (error) {
      state.textContent = sorry(error);
    }
  };
  for (const { box } of switches) box.addEventListener('change', show);
  let networks = [session.network('float'), session.network('int8')];
  session.whenAtRest(() => {
    const now = [session.network('float'), session.network('int8')];
    if (now.some((network, at) => network !== networks[at])) {
      mixtures = undefined;
      progress.value = 0;
      state.textContent = '';
    }
    networks = now;
    return update();
  });
}

/** A mixture in words. @param {number} mixture */
function named(mixture) {
  if (mixture === 0) return 'all in float';
  if (mixture === 7) return 'all on integers';
  return `${LAYERS.filter((_, at) => mixture & (1 << at)).join(' and ')} on integers`;
}

/**
 * @param {Answer[]} answers
 * @param {number} mixture
 * @param {boolean} isDrawn
 * @param {Mixtures} [mixtures]
 */
function said(answers, mixture, isDrawn, mixtures) {
  const { digit, logitDifference, probabilityDifference } = answers[mixture];
  const start = isDrawn ? `With ${named(mixture)}, your drawing is read as ${digit}.` : `With ${named(mixture)}: nothing is drawn yet.`;
  const off = mixture === 0 ? 'This is the float network itself.' : `The logits differ from the float network’s by up to ${real(logitDifference, 3)}, the probabilities by up to ${(100 * probabilityDifference).toFixed(3)} points.`;
  const digits = mixtures ? ` Of ${whole(mixtures.total)} test digits, ${whole(mixtures.correct[mixture])} are read right.` : '';
  return `${start} ${off}${digits}`;
}

/** @param {Stop} stop @param {boolean} isDrawn */
function tensor({ name, integers, int8, float, seen, error }, isDrawn) {
  const id = (/** @type {string} */ what) => `walk-${what}-${name}`;
  /** @type {(string | { text: string, value: number, id: string })[][]} */
  const rows = [];
  if (integers) {
    const { scale, zeroPoint, range, clipped } = integers;
    rows.push(
      ['scale', { text: real(scale), value: scale, id: id('scale') }],
      ['zero point', { text: String(zeroPoint), value: zeroPoint, id: id('zero') }],
      ['integers reach', `${real(range.min, 3)} to ${real(range.max, 3)}`],
      ['beyond them', { text: percent(clipped), value: clipped, id: id('clipped') }],
    );
  }
  rows.push(
    ['values', `${real(seen.min, 3)} to ${real(seen.max, 3)}`],
    ['SQNR', { text: error.sqnr === Infinity ? 'exact' : `${error.sqnr.toFixed(1)} dB`, value: error.sqnr, id: id('sqnr') }],
  );
  return figure(
    name === 'input' ? 'The pixels' : name,
    `${whole(float.length)} numbers${name === 'linear3' ? ', the logits' : name === 'input' ? '' : ' behind ReLU'}: the float value across, the error of int8 up or down.`,
    scatter(`Errors of ${name}`, [
      { label: '', text: isDrawn ? `±${real(error.max, 3)}` : '', values: isDrawn ? float : [], errors: isDrawn ? int8.map((value, at) => value - float[at]) : [] },
    ]),
    table(`The numbers of ${name}`, ['number', 'value'], rows),
  );
}

/**
 * @param {Answer[]} answers
 * @param {Mixtures | undefined} mixtures
 * @param {number} chosen
 */
function layers(answers, mixtures, chosen) {
  const order = [0, 1, 2, 4, 3, 5, 6, 7];
  const list = table(
    'Every mixture of float and int8 layers: how far the logits are from float, what it reads, and how many test digits are right',
    ['mixture', 'logits', 'reads', 'digits right'],
    order.map((mixture) => [
      named(mixture),
      { text: real(answers[mixture].logitDifference, 3), value: answers[mixture].logitDifference, id: `walk-logits-${mixture}` },
      { text: String(answers[mixture].digit), value: answers[mixture].digit, id: `walk-reads-${mixture}` },
      mixtures
        ? { text: `${whole(mixtures.correct[mixture])} of ${whole(mixtures.total)}`, value: mixtures.correct[mixture], id: `walk-right-${mixture}` }
        : '–',
    ]),
  );
  order.forEach((mixture, row) => list.tBodies[0].rows[row].classList.toggle('chosen', mixture === chosen));
  return figure('Which layer costs what', 'a layer can be on integers without the others.', scrolled('Every mixture of layers', list));
}

/** Every integer, to be looked at or taken away. @param {Stop[]} stops */
function integers(stops) {
  const list = element('details', {}, element('summary', {}, 'Every integer in a table'));
  list.addEventListener('toggle', () => {
    if (!list.open || list.children.length > 1) return;
    list.append(
      ...stops.map((stop) =>
        scrolled(
          `Every value of ${stop.name}`,
          table(
            stop.name,
            ['neuron', 'integer', 'stands for', 'float32'],
            stop.int8.map((value, at) => [String(at), String(stop.integers?.values[at] ?? '–'), real(value), real(stop.float[at])]),
          ),
        ),
      ),
    );
  });
  return figure(
    'Every integer',
    'what each layer hands on, in the int8 network and in the float one.',
    element(
      'p',
      { class: 'controls' },
      button('Save as JSON', 'walk-json', () => save('digit8-walk.json', JSON.stringify(stops, null, 1), 'application/json')),
      button('Save as CSV', 'walk-csv', () => save('digit8-walk.csv', csv(stops), 'text/csv')),
    ),
    list,
  );
}

/** @param {Stop[]} stops */
const csv = (stops) =>
  ['tensor,index,integer,int8,float32', ...stops.flatMap(({ name, integers, int8, float }) => int8.map((value, at) => [name, at, integers?.values[at] ?? '', value, float[at]].join()))].join('\n') + '\n';
