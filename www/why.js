// Where the two networks differ on the drawing, and which layer is to blame.

import { bars, deviations, scatter, short, table } from './chart.js';
import { byId, element } from './dom.js';
import { explainerOf } from './explainer.js';

/** @import { Session } from './session.js' */
/** @import { Answer, Explanation } from './pkg/explain.js' */

const LAYERS = ['linear1', 'linear2', 'linear3'];
const FLOAT = 0;
const INT8 = 7;

/** @param {Session} session */
export function open(session) {
  const explainer = explainerOf(session);
  const verdict = element('p', { class: 'verdict', 'data-testid': 'verdict' });
  const figures = element('div', { class: 'figures' });
  byId('why-body').replaceChildren(verdict, figures);
  let shown = explainer.explanation;
  const show = () => {
    const { explanation, isDrawn, trouble, isStale } = explainer;
    figures.ariaBusy = String(isStale !== '');
    if (trouble) {
      verdict.textContent = `This cannot be computed: ${trouble}. Reload the page to try again; the answers above are not affected.`;
      figures.replaceChildren();
      return;
    }
    const text = explanation && isDrawn ? judge(explanation) : 'Draw a digit, or click a sample: its numbers will stand here.';
    verdict.textContent = isStale || text;
    if (explanation && (explanation !== shown || !figures.hasChildNodes())) {
      figures.replaceChildren(outcome(explanation, isDrawn), growth(explanation, isDrawn), blame(explanation, isDrawn));
    }
    shown = explanation;
  };
  explainer.addEventListener('news', show);
  show();
}

/** What is left of the difference with one layer back in float. @param {Explanation} explanation */
const without = ({ answers }) => LAYERS.map((_, index) => answers[INT8 ^ (1 << index)]);
/** What one layer does alone. @param {Explanation} explanation */
const alone = ({ answers }) => LAYERS.map((_, index) => answers[1 << index]);

/**
 * In words.
 * @param {Explanation} explanation
 */
function judge(explanation) {
  const [float, int8] = [explanation.answers[FLOAT], explanation.answers[INT8]];
  if (int8.logitDifference === 0) return 'On this image int8 gives exactly the logits of float32.';
  const all = int8.logitDifference;
  const left = without(explanation).map(({ logitDifference }) => logitDifference);
  const [least, most] = [Math.min(...left), Math.max(...left)];
  const parts = [
    `The logits differ by up to ${short(all)}, which moves the probabilities by ${points(int8, 'up to ')} points.`,
    least < 0.6 * all
      ? `Most of it is the doing of ${LAYERS[left.indexOf(least)]}: with this layer alone back in float, ${short(least)} remains.`
      : `No single layer is to blame: with any one of them back in float, at least ${short(least)} remains.`,
  ];
  if (most > 1.3 * all) {
    parts.push(`Errors partly cancel: without that of ${LAYERS[left.indexOf(most)]}, the difference would be ${short(most)}.`);
  }
  if (float.digit !== int8.digit) {
    const saviours = LAYERS.filter((_, index) => without(explanation)[index].digit === float.digit);
    parts.push(
      saviours.length > 0
        ? `With ${saviours.join(' or ')} back in float, the answer would be ${float.digit} again.`
        : `No layer alone, back in float, would bring the ${float.digit} back.`,
    );
  }
  return parts.join(' ');
}

/**
 * @param {string} title
 * @param {string} note
 * @param {...Node} children
 */
const figure = (title, note, ...children) =>
  element('figure', {}, element('figcaption', {}, element('b', {}, title), ` ${note}`), ...children);

