// The numbers of the network of the moment: how a real number becomes an integer, and back.

import { scrolled, table } from './chart.js';
import { byId, element } from './dom.js';
import { explainerOf } from './explainer.js';

/** @import { Session } from './session.js' */
/** @import { Tensor } from './pkg/explain.js' */

/** @param {Session} session */
export function open(session) {
  const explainer = explainerOf(session);
  const body = byId('how-body');
  const show = () => {
    const { explanation, isDrawn, trouble, isStale } = explainer;
    body.ariaBusy = String(isStale !== '');
    if (trouble) body.textContent = `This cannot be computed: ${trouble}.`;
    if (!explanation || trouble || isStale) return;
    // A dynamic network has no scales before there is an image.
    const isKnown = isDrawn || session.state.scheme !== 'dynamic';
    const rows = explanation.tensors.map(({ name, scale, zeroPoint, real, integer, back }) => [
      name === 'input' ? 'pixels' : name,
      { text: isKnown ? scale.toPrecision(4) : '–', value: scale, id: `how-scale-${name}` },
      { text: isKnown ? String(zeroPoint) : '–', value: zeroPoint, id: `how-zero-${name}` },
      isDrawn ? real.toFixed(3) : '–',
      isDrawn ? String(integer) : '–',
      isDrawn ? back.toFixed(3) : '–',
    ]);
    body.replaceChildren(
      element('p', { class: 'verdict', 'data-testid': 'worked' }, isDrawn ? worked(explanation.tensors) : 'With a digit on the pad, an example in its own numbers stands here.'),
      scrolled('Scales and zero points in a table', table(
        'Scale and zero point of each tensor, and the value furthest from 0 that this drawing has there',
        ['tensor', 'scale', 'zero point', 'its value', 'as integer', 'stands for'],
        rows,
      )),
    );
  };
  explainer.addEventListener('news', show);
  show();
}

/**
 * One number on its way there and back.
 * @param {Tensor[]} tensors
 */
function worked(tensors) {
  const { scale, zeroPoint, real, integer, back } = tensors[1];
  return `For example: the strongest of the first layer’s outputs for this drawing is ${real.toFixed(3)}. That is ${integer - zeroPoint} steps of ${scale.toPrecision(4)}, rounded; with the zero point ${zeroPoint} it is kept as ${integer}, and stands for (${integer} − ${zeroPoint}) × ${scale.toPrecision(4)} = ${back.toFixed(3)}.`;
}
