// Training in the tab: few bits learn to read again, and a network learns to read from nothing.

import { byId, element } from '../dom.js';
import { fetchBytes, words } from '../files.js';
import { MODELS } from '../models.js';
import { training } from './curves.js';
import { STOPPED } from '../helper.js';
import { button, figure, helper, percent, styled, whole } from './lab.js';

/** @import { Session } from '../session.js' */

const WIDTHS = ['2', '3', '4', 'ternary', 'binary'];
/** Rounding alone, as plain as it can be: from there training climbs. @param {string} bits */
const plain = (bits) => `scheme=fused/calibrate=train/samples=1000/weight-bits=${bits}`;
/** What is trained: a scale for each channel. Two numbers fit a channel's range badly, so for them its error counts. @param {string} bits */
const better = (bits) => `${plain(bits)}/per-channel${bits === 'binary' ? '/weight-range=mse' : ''}`;

/** @param {Session} session */
export async function open(session) {
  await styled();
  // A worker of its own: training takes all of it, and is ended by ending it.
  const trainer = helper();
  const bits = element('select', { id: 'retrain-bits', 'data-testid': 'retrain-bits' }, ...WIDTHS.map((width) => element('option', { value: width }, Number(width) ? `${width} bits` : width)));
  const retrain = button('Retrain', 'retrain', () => start('retrain'), { class: 'main' });
  const fromNothing = button('Train from nothing', 'train', () => start('train'));
  const cancel = button('Cancel', 'retrain-cancel', () => {
    trainer.stop();
  });
  const keep = button('Use it on this page', 'retrain-keep', () => use());
  const progress = element('progress', { max: '1', 'aria-label': 'share of the training that is done' });
  const state = element('p', { class: 'verdict', role: 'status', 'data-testid': 'retrain-state' }, 'Nothing is trained yet.');
  const accuracy = element('output', { 'data-testid': 'retrain-accuracy' }, '–');
  const figures = element('div', { class: 'figures' });
  byId('retrain-body').replaceChildren(
    element('p', { class: 'controls' }, element('label', { for: 'retrain-bits' }, 'Weights of'), bits, retrain, fromNothing, cancel, keep, progress),
    state,
    element('p', { class: 'controls' }, 'Test digits right: ', accuracy),
    figures,
  );
  cancel.disabled = keep.disabled = true;
  progress.value = 0;

  /** @type {{ kind: 'retrain' | 'train', recipe?: string, float?: Uint8Array } | undefined} */
  let result;
  /** @param {'retrain' | 'train'} kind */
  const start = async (kind) => {
    trainer.stop();
    result = undefined;
    for (const control of [retrain, fromNothing, keep]) control.disabled = true;
    cancel.disabled = false;
    progress.value = 0;
    accuracy.textContent = '–';
    delete accuracy.dataset.value;
    figures.replaceChildren();
    state.textContent = 'Loading the training digits …';
    /** @type {{ at: number, loss: number }[]} */
    const losses = [];
    /** @type {{ at: number, share: number }[]} */
    const shares = [];
    const news = (/** @type {{ share?: number, done?: number, loss?: number, right?: number }} */ { share, done, loss, right }) => {
      if (share !== undefined && share < 1) state.textContent = `Loading the digits: ${percent(share, 0)}`;
      if (done === undefined) return;
      progress.value = done;
      if (loss !== undefined) {
        losses.push({ at: done, loss });
        state.textContent = `Training: ${percent(done, 0)} done, loss ${loss.toFixed(3)}.`;
      }
      if (right !== undefined) {
        shares.push({ at: done, share: right });
        accuracy.textContent = percent(right);
        accuracy.dataset.value = String(right);
      }
      figures.replaceChildren(figure('Loss and accuracy', 'the loss of training digits falls in one colour; the share of test digits read right climbs in the other, on a scale on which the last percents have room.', training('Loss and accuracy of training', losses, shares)));
    };
    const began = performance.now();
    try {
      const { own, model } = session.state;
      const float = own?.float ?? (kind === 'retrain' ? await fetchBytes(MODELS[model].float32) : undefined);
      const made = await trainer.watch(news, kind, float, plain(bits.value), better(bits.value));
      result = { kind, ...made };
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      progress.value = 1;
      state.textContent = `Done in ${seconds} s with ${whole(made.digits)} training digits: ${percent(made.right)} of ${whole(made.count)} test digits are read right${kind === 'retrain' ? `, with weights of ${bits.selectedOptions[0].textContent}` : ', in float32'}. ${kind === 'retrain' ? `Only rounded, they were ${percent(made.plain)}, and ${percent(made.before)} with a scale for each output channel.` : ''}`;
      accuracy.textContent = percent(made.right);
      accuracy.dataset.value = String(made.right);
      keep.disabled = false;
    } catch (error) {
      state.textContent = words(error) === STOPPED ? 'Cancelled.' : `This cannot be trained: ${words(error)}.`;
    }
    session.say(state.textContent);
    retrain.disabled = fromNothing.disabled = false;
    if (document.activeElement === cancel) retrain.focus();
    cancel.disabled = true;
  };
  const use = () => {
    if (!result) return;
    if (result.kind === 'retrain') session.update({ recipe: result.recipe });
    else if (result.float) session.update({ own: { name: 'trained here', float: result.float }, recipe: undefined });
    state.textContent = 'The page works with it now: draw, and both networks answer.';
  };
}
