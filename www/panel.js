// One model's answer: its digit, a table of probabilities with bars, its speed and its size.

const NONE = '–';

export class Panel {
  #digit;
  #rows;
  #facts;

  /**
   * @param {HTMLElement} section
   * @param {'float' | 'int8'} name
   */
  constructor(section, name) {
    this.#digit = element('p', { class: 'digit', 'data-testid': `${name}-digit` }, NONE);
    const rows = Array.from({ length: 10 }, (_, digit) => {
      const bar = element('span', { class: 'bar' });
      const value = element('td', { 'data-testid': `${name}-probability-${digit}` }, NONE);
      const row = element('tr', {}, element('th', { scope: 'row' }, String(digit)), element('td', {}, bar), value);
      return { row, bar, value };
    });
    this.#rows = rows;
    const fact = (/** @type {string} */ term, /** @type {string} */ id) => {
      const value = element('dd', { 'data-testid': `${name}-${id}` }, NONE);
      return { value, parts: [element('dt', {}, term), value] };
    };
    this.#facts = { time: fact('one inference', 'time'), size: fact('model', 'size'), arrival: fact('arrived', 'arrival') };
    section.append(
      this.#digit,
      element('table', {}, element('caption', {}, 'Probability of each digit'), element('tbody', {}, ...rows.map(({ row }) => row))),
      element('dl', {}, ...Object.values(this.#facts).flatMap(({ parts }) => parts)),
    );
  }

  /** @param {Float64Array | undefined} probabilities */
  show(probabilities) {
    this.#digit.textContent = probabilities ? String(best(probabilities)) : NONE;
    this.#rows.forEach(({ bar, value }, digit) => {
      const probability = probabilities?.[digit];
      bar.style.transform = `scaleX(${probability ?? 0})`;
      value.textContent = probability === undefined ? NONE : `${(100 * probability).toFixed(1)} %`;
      if (probability === undefined) delete value.dataset.value;
      else value.dataset.value = String(probability);
    });
  }

  /**
   * @param {{ time?: string, size?: string, arrival?: string }} facts
   */
  note(facts) {
    for (const [name, text] of Object.entries(facts)) {
      this.#facts[/** @type {keyof typeof facts} */ (name)].value.textContent = text;
    }
  }
}

/**
 * The most probable digit.
 * @param {Float64Array} probabilities
 */
export const best = (probabilities) => probabilities.indexOf(Math.max(...probabilities));

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
