// The page in Firefox, where one is installed: another engine, clock, cache and pen. FIREFOX names it.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';

import puppeteer from 'puppeteer-core';

import { DRAWINGS, PANICS, accessibilityProblems, misfits } from './harness.js';
import { host } from './host.js';

/** @import { Browser, Page } from 'puppeteer-core' */
/** @import { Habits } from './host.js' */

const FIREFOX = process.env.FIREFOX ?? ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find((path) => existsSync(path));

/** @type {Promise<Browser> | undefined} */
let running;
after(async () => (await running)?.close());

/**
 * Declares a test of the page in Firefox, in a profile of its own.
 * @param {string} name
 * @param {Habits & { path?: string }} habits of the host
 * @param {(page: Page, site: Awaited<ReturnType<typeof host>>) => Promise<unknown>} body
 */
function firefoxTest(name, { path = '', ...habits }, body) {
  test(`Firefox: ${name}`, { timeout: 240_000, skip: FIREFOX ? false : 'no Firefox' }, async (declared) => {
    running ??= puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true });
    const site = await host(habits);
    const context = await (await running).createBrowserContext();
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(0);
      try {
        await page.setViewport({ width: 1280, height: 1000 });
      } catch (error) {
        // Debian's Firefox 140 is one.
        if (!String(error).includes('unknown command')) throw error;
        return declared.skip(`${await (await running).version()} is older than what puppeteer can drive`);
      }
      await page.goto(site.address + path);
      await body(page, site);
    } finally {
      await context.close();
    }
  });
}

/** @param {string} id */
const hook = (id) => `[data-testid="${id}"]`;
/** @param {Page} page @param {string} id @returns {Promise<string>} */
const text = (page, id) => page.$eval(hook(id), (element) => element.textContent ?? '');
/** @param {Page} page */
const ready = (page) => page.waitForSelector('html[data-ready="true"]');

/** Waits until an element says something. @param {Page} page @param {string} id @param {RegExp} pattern */
const says = (page, id, pattern) =>
  page.waitForFunction(
    (selector, source) => new RegExp(source, 's').test(document.querySelector(selector)?.textContent ?? ''),
    {},
    hook(id),
    pattern.source,
  );

/** @param {Page} page @param {[number, number][][]} lines */
async function draw(page, lines) {
  const pad = await page.$(hook('pad'));
  const box = await pad?.boundingBox();
  assert(box);
  for (const line of lines) {
    const [first, ...rest] = line.map(([x, y]) => /** @type {[number, number]} */ ([box.x + x * box.width, box.y + y * box.height]));
    await page.mouse.move(...first);
    await page.mouse.down();
    for (const point of rest) await page.mouse.move(...point, { steps: 4 });
    await page.mouse.up();
  }
}

/** @param {Page} page @param {string} digit */
async function assertRead(page, digit) {
  assert.deepEqual([await text(page, 'float-digit'), await text(page, 'int8-digit')], [digit, digit]);
}

for (const digit of Object.keys(DRAWINGS)) {
  firefoxTest(`a drawn ${digit} is a ${digit}, and is timed and explained`, {}, async (page) => {
    await ready(page);
    await draw(page, DRAWINGS[digit]);
    await assertRead(page, digit);
    await says(page, 'int8-time', /^[\d.]+ µs \(timer step \S+ [µm]s\)$/);
    await page.$eval('#why', (chapter) => chapter.scrollIntoView());
    await says(page, 'verdict', /^The logits differ/);
  });
}

firefoxTest('a pen that flies off the pad leaves no more than one sees; undo while it is down', {}, async (page) => {
  await ready(page);
  await draw(page, [[[0.5, 0.2], [0.5, 0.85], [1.6, 0.9]]]);
  const [box] = await Promise.all([(await page.$(hook('pad')))?.boundingBox()]);
  assert(box);
  await page.keyboard.down('Control');
  await page.keyboard.press('z');
  await page.keyboard.up('Control');
  await assertRead(page, '–');
  await page.mouse.move(box.x + 0.5 * box.width, box.y + 0.2 * box.height);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.5 * box.width, box.y + 0.5 * box.height, { steps: 4 });
  await page.keyboard.press('Backspace');
  await page.mouse.move(box.x + 0.5 * box.width, box.y + 0.8 * box.height, { steps: 4 });
  await page.mouse.up();
  await assertRead(page, '–');
});

