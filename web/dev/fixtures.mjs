// Answers for the development server, shaped as docs/internals/server.md says; a small world that moves.
export const state = { login: false, setup: false, in: false };

const now = () => Date.now();
const iso = (ms) => new Date(ms + 8 * 3600e3).toISOString().replace(/\.\d+Z$/, '+08:00');
let seed = 7;
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const integer = (most) => Math.floor(random() * most);
const spark = (size, holes = 0) => Array.from({ length: 24 }, (_, h) => (random() < holes ? 0 : Math.round(size * (0.25 + 0.75 * Math.abs(Math.sin((h - 3) / 7.6))) * (0.8 + random() * 0.4))));
const live = (over = {}) => ({
  run: 4711, job: 12, kind: 'main', since: iso(now() - 42e3), doing: 'reading', permille: 412,
  window: { from: iso(now() - 3600e3), to: iso(now() - 1800e3) },
  counts: { calls: 84, records: 4120, rows: 9876, dead: 0, windows: 3, throttled: 2, retries: 0 },
  rates: { calls: 4.8, records: 238.4, rows: 571.2 }, quota_left: 63, queues: { journal: 3, shape: 1, write: 12 }, waiting: 'waiting for the quota', ...over,
});
const row = (name, title, stateName, over = {}) => ({
  name, title, enabled: stateName !== 'disabled', paused: stateName === 'paused', state: stateName, reason: null, cursor: iso(now() - 12e3),
  freshest: iso(now() - 14e3), fresh_ms: 14000, behind_ms: 12000, dead: 0, gaps: 0, found_missing: 0, windows_open: 0,
  rows_today: 12840, records_today: 6420, spark: spark(900), errors_today: 0, schedule: '*/5 * * * *', next: iso(now() + 131e3),
  last: { run: 4700, status: 'ok', started: iso(now() - 169e3), ended: iso(now() - 160e3), error: null }, running: null, ...over,
});

export const rows = [
  row('订单', '聚水潭销售订单 → MySQL', 'running', { running: live(), rows_today: 48231, spark: spark(3100), found_missing: 3 }),
  row('refunds', '退款单 → MySQL', 'failing', {
    reason: 'the target refuses the account: Access denied for user bi', fresh_ms: 5.2e6, behind_ms: 5.1e6, errors_today: 14, dead: 0, rows_today: 812, spark: spark(240, 0.3),
    last: { run: 4699, status: 'failed', started: iso(now() - 600e3), ended: iso(now() - 540e3), error: "Access denied for user 'bi'@'10.0.0.7'" },
  }),
  row('stock', '库存快照', 'late', { reason: 'waits for the quota of jst', fresh_ms: 1.9e6, behind_ms: 1.86e6, rows_today: 90211, spark: spark(5200) }),
  row('purchase-in', '采购入库 → MySQL', 'ok', { dead: 12, rows_today: 3201, spark: spark(200) }),
  row('after-sales', '售后单 → 数据仓库', 'ok', { rows_today: 1250, spark: spark(90) }),
  row('shops', '店铺资料', 'ok', { rows_today: 37, spark: spark(3, 0.6), schedule: '0 3 * * *', next: iso(now() + 9.4 * 3600e3), fresh_ms: 3.1e7 }),
  row('items', '普通商品资料', 'waiting', { rows_today: 5210, spark: spark(300) }),
  row('logistics', '物流公司', 'broken', { reason: 'integrations/logistics.json:12:7: unknown key "crontb"', rows_today: 0, spark: spark(0) }),
  row('legacy', '历史订单归档', 'paused', { reason: '王敏, 三天前', rows_today: 0, spark: spark(0), next: null }),
  row('test-copy', '测试', 'disabled', { rows_today: 0, spark: spark(0), next: null, last: null, freshest: null, fresh_ms: null, behind_ms: null }),
];

