// The story of the Metadata page: a mapping is changed with checks and a preview, saved, overtaken by somebody, rolled back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertAccessible, closeBrowser, openPage } from './browser.mjs';
import { makeWorld } from './world.mjs';

const PAGE = '/integrations/orders/metadata';
const SOURCE = 'integrations/orders.source.json';
const TARGET = 'integrations/orders.target.json';

after(closeBrowser);

describe('the documents of an integration', () => {
  let world;
  before(async () => {
    world = await makeWorld({ orders: 60, qps: 100 });
  });
  after(() => world?.stop());

  const editor = (page, name) => page.getByRole('textbox', { name: `${name}, as text` });
  const column = (page, name) => page.getByRole('region', { name: 'Mapped' }).getByRole('listitem').filter({ has: page.getByText(name, { exact: true }) }).first();

  /** Saves by the button, with a comment. */
  async function save(page, comment) {
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Save as a new version' });
    await dialog.getByLabel('What changed, and why').fill(comment);
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
    return dialog;
  }

  test('a mapping is changed with a preview, saved and rolled back', async () => {
    const original = world.read(TARGET);
    const page = await openPage(world, { axe: true });
    await page.goto('/integrations/orders');
    await page.getByRole('link', { name: 'Metadata' }).click();
    await editor(page, 'Source document').waitFor();
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByText(/^1 of /).waitFor();
    // by the keyboard: a field, then its column
    await page.getByRole('region', { name: 'Raw record' }).getByRole('button', { name: /^so_id/ }).press('Enter');
    await page.getByText('so_id: now choose its column.').waitFor();
    await page.getByRole('button', { name: 'Map so_id onto l_id' }).press('Enter');
    await page.getByText('so_id is mapped onto l_id').waitFor();
    assert.ok((await editor(page, 'Target document').inputValue()).includes('"field": "l_id"'));
    const mapped = original.replace(/("field": "l_id".*"value": ")\{l_id\}/, '$1{so_id}');
    assert.notEqual(mapped, original);
    assert.equal(await editor(page, 'Target document').inputValue(), mapped, 'all else stays byte for byte');
    assert.equal(await page.locator('.editor:visible .is-edited').count(), 1, 'the line is marked in the margin');
    await column(page, 'l_id').getByText('differs').waitFor();
    assert.equal(await page.getByRole('region', { name: 'Mapped' }).getByText('differs').count(), 1);
    await assertAccessible(page, 'a preview with a change');
    // by dragging
    await page.getByRole('region', { name: 'Raw record' }).getByRole('button', { name: /^o_id/ }).dragTo(column(page, 'node'));
    await page.getByText('o_id is mapped onto node').waitFor();
    await column(page, 'node').getByText('differs').waitFor();
    await editor(page, 'Target document').press('Control+z');
    assert.equal(await editor(page, 'Target document').inputValue(), mapped, 'an edit can be undone');
    // what is not saved outlives the page
    await page.reload();
    await page.getByText('Not saved: Target document').waitFor();
    await save(page, 'the platform number is the parcel number');
    await page.getByText('Saved as a new version').waitFor();
    assert.equal(world.read(TARGET), mapped);
    await page.getByRole('tab', { name: 'Versions' }).click();
    await page.getByRole('cell', { name: 'the platform number is the parcel number' }).waitFor();
    await page.getByRole('region', { name: 'Difference of Target document' }).getByText('so_id').first().waitFor();
    await assertAccessible(page, 'versions');
    await page.getByRole('button', { name: 'Roll back' }).first().click();
    const dialog = page.getByRole('dialog', { name: /^Roll back to version/ });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    assert.equal(world.read(TARGET), mapped, 'asking changes nothing');
    await page.getByRole('button', { name: 'Roll back' }).first().click();
    await dialog.getByRole('button', { name: 'Roll back' }).click();
    await page.getByText(/is in use again/).waitFor();
    assert.equal(world.read(TARGET), original);
    await page.finish();
  });

  test('mistakes are told where they are; what has errors is not saved', async () => {
    const original = world.read(SOURCE);
    const page = await openPage(world);
    await page.goto(PAGE);
    await editor(page, 'Source document').fill(original.replace('"method"', '"methhod"'));
    await page.getByText(/unknown key "methhod"/).waitFor();
    await page.locator('.editor:visible .mark-warning').waitFor();
    await page.getByRole('button', { name: /^Go to integrations\/orders\.source\.json/ }).click();
    const caret = await editor(page, 'Source document').evaluate((e) => e.value.slice(e.selectionStart, e.selectionStart + 9));
    assert.equal(caret, '"methhod"');
    await editor(page, 'Source document').fill(original.slice(0, -3));
    await page.locator('.editor:visible .mark-error').first().waitFor();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Documents with errors are not saved.').waitFor();
    await page.getByRole('button', { name: 'Discard' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
    assert.equal(await editor(page, 'Source document').inputValue(), original);
    assert.equal(world.read(SOURCE), original);
    await page.finish();
  });

  test('keys and values are completed by the schema', async () => {
    const page = await openPage(world, { axe: true });
    await page.goto(PAGE);
    const text = editor(page, 'Source document');
    await text.fill('{}');
    await text.press('ArrowLeft');
    await text.pressSequentially('"effe');
    await page.getByRole('option', { name: /^effect/ }).waitFor();
    await assertAccessible(page, 'completion');
    await text.press('Enter');
    assert.equal(await text.inputValue(), '{"effect": }');
    await text.press('Control+Space');
    await page.getByRole('option', { name: 'EXECUTE' }).waitFor();
    await text.press('ArrowDown');
    await text.press('Tab');
    assert.equal(await text.inputValue(), '{"effect": "EXECUTE"}');
    await text.press('Control+Space');
    await text.press('Escape');
    await text.fill('{\n\n\n\n  "api": 1,\n  \n}');
    await text.press('ArrowUp');
    await text.press('End');
    await text.pressSequentially('"eff');
    const list = await page.getByRole('listbox').boundingBox();
    const box = await text.boundingBox();
    assert.ok(Math.abs(list.y - box.y - 8 - 6 * 20) < 12, `the list stands below its line: ${list.y - box.y}`);
    await text.press('Escape');
    await text.fill(`{${'\n'.repeat(60)}}`);
    await text.press('ArrowLeft');
    await text.pressSequentially('"eff');
    const above = await page.getByRole('listbox').boundingBox();
    assert.ok(above.y > box.y && above.y + above.height < box.y + box.height, 'at the lower edge it stands above its line');
    await text.press('Escape');
    assert.equal(await page.getByRole('option').count(), 0);
    await page.finish();
  });

  test('whoever is overtaken sees both, and loses nothing', async () => {
    const original = world.read(TARGET);
    const page = await openPage(world, { axe: true });
    await page.goto(`${PAGE}?tab=target`);
    const mine = original.replace('"label": "主键"', '"label": "主键(我的)"');
    await editor(page, 'Target document').fill(mine);
    const theirs = original.replace('"label": "下单时间"', '"label": "下单时间(别人的)"');
    const other = await openPage(world);
    await other.goto(`${PAGE}?tab=target`);
    await editor(other, 'Target document').fill(theirs);
    await save(other, 'theirs');
    await other.getByText('Saved as a new version').waitFor();
    await page.getByText(/Somebody saved another version since you began/).waitFor();
    await save(page, 'mine');
    const dialog = page.getByRole('dialog', { name: 'Somebody saved another version meanwhile' });
    await dialog.getByRole('region', { name: 'Difference of Target document' }).waitFor();
    await assertAccessible(page, 'a conflict');
    await dialog.getByRole('button', { name: 'Go on editing' }).click();
    assert.equal(await editor(page, 'Target document').inputValue(), mine);
    assert.equal(world.read(TARGET), theirs);
    await save(page, 'mine');
    await dialog.getByRole('button', { name: 'Save mine on top' }).click();
    await page.getByText('Saved as a new version').waitFor();
    assert.equal(world.read(TARGET), mine);
    await other.finish();
    await page.finish();
  });

  for (const [language, theme, width] of [['zh', 'light', 1440], ['en', 'dark', 1440], ['en', 'light', 360], ['zh', 'dark', 360]])
    test(`each tab is accessible and fits: ${language}, ${theme}, ${width} px`, async () => {
      const page = await openPage(world, { language, theme, width, axe: true });
      for (const tab of ['source', 'target', 'integration', 'versions']) {
        await page.goto(`${PAGE}?tab=${tab}`);
        await page.locator(tab === 'versions' ? '.diff, .table' : '.editor:visible').first().waitFor();
        if (tab === 'target') {
          await page.getByRole('button', { name: language === 'zh' ? '预览' : 'Preview' }).click();
          await page.locator('.mapping-column').first().waitFor();
        }
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${tab} is too wide`);
        await assertAccessible(page, `${tab}, ${language}, ${theme}, ${width}`);
      }
      await page.finish();
    });
});
