// The page as visitors use it: draw, read the answers, change the choice, and what happens when something is missing.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { DRAWINGS, PHONE, accessibilityProblems, assertRead, draw, openChapters, pageTest, ready, serve, stroke, text } from './harness.js';

for (const digit of Object.keys(DRAWINGS)) {
  pageTest(`a drawn ${digit} is a ${digit} for both networks`, {}, async (page) => {
    await draw(page, digit);
    await assertRead(page, digit);
    for (const name of ['float', 'int8']) {
      const values = await page.locator(`[data-testid^="${name}-probability-"]`).evaluateAll((cells) =>
        cells.map((cell) => Number(/** @type {HTMLElement} */ (cell).dataset.value)),
      );
      assert.equal(values.length, 10);
      assert(Math.abs(values.reduce((sum, value) => sum + value) - 1) < 1e-9, 'probabilities add up to 1');
      assert.equal(values.indexOf(Math.max(...values)), Number(digit));
      await page.locator(`[data-testid="${name}-time"]`, { hasText: /^[\d.]+ µs \(timer step \d+ µs\)$/ }).waitFor();
    }
    assert.equal(await text(page, 'float-size'), '359.5 kB');
    assert.match(await text(page, 'int8-kernel'), /^(simd128|relaxed)$/);
    assert.match(await text(page, 'int8-arrival'), /^in \d+\.\d\d s$/);
    assert.match(await text(page, 'agreement'), new RegExp(`^Both read ${digit}\\. The largest difference of probability is .* points, for \\d\\.$`));
    await page.locator('[data-testid="ratio"]', { hasText: /^Here int8 is [\d.]+× as (fast|slow), and 3\.9× smaller\.$/ }).waitFor({ timeout: 0 });
    assert.match(await text(page, 'status'), new RegExp(`float32 reads ${digit}, int8 reads ${digit}`));
  });
}

pageTest('a blank pad has no answer, before and after', {}, async (page) => {
  await assertRead(page, '–');
  await draw(page, '1');
  await draw(page, '7');
  await page.getByTestId('undo').click();
  await assertRead(page, '1');
  await page.getByTestId('clear').click();
  await assertRead(page, '–');
  assert.equal(await text(page, 'int8-probability-1'), '–');
  assert.equal(await text(page, 'agreement'), '–');
  assert(await page.getByTestId('undo').isDisabled());
  await draw(page, '7');
  await page.keyboard.press('Control+z');
  await assertRead(page, '–');
});

pageTest('an answer that is not to be believed says so, and a blank pad says nothing', {}, async (page) => {
  await stroke(page, [[0.1, 0.1], [0.9, 0.9], [0.1, 0.9], [0.9, 0.1], [0.5, 0.05], [0.05, 0.5], [0.95, 0.5]]);
  for (const side of ['float', 'int8']) {
    assert.match(await text(page, `${side}-digit`), /^\d$/);
    assert.equal(await text(page, `${side}-verdict`), 'not sure');
  }
  await page.getByTestId('clear').click();
  for (const side of ['float', 'int8']) assert.equal(await text(page, `${side}-verdict`), '–');
});

pageTest('a sample is answered like a drawing, and gives way to one', {}, async (page) => {
  const { digits } = JSON.parse(await readFile(new URL('../../www/samples.json', import.meta.url), 'utf8'));
  const samples = page.locator('[data-testid^="sample-"]');
  await page.getByTestId('sample-0').waitFor();
  assert.equal(await samples.count(), digits.length);
  for (const index of [0, 4, 21]) {
    await page.getByTestId(`sample-${index}`).click();
    await assertRead(page, String(digits[index].label));
  }
  await page.getByTestId('clear').click();
  await assertRead(page, '–');
  await page.getByTestId('sample-0').click();
  await draw(page, '1');
  await assertRead(page, '1');
});

