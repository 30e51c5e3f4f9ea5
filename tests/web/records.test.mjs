// Stories of people at the Records page: an order and what became of it, dead letters that are repaired, a list so long
// that only a part of it can be drawn.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { assertAccessible, closeBrowser, openPage } from './browser.mjs';
import { makeWorld, refuseSome, sql } from './world.mjs';

const PAGE = '/integrations/orders/records';
const RULE = 'at most 2 pieces of this article';

const ask = async (world, path) => (await fetch(world.url + path)).json();

/** Asks until what comes back is so, at most 60 s. */
async function until(what, look, holds) {
  const end = Date.now() + 60_000;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > end) assert.fail(`${what}: ${JSON.stringify(seen).slice(0, 500)}`);
    await new Promise((again) => setTimeout(again, 100));
  }
}

after(closeBrowser);

describe('records and dead letters', () => {
  let world;
  let table;
  before(async () => {
    world = await makeWorld({ orders: 300, keep: 'records', prepare: refuseSome(RULE) });
    [[table]] = sql(world, "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%items_qty%'");
    await until('the first run', () => ask(world, '/api/v1/integrations/orders'), ({ row }) => row.last?.status === 'partial' && !row.running);
  });
  after(() => world?.stop());

  const letters = async (query = '') => (await ask(world, `/api/v1/integrations/orders/dead${query}`)).letters;
  const quantity = (id) => sql(world, `SELECT items_qty FROM "${table}" WHERE id = '${id}'`).map(([q]) => String(q));
  const records = async (query) => (await ask(world, `/api/v1/integrations/orders/records${query}`)).records;

  for (const [language, words] of [
    ['en', { list: 'Records', by: 'Search by', way: 'Number or exact value', steps: ['Fetched', 'What came: raw JSON', 'Mapped: the rows of the target', 'SQL', 'Answer'], committed: /^Committed .*, in batch \d+\.$/, now: 'In the target now' }],
    ['zh', { list: '记录', by: '查找方式', way: '单号或精确值', steps: ['抓取', '收到的原始 JSON', '映射后的目标行', 'SQL', '结果'], committed: /^已于 .* 提交，批次 \d+。$/, now: '目标中的当前内容' }],
  ])
    test(`order X is found by its number, and its story is read (${language})`, async () => {
      const [one] = await records('?state=done&limit=1');
      const order = (await records(`/${one.id}`))[0];
      const page = await openPage(world, { language, axe: true });
      await page.goto('/integrations/orders');
      await page.getByRole('link', { name: words.list, exact: true }).click();
      await page.locator('.paged-body [role=row]').nth(5).waitFor();
      await page.getByLabel(words.by).selectOption({ label: words.way });
      await page.getByRole('searchbox').fill(order.raw.so_id);
      const found = page.locator('.paged-body [role=row]');
      await until('one record', () => found.count(), (n) => n === 1);
      await assertAccessible(page, `records ${language}`);
      await found.getByRole('button', { name: one.id }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText(words.committed).waitFor();
      const steps = await dialog.getByRole('heading', { level: 3 }).allTextContents();
      assert.deepEqual(steps.map((h) => h.replace(/^\d/, '')), words.steps);
      const raw = await dialog.locator('.story-json').first().textContent();
      assert.deepEqual(JSON.parse(raw), order.raw);
      await dialog.locator('.story-sql').getByText(/^(REPLACE|INSERT) INTO/).waitFor();
      const target = dialog.getByRole('region', { name: words.now });
      assert.equal(await target.locator('tbody tr').first().locator('td').first().textContent(), order.mapped[0].id);
      await assertAccessible(page, `story ${language}`);
      // its address is its own
      await page.reload();
      await page.getByRole('dialog').getByText(words.committed).waitFor();
      await page.keyboard.press('Escape');
      await until('no dialog', () => page.getByRole('dialog').count(), (n) => n === 0);
      assert.doesNotMatch(page.url(), /story=/);
      await page.finish();
    });

  test('a pasted list finds each, and says which are not there', async () => {
    const some = (await records('?limit=40')).map((r) => r.id);
    const ids = [...new Set(some)].slice(0, 12);
    const page = await openPage(world);
    await page.goto(`${PAGE}?by=ids`);
    await page.locator('#record-what').fill(`${ids.join('\n')}\n99, 98`);
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByText('Not found (2): 99, 98').waitFor();
    const shown = await page.locator('.paged-body [role=row] .link').allTextContents();
    assert.deepEqual(shown, ids);
    // pasted into the field of one key, a list is taken as one
    await page.goto(PAGE);
    await page.getByRole('searchbox').focus();
    await page.evaluate((text) => {
      const data = new DataTransfer();
      data.setData('text', text);
      document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }, ids.slice(0, 3).join('\n'));
    await page.locator('textarea#record-what').waitFor();
    await until('three', () => page.locator('.paged-body [role=row]').count(), (n) => n === 3);
    await page.finish();
  });

  test('what is filtered is counted alike, and given out as a file', async () => {
    const page = await openPage(world);
    await page.goto(PAGE);
    await page.getByLabel('State').selectOption({ label: 'Filtered' });
    await page.getByText(/shown, that is all/).waitFor();
    const n = (await records('?state=filtered&limit=1000')).length;
    await page.getByText(`${n} shown, that is all`).waitFor();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /as CSV/ }).click()]);
    assert.equal(file.suggestedFilename(), 'orders.csv');
    const lines = readFileSync(await file.path(), 'utf8').split('\r\n');
    assert.match(lines[0], /^\ufeffrecord_id,record_version,record_state,/);
    assert.equal(lines.length, n + 1);
    assert.ok(lines.slice(1).every((line) => line.includes(',filtered,')));
    await page.finish();
  });

  for (const [language, words] of [
    ['en', { dead: /^Dead letters/, save: 'Save and retry', done: 'Rows written: 1; refused again: 0', retried: 'Retried', again: /no JSON object/ }],
    ['zh', { dead: /^死信/, save: '保存并重试', done: '已写入行数：1；再次被拒绝：0', retried: '已重试', again: /不是有效的 JSON/ }],
  ])
    test(`a dead letter is repaired, and its row is in the target (${language})`, async () => {
      const [letter] = await letters();
      assert.deepEqual(quantity(letter.target_id), []);
      const { raw } = await ask(world, `/api/v1/integrations/orders/dead/${letter.letter}`);
      const article = raw.items.find((item) => letter.target_id.endsWith(String(item.oi_id))).oi_id;
      const page = await openPage(world, { language, axe: true });
      await page.goto(PAGE);
      await page.getByRole('tab', { name: words.dead }).click();
      await page.getByText(RULE).first().waitFor();
      await assertAccessible(page, `dead letters ${language}`);
      await page.getByRole('button', { name: letter.target_id }).click();
      const dialog = page.getByRole('dialog');
      const text = dialog.getByRole('textbox');
      const before = await text.inputValue();
      assert.deepEqual(JSON.parse(before), raw);
      await text.fill(before.slice(0, -1));
      await dialog.getByText(words.again).waitFor();
      assert.ok(await dialog.getByRole('button', { name: words.save }).isDisabled());
      // as text: the version has more digits than JSON.parse keeps. What looks like markup stays text, too
      const mended = before
        .replace(new RegExp(`("oi_id": "?${article}"?,[^}]*?"qty": )\\d+`), '$12')
        .replace(/"buyer_message": ("(?:[^"\\]|\\.)*"|null)/, '"buyer_message": "<img src=x onerror=\\"document.title=1\\">"');
      assert.equal(JSON.parse(mended).items.find((item) => item.oi_id === article).qty, 2);
      await text.fill(mended);
      await dialog.locator('.diff mark').first().waitFor();
      await assertAccessible(page, `dead letter ${language}`);
      await dialog.getByRole('button', { name: words.save }).click();
      const said = new Set();
      await until('the outcome', async () => [...(await page.locator('.toast').allTextContents()).reduce((all, text) => all.add(text), said)], (all) => all.includes(words.done));
      assert.deepEqual(quantity(letter.target_id), ['2']);
      assert.equal((await letters()).some((l) => l.letter === letter.letter), false);
      await page.getByRole('button', { name: words.retried, exact: true }).click();
      await page.getByRole('button', { name: letter.target_id }).click();
      await page.getByRole('dialog').locator('.diff').getByText('<img src=x').waitFor();
      assert.equal(await page.locator('img').count(), 0);
      assert.notEqual(await page.title(), '1');
      await page.finish();
    });

  test('some are dropped and the others retried, each after saying what will happen', async () => {
    const open = await letters();
    assert.ok(open.length >= 4, `${open.length} letters`);
    const page = await openPage(world);
    await page.goto(`${PAGE}?view=dead`);
    const boxes = page.locator('.paged-body input[type=checkbox]');
    await boxes.first().waitFor();
    await boxes.nth(0).check();
    await boxes.nth(1).check();
    await page.getByRole('button', { name: 'Drop 2' }).click();
    const asked = page.getByRole('dialog', { name: 'Put them away?' });
    await asked.getByText(/They will not be tried again/).waitFor();
    await asked.getByRole('button', { name: 'Cancel' }).click();
    assert.equal((await letters()).length, open.length);
    await page.getByRole('button', { name: 'Drop 2' }).click();
    await asked.getByRole('button', { name: 'Drop 2' }).click();
    await page.getByText('Put away: 2').waitFor();
    assert.deepEqual((await letters('?state=dropped')).map((l) => l.letter), open.slice(0, 2).map((l) => l.letter));
    sql(world, 'DROP TRIGGER too_many');
    await until('two fewer', () => boxes.count(), (n) => n === open.length - 2);
    await page.getByRole('button', { name: 'Retry all' }).click();
    await page.getByRole('dialog', { name: 'Write them again?' }).getByRole('button', { name: /Retry/ }).click();
    await page.getByText(`Rows written: ${open.length - 2}; refused again: 0`).waitFor();
    await page.getByText('No dead letters').waitFor();
    assert.deepEqual(quantity(open[2].target_id).length, 1);
    await page.finish();
  });

  test('a list of 100,000 records scrolls to its end, and few rows are drawn', async () => {
    const all = 100_000;
    const page = await openPage(world);
    let asked = 0;
    // the real list has some hundred: the server's side of paging is shown by tests/e2e/test_records.py
    await page.route('**/orders/records?*', async (route) => {
      const query = new URL(route.request().url()).searchParams;
      const from = Number(query.get('before') ?? 0);
      const n = Math.min(Number(query.get('limit')), all - from);
      const records = Array.from({ length: n }, (_, i) => ({ id: String(from + i), version: '1', state: 'done', fetched: '2026-11-02T10:00:00+08:00', page: 2000 - Math.floor((from + i) / 100), row: 99 - ((from + i) % 100), run: 1, rows: 1, why: null, condition: null, fate: 'sent', committed: null, batch: null }));
      asked++;
      await route.fulfill({ json: { records, next: from + n < all ? String(from + n) : null } });
    });
    await page.goto(PAGE);
    await page.locator('.paged-body [role=row]').nth(5).waitFor();
    const box = page.locator('.paged-scroll');
    let most = 0;
    for (let last = -1; ; ) {
      const seen = await box.evaluate((e) => {
        e.scrollTop = e.scrollHeight;
        return { rows: e.querySelectorAll('[role=row]').length, tall: e.scrollHeight };
      });
      most = Math.max(most, seen.rows);
      if (await page.getByText('100,000 shown, that is all').count()) break;
      await until('more', () => box.evaluate((e) => e.scrollHeight), (tall) => tall > last || tall >= all * 36);
      last = seen.tall;
    }
    await box.evaluate((e) => (e.scrollTop = e.scrollHeight));
    await page.getByRole('button', { name: '99999', exact: true }).waitFor();
    assert.equal(asked, 200);
    assert.ok(most <= 80, `${most} rows were in the document`);
    // frames while it is scrolled through
    const slow = await box.evaluate(async (e) => {
      const took = [];
      for (let i = 0, before = performance.now(); i < 60; i++) {
        e.scrollTop = (e.scrollHeight * i) / 60;
        await new Promise((next) => requestAnimationFrame(next));
        took.push(performance.now() - before);
        before = performance.now();
      }
      return took.sort((a, b) => a - b)[Math.floor(took.length / 2)];
    });
    console.log(`median frame while scrolling 100,000 records: ${slow.toFixed(1)} ms; rows in the document: at most ${most}`);
    assert.ok(slow < 100, `${slow} ms a frame`);
    await page.keyboard.press('Tab');
    await box.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Record 1' }).waitFor();
    await page.finish();
  });

  test('a phone shows them too, and a viewer is offered nothing that changes', async () => {
    const phone = await openPage(world, { width: 360, height: 740, language: 'zh', axe: true });
    await phone.goto(PAGE);
    await phone.locator('.paged-body [role=row]').nth(2).waitFor();
    assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
    await assertAccessible(phone, 'records on a phone');
    await phone.locator('.paged-body .link').first().click();
    await phone.locator('.story-step').nth(3).waitFor();
    assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out of a story');
    await assertAccessible(phone, 'a story on a phone');
    await phone.finish();
    const viewer = await openPage(world);
    await viewer.route('**/api/v1/session', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ json: { ...(await answer.json()), role: 'viewer' } });
    });
    await viewer.goto(`${PAGE}?view=dead&state=retried`);
    await viewer.locator('.paged-body .link').first().click();
    await viewer.getByRole('dialog').getByRole('button', { name: 'Its story' }).waitFor();
    assert.equal(await viewer.getByRole('button', { name: /^(Retry|Drop|Save)\b/ }).count(), 0);
    await viewer.finish();
  });
});
