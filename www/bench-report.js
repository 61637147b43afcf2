// What the benchmark found, in a sentence, as text and as JSON.

/**
 * One row: `times` are nanoseconds an image, a sample each; `logits` are those of all samples, as text.
 * @typedef {{ kernel: string, model: string, batch: number, correct: number, logits: string, calls: number, times: number[] }} Measured
 */
/**
 * What was found so far: `step` is the timer's, in milliseconds.
 * @typedef {{ step: number, classified: number, rows: Measured[] }} Found
 */

/** @param {Measured} row */
export const title = ({ model, kernel }) => `${model === 'float32' ? model : `int8 ${model}`}, ${kernel}`;

/**
 * Least, lower quartile, median and upper quartile, in microseconds an image.
 * @param {Measured} row
 */
export function micros({ times }) {
  const sorted = times.map((time) => time / 1000).sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => {
    const place = share * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return below + (above - below) * (place - Math.floor(place));
  };
  return [at(0), at(0.25), at(0.5), at(0.75)];
}

/** @param {Measured} row */
const median = (row) => micros(row)[2];

/**
 * Which is faster, each at its best.
 * @param {Found} found
 */
export function summary({ rows }) {
  const ratios = [...new Set(rows.map(({ batch }) => batch))].map((batch) => {
    const best = (/** @type {boolean} */ isFloat) =>
      Math.min(...rows.filter((row) => row.batch === batch && (row.model === 'float32') === isFloat).map(median));
    const [float, int8] = [best(true), best(false)];
    const times = (/** @type {number} */ ratio) => (ratio < 1.05 ? 'as' : `${ratio.toFixed(1)} times as`);
    const verdict = int8 < 1.05 * float ? `${times(float / int8)} fast as` : `${times(int8 / float)} slow as`;
    return `${batch === 1 ? 'one digit at a time' : `${batch} at once`}, int8 is ${verdict} float32 (${int8.toPrecision(3)} and ${float.toPrecision(3)} µs)`;
  });
  const same = new Set(rows.filter(({ model }) => model !== 'float32').map(({ logits }) => logits)).size === 1;
  const text = `${ratios.join('; ')}. ${same ? 'All int8 kernels give the same logits, bit for bit.' : 'The int8 kernels do not give the same logits: that is a bug.'}`;
  return text[0].toUpperCase() + text.slice(1);
}

/** @param {Found} found */
export function asText(found) {
  const { step, classified, rows } = found;
  const cells = [
    ['network, kernel', 'batch', 'median µs', 'least µs', 'samples', 'right'],
    ...rows.map((row) => [
      title(row),
      String(row.batch),
      median(row).toPrecision(3),
      micros(row)[0].toPrecision(3),
      String(row.times.length),
      `${row.correct} of ${classified}`,
    ]),
  ];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const lines = cells.map((row) => row.map((text, column) => (column ? text.padStart(widths[column]) : text.padEnd(widths[0]))).join('  '));
  return [
    'digit8, microseconds an image, one thread',
    ...lines,
    `timer step ${Math.round(1000 * step)} µs; ${summary(found)}`,
    navigator.userAgent,
    '',
  ].join('\n');
}

/** The names are those of `cargo xtask bench --json`. @param {Found} found */
export function asJson({ step, classified, rows }) {
  const report = {
    units: 'median_ns, min_ns and sample_ns are nanoseconds per image',
    unix_time: Math.round(Date.now() / 1000),
    agent: navigator.userAgent,
    machine_threads: navigator.hardwareConcurrency,
    cross_origin_isolated: crossOriginIsolated,
    timer_step_ns: Math.round(1e6 * step),
    rows: rows.map((row) => ({
      engine: `digit8 ${row.kernel}`,
      model: row.model,
      batch: row.batch,
      threads: 1,
      median_ns: 1000 * median(row),
      min_ns: Math.min(...row.times),
      samples: row.times.length,
      correct: row.correct,
      classified,
      calls_per_sample: row.calls,
      sample_ns: row.times,
    })),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}
