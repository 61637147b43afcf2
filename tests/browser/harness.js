// What the page's tests share: the built page, served as visitors get it, in a real Chromium.
//
// `cargo xtask test --only page` runs them all. One file alone: `node --test tests/browser/draw.test.js`, after
// `cargo xtask web`. CHROMIUM names the browser, DIGIT8_XTASK the built xtask.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

/** @import { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core' */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Stopped at the end. @type {import('node:child_process').ChildProcess[]} */
const servers = [];
after(() => servers.forEach((server) => server.kill()));

/**
 * Serves a folder with `cargo xtask serve`, at a free port, until the tests of this file have run.
 * @param {string} folder
 * @param {string[]} options
 * @returns {Promise<string>} the address, with a slash at the end
 */
export async function serve(folder, ...options) {
  const program = process.env.DIGIT8_XTASK ?? `${ROOT}target/debug/xtask`;
  const server = spawn(program, ['serve', '--folder', folder, '--port', '0', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(server);
  for await (const text of server.stdout.setEncoding('utf8')) {
    const address = /http:\S+/.exec(text)?.[0];
    if (address) return address;
  }
  throw new Error(`${program} printed no address`);
}

/** @type {Promise<string> | undefined} */
let site;
/** The address of the built page. */
export const address = () => (site ??= serve(`${ROOT}dist`));

/** @type {Promise<Browser> | undefined} */
let running;

/** The browser that the tests of this file share; each test has its own profile in it. */
export const browser = () => (running ??= launch());
after(async () => (await running)?.close());

/** Starts a browser. @param {string[]} [flags] */
export function launch(flags = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...flags,
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/**
 * Declares a test of the page. It fails on errors that nobody caught, on error messages in the console, and on a request to
 * any other host, whatever else it checks.
 * @param {string} name
 * @param {BrowserContextOptions & { path?: string, unready?: boolean, skip?: string | false, timeout?: number, mayLog?: RegExp,
 *   prepare?: (context: BrowserContext) => Promise<unknown> }} options
 *   `path` follows the address (`?scheme=fused`); `unready` does not wait for the models; `skip` says why it cannot run; `mayLog` is an error message
 *   that is expected in the console; `prepare` runs before the page loads
 * @param {(page: Page, context: BrowserContext) => Promise<unknown>} body
 */
export function pageTest(name, { path = '', unready = false, skip = false, timeout = 600_000, mayLog, prepare, ...settings }, body) {
  // A test waits for what happens, not for seconds: so many only end one that waits for nothing.
  test(name, { timeout, skip }, async () => {
    const start = await address();
    const context = await (await browser()).newContext({ serviceWorkers: 'block', ...settings });
    context.setDefaultTimeout(120_000);
    try {
      /** @type {string[]} */
      const complaints = [];
      const page = await context.newPage();
      watch(page, new URL(start).host, complaints, mayLog);
      await prepare?.(context);
      await page.goto(start + path);
      if (!unready) await ready(page);
      await body(page, context);
      assert.deepEqual(complaints, []);
    } finally {
      // What is still on its way, nobody waits for.
      await context.unrouteAll({ behavior: 'ignoreErrors' });
      await context.close();
    }
  });
}

/**
 * Changes of the built scripts that have the program ask for room for more images than there can be: then it stops, and what it says
 * comes from Rust. (Names are short in them.)
 */
export const PANICS = {
  page: { script: /engine-\w+\.js$/, call: /constructor\((\w+), ?(\w+) ?= ?1\)/, bad: 'constructor($1,$2=3000000)' },
  worker: { script: /explain-worker/, call: /new (\w+)\.Explainer\((\w+), ?\w+\)/, bad: 'new $1.Classifier($2,3000000)' },
  laboratory: { script: /lab-worker/, call: /new (\w+)\.Networks\((\w+), ?\w+\)/, bad: 'new $1.Classifier($2,3000000)' },
  benchmark: { script: /bench-worker/, call: /new (\w+)\((\w+), ?\w+\)/, bad: 'new $1($2,3000000)' },
};

/**
 * Waits until both models can answer.
 * @param {Page} page
 */
export const ready = (page) => page.locator('html[data-ready="true"]').waitFor({ state: 'attached' });

/**
 * @param {Page} page
 * @param {string} host
 * @param {string[]} complaints
 * @param {RegExp | undefined} mayLog
 */
function watch(page, host, complaints, mayLog) {
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !mayLog?.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (/^(https?|wss?):/.test(url.protocol) && url.host !== host) complaints.push(`request to ${url}`);
  });
}

/**
 * Draws one stroke with the mouse: the button goes down at the first point and up at the last.
 * @param {Page} page
 * @param {[number, number][]} points in fractions of the pad's width and height
 * @param {number} steps how many times the mouse is seen on its way from one point to the next
 */
export async function stroke(page, points, steps = 4) {
  await page.getByTestId('pad').scrollIntoViewIfNeeded();
  const box = await page.getByTestId('pad').boundingBox();
  assert(box, 'the pad is on the page');
  const [first, ...rest] = points.map(([x, y]) => /** @type {const} */ ([box.x + x * box.width, box.y + y * box.height]));
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...point, { steps });
  await page.mouse.up();
}

