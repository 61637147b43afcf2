// The page on paper.

import assert from 'node:assert/strict';

import { draw, openChapters, pageTest } from './harness.js';

pageTest('on paper bars and ink keep their colours, and no figure is cut', { colorScheme: 'dark', viewport: { width: 794, height: 1123 } }, async (page) => {
  await draw(page, '3');
  await openChapters(page);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  const found = await page.evaluate(async () => {
    // The pad hears of the other medium with the next frame.
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const style = (/** @type {string} */ selector) => getComputedStyle(/** @type {Element} */ (document.querySelector(selector)));
    const pad = /** @type {HTMLCanvasElement} */ (document.getElementById('pad'));
    const pixels = pad.getContext('2d')?.getImageData(0, 0, pad.width, pad.height).data ?? [];
    let ink = 255;
    for (let at = 0; at < pixels.length; at += 4) if (pixels[at + 3] === 255) ink = Math.min(ink, pixels[at]);
    const tall = [...document.querySelectorAll('figure, .panel, .wide, .samples')].map((part) => ({
      avoids: getComputedStyle(part).breakInside,
      height: part.getBoundingClientRect().height,
      isWide: part.scrollWidth > part.clientWidth + 1 || part.getBoundingClientRect().right > innerWidth + 1,
      html: part.outerHTML.slice(0, 80),
    }));
    return { adjust: style('.bar').getPropertyValue('print-color-adjust'), paper: style('#pad').backgroundColor, ink, tall, nav: style('.top nav').display };
  });
  assert.equal(found.adjust, 'exact');
  assert.equal(found.paper, 'rgb(255, 254, 251)', 'paper is light, whatever the screen is');
  assert(found.ink < 64, 'and ink is dark');
  assert.equal(found.nav, 'none');
  for (const { avoids, height, isWide, html } of found.tall) {
    assert.equal(avoids, 'avoid', html);
    assert(height < 1000, `${html} is ${height} high, more than a page`);
    assert(!isWide, `${html} is cut at the side`);
  }
  assert((await page.pdf({ format: 'A4' })).length > 10_000);
});