firefoxTest('the keyboard draws', {}, async (page) => {
  await ready(page);
  await page.focus(hook('pad'));
  for (let step = 0; step < 6; step++) await page.keyboard.press('ArrowUp');
  await page.keyboard.press(' ');
  for (let step = 0; step < 12; step++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press(' ');
  await assertRead(page, '1');
});

firefoxTest('every network and scheme, kept in the address, back and forward', {}, async (page) => {
  await ready(page);
  await draw(page, DRAWINGS[1]);
  for (const model of ['notebook', 'drawings']) {
    for (const scheme of ['fused', 'dynamic', 'static']) {
      await page.select(hook('model'), model);
      await page.select(hook('scheme'), scheme);
      await says(page, 'int8-network', new RegExp(`^${model}, ${scheme}$`));
      await says(page, 'float-network', new RegExp(`^${model}$`));
      await assertRead(page, '1');
    }
  }
  await page.goBack();
  await says(page, 'int8-network', /^drawings, dynamic$/);
  await page.reload();
  await ready(page);
  assert.equal(await text(page, 'int8-network'), 'drawings, dynamic');
});

firefoxTest('a second visit needs no host, though that redirects', { redirectIndex: true }, async (page, { address, stop }) => {
  await ready(page);
  await says(page, 'offline', /all of its networks and explanations/);
  stop();
  await page.goto(`${address}?model=notebook&scheme=fused`);
  await ready(page);
  await draw(page, DRAWINGS[3]);
  await assertRead(page, '3');
});

/** Has the program stop. @param {typeof PANICS.page} change @returns {Habits} */
const panicking = ({ script, call, bad }) => ({
  change: (path, body) => (script.test(path) ? Buffer.from(String(body).replace(call, bad)) : body),
});

firefoxTest('a panic is shown in its own words', panicking(PANICS.page), (page) =>
  says(page, 'status', /panicked at .*capacity overflow.*Reload the page/));

firefoxTest(
  'a panic in a worker is shown in its own words, and the next worker answers',
  panicking(PANICS.worker),
  async (page, { habits }) => {
    await ready(page);
    await page.$eval('#why', (chapter) => chapter.scrollIntoView());
    await says(page, 'verdict', /panicked at .*capacity overflow/);
    delete habits.change;
    await page.$eval('#pad', (pad) => pad.scrollIntoView());
    await draw(page, DRAWINGS[3]);
    await assertRead(page, '3');
  },
);

firefoxTest('a policy against wasm is named', { headers: { 'content-security-policy': "script-src 'self'" } }, (page) =>
  says(page, 'status', /policy \(Content-Security-Policy\) forbids WebAssembly/));

firefoxTest('scripts as text/plain are named as that', { types: { '.js': 'text/plain' } }, (page) =>
  says(page, 'status', /sends .*\.js as text\/plain/));

firefoxTest('the benchmark runs, and can be cancelled', {}, async (page) => {
  await ready(page);
  await page.waitForSelector(hook('bench-run'));
  await page.click(hook('bench-run'));
  await says(page, 'bench-state', /^Round \d+ of \d+/);
  await page.click(hook('bench-cancel'));
  assert.match(await text(page, 'bench-state'), /^Cancelled after \d+ of \d+ rounds\.$/);
  await page.waitForSelector(hook('bench-copy-text'));
});

for (const width of [320, 390, 768, 1280]) {
  firefoxTest(`in ${width} pixels nothing is wider than the window, no target is too small, and axe finds nothing wrong`, {}, async (page) => {
    await page.setViewport({ width, height: 900 });
    await ready(page);
    await draw(page, DRAWINGS[3]);
    for (const [chapter, part] of Object.entries({ why: 'why-all', neuron: 'neuron-accumulator', bits: 'bits-8', make: 'recipe-about', own: 'open-file', how: 'how-scale-input', class: 'iframe' })) {
      await page.$eval(`#${chapter}`, (chapter) => chapter.scrollIntoView());
      await page.waitForSelector(hook(part));
    }
    assert.deepEqual(await page.evaluate(misfits, width), []);
    assert.deepEqual(await accessibilityProblems(page), []);
  });
}
