// One neuron, the whole arithmetic: from its inputs to its output, line by line.

import { byId, element } from '../dom.js';
import { scrolled, table } from '../chart.js';
import { figure, labOf, real, sorry, styled, whole } from './lab.js';
import { Picker } from './neuron-picker.js';
import { contributions, weights } from './neuron-pictures.js';

/** @import { Neuron } from '../pkg/lab.js' */
/** @import { Session } from '../session.js' */

/** A line of the arithmetic: what is done, with which numbers, the result, and the name of it. @typedef {[string, string, number, string]} Line */

const TERMS = 8;

/** @param {Session} session */
export async function open(session) {
  await styled();
  const lab = labOf(session);
  const title = element('p', { class: 'verdict', role: 'status', 'data-testid': 'neuron-title' });
  const picker = new Picker((layer, index) => session.update({ neuron: `${layer}-${index}` }));
  const figures = element('div', { class: 'figures roomy' });
  byId('neuron-body').replaceChildren(picker.element, title, figures);

  const show = async () => {
    const { pixels } = session;
    if (!session.isReady) return;
    const image = pixels ?? new Uint8Array(784);
    try {
      const { layers } = await lab.ask('neurons', image);
      const [layer, index] = chosen(session.state.neuron, layers);
      const neuron = await lab.ask('neuron', layer, index, image);
      if (image !== (session.pixels ?? image)) return;
      picker.show(layers, layer, index);
      title.textContent = summary(neuron, pixels !== undefined);
      figures.replaceChildren(pictures(neuron, pixels), integers(neuron), reals(neuron), ...textbook(neuron));
    } catch (error) {
      title.textContent = sorry(error);
      figures.replaceChildren();
    }
  };
  session.whenAtRest(show);
  session.subscribe((state, before) => {
    if (state.neuron !== before.neuron) show();
  });
}

/**
 * The neuron that was chosen, or else the one of the first layer that answers most.
 * @param {string} name
 * @param {number[][]} layers
 */
function chosen(name, layers) {
  const [layer, index] = name.split('-').map(Number);
  if (layers[layer - 1]?.[index] !== undefined) return [layer, index];
  return [1, layers[0].indexOf(Math.max(...layers[0]))];
}

/** @param {Neuron} neuron */
const inputName = ({ layer }, /** @type {number} */ at) =>
  layer === 1 ? `pixel ${Math.floor(at / 28) + 1}, ${(at % 28) + 1}` : `neuron ${at} of linear${layer - 1}`;

/**
 * @param {Neuron} neuron
 * @param {boolean} isDrawn
 */
function summary(neuron, isDrawn) {
  const { layer, index, accumulator, output, float } = neuron;
  const what = layer === 3 ? `Neuron ${index} of linear3, whose output is the logit of ${index}` : `Neuron ${index} of linear${layer}`;
  const end = output.kind === 'requantized' ? `the integer ${output.integer}, which stands for ${real(output.real)}` : real(output.real);
  const start = isDrawn ? '' : 'Nothing is drawn: these are the numbers of blank paper. ';
  return `${start}${what}: ${whole(neuron.x.length)} products of integers add up to ${whole(accumulator)}, which becomes ${end}. The float network has ${real(float.real)} here.`;
}

/** @param {Neuron} neuron @param {Uint8Array} [pixels] */
function pictures(neuron, pixels) {
  const zero = neuron.inputZeroPoint;
  const rows = neuron.order.slice(0, TERMS).map((at) => {
    const [x, w] = [neuron.x[at], neuron.w[at]];
    return [inputName(neuron, at), String(x), String(x - zero), String(w).replace('-', '−'), whole((x - zero) * w)];
  });
  return figure(
    'What it looks for, and what it finds',
    'left its weights, in two colours by their sign, with the input on top; right what each input adds to the sum, or takes away.',
    element('div', { class: 'pair' }, weights(neuron, pixels), contributions(neuron)),
    table(
      `The ${TERMS} greatest products: an input as integer q, without its zero point ${zero}, times its weight`,
      ['input', 'q', `q − ${zero}`, 'weight', 'product'].map((head) => head.replace('-', '−')),
      rows,
    ),
  );
}

/**
 * Lines as a table.
 * @param {string} caption
 * @param {Line[]} lines
 */
function steps(caption, lines) {
  const rows = lines.map(([what, numbers, value, id]) => [what, numbers, { text: Number.isInteger(value) ? whole(value) : real(value, 7), value, id }]);
  const made = table(caption, ['step', 'numbers', 'result'], rows);
  made.classList.add('steps');
  return scrolled(caption, made);
}