/** The lines of some digits, as a hand draws them. @type {Record<string, [number, number][][]>} */
export const DRAWINGS = {
  1: [[[0.5, 0.2], [0.5, 0.5], [0.5, 0.85]]],
  3: [[[0.3, 0.25], [0.5, 0.17], [0.66, 0.25], [0.64, 0.4], [0.48, 0.48], [0.66, 0.58], [0.7, 0.72], [0.52, 0.85], [0.3, 0.77]]],
  7: [[[0.3, 0.2], [0.7, 0.2], [0.58, 0.5], [0.45, 0.85]]],
};

/** @param {Page} page @param {string} digit one of `DRAWINGS` */
export async function draw(page, digit) {
  for (const line of DRAWINGS[digit]) await stroke(page, line);
}

/** @param {Page} page @param {string} id */
export const text = async (page, id) => (await page.getByTestId(id).textContent()) ?? '';

/** @param {Page} page @param {string} digit */
export async function assertRead(page, digit) {
  assert.deepEqual([await text(page, 'float-digit'), await text(page, 'int8-digit')], [digit, digit]);
}

/** Scrolls to what stands below the answers, which opens when it comes near. @param {Page} page */
export async function openChapters(page) {
  for (const [chapter, part] of Object.entries({ why: 'why-all', bits: 'bits-8', how: 'how-scale-input' })) {
    await page.locator(`#${chapter}`).scrollIntoViewIfNeeded();
    await page.getByTestId(part).waitFor();
  }
  await page.locator('h1').scrollIntoViewIfNeeded();
}

/** Whether the page was built with test digits. */
export const hasDigits = () => readdirSync(`${ROOT}dist/digits`).some((name) => /^test.*\.digits$/.test(name) && statSync(`${ROOT}dist/digits/${name}`).size > 1000);

/** Fills every chapter with what it can show. @param {Page} page */
export async function fillChapters(page) {
  const parts = {
    why: 'why-all',
    walk: 'walk-sqnr-linear3',
    neuron: 'neuron-accumulator',
    'test-digits': 'run-test-digits',
    bits: 'bits-8',
    make: 'make-levels-linear1',
    retrain: 'retrain',
    own: 'open-file',
    bench: 'bench-run',
    how: 'how-scale-input',
    words: 'word-scale',
    class: 'iframe',
  };
  for (const [chapter, part] of Object.entries(parts)) {
    await page.locator(`#${chapter}`).scrollIntoViewIfNeeded();
    await page.getByTestId(part).waitFor({ state: 'attached' });
  }
  await page.getByTestId('run-test-digits').click();
  await page.getByTestId('test-accuracy-int8').waitFor({ timeout: 0 });
  await page.getByTestId('case-kind').selectOption('all');
  await page.getByTestId('walk-run').click();
  await page.getByTestId('walk-right-7').waitFor({ timeout: 0 });
  await page.getByTestId('make-read').click();
  await page.getByTestId('try-share-0').waitFor({ timeout: 0 });
  for (const word of await page.locator('#words summary').all()) await word.click();
}

/**
 * What is cut off, reaches out of the window, or is too small for a finger: runs in the page. Tables that scroll by themselves may be
 * wider.
 * @param {number} width of the window
 */
export function misfits(width) {
  /** @type {string[]} */
  const bad = [];
  if (document.documentElement.scrollWidth > width) bad.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('main *, footer *'))) {
    const { left, right, width: wide, height } = part.getBoundingClientRect();
    if (wide === 0 || part.closest('svg, .unseen')) continue;
    const what = part.outerHTML.slice(0, 100);
    if (!part.closest('.wide') && (left < -1 || right > width + 1)) bad.push(`from ${left} to ${right}: ${what}`);
    if (part.matches('button, select, input, textarea, summary') && (wide < 24 || height < 24)) bad.push(`${wide} × ${height}: ${what}`);
  }
  for (const text of document.querySelectorAll('figure svg text')) {
    const [own, room] = [text, /** @type {Element} */ (text.closest('figure'))].map((part) => part.getBoundingClientRect());
    if (own.left < room.left - 1 || own.right > room.right + 1) bad.push(`“${text.textContent}” leaves its figure`);
  }
  return bad;
}

/** A phone. */
export const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };

/**
 * What axe finds wrong with the page, one line for each rule.
 * @param {{ evaluate(body: any): Promise<any> }} page of whatever drives the browser
 * @returns {Promise<string[]>}
 */
export async function accessibilityProblems(page) {
  // Evaluated, not added as an element, which the page's Content-Security-Policy forbids.
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core'), 'utf8'));
  return page.evaluate(async () => {
    const { axe } = /** @type {{ axe: typeof import('axe-core') }} */ (/** @type {unknown} */ (globalThis));
    const { violations } = await axe.run();
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`);
  });
}
