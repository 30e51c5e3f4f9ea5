#!/usr/bin/env node
// How soon the first page is painted, beside a page of one line from the same server: first contentful paint in headless
// Chromium on loopback, medians and worst of N loads with an empty cache. Prints a table and the ratio.
//
//     bench/paint.mjs [LOADS]
import { closeBrowser, openPage } from '../tests/web/browser.mjs';
import { makeWorld } from '../tests/web/world.mjs';

const loads = Number(process.argv[2] ?? 20);
const world = await makeWorld({ orders: 400 });

async function measure(path, text) {
  const took = [];
  for (let i = 0; i < loads; i++) {
    const page = await openPage(world);
    await page.goto(path);
    await page.getByText(text).first().waitFor();
    const paint = await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
    took.push(await paint.jsonValue());
    await page.close();
  }
  return took.sort((a, b) => a - b);
}

try {
  const line = await measure('/healthz', 'ok');
  const first = await measure('/', 'All is well');
  const row = (name, t) => console.log(`${name.padEnd(24)} ${t[t.length >> 1].toFixed(0).padStart(8)} ${t.at(-1).toFixed(0).padStart(8)}`);
  console.log(`${'first paint, ms'.padEnd(24)} ${'median'.padStart(8)} ${'worst'.padStart(8)}   of ${loads} loads`);
  row('one line (/healthz)', line);
  row('the overview (/)', first);
  console.log(`ratio of the medians: ${(first[loads >> 1] / line[loads >> 1]).toFixed(2)}`);
} finally {
  await closeBrowser();
  await world.stop();
}
