// How long a visitor waits on a slow link, from an empty cache: `node link.js ADDRESS BROWSER VISITS`, JSON on standard output.

import { chromium } from 'playwright-core';

/** 1.6 Mbit/s down, 750 kbit/s up, 150 ms: Lighthouse's slow 4G. */
const LINK = { offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 750e3 / 8 };

const [address, executablePath, visits] = process.argv.slice(2);
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update'];
const browser = await chromium.launch({ executablePath, args });
const seen = [];
for (let visit = 0; visit < Number(visits); visit++) {
  // A context of its own: no cache, no service worker.
  const context = await browser.newContext();
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', LINK);
  await page.goto(address);
  await page.locator('html[data-ready="true"]').waitFor({ state: 'attached', timeout: 60_000 });
  seen.push(
    await page.evaluate(() => {
      const marks = performance.getEntriesByType('mark');
      const arrival = (/** @type {(name: string) => boolean} */ wanted) =>
        marks.find(({ name }) => name.startsWith('network ') && wanted(name))?.startTime ?? NaN;
      const int8_ms = arrival((name) => name !== 'network float32');
      const files = /** @type {PerformanceResourceTiming[]} */ ([
        ...performance.getEntriesByType('navigation'),
        ...performance.getEntriesByType('resource'),
      ]);
      const before = files.filter(({ responseEnd }) => responseEnd > 0 && responseEnd <= int8_ms);
      const bytes = before.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
      return { int8_ms, float_ms: arrival((name) => name === 'network float32'), bytes };
    }),
  );
  await context.close();
}
await browser.close();
console.log(JSON.stringify(seen));
