// A benchmark that the visitor runs: it starts and stops the worker, and shows what it found.

import { distribution, scrolled, table } from './chart.js';
import { asJson, asText, micros, summary, title } from './bench-report.js';
import { byId, element } from './dom.js';
import { words } from './files.js';
import { Helper, STOPPED } from './helper.js';
import { samples } from './samples.js';

/** @import { Found } from './bench-report.js' */
/** @import { Session } from './session.js' */

const ROUNDS = 30;

/** @param {Session} session */
export async function open(session) {
  const digits = await samples();
  const start = element('button', { type: 'button', class: 'main', 'data-testid': 'bench-run' }, 'Run the benchmark');
  const cancel = element('button', { type: 'button', 'data-testid': 'bench-cancel' }, 'Cancel');
  const progress = element('progress', { max: String(ROUNDS), 'aria-label': 'rounds of the benchmark that are done' });
  const state = element('span', { 'data-testid': 'bench-state' }, 'About ten seconds.');
  const results = element('div', { 'data-testid': 'bench-results' });
  byId('bench-body').replaceChildren(element('p', { class: 'controls' }, start, cancel, progress, state), results);
  cancel.disabled = true;
  progress.value = 0;

  const worker = new Helper(() => new Worker(new URL('./bench-worker.js', import.meta.url), { type: 'module' }));
  /** @type {Found | undefined} */
  let found;
  let rounds = ROUNDS;
  start.addEventListener('click', async () => {
    const { networks, scheme } = session.state;
    const [float, int8] = [networks.float.loaded?.file, networks.int8.loaded?.file];
    if (!float || !int8 || !session.isReady) {
      state.textContent = 'Both networks are needed: please wait until they have arrived.';
      return;
    }
    found = undefined;
    results.replaceChildren();
    start.disabled = true;
    cancel.disabled = false;
    cancel.focus();
    progress.value = 0;
    state.textContent = 'Warming up …';
    session.say('The benchmark is running.');
    const pixels = new Uint8Array(784 * digits.length);
    digits.forEach((sample, index) => pixels.set(sample.pixels, 784 * index));
    const labels = Uint8Array.from(digits, ({ label }) => label);
    const outcome = await worker.watch(show, 'run', { float, int8, scheme, samples: pixels, labels, rounds: ROUNDS }).then(
      () => summary(/** @type {Found} */ (found)),
      (error) => {
        const done = found?.rows[0].times.length ?? 0;
        return words(error) === STOPPED ? `Cancelled after ${done} of ${rounds} rounds.` : `The benchmark failed: ${words(error)}.`;
      },
    );
    // Every run begins with a worker of its own: what a browser has compiled for an earlier one does not count.
    worker.stop();
    start.disabled = false;
    if (document.activeElement === cancel) start.focus();
    cancel.disabled = true;
    state.textContent = outcome;
    session.say(outcome);
    if (found) results.replaceChildren(...report(found));
  });
  cancel.addEventListener('click', () => worker.stop());

  /** @param {{ done: number, rounds: number, text?: string, found?: Found }} news */
  function show(news) {
    found = news.found ?? found;
    rounds = news.rounds;
    [progress.value, progress.max] = [news.done, rounds];
    state.textContent = news.text ? `Warming up ${news.text}` : `Round ${news.done} of ${rounds}`;
  }
}

/**
 * Picture, table and what to copy.
 * @param {Found} found
 */
function report(found) {
  const text = element('textarea', { readonly: '', rows: '6', 'aria-label': 'The result as text', 'data-testid': 'bench-text' });
  text.hidden = true;
  const note = element('span', { role: 'status', 'data-testid': 'bench-copied' });
  const copy = (/** @type {string} */ label, /** @type {string} */ id, /** @type {() => string} */ write) => {
    const button = element('button', { type: 'button', 'data-testid': id }, label);
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(write());
        note.textContent = 'Copied.';
      } catch {
        note.textContent = 'This browser does not let the page copy: here is the text, selected.';
        text.hidden = false;
        text.value = write();
        text.select();
      }
    });
    return button;
  };
  const shares = found.rows.map(({ calls, batch, times }) => found.step / ((calls * batch * Math.min(...times)) / 1e6));
  const heads = ['network, kernel', 'batch', 'median', 'least', 'middle half', 'timer'];
  return [
    element(
      'figure',
      {},
      element(
        'figcaption',
        {},
        element('b', {}, 'Microseconds an image'),
        ` every sample a stroke, the median a bold one; to the left is faster, on a logarithmic scale. The timer steps by ${Math.round(1000 * found.step)} µs, which is at most ${(100 * Math.max(...shares)).toFixed(1)} % of a sample.`,
      ),
      distribution(
        'Distribution of the times of each network, kernel and batch',
        found.rows.map((row) => ({ label: `${title(row)}, ${row.batch}`, kind: row.model === 'float32' ? 'float' : 'int8', values: row.times })),
        byId('bench-body').clientWidth - 40,
      ),
      scrolled(
        'Times in a table',
        table(
          `Times in microseconds an image, ${found.rows[0].times.length} samples each; the timer’s share is a step of it over the shortest sample`,
          heads,
          found.rows.map((row, index) => {
            const [least, lower, median, upper] = micros(row);
            return [
              title(row),
              String(row.batch),
              { text: median.toPrecision(3), value: median, id: `bench-${row.model}-${row.kernel}-${row.batch}` },
              least.toPrecision(3),
              `${lower.toPrecision(3)} – ${upper.toPrecision(3)}`,
              `${(100 * shares[index]).toFixed(1)} %`,
            ];
          }),
        ),
      ),
      element('p', { class: 'controls' }, copy('Copy as text', 'bench-copy-text', () => asText(found)), copy('Copy as JSON', 'bench-copy-json', () => asJson(found)), note),
      text,
    ),
  ];
}