pageTest('the keyboard draws', {}, async (page) => {
  await page.getByTestId('pad').focus();
  for (let step = 0; step < 6; step++) await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Space');
  for (let step = 0; step < 12; step++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  await assertRead(page, '1');
  await page.keyboard.press('Escape');
  await assertRead(page, '–');
});

pageTest('a finger draws on a phone, and the page stays where it is', PHONE, async (page, context) => {
  const box = await page.getByTestId('pad').boundingBox();
  assert(box);
  assert(box.x >= 0 && box.x + box.width <= 360, 'the pad fits');
  const finger = await context.newCDPSession(page);
  const touch = (/** @type {string} */ type, /** @type {[number, number][]} */ points) =>
    finger.send('Input.dispatchTouchEvent', {
      type: /** @type {'touchStart'} */ (type),
      touchPoints: points.map(([x, y]) => ({ x: box.x + x * box.width, y: box.y + y * box.height })),
    });
  const [line] = DRAWINGS[1];
  await touch('touchStart', [line[0]]);
  for (let step = 1; step <= 20; step++) await touch('touchMove', [[0.5, 0.2 + 0.0325 * step]]);
  await touch('touchEnd', []);
  await assertRead(page, '1');
  assert.equal(await page.evaluate(() => scrollY), 0);
  assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the phone');
});

for (const scheme of ['static', 'fused', 'dynamic']) {
  for (const model of ['drawings', 'notebook']) {
    pageTest(`${model}, ${scheme}: chosen on the page, kept in the address`, {}, async (page) => {
      await draw(page, '1');
      await page.getByTestId('model').selectOption(model);
      await page.getByTestId('scheme').selectOption(scheme);
      await page.locator('html[data-ready="true"]').waitFor({ state: 'attached' });
      await assertRead(page, '1');
      await page.reload();
      assert.deepEqual(
        [await page.getByTestId('model').inputValue(), await page.getByTestId('scheme').inputValue()],
        [model, scheme],
      );
    });
  }
}

pageTest(
  'a host that calls wasm something else still serves the page',
  {
    prepare: (context) =>
      context.route(/\.wasm$/, async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, headers: { ...response.headers(), 'content-type': 'application/octet-stream' } });
      }),
  },
  async (page) => {
    await draw(page, '7');
    await assertRead(page, '7');
  },
);

for (const [name, settings] of /** @type {const} */ ([
  ['in light', { colorScheme: 'light' }],
  ['in dark', { colorScheme: 'dark' }],
  ['on a phone', PHONE],
  ['on a phone in dark', { ...PHONE, colorScheme: 'dark' }],
])) {
  pageTest(`axe finds nothing wrong ${name}`, settings, async (page) => {
    await draw(page, '3');
    await openChapters(page);
    assert.deepEqual(await accessibilityProblems(page), []);
  });
}

for (const [name, settings] of Object.entries({ 'a desktop': {}, 'a tall screen': { viewport: { width: 1600, height: 2400 } }, 'a phone': PHONE })) {
  pageTest(
    `nothing jumps on ${name}`,
    {
      ...settings,
      prepare: (context) =>
        context.addInitScript(() => {
          new PerformanceObserver((list) => {
            const { dataset } = document.documentElement;
            for (const entry of /** @type {any[]} */ (list.getEntries())) {
              if (entry.hadRecentInput) continue;
              const moved = entry.sources.map((/** @type {any} */ { node, previousRect, currentRect }) =>
                `${node?.parentElement?.id} ${node?.id || node?.className || node?.nodeName}: ${previousRect.y} to ${currentRect.y}`);
              dataset.shift = `${dataset.shift ?? ''}${entry.value}: ${moved.join(', ')}; `;
            }
          }).observe({ type: 'layout-shift', buffered: true });
        }),
    },
    async (page) => {
      await openChapters(page);
      await draw(page, '3');
      await page.locator('#why-body', { hasText: 'The logits differ' }).waitFor();
      await page.getByTestId('sample-0').click();
      await page.waitForTimeout(500);
      assert.equal(await page.evaluate(() => document.documentElement.dataset.shift ?? ''), '');
    },
  );
}

pageTest('both answers are in sight of the pad on a phone', { ...PHONE, viewport: { width: 390, height: 844 } }, async (page) => {
  const places = await Promise.all(['pad', 'float-digit', 'int8-digit'].map((id) => page.getByTestId(id).boundingBox()));
  let last = 0;
  for (const place of places) {
    assert(place && place.y >= last && place.y + place.height <= 844, JSON.stringify(places));
    last = place.y;
  }
});

pageTest('targets are 24 pixels or more', PHONE, async (page) => {
  await openChapters(page);
  const small = await page.locator('button, select, input, nav a').evaluateAll((targets) =>
    targets
      .map((target) => ({ html: target.outerHTML, box: target.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.width < 24 || box.height < 24))
      .map(({ html }) => html),
  );
  assert.deepEqual(small, []);
});

pageTest('the answer is told after a stroke, not during it', {}, async (page) => {
  const box = await page.getByTestId('pad').boundingBox();
  assert(box);
  const before = await text(page, 'status');
  await page.mouse.move(box.x + 0.5 * box.width, box.y + 0.2 * box.height);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.5 * box.width, box.y + 0.8 * box.height, { steps: 8 });
  await assertRead(page, '1');
  assert.equal(await text(page, 'status'), before);
  await page.mouse.up();
  assert.equal(await text(page, 'status'), 'float32 reads 1, int8 reads 1.');
});

