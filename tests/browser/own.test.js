// Bring your own, take it away: files, links, pictures.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deflateSync, crc32 } from 'node:zlib';

import { address, draw, pageTest, ready, text } from './harness.js';
import { samples } from './reference.js';

/** @import { BrowserContext, Page } from 'playwright-core' */

/** What both networks say of what is on the pad, to the last bit. @param {Page} page */
const answers = (page) =>
  page.locator('[data-testid^="float-probability-"], [data-testid^="int8-probability-"]').evaluateAll((cells) => cells.map((cell) => /** @type {HTMLElement} */ (cell).dataset.value));

/** @param {BrowserContext} context */
const allowCopying = (context) => context.grantPermissions(['clipboard-read', 'clipboard-write']);

/** @param {string} name */
const path = (name) => fileURLToPath(new URL(`../../www/models/${name}.safetensors`, import.meta.url));
/** @param {string} name */
const model = (name) => readFileSync(path(name));

/** @param {Page} page @param {string} name @param {Buffer} buffer */
const give = (page, name, buffer) => page.getByTestId('open-file').setInputFiles({ name, mimeType: '', buffer });

/** @param {Page} page @param {RegExp} what */
const said = (page, what) => page.locator('[data-testid="open-result"]', { hasText: what }).waitFor();

for (const what of ['a drawing', 'a sample']) {
  pageTest(`a copied link opens with ${what} to the last bit`, { path: '?model=notebook&scheme=fused', prepare: allowCopying }, async (page, context) => {
    if (what === 'a drawing') await draw(page, '3');
    else await page.getByTestId('sample-11').click();
    const before = await answers(page);
    assert(before.every((value) => value !== undefined));
    await page.getByTestId('copy-link').click();
    await page.locator('[data-testid="link-copied"]', { hasText: 'Copied' }).waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    assert(link.length < (what === 'a drawing' ? 260 : 520), `${link.length} characters: ${link}`);
    const other = await context.newPage();
    await other.goto(link);
    await ready(other);
    assert.deepEqual(await answers(other), before);
    assert.equal(await other.getByTestId('model').inputValue(), 'notebook');
  });
}

pageTest('back and forward bring the choices and keep the drawing', {}, async (page) => {
  await draw(page, '7');
  await page.getByTestId('scheme').selectOption('fused');
  await ready(page);
  const fused = await answers(page);
  await page.getByTestId('scheme').selectOption('dynamic');
  await ready(page);
  await page.goBack();
  await page.waitForFunction(() => /** @type {HTMLSelectElement} */ (document.getElementById('scheme')).value === 'fused');
  await ready(page);
  assert.deepEqual(await answers(page), fused);
  await page.goForward();
  await page.waitForFunction(() => /** @type {HTMLSelectElement} */ (document.getElementById('scheme')).value === 'dynamic');
});

pageTest('the drawing’s picture gives the page’s state back', { path: '?scheme=fused' }, async (page, context) => {
  await draw(page, '3');
  const before = await answers(page);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('download-drawing').click()]);
  const png = readFileSync(await download.path());
  const other = await context.newPage();
  await other.goto(await address());
  await ready(other);
  await give(other, 'anything.png', png);
  await said(other, /carried the page’s state/);
  await other.waitForFunction(() => /** @type {HTMLSelectElement} */ (document.getElementById('scheme')).value === 'fused');
  await ready(other);
  assert.deepEqual(await answers(other), before);
});

/** A grey picture as a PNG. @param {number} width @param {number} height @param {(x: number, y: number) => number} grey */
function png(width, height, grey) {
  const lines = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) lines[y * (width + 1) + 1 + x] = grey(x, y);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const chunk = (/** @type {string} */ kind, /** @type {Buffer} */ data) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', header), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))]);
}

pageTest('a picture is read whatever its colours, its size and its place', {}, async (page) => {
  const { label, pixels } = samples()[8];
  const at = (/** @type {number} */ x, /** @type {number} */ y) => (x >= 0 && y >= 0 && x < 28 && y < 28 ? pixels[28 * y + x] : 0);
  // Dark on light, six times as large, in a corner of a page.
  await give(page, 'scan.png', png(400, 300, (x, y) => 250 - Math.round(0.9 * at(Math.floor((x - 200) / 6), Math.floor((y - 110) / 6)))));
  await said(page, /dark ink on light paper was inverted/);
  assert.deepEqual([await text(page, 'float-digit'), await text(page, 'int8-digit')], [String(label), String(label)]);
  // One of MNIST's own form stays as it is, to the bit.
  await give(page, 'mnist.png', png(28, 28, at));
  await said(page, /MNIST’s form already/);
  const own = await answers(page);
  await page.getByTestId('sample-8').click();
  assert.deepEqual(await answers(page), own);
});

pageTest('an int8 network of one’s own answers as it does where it came from', {}, async (page, context) => {
  await draw(page, '3');
  await give(page, 'mine.safetensors', model('notebook-fused'));
  await said(page, /is a fused int8 network 784-100-100-10/);
  await ready(page);
  assert.match(await text(page, 'int8-network'), /mine\.safetensors/);
  const own = await answers(page);
  const link = new URL(page.url());
  link.search = '?model=notebook&scheme=fused';
  const other = await context.newPage();
  await other.goto(link.href);
  await ready(other);
  assert.deepEqual((await answers(other)).slice(10), own.slice(10), 'int8');
  await page.getByTestId('own-back').click();
  await page.locator('[data-testid="int8-network"]', { hasText: 'drawings' }).waitFor();
});

pageTest('a file that is dropped anywhere on the page is opened', {}, async (page, context) => {
  await page.getByTestId('open-file').waitFor({ state: 'attached' });
  const browser = await context.newCDPSession(page);
  const data = { items: [], files: [path('notebook-fused')], dragOperationsMask: 1 };
  for (const type of /** @type {const} */ (['dragEnter', 'dragOver', 'drop'])) {
    await browser.send('Input.dispatchDragEvent', { type, x: 40, y: 40, data });
  }
  await said(page, /notebook-fused/);
  await page.getByTestId('own-back').waitFor();
});

pageTest('what cannot be opened is said in words, and everything stays', {}, async (page) => {
  await draw(page, '1');
  const before = await answers(page);
  for (const [name, buffer, why] of /** @type {[string, Buffer, RegExp][]} */ ([
    ['empty.safetensors', Buffer.alloc(0), /empty/],
    ['notes.txt', Buffer.from('nothing of the kind'), /notes\.txt: .*it is text: nothing of the kind/],
    ['short.safetensors', model('notebook-float32').subarray(0, 5000), /short\.safetensors: /],
    ['recipe.json', Buffer.from('{"weights": {"bits": [8, 8, 9]}}'), /9 bits, expected 2 to 8/],
    ['drawing.json', Buffer.from('{"strokes": [[["a", 1]]]}'), /not a drawing/],
    ['broken.json', Buffer.from('{"strokes": '), /not JSON/],
    ['broken.png', Buffer.from([137, 80, 78, 71, 13, 10, 26, 10, 1, 2, 3]), /not a picture/],
  ])) {
    await give(page, name, buffer);
    await said(page, why);
    assert.deepEqual(await answers(page), before, name);
  }
});

pageTest('a drawing file of other units is drawn on the pad', {}, async (page) => {
  await give(page, 'one.jsonl', Buffer.from('{"label": 1, "strokes": [[[140, 40], [140, 140], [140, 240]]]}\n{"label": 2, "strokes": []}\n'));
  await said(page, /drawing is on the pad/);
  assert.deepEqual([await text(page, 'float-digit'), await text(page, 'int8-digit')], ['1', '1']);
});
