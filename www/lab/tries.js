// Every recipe that was tried, with what it reads right and how many bytes it takes: points of a chart, which can be kept and named.

import { table } from '../chart.js';
import { element } from '../dom.js';
import { tradeoff } from './curves.js';
import { button, figure, labOf, percent, sorry, whole } from './lab.js';
import { save } from './save.js';
import { correct } from './test-digits.js';

/** @import { Session } from '../session.js' */
/** @import { Found } from './test-digits.js' */

/**
 * A recipe that was tried.
 * @typedef {{ recipe: string, network: string, label: string, bytes: number, share: number, isPinned: boolean }} Try
 */

export class Tries {
  #session;
  #choose;
  /** @type {Try[]} */
  #tries = [];
  #turn = 0;
  #state = element('span', { role: 'status', 'data-testid': 'make-state' });
  #progress = element('progress', { max: '1', 'aria-label': 'share of the test digits that are read' });
  #figures = element('div', { class: 'figures' });
  #bytes = 0;
  #wantsDigits = false;
  element;

  /**
   * @param {Session} session
   * @param {(recipe: string) => void} choose called with a recipe that was clicked
   */
  constructor(session, choose) {
    this.#session = session;
    this.#choose = choose;
    const run = button('Read the test digits with every recipe that I try', 'make-read', () => {
      this.#wantsDigits = true;
      this.#read();
    });
    const clear = button('Clear the chart', 'make-clear', () => {
      this.#tries = this.#tries.filter(({ isPinned }) => isPinned);
      this.#show();
    });
    this.#progress.value = 0;
    this.element = element('div', {}, element('p', { class: 'controls' }, run, clear, this.#progress, this.#state), this.#figures);
  }

  /**
   * A recipe's network answers now.
   * @param {string} recipe
   * @param {number} bytes what its weights take
   */
  made(recipe, bytes) {
    this.#recipe = recipe;
    this.#bytes = bytes;
    if (this.#wantsDigits) this.#read();
  }

  #recipe = '';

  async #read() {
    const turn = ++this.#turn;
    const [recipe, bytes, network] = [this.#recipe, this.#bytes, this.#session.state.own?.name ?? this.#session.state.model];
    this.#state.textContent = 'Loading the digits …';
    try {
      const news = ({ share = 1, done = 0, count = 1 }) => {
        if (turn === this.#turn) this.#progress.value = 0.3 * share + (0.7 * done) / count;
      };
      /** @type {Found} */
      const { int8, count, isTest } = await labOf(this.#session).watch(news, 'trial');
      if (turn !== this.#turn) return;
      const share = correct(int8) / count;
      this.#state.textContent = `${recipe} reads ${percent(share)} of ${whole(count)} ${isTest ? 'test' : 'training'} digits, with ${(bytes / 1000).toFixed(1)} kB of weights.`;
      this.#session.say(this.#state.textContent);
      const known = this.#tries.findIndex((one) => one.recipe === recipe && one.network === network);
      const label = known < 0 ? recipe : this.#tries[known].label;
      const isPinned = known >= 0 && this.#tries[known].isPinned;
      if (known >= 0) this.#tries.splice(known, 1);
      this.#tries.push({ recipe, network, label, bytes, share, isPinned });
      this.#show();
    } catch (error) {
      if (turn === this.#turn) this.#state.textContent = sorry(error);
    }
  }

  #show() {
    if (this.#tries.length === 0) return this.#figures.replaceChildren();
    const list = table(
      'Recipes that were tried',
      ['recipe', 'right', 'weights', 'again', 'keep'],
      this.#tries.map(({ label, share, bytes, network }, at) => [
        network === this.#session.state.model ? label : `${label} (${network})`,
        { text: percent(share), value: share, id: `try-share-${at}` },
        { text: `${(bytes / 1000).toFixed(1)} kB`, value: bytes, id: `try-bytes-${at}` },
        '',
        '',
      ]),
    );
    this.#tries.forEach((one, at) => {
      const cells = list.tBodies[0].rows[at].cells;
      const pin = button(one.isPinned ? 'Let go' : 'Keep', `try-pin-${at}`, () => this.#change(at, { isPinned: !one.isPinned }), { 'aria-pressed': String(one.isPinned) });
      cells[3].append(button('Use', `try-use-${at}`, () => this.#choose(one.recipe)));
      cells[4].append(pin);
      if (!one.isPinned) return;
      const name = element('input', { type: 'text', value: one.label, 'aria-label': `Name of ${one.recipe}`, 'data-testid': `try-name-${at}` });
      name.addEventListener('change', () => this.#change(at, { label: name.value || one.recipe }));
      cells[0].replaceChildren(name);
    });
    const last = this.#tries.length - 1;
    const chart = tradeoff('Test digits read right against the bytes of the weights', this.#tries.map((one, at) => ({ ...one, isLast: at === last })));
    this.#figures.replaceChildren(
      figure(
        'Accuracy against bytes',
        'a point for every recipe: further up is more test digits read right, further to the left is smaller.',
        chart,
        element('p', { class: 'controls' }, button('Save the chart (SVG)', 'make-chart', () => saveChart(chart))),
      ),
      figure('What you tried', 'keep a recipe to give it a name; use one to have it answer again.', element('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Recipes that were tried' }, list)),
    );
  }

  /** @param {number} at @param {Partial<Try>} change */
  #change(at, change) {
    this.#tries[at] = { ...this.#tries[at], ...change };
    this.#show();
  }
}

/** The chart as a file, with the colours that it has on the page. @param {SVGElement} chart */
function saveChart(chart) {
  const copy = /** @type {SVGElement} */ (chart.cloneNode(true));
  const originals = [chart, ...chart.querySelectorAll('*')];
  [copy, ...copy.querySelectorAll('*')].forEach((node, at) => {
    const style = getComputedStyle(originals[at]);
    for (const name of ['fill', 'stroke', 'stroke-width', 'font-size', 'font-family']) node.setAttribute(name, style.getPropertyValue(name));
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  save('digit8-recipes.svg', new XMLSerializer().serializeToString(copy), 'image/svg+xml');
}
