import './setup.ts';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { address, type Row, type Window } from '../src/api.ts';
import { preferred } from '../src/i18n.ts';
import { readable } from '../src/pages/audit.tsx';
import { layOut } from '../src/pages/integration.history.tsx';
import { stageOf } from '../src/pages/integration.flow.tsx';
import { fits, rest } from '../src/pages/log.tsx';
import { needsPerson, weight } from '../src/pages/overview.tsx';
import { href, match } from '../src/router.ts';
import { allowed } from '../src/session.ts';
import { alone } from '../src/ui/chart.tsx';
import * as format from '../src/ui/format.ts';

test('a path fits its pattern, parameters are decoded', () => {
  assert.deepEqual(match('/', '/'), {});
  assert.equal(match('/', '/log'), null);
  assert.deepEqual(match('/integrations/:name', '/integrations/%E8%AE%A2%E5%8D%95'), { name: '订单' });
  assert.deepEqual(match('/integrations/:name', '/integrations/a%2Fb/'), { name: 'a/b' });
  assert.equal(match('/integrations/:name', '/integrations/a/b'), null);
  assert.equal(match('/integrations/:name', '/integrations/%E8%'), null, 'half an escape is no name');
});

test('addresses encode what is put in, and leave out what is empty', () => {
  assert.equal(href('/integrations/:name', { name: 'a/b c' }), '/integrations/a%2Fb%20c');
  assert.equal(href('/integrations/:name', { name: 'x' }, { view: 'runs', text: '' }), '/integrations/x?view=runs');
  assert.equal(address('/integrations/:name/runs', { name: '订单' }, { limit: 5, before: null }), '/api/v1/integrations/%E8%AE%A2%E5%8D%95/runs?limit=5');
  assert.deepEqual(match('/integrations/:name', href('/integrations/:name', { name: '% ?#/' })), { name: '% ?#/' });
});

test('the language is the chosen one, else Chinese for those who read it', () => {
  assert.equal(preferred(null, ['zh-TW', 'en']), 'zh');
  assert.equal(preferred(null, ['en-GB', 'zh-CN']), 'en');
  assert.equal(preferred('en', ['zh-CN']), 'en');
  assert.equal(preferred('fr', []), 'en');
});

test('roles contain each other', () => {
  assert.ok(allowed('admin', 'viewer'));
  assert.ok(allowed('operator', 'operator'));
  assert.ok(!allowed('viewer', 'operator'));
  assert.ok(!allowed(null, 'viewer'));
  assert.ok(!allowed('none', 'viewer'));
});

test('durations have two units at most', () => {
  assert.equal(format.duration(0, 'en'), '0');
  assert.equal(format.duration(850, 'en'), '850 ms');
  assert.equal(format.duration(9500, 'en'), '9.5 s');
  assert.equal(format.duration(65_000, 'zh'), '1分5秒');
  assert.equal(format.duration(3_600_000, 'en'), '1 h');
  assert.equal(format.duration(26 * 3_600_000, 'en'), '1 d 2 h');
  assert.equal(format.duration(null, 'en'), '–');
  assert.equal(format.duration(59_999, 'en'), '1 min');
});

test('numbers shorten in the manner of the language', () => {
  assert.equal(format.number(1234567), '1,234,567');
  assert.equal(format.compact(9999, 'en'), '9,999');
  assert.equal(format.compact(123_456, 'en'), '123k');
  assert.equal(format.compact(123_456, 'zh'), '12.3万');
  assert.equal(format.compact(456_000_000, 'zh'), '4.56亿');
  assert.equal(format.number(undefined), '–');
  assert.equal(format.bytes(1536), '1.5 KiB');
});

test('times are those of the project', () => {
  format.setZone('Asia/Shanghai');
  assert.equal(format.time('2026-11-01T16:00:00Z'), '2026-11-02 00:00:00');
  assert.equal(format.shortTime('2026-11-01T16:05:00Z', Date.parse('2026-11-02T01:00:00Z')), '00:05:00');
  assert.equal(format.shortTime('2026-10-01T16:05:00Z', Date.parse('2026-11-02T01:00:00Z')), '10-02 00:05');
  assert.equal(format.toField(Date.parse('2026-11-01T16:00:00Z')), '2026-11-02T00:00:00');
  assert.equal(format.fromField('2026-11-02T00:00'), '2026-11-02 00:00:00');
  assert.equal(format.time(null), '–');
  assert.equal(format.time('not a time'), 'not a time');
  format.setZone('No/Where');
  assert.equal(format.time('2026-11-01T16:00:00Z'), '2026-11-01 16:00:00');
});

const row = (over: Partial<Row>): Row => ({ name: 'x', state: 'ok', dead: 0, gaps: 0, ...over }) as Row;

test('what needs a person stands first', () => {
  const rows = [row({ name: 'a' }), row({ name: 'b', dead: 3 }), row({ name: 'c', state: 'late' }), row({ name: 'd', state: 'disabled' }), row({ name: 'e', state: 'broken' }), row({ name: 'f', state: 'failing' })];
  rows.sort((x, y) => weight(x) - weight(y));
  assert.equal(rows.map((r) => r.name).join(''), 'fecbad');
  assert.equal(rows.filter(needsPerson).length, 2);
});

test('windows that touch share a lane, those that overlap do not', () => {
  const window = (from: string, to: string): Window => ({ from: `2026-11-01T${from}:00Z`, to: `2026-11-01T${to}:00Z` }) as Window;
  const { blocks, lanes } = layOut([window('01:00', '02:00'), window('00:00', '01:00'), window('00:30', '01:30'), { from: null, to: null } as Window]);
  assert.equal(lanes, 2);
  assert.deepEqual(blocks.map((b) => b.lane), [0, 1, 0]);
  assert.equal(blocks[0]!.left, 0);
  assert.equal(Math.round(blocks[2]!.left + blocks[2]!.wide), 1000);
});

test('a reason to wait belongs to a stage', () => {
  assert.equal(stageOf('waiting for the target'), 'target');
  assert.equal(stageOf('waiting for the quota of jst'), 'source');
  assert.equal(stageOf('something new'), 'source');
  assert.equal(stageOf(null), null);
});

test('log lines fit filters and say the rest', () => {
  const line = { time: '2026-11-01T00:00:00Z', event: 'page', integration: '订单', level: 'info', run: 3, records: 50, text: 'Hello' };
  const none = { integration: '', event: '', level: '', text: '' };
  assert.ok(fits(line, none));
  assert.ok(fits(line, { ...none, text: 'hello' }));
  assert.ok(!fits(line, { ...none, level: 'error' }));
  assert.ok(!fits(line, { ...none, integration: '退款' }));
  assert.equal(rest(line), 'Hello  records=50');
  const ended = { time: '', event: 'run_ended', code: 'target', summary: { status: 'failed', rows: 3, error: { message: 'refused' } } };
  assert.equal(rest(ended), 'refused  code=target  status=failed  rows=3');
});

test('paths of the audit log are readable', () => {
  assert.equal(readable('/api/v1/integrations/%E8%AE%A2%E5%8D%95/run'), '/integrations/订单/run');
  assert.equal(readable('/api/v1/x/%E8'), '/x/%E8');
});

test('a value with none beside it is drawn as a point', () => {
  assert.deepEqual(alone([null, 3, null, 4, 5, null, 6]), [1, 6]);
  assert.deepEqual(alone([]), []);
});