/** The int8 network's way. @param {Neuron} neuron */
function integers(neuron) {
  const { products, weightSum, correction, accumulator, step, inputZeroPoint: zero, output, bias, layer } = neuron;
  /** @type {Line[]} */
  const lines = [
    ['Σ q·w', `${whole(neuron.x.length)} products of bytes, added exactly`, products, 'neuron-products'],
    ['zero point’s part', `${zero} × Σ w = ${zero} × ${signed(weightSum)}`, correction, 'neuron-correction'],
    ['accumulator', `${whole(products)} − ${signed(correction)}`, accumulator, 'neuron-accumulator'],
  ];
  if (output.kind === 'requantized') {
    const { biasSteps, total, multiplier, scaled, rounded, zeroPoint, shifted, clamped, greatest, integer } = output;
    lines.push(
      ['bias in steps', `${real(bias)} / (${real(neuron.inputScale)} × ${real(neuron.weightScale)})`, biasSteps, 'neuron-bias'],
      ['with the bias', `${whole(accumulator)} + ${signed(biasSteps)}`, total, 'neuron-total'],
      ['multiplier', `${real(step)} / ${real(output.scale)}: steps of the output in a step of the sum`, multiplier, 'neuron-multiplier'],
      ['rescaled', `${real(total, 7)} × ${real(multiplier)}`, scaled, 'neuron-scaled'],
      ['rounded', 'to the nearest whole number', rounded, 'neuron-rounded'],
      ['zero point', `${whole(rounded)} + ${zeroPoint}`, shifted, 'neuron-shifted'],
      ['clamp', `0 to ${greatest}`, clamped, 'neuron-clamped'],
      ['output', layer === 3 ? 'no ReLU in the last layer' : `ReLU: at least ${zeroPoint}, which stands for 0`, integer, 'neuron-output'],
      ['stands for', `(${integer} − ${zeroPoint}) × ${real(output.scale)}`, output.real, 'neuron-real'],
    );
  } else {
    lines.push(
      ['a step’s worth', `${real(neuron.inputScale)} × ${real(neuron.weightScale)}`, step, 'neuron-multiplier'],
      ['with the bias', `${whole(accumulator)} × ${real(step)} + ${signed(bias)}`, output.sum, 'neuron-total'],
      ['output', layer === 3 ? 'no ReLU in the last layer' : 'ReLU: at least 0', output.real, 'neuron-output'],
    );
    const { next } = output;
    lines.push(
      next
        ? ['for the next layer', `rounded to steps of ${real(next.scale)}, zero point ${next.zeroPoint}`, next.integer, 'neuron-next']
        : ['stands for', 'a real number already', output.real, 'neuron-real'],
    );
    if (next) lines.push(['stands for', `(${next.integer} − ${next.zeroPoint}) × ${real(next.scale)}`, (next.integer - next.zeroPoint) * next.scale, 'neuron-real']);
  }
  return figure('On integers', 'line by line as the kernel computes it; each follows from those above.', steps('The int8 network’s arithmetic', lines));
}

/** The float network's way. @param {Neuron} neuron */
function reals({ float, layer }) {
  return figure(
    'The same in float32',
    'its inputs are the float network’s own, which differ a little from the second layer on.',
    steps('The float network’s arithmetic', [
      ['Σ x·w', `${whole(float.x.length)} products`, float.products, 'neuron-float-products'],
      ['with the bias', `${real(float.products)} + ${signed(float.bias)}`, float.sum, 'neuron-float-sum'],
      ['output', layer === 3 ? 'no ReLU in the last layer' : 'ReLU: at least 0', float.real, 'neuron-float'],
    ]),
  );
}

/** Without any real number. @param {Neuron} neuron */
function textbook({ output, accumulator }) {
  if (output.kind !== 'requantized' || !output.textbook) return [];
  const { bias, sum, multiplier, shift, rounded, integer } = output.textbook;
  const verdict = integer === output.integer ? 'It comes to the same integer.' : `It comes to ${integer} where PyTorch’s way comes to ${output.integer}.`;
  return [
    figure(
      'On nothing but integers',
      `the textbook’s way, for chips without real numbers: the bias is an integer, the multiplier a product and a shift. ${verdict}`,
      steps('The textbook’s arithmetic', [
        ['bias', 'to whole steps', bias, 'neuron-textbook-bias'],
        ['with the bias', `${whole(accumulator)} + ${signed(bias)}`, sum, 'neuron-textbook-sum'],
        ['multiplier', `of ${real(output.multiplier)}, times 2³¹ and 2^${shift}`, multiplier, 'neuron-textbook-multiplier'],
        ['rescaled', `product, shifted by 31 and ${shift} bits, rounded`, rounded, 'neuron-textbook-rounded'],
        ['output', `+ ${output.zeroPoint}, clamped, ReLU`, integer, 'neuron-textbook'],
      ]),
    ),
  ];
}

/** A number that is added, in brackets if it is negative. @param {number} value */
function signed(value) {
  const text = Number.isInteger(value) ? whole(value) : real(value);
  return value < 0 ? `(${text})` : text;
}
