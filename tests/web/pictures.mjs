// Draws the pictures of docs/guide: node tests/web/pictures.mjs docs/guide/img. English ones are dark, Chinese ones light,
// so that both are seen.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { closeBrowser, openPage } from './browser.mjs';
import { makeWorld } from './world.mjs';

const dir = process.argv[2];
mkdirSync(dir, { recursive: true });
const world = await makeWorld({ orders: 2400, qps: 5, broken: true });
const rows = async () => (await (await fetch(`${world.url}/api/v1/overview`)).json()).integrations;

async function draw(page, name, path, ready) {
  if (path) await page.goto(path);
  await page.locator('h1').waitFor();
  await page.waitForFunction(() => !document.querySelector('.skeleton'));
  if (ready) await page.locator(ready).last().waitFor();
  await page.screenshot({ path: join(dir, `${name}.png`) });
}

try {
  for (;;) {
    const all = await rows();
    if (all.some((r) => r.name === 'refunds' && r.errors_today) && all.filter((r) => r.last?.status === 'ok' && !r.running).length >= 2) break;
    await new Promise((again) => setTimeout(again, 200));
  }
  for (const [language, theme] of [['zh', 'light'], ['en', 'dark']]) {
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
} finally {
  await closeBrowser();
  await world.stop();
}
