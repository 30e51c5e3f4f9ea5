// Chromium for the stories: one for all, a fresh context for each; what the page complains about fails the story.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'web');
const require = createRequire(join(web, 'package.json'));
const { chromium } = require('playwright-core');
const AXE = require.resolve('axe-core/axe.min.js');
const CHROMIUM = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

let shared;

export async function closeBrowser() {
  await shared?.close();
}

/** A page of `world` in a context of its own. page.finish() closes it and asserts that nothing was complained about. */
export async function openPage(world, { language = 'en', theme = 'light', width = 1440, height = 900, axe = false } = {}) {
  shared ??= await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const context = await shared.newContext({
    viewport: { width, height },
    colorScheme: theme,
    locale: language === 'zh' ? 'zh-CN' : 'en-GB',
    baseURL: world.url,
    bypassCSP: axe, // the checker is a script that the policy would refuse
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  const outside = [];
  page.on('console', (m) => m.type() === 'error' && !/status of 40[1349]/.test(m.text()) && complaints.push(m.text()));
  page.on('pageerror', (e) => complaints.push(e.stack ?? String(e)));
  page.on('request', (r) => !r.url().startsWith(world.url) && !r.url().startsWith('data:') && outside.push(r.url()));
  page.finish = async () => {
    await context.close();
    assert.deepEqual(complaints, [], 'errors in the browser');
    assert.deepEqual(outside, [], 'requests to elsewhere');
  };
  return page;
}

/** What the accessibility checker finds on the page as it is: nothing, or the assertion names it. */
export async function assertAccessible(page, name) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.addScriptTag({ path: AXE });
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  const told = found.violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.slice(0, 4).map((n) => `    ${n.target.join(' ')} ${n.failureSummary.split('\n').slice(1, 2).join('')}`).join('\n')}`);
  assert.equal(told.join('\n'), '', `accessibility of ${name}`);
}