const kinds = ['main', 'main', 'main', 'remedy', 'main', 'main', 'backfill', 'main'];
const runs = Array.from({ length: 240 }, (_, i) => {
  const failed = i % 37 === 5;
  const dead = i % 23 === 7 ? 3 : 0;
  const started = now() - i * 300e3 - 160e3;
  const records = 80 + integer(400);
  return {
    run: 4710 - i, integration: '订单', kind: kinds[i % kinds.length], status: failed ? 'failed' : dead ? 'partial' : 'ok', started: iso(started), ended: iso(started + 9200 + integer(9000)),
    summary: { status: failed ? 'failed' : 'ok', from: iso(started - 300e3), to: iso(started - 10e3), calls: 3 + integer(9), records, rows: records * 2 + integer(40), dead, duration_ms: 9200 + integer(9000), verified: !failed,
      error: failed ? { code: 'network', message: 'connection reset by peer', hint: 'It is tried again by itself.' } : null },
  };
});
const windows = Array.from({ length: 96 }, (_, i) => {
  const to = now() - i * 1800e3 - 12e3;
  const ids = 60 + integer(220);
  const verified = i !== 9 && i !== 31;
  return { run: 4710 - i, purpose: i % 17 === 3 ? 'remedy' : 'main', from: iso(to - 1800e3), to: iso(to), position: 100 - i, total_before: verified ? ids : ids + 4, total_after: verified ? ids : ids + 6, pages: Math.ceil(ids / 50), ids, records: ids, folded: 2, filtered: 0, repeats: 5, shaped: ids, rows: ids * 2, dead_records: 0, dead: 0, missing_found: i === 20 ? 3 : 0, whole: true, verified, why: verified ? null : 'the total changed while it was read', read: iso(to + 20e3) };
});
const series = () => {
  const at = Array.from({ length: 96 }, (_, i) => Math.floor(now() / 1000 / 900) * 900 - (95 - i) * 900);
  return { at, rows: at.map((_, i) => Math.round(300 + 240 * Math.sin(i / 9) + integer(120))), latency_p99: at.map((_, i) => (i === 40 ? null : 0.04 + 0.02 * Math.sin(i / 5) + random() * 0.03)), freshness: at.map((_, i) => (14 + (i > 60 && i < 68 ? (i - 60) * 40 : 0) + random() * 4)), quota: at.map((_, i) => 40 + 30 * Math.sin(i / 12) + random() * 8) };
};
const connections = [
  { name: 'jst', connector: 'jushuitan-qimen', kind: 'source', params: { base_url: 'https://a1q40taq0j.api.taobao.com', app_key: '12345678', customer_id: 'my-shop' }, secrets: [{ param: 'app_secret', set: true }], state: 'ok', since: iso(now() - 9e7), quota: { left: 63, limit: 100, per_ms: 60000 }, clock_offset_ms: -320, used_by: ['订单', 'refunds', 'stock', 'items'] },
  { name: 'bi', connector: 'mysql', kind: 'target', params: { host: '10.0.0.12', port: 3306, user: 'bi', database: 'bi', tls: 'prefer' }, secrets: [{ param: 'password', set: true }], state: 'down', since: iso(now() - 5.2e6), quota: null, clock_offset_ms: null, used_by: ['订单', 'refunds'] },
  { name: 'warehouse', connector: 'sqlite', kind: 'target', params: { path: 'bi.db' }, secrets: [], state: 'ok', since: iso(now() - 8e8), quota: null, clock_offset_ms: null, used_by: ['after-sales'] },
  { name: 'kingdee', connector: 'kingdee-k3cloud', kind: 'source', params: { base_url: 'https://erp.example.com/k3cloud/', username: 'api' }, secrets: [{ param: 'app_secret', set: false }], state: 'broken', since: null, quota: { left: 4, limit: 60, per_ms: 60000 }, clock_offset_ms: 1200, used_by: [] },
];
let silences = [{ id: 'a1', rule: 'stale', integration: 'stock', until: iso(now() + 3.2e6), comment: '盘点期间', user: 'wang' }];
const alerts = [
  { id: '17', rule: 'target_down', severity: 'critical', state: 'firing', integration: 'refunds', since: iso(now() - 5.2e6), count: 14, summary: '目标库 bi 拒绝连接', detail: "Access denied for user 'bi'@'10.0.0.7'", action: '检查连接 bi 的用户与密码', silenced: false },
  { id: '18', rule: 'stale', severity: 'warning', state: 'pending', integration: 'stock', since: iso(now() - 7e4), count: 1, summary: '新鲜度 31 分钟，超过计划的 3 倍', detail: '', action: '正在等待 jst 的配额，无需处理', silenced: true },
];
const history = Array.from({ length: 120 }, (_, i) => ({ ...alerts[i % 2], id: `h${i}`, state: 'resolved', silenced: false, since: iso(now() - (i + 1) * 7.1e6), ended: iso(now() - (i + 1) * 7.1e6 + 6e5) }));
const rules = ['run_failed', 'source_down', 'target_down', 'stale', 'dead_letters', 'found_missing', 'no_data', 'quota', 'token_expiring', 'schema_drift', 'disk', 'clock_skew'].map((rule, i) => ({ rule, severity: i < 3 ? 'critical' : 'warning', for: '1m', repeat: '4h', channels: ['ops', 'mail'], integrations: ['*'], off: rule === 'no_data', factor: rule === 'stale' ? 3 : undefined, over: rule === 'quota' ? 90 : undefined }));
const channels = [
  { name: 'ops', type: 'dingtalk', target: 'https://oapi.dingtalk.com/robot/send?access_token=••••', state: 'ok', waiting: 0, last: iso(now() - 5e6), error: null },
  { name: 'mail', type: 'smtp', target: 'smtps://smtp.example.com:465', state: 'failing', waiting: 2, last: iso(now() - 8e7), error: 'connection refused' },
];
let users = [{ name: 'wang', role: 'admin', created: iso(now() - 9e9) }, { name: 'li', role: 'operator', created: iso(now() - 5e9) }, { name: '访客', role: 'viewer', created: iso(now() - 1e9) }];
let tokens = [{ id: 't1', name: 'grafana', role: 'viewer', created: iso(now() - 4e9), used: iso(now() - 3e4) }];
const audit = Array.from({ length: 400 }, (_, i) => ({ at: iso(now() - i * 3.3e6), user: ['wang', 'li', null][i % 3], address: '10.0.0.' + (4 + (i % 3)), method: ['POST', 'PUT', 'DELETE'][i % 3], path: ['/api/v1/integrations/订单/run', '/api/v1/connections/bi/secrets/password', '/api/v1/alerts/silences/a1'][i % 3], status: [202, 204, 200, 403][i % 4], before: i % 3 === 1 ? null : { paused: false }, after: { paused: true, comment: '盘点' }, hash: 'c0ffee' + i }));
const events = ['commit', 'page', 'window', 'run', 'throttled', 'retry', 'dead'];
const line = (i, at) => ({ time: iso(at), event: events[i % 7], integration: rows[i % 5].name, run: 4700 + (i % 11), level: i % 41 === 6 ? 'error' : i % 13 === 4 ? 'warn' : 'info', page: i % 60, rows: integer(200), took_ms: integer(900), text: i % 41 === 6 ? 'connection reset by peer' : i % 13 === 4 ? 'quota used up, waiting 812 ms' : undefined });
const log = Array.from({ length: 3000 }, (_, i) => line(i, now() - i * 2100));
const status = (name) => ({ integration: name, gaps: 0, lateness: { records: 120000, late: 310, p50_s: 2, p99_s: 9, p999_s: 31, max_s: 44, overlap_needed_s: 44 }, promise: 'exactly once: rows and checkpoint in one transaction', path: 'multi-row INSERT … ON DUPLICATE KEY UPDATE', retry: null, upstream_down: null, changes: [], windows: windows.slice(0, 3) });