/** What arrives at the end. @param {Explanation} explanation @param {boolean} isDrawn */
function outcome({ answers, tensors }, isDrawn) {
  const [float, int8] = [answers[FLOAT].logits, answers[INT8].logits];
  const differences = int8.map((logit, digit) => (isDrawn ? logit - float[digit] : 0));
  const step = tensors.find(({ name }) => name === 'linear3')?.scale;
  const text = (/** @type {number} */ value) => (isDrawn ? value.toFixed(3).replace('-', '−') : '–');
  return figure(
    'The logits',
    `int8 minus float32, of each digit.${step ? ` In the grey band: half a step of the last rounding, ${short(step)} wide.` : ''}`,
    deviations('int8 minus float32, logit by logit', differences, step && step / 2),
    table(
      'Logits of each digit',
      ['digit', 'float32', 'int8', 'difference'],
      float.map((logit, digit) => [
        String(digit),
        text(logit),
        text(int8[digit]),
        { text: text(differences[digit]), value: differences[digit], id: `why-logit-${digit}` },
      ]),
    ),
  );
}

/** How the error grows. @param {Explanation} explanation @param {boolean} isDrawn */
function growth({ layers }, isDrawn) {
  const decibels = (/** @type {number} */ sqnr) => (isDrawn ? (sqnr === Infinity ? 'exact' : `${sqnr.toFixed(1)} dB`) : '–');
  return figure(
    'Layer by layer',
    'a dot for each output: its value across, the error of int8 up or down.',
    scatter(
      'Errors of each layer’s outputs',
      layers.map(({ float, int8, error }, index) => ({
        label: `${LAYERS[index]}, ${float.length} outputs`,
        text: isDrawn ? `±${short(error.max)}` : '',
        values: isDrawn ? float : [],
        errors: isDrawn ? int8.map((value, at) => value - float[at]) : [],
      })),
    ),
    table(
      'Error of each layer’s outputs: signal to quantization noise (6 dB more are half the error), cosine, greatest',
      ['layer', 'SQNR', 'cosine', 'greatest'],
      layers.map(({ error: { sqnr, cosine, max } }, index) => [
        LAYERS[index],
        { text: decibels(sqnr), value: sqnr, id: `why-sqnr-${index + 1}` },
        isDrawn ? cosine.toFixed(5) : '–',
        isDrawn ? short(max) : '–',
      ]),
    ),
  );
}

/** Which layer is to blame. @param {Explanation} explanation @param {boolean} isDrawn */
function blame(explanation, isDrawn) {
  const { answers } = explanation;
  /** @type {[string, string, Answer, string?][]} */
  const rows = [
    ['all layers int8', 'all', answers[INT8], 'amount'],
    ...without(explanation).map((answer, index) => /** @type {[string, string, Answer, string]} */ ([`${LAYERS[index]} in float`, `without-${index + 1}`, answer, 'rest'])),
    ...alone(explanation).map((answer, index) => /** @type {[string, string, Answer, string]} */ ([`only ${LAYERS[index]} int8`, `alone-${index + 1}`, answer, 'amount'])),
    ['all layers float', 'none', answers[FLOAT], 'rest'],
  ];
  const value = (/** @type {Answer} */ answer) => (isDrawn ? answer.logitDifference : 0);
  return figure(
    'One layer at a time',
    'the greatest difference of a logit from float32, with single layers put back to float, or alone on int8.',
    bars(
      'Greatest difference of a logit, by which layers are int8',
      rows.map(([label, , answer, kind]) => ({ label, kind, value: value(answer), text: isDrawn ? short(value(answer)) : '–' })),
      { mark: value(answers[INT8]) },
    ),
    table(
      'Difference from float32, by which layers are int8',
      ['layers', 'logits', 'points', 'reads'],
      rows.map(([label, id, answer]) => [
        label,
        { text: isDrawn ? short(answer.logitDifference) : '–', value: answer.logitDifference, id: `why-${id}` },
        isDrawn ? points(answer).replace('less than ', '< ') : '–',
        isDrawn ? String(answer.digit) : '–',
      ]),
    ),
  );
}

/**
 * A difference of probability, in hundredths.
 * @param {Answer} answer
 * @param {string} [before] what stands before a number
 */
function points({ probabilityDifference }, before = '') {
  const value = 100 * probabilityDifference;
  if (value === 0) return '0';
  return value < 0.005 ? 'less than 0.01' : before + value.toFixed(2);
}
