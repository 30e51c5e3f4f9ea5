// Pictures of pages from the development server: node dev/shots.mjs URL DIR PATH… (each in both themes, languages, widths;
// --one: light, Chinese, wide alone)
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const args = process.argv.slice(2).filter((a) => a !== '--one');
const [base, dir, ...paths] = args;
const one = process.argv.includes('--one');
mkdirSync(dir, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const cases = one ? [['light', 'zh', 1440]] : [['light', 'zh', 1440], ['dark', 'en', 1440], ['light', 'en', 360], ['dark', 'zh', 360]];
for (const [theme, language, width] of cases) {
  const context = await browser.newContext({ viewport: { width, height: width > 1000 ? 900 : 740 }, colorScheme: theme, locale: language === 'zh' ? 'zh-CN' : 'en-GB' });
  const page = await context.newPage();
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && console.log(`${theme}/${language}/${width}: ${m.text()}`));
  page.on('pageerror', (e) => console.log(`${theme}/${language}/${width}: ${e.stack}`));
  for (const path of paths) {
    await page.goto(base + path, { waitUntil: 'load' });
    await page.locator('h1').waitFor();
    await page.waitForTimeout(700);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) console.log(`${path} ${width}: ${wide} px too wide`);
    await page.screenshot({ path: join(dir, `${path.replace(/\W+/g, '_') || 'root'}-${theme}-${language}-${width}.png`), fullPage: width < 1000 });
  }
  await context.close();
}
await browser.close();