pageTest('the drawing pad has a name and says how to use it', {}, async (page) => {
  const pad = page.getByRole('application', { name: 'Pad to draw a digit on' });
  assert.equal(await pad.getAttribute('data-testid'), 'pad');
  const help = await pad.evaluate((pad) => document.getElementById(pad.getAttribute('aria-describedby') ?? '')?.textContent);
  assert.match(help ?? '', /arrow keys.*Space.*Backspace.*Escape/s);
});

pageTest('everything is within reach of the Tab key, in the order of the page', {}, async (page) => {
  await openChapters(page);
  /** @type {string[]} */
  const reached = [];
  for (let isInside = true; isInside; ) {
    await page.keyboard.press('Tab');
    const [id, name] = await page.evaluate(() => {
      const { dataset, localName } = /** @type {HTMLElement} */ (document.activeElement ?? document.body);
      return [dataset.testid ?? '', localName];
    });
    if (id) reached.push(id);
    isInside = name !== 'body' && reached.length < 1000;
  }
  const order = ['pad', 'pen', 'model', 'scheme', 'sample-0', 'sample-39', 'bits', 'bench-run'].map((id) => reached.indexOf(id));
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
  assert(!order.includes(-1), String(reached));
});

pageTest('samples that the networks read differently are marked, and named', { path: '?model=notebook' }, async (page) => {
  await page.locator('#samples .disputed').first().waitFor();
  const disputed = page.locator('#samples .disputed');
  const count = await disputed.count();
  assert.match(await text(page, 'disputed'), new RegExp(`^${count} of these 40 `));
  for (let index = 0; index < count; index++) {
    const [, float, int8] = /float32 reads (\d), int8 reads (\d)/.exec((await disputed.nth(index).getAttribute('aria-label')) ?? '') ?? [];
    assert.notEqual(float, int8);
    await disputed.nth(index).click();
    assert.deepEqual([await text(page, 'float-digit'), await text(page, 'int8-digit')], [float, int8]);
    assert.match(await text(page, 'agreement'), new RegExp(`^They disagree: ${float} and ${int8}\\.`));
  }
});

pageTest('the page works from a folder of any host', { unready: true }, async (page) => {
  const host = await mkdtemp(join(tmpdir(), 'digit8-'));
  after(() => rm(host, { recursive: true }));
  await symlink(fileURLToPath(new URL('../../dist', import.meta.url)), join(host, 'some folder'));
  const there = `${await serve(host)}some%20folder/`;
  const other = await page.context().newPage();
  /** @type {string[]} */
  const elsewhere = [];
  other.on('request', (request) => {
    if (!request.url().startsWith(there)) elsewhere.push(request.url());
  });
  await other.goto(there);
  await ready(other);
  await openChapters(other);
  await draw(other, '3');
  await assertRead(other, '3');
  assert.deepEqual(elsewhere, []);
});

pageTest('bars do not move where motion is unwelcome', { reducedMotion: 'reduce' }, async (page) => {
  assert.equal(await page.locator('.bar').first().evaluate((bar) => getComputedStyle(bar).transitionDuration), '0s');
});

pageTest('with forced colours the bars and marks can be seen', { forcedColors: 'active', path: '?model=notebook' }, async (page) => {
  await draw(page, '3');
  await page.locator('#samples .disputed').first().waitFor();
  const [bar, mark, ground] = await page.evaluate(() => [
    getComputedStyle(/** @type {Element} */ (document.querySelector('.most .bar'))).backgroundColor,
    getComputedStyle(/** @type {Element} */ (document.querySelector('.disputed')), '::after').backgroundColor,
    getComputedStyle(document.documentElement).backgroundColor,
  ]);
  assert.notEqual(bar, ground);
  assert.notEqual(mark, ground);
});

pageTest('what the page links to is there', {}, async (page) => {
  const links = await page.locator('link[href], footer a').evaluateAll((links) => links.map((link) => /** @type {HTMLLinkElement} */ (link).href));
  const manifest = links.find((link) => link.endsWith('.webmanifest'));
  assert(manifest);
  const { icons } = await (await page.request.get(manifest)).json();
  const all = [...links, ...icons.map((/** @type {{ src: string }} */ { src }) => new URL(src, manifest).href)];
  for (const link of all) assert.equal((await page.request.get(link)).status(), 200, link);
});
