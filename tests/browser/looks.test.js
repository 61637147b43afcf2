// How the page looks with every chapter filled: no window is too narrow, no target too small, and forced colours hide nothing.

import assert from 'node:assert/strict';

import { accessibilityProblems, draw, fillChapters, hasDigits, misfits, pageTest } from './harness.js';

const skip = hasDigits() ? false : 'the page was built without digits';

for (const width of [320, 390, 768, 1280]) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const isPhone = width < 500;
    pageTest(
      `in ${width} pixels, ${colorScheme}, everything fits, and axe finds nothing wrong`,
      { skip, colorScheme, viewport: { width, height: 900 }, hasTouch: isPhone, isMobile: isPhone, reducedMotion: 'reduce' },
      async (page) => {
        await draw(page, '3');
        await fillChapters(page);
        assert.deepEqual(await page.evaluate(misfits, width), []);
        assert.deepEqual(await accessibilityProblems(page), []);
      },
    );
  }
}

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  pageTest(`with forced colours, ${colorScheme}, charts, pressed buttons, focus and the pen’s line can be seen`, { skip, forcedColors: 'active', colorScheme, reducedMotion: 'reduce' }, async (page) => {
    await draw(page, '3');
    await fillChapters(page);
    await page.getByTestId('try-pin-0').click();
    await page.getByTestId('case-kind').focus();
    await page.keyboard.press('Shift+Tab');
    const found = await page.evaluate(() => {
      const style = (/** @type {string} */ selector) => getComputedStyle(/** @type {Element} */ (document.querySelector(selector)));
      const focused = getComputedStyle(/** @type {Element} */ (document.activeElement));
      return {
        ground: style('html').backgroundColor,
        seen: {
          bar: style('.most .bar').backgroundColor,
          line: style('#pad').color,
          chart: style('#make svg .amount').fill,
          points: style('#walk svg .dot').fill,
          outline: style('#make svg .outline').stroke,
          words: style('#make svg text').fill,
          neuron: getComputedStyle(/** @type {Element} */ (document.querySelector('.neurons button')), '::before').backgroundColor,
          chosen: style('.neurons [aria-pressed="true"]').outlineColor,
          pressed: style('[data-testid="try-pin-0"]').backgroundColor,
          focus: focused.outlineColor,
        },
        pressed: style('[data-testid="try-pin-0"]').backgroundColor !== style('[data-testid="try-use-0"]').backgroundColor,
        outlined: style('#make svg .outline').stroke !== style('#make svg .amount').fill,
        focus: focused.outlineStyle,
      };
    });
    for (const [name, colour] of Object.entries(found.seen)) assert.notEqual(colour, found.ground, name);
    assert(found.pressed && found.outlined && found.focus !== 'none', JSON.stringify(found));
  });
}
