// One model's answer: its digit, a table of probabilities with bars, its speed, its kernel and its size.

import { element } from './dom.js';

/** @import { Side, State } from './session.js' */

const NONE = '–';

export class Panel {
  #section;
  #digit;
  #verdict;
  #rows;
  #facts;
  #network;
  #trouble;

  /**
   * @param {HTMLElement} section
   * @param {'float' | 'int8'} name
   */
  constructor(section, name) {
    this.#section = section;
    this.#digit = element('p', { class: 'digit', 'data-testid': `${name}-digit` }, NONE);
    this.#verdict = element('p', { class: 'sure', 'data-testid': `${name}-verdict` }, NONE);
    const rows = Array.from({ length: 10 }, (_, digit) => {
      const bar = element('span', { class: 'bar' });
      const value = element('td', { role: 'cell', 'data-testid': `${name}-probability-${digit}` }, NONE);
      const head = element('th', { role: 'rowheader', scope: 'row' }, String(digit));
      const row = element('tr', { role: 'row' }, head, element('td', { role: 'cell' }, bar), value);
      return { row, bar, value };
    });
    this.#rows = rows;
    const fact = (/** @type {string} */ term, /** @type {string} */ id) => {
      const value = element('dd', { 'data-testid': `${name}-${id}` }, NONE);
      return { value, parts: [element('dt', {}, term), value] };
    };
    this.#facts = {
      time: fact('one inference', 'time'),
      kernel: fact('kernel', 'kernel'),
      size: fact('model', 'size'),
      arrival: fact('arrived', 'arrival'),
    };
    this.#network = element('p', { class: 'which', 'data-testid': `${name}-network` }, NONE);
    this.#trouble = element('div', { class: 'trouble', 'data-testid': `${name}-trouble` });
    this.#trouble.hidden = true;
    section.classList.add('blank');
    section.append(
      this.#network,
      element('div', { class: 'reading' }, this.#digit, this.#verdict),
      // The roles stay when a narrow window lays the table out as columns.
      element(
        'table',
        { role: 'table' },
        element('caption', {}, 'Probability of each digit, in percent'),
        element('tbody', { role: 'rowgroup' }, ...rows.map(({ row }) => row)),
      ),
      element('dl', {}, ...Object.values(this.#facts).map(({ parts }) => element('div', {}, ...parts))),
      this.#trouble,
    );
  }

  /**
   * @param {Float64Array | undefined} probabilities
   * @param {boolean} [isSure] whether they are to be believed
   */
  show(probabilities, isSure = true) {
    const most = probabilities && best(probabilities);
    this.#section.classList.toggle('blank', most === undefined);
    this.#digit.textContent = most === undefined ? NONE : String(most);
    const isUnsure = most !== undefined && !isSure;
    this.#verdict.textContent = isUnsure ? 'not sure' : this.#digit.textContent;
    this.#section.classList.toggle('unsure', isUnsure);
    this.#rows.forEach(({ row, bar, value }, digit) => {
      const probability = probabilities?.[digit];
      bar.style.setProperty('--share', String(probability ?? 0));
      row.classList.toggle('most', digit === most);
      value.textContent = probability === undefined ? NONE : percent(probability);
      if (probability === undefined) delete value.dataset.value;
      else value.dataset.value = String(probability);
    });
  }

  /**
   * @param {{ time?: string, kernel?: string, size?: string, arrival?: string }} facts
   */
  note(facts) {
    for (const [name, text] of Object.entries(facts)) {
      this.#facts[/** @type {keyof typeof facts} */ (name)].value.textContent = text;
    }
  }

  /**
   * Which network answers, and what is on the way.
   * @param {State} state
   * @param {Side} side
   * @param {() => void} again asks once more for one that did not come
   */
  showSlot({ networks, kernel, isStopped }, side, again) {
    const { phase, loaded, share, label } = networks[side];
    this.#network.textContent = loaded?.label ?? NONE;
    this.note({
      kernel: (loaded && kernel) ?? NONE,
      size: loaded ? `${(loaded.file.length / 1000).toFixed(1)} kB` : NONE,
    });
    if (phase === 'loading') this.#progress(share, label);
    else this.note({ arrival: loaded ? `in ${(loaded.arrival / 1000).toFixed(2)} s` : NONE });
    if (!loaded) this.note({ time: NONE });
    this.#trouble.hidden = phase !== 'failed' || isStopped;
    if (this.#trouble.hidden || this.#trouble.childElementCount > 0) return;
    const button = element('button', { type: 'button' }, 'Try again');
    button.addEventListener('click', again);
    this.#trouble.append(element('p', {}, 'Its model did not load.'), button);
  }

  /** @param {number} share what has arrived, 0 to 1 @param {string} label */
  #progress(share, label) {
    const { value } = this.#facts.arrival;
    const bar = value.querySelector('progress') ?? element('progress', {});
    bar.ariaLabel = `share of the network “${label}” that has arrived`;
    bar.value = share;
    if (!bar.isConnected) value.replaceChildren(bar);
  }
}

/**
 * The most probable digit.
 * @param {Float64Array | number[]} probabilities
 */
export const best = (probabilities) => probabilities.indexOf(Math.max(...probabilities));

/** @param {number} share */
function percent(share) {
  const text = (100 * share).toFixed(1);
  return text === '100.0' ? '100' : text === '0.0' ? '0' : text;
}