const listeners = new Set();
let id = 1;
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
const tell = (name, data) => listeners.forEach((l) => l(name, data, ++id));
let turn = 0;
setInterval(() => {
  turn++;
  for (const r of rows.filter((x) => x.running)) {
    const l = r.running;
    l.permille = (l.permille + 9) % 1000;
    l.counts.records += 240;
    l.counts.rows += 560;
    l.rates = { calls: 4 + random(), records: 200 + integer(80), rows: 480 + integer(200) };
    l.queues = { journal: integer(8), shape: integer(3), write: integer(20) };
    l.waiting = ['waiting for the quota', 'waiting for the target', null][Math.floor(turn / 7) % 3];
    r.rows_today += 560;
    tell('live', { integration: r.name, live: l });
    if (turn % 3 === 0) tell('row', r);
  }
  tell('event', line(turn, now()));
}, 1000).unref();

const page = (list, query, size = 50) => {
  const start = Number(query.get('before') ?? 0);
  const limit = Math.min(1000, Number(query.get('limit')) || size);
  return { items: list.slice(start, start + limit), next: start + limit < list.length ? start + limit : null };
};
const fine = (json, code = 200) => ({ status: code, json });
const fail = (code, name, message, hint = '') => ({ status: code, json: { error: { code: name, message, hint } } });

/** More answers, by those who work on other pages: extras.push((method, path, query, body) => answer or undefined). */
export const extras = [];

