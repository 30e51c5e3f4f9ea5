// Draws the pictures of docs/guide: node tests/web/pictures.mjs docs/guide/img [records]. English ones are dark, Chinese
// ones light, so that both are seen. With the word only those of the Records page.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { closeBrowser, openPage } from './browser.mjs';
import { makeWorld, refuseSome } from './world.mjs';

const dir = process.argv[2];
mkdirSync(dir, { recursive: true });
const LANGUAGES = [['zh', 'light'], ['en', 'dark']];
const rowsOf = async (world) => (await (await fetch(`${world.url}/api/v1/overview`)).json()).integrations;

async function draw(page, name, path, ready) {
  if (path) await page.goto(path);
  await page.locator('h1').waitFor();
  await page.waitForFunction(() => !document.querySelector('.skeleton'));
  if (ready) await page.locator(ready).last().waitFor();
  await page.screenshot({ path: join(dir, `${name}.png`) });
}

/** Pictures of a world of its own, which ends with them. */
async function within(options, drawAll) {
  const world = await makeWorld(options);
  try {
    await drawAll(world);
  } finally {
    await world.stop();
  }
}

async function until(world, holds) {
  while (!holds(await rowsOf(world))) await new Promise((again) => setTimeout(again, 200));
}

async function drawMost(world) {
  await until(world, (all) => all.some((r) => r.name === 'refunds' && r.errors_today) && all.filter((r) => r.last?.status === 'ok' && !r.running).length >= 2);
  for (const [language, theme] of LANGUAGES) {
    const page = await openPage(world, { language, theme, width: 1280, height: 800 });
    const as = (name) => `${name}-${language}`;
    await draw(page, as('overview'), '/', '.table');
    await page.goto('/integrations/orders/metadata');
    await page.locator('.workplace .card-actions button').click();
    await page.locator('.mapping-field').nth(1).click();
    await page.locator('.mapping-column button').nth(3).click();
    await page.locator('.is-changed').first().waitFor();
    await page.evaluate(() => scrollTo(0, 0));
    await draw(page, as('metadata'));
    // a backfill makes the flow move
    await page.goto('/integrations/orders');
    await page.locator('.page-actions button').nth(1).click();
    await page.locator("dialog .row button").nth(1).click();
    await draw(page, as('backfill'));
    await page.locator('.dialog-foot .primary').click();
    await draw(page, as('integration'), null, '.flow.is-live');
    await draw(page, as('windows'), '/integrations/orders?view=windows', '.timeline rect');
    await draw(page, as('runs'), '/integrations/orders?view=runs', '.paged-body [role=row]');
    await draw(page, as('connections'), '/connections', '.card');
    await draw(page, as('alerts'), '/alerts');
    await draw(page, as('log'), '/log', '.paged-body [role=row]');
    await draw(page, as('audit'), '/audit', '.paged-body [role=row]');
    await page.context().close();
    const phone = await openPage(world, { language, theme, width: 360, height: 740 });
    await draw(phone, as('phone'), '/', '.table');
    await phone.context().close();
  }
}

async function drawRecords(world) {
  await until(world, (all) => all.some((r) => r.dead && !r.running));
  for (const [language, theme] of LANGUAGES) {
    const page = await openPage(world, { language, theme, width: 1280, height: 800 });
    await draw(page, `records-${language}`, '/integrations/orders/records', '.paged-body [role=row]');
    await page.locator('.paged-body .link').nth(2).click();
    await draw(page, `story-${language}`, null, '.story-step:nth-of-type(5)');
    await page.goto('/integrations/orders/records?view=dead');
    await page.locator('.paged-body .link').nth(2).click();
    const text = page.locator('.letter-text');
    await text.fill((await text.inputValue()).replace(/"qty": [^,]+,/, '"qty": 2,'));
    await page.locator('.diff mark').first().waitFor();
    await page.locator('.dialog-body').evaluate((e) => e.scrollTo(0, e.scrollHeight));
    await draw(page, `letter-${language}`);
    await page.context().close();
  }
}

try {
  if (process.argv[3] !== 'records') await within({ orders: 2400, qps: 5, broken: true }, drawMost);
  await within({ orders: 300, keep: 'records', prepare: refuseSome('at most 2 pieces of this article') }, drawRecords);
} finally {
  await closeBrowser();
}