export function answer(method, path, query, body) {
  for (const extra of extras) {
    const found = extra(method, path, query, body);
    if (found) return found;
  }
  const is = (verb, pattern) => {
    if (verb !== method) return null;
    return new RegExp(`^${pattern.replace(/\{\w+\}/g, '([^/]+)')}$`).exec(path);
  };
  let m;
  if (is('GET', '/session')) return fine({ user: state.login && !state.in ? null : state.login ? 'wang' : null, role: state.login && !state.in ? 'none' : 'admin', csrf: 'c', login_required: state.login, setup_required: state.setup, project: 'shop', version: '0.5.0', language: 'zh', timezone: 'Asia/Shanghai' });
  if (is('POST', '/session')) return body.password === 'wrong' ? fail(401, 'auth', 'Name or password is wrong.', 'After five failures the account waits a minute.') : ((state.in = true), fine({}));
  if (is('POST', '/setup')) return (state.setup = false), (state.login = state.in = true), fine({});
  if (is('DELETE', '/session')) return (state.in = false), fine({});
  if (is('GET', '/overview')) return fine({ now: iso(now()), totals: { integrations: rows.length, running: 1, failing: 1, rows_today: 161782, dead: 12, found_missing: 3, firing: 1 }, integrations: rows });
  if ((m = is('GET', '/integrations/{n}'))) {
    const r = rows.find((x) => x.name === m[1]);
    return r ? fine({ row: r, status: status(r.name), documents: { source: 'integrations/x.source.json', target: 'integrations/x.target.json' }, live: r.running }) : fail(404, 'usage', `there is no integration "${m[1]}"`, 'Look at the overview.');
  }
  if ((m = is('GET', '/integrations/{n}/runs'))) { const p = page(runs, query); return fine({ runs: p.items, next: p.next }); }
  if ((m = is('GET', '/integrations/{n}/windows'))) { const p = page(windows, query, 96); return fine({ windows: p.items, next: p.next }); }
  if (is('GET', '/integrations/{n}/series')) return fine(series());
  if ((m = is('POST', '/integrations/{n}/(run|replay|audit)'))) {
    const r = rows.find((x) => x.name === m[1]);
    r.running = live({ permille: 0, kind: body.kind ?? m[2] });
    r.state = 'running';
    tell('row', r);
    return fine({ job: 13 }, 202);
  }
  if ((m = is('POST', '/integrations/{n}/(stop|pause|resume)'))) {
    const r = rows.find((x) => x.name === m[1]);
    if (m[2] === 'stop') { r.running = null; r.state = 'ok'; }
    if (m[2] === 'pause') { r.paused = true; r.state = 'paused'; }
    if (m[2] === 'resume') { r.paused = false; r.state = 'ok'; }
    return fine(r);
  }
  if (is('POST', '/integrations/{n}/cursor')) return fine({ before: iso(now() - 12e3), after: body.at });
  if (is('GET', '/jobs/{id}')) return fine({ job: 13, integration: '订单', kind: 'main', state: 'running', run: 4711, live: live(), summary: null });
  if (is('GET', '/connections')) return fine({ connections });
  if (is('POST', '/connections/{n}/test')) return fine(path.includes('bi') ? { ok: false, took_ms: 41, message: "Access denied for user 'bi'@'10.0.0.7'", hint: 'Check user and password.' } : { ok: true, took_ms: 187, message: 'one page of orders.query answered', hint: '' });
  if (is('PUT', '/connections/{n}/secrets/{p}')) return fine({}, 200);
  if (is('GET', '/alerts')) return fine({ alerts });
  if (is('GET', '/alerts/history')) { const p = page(history, query); return fine({ alerts: p.items, next: p.next }); }
  if (is('GET', '/alerts/rules')) return fine({ rules });
  if (is('GET', '/alerts/channels')) return fine({ channels });
  if (is('POST', '/alerts/channels/{n}/test')) return fine(path.includes('mail') ? { ok: false, message: 'connection refused' } : { ok: true, message: 'sent' });
  if (is('GET', '/alerts/silences')) return fine({ silences });
  if (is('POST', '/alerts/silences')) { const made = { id: `s${silences.length}`, user: 'wang', ...body }; silences = [...silences, made]; return fine(made); }
  if ((m = is('DELETE', '/alerts/silences/{id}'))) { silences = silences.filter((s) => s.id !== m[1]); return fine({}); }
  if (is('GET', '/log')) {
    const found = log.filter((l) => ['integration', 'event', 'level'].every((k) => !query.get(k) || l[k] === query.get(k)) && (!query.get('text') || JSON.stringify(l).includes(query.get('text'))));
    const p = page(found, query, 200);
    return fine({ lines: p.items, next: p.next });
  }
  if (is('GET', '/users')) return fine({ users });
  if (is('POST', '/users')) { users = [...users, { name: body.name, role: body.role, created: iso(now()) }]; return fine({}); }
  if ((m = is('PUT', '/users/{n}'))) { users = users.map((u) => (u.name === m[1] ? { ...u, role: body.role ?? u.role } : u)); return fine({}); }
  if ((m = is('DELETE', '/users/{n}'))) { users = users.filter((u) => u.name !== m[1]); return fine({}); }
  if (is('GET', '/tokens')) return fine({ tokens });
  if (is('POST', '/tokens')) { tokens = [...tokens, { id: `t${tokens.length + 1}`, name: body.name, role: body.role, created: iso(now()), used: null }]; return fine({ id: 't9', token: 'slc_4f9a1c7e2b6d8f0a4f9a1c7e2b6d8f0a' }); }
  if ((m = is('DELETE', '/tokens/{id}'))) { tokens = tokens.filter((t) => t.id !== m[1]); return fine({}); }
  if (is('GET', '/audit')) { const p = page(audit, query); return fine({ entries: p.items, next: p.next }); }
  return fail(404, 'usage', `no answer for ${method} ${path}`);
}
