// A world for a story: a simulated upstream, a project, and `sluice serve` of this build, all in a folder of its own and
// gone when it is over. Programs are started with pipes to us, so that they can be waited for by what they say.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SLUICE = process.env.SLUICE ?? join(root, 'build/sluice');
const SIM = process.env.SLUICE_SIM ?? join(root, 'build/sluice-sim');

/** Starts a program; resolves with its first line of JSON. */
function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env }, cwd: options.cwd });
  let out = '';
  let errors = '';
  child.stderr.on('data', (d) => (errors += d));
  const ready = new Promise((resolve, reject) => {
    child.stdout.on('data', (d) => {
      out += d;
      const line = out.split('\n').find((l) => l.startsWith('{') && l.trimEnd().endsWith('}'));
      if (line) resolve(JSON.parse(line));
    });
    child.on('exit', (code) => reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${out} ${errors}`)));
    child.on('error', reject);
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  return { child, ready, ended, errors: () => errors };
}

/** Runs a command to its end; resolves with what it said. */
async function run(args, cwd, input) {
  const child = spawn(SLUICE, args, { cwd, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (out += d));
  if (input !== undefined) child.stdin.end(input);
  const code = await new Promise((resolve) => child.on('exit', resolve));
  if (code !== 0) throw new Error(`sluice ${args.join(' ')} ended with ${code}: ${out}`);
  return out;
}

const write = (path, document) => writeFileSync(path, typeof document === 'string' ? document : JSON.stringify(document, null, 2));

/** What SQLite answers to one statement at a world's target. */
export function sql({ project }, text) {
  const script = 'import json, sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=20); print(json.dumps(db.execute(sys.argv[2]).fetchall()))';
  return JSON.parse(execFileSync('python3', ['-c', script, join(project, 'bi.db'), text], { encoding: 'utf8' }));
}

/** For makeWorld's `prepare`: the target refuses some rows, with these words. */
export const refuseSome = (words) => (it) => {
  const [[table]] = sql(it, "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%items_qty%'");
  sql(it, `CREATE TRIGGER too_many BEFORE INSERT ON "${table}" WHEN CAST(NEW.items_qty AS INTEGER) > 2 AND NEW.items_sku_id LIKE '%7' BEGIN SELECT RAISE(ABORT, '${words}'); END`);
};

/** makeWorld({ orders, qps, users, broken, settings, crontab, keep, prepare }): { url, project, run, stop }. `prepare` is
 * called with { project } when the table is there and nothing has run yet. */
export async function makeWorld({ orders = 400, qps = 0, users = [], broken = false, settings = {}, crontab = '0 4 * * *', keep, prepare } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-web-'));
  const project = join(folder, '电商数据');
  for (const sub of ['connections', 'integrations', 'maps']) mkdirSync(join(project, sub), { recursive: true });
  const sim = start(SIM, ['jushuitan-qimen', '--orders', String(orders), '--seed', '11', '--qps', String(qps), '--days', '3', '--plain', '--die-with-parent']);
  const upstream = await sim.ready;
  const zone = (s) => s.slice(0, 19).replace('T', ' ');
  write(join(project, 'sluice.json'), { name: 'shop', timezone: 'Asia/Shanghai', ...settings });
  write(join(project, 'connections/jst.json'), { ...upstream.connection, ...(qps && { limits: { requests: qps, per: '1s' } }) });
  write(join(project, 'connections/bi.json'), { connector: 'sqlite', params: { path: 'bi.db' } });
  const seed = join(root, 'examples/seed');
  for (const side of ['source', 'target']) cpSync(join(seed, `orders.${side}.json`), join(project, `integrations/orders.${side}.json`));
  const integration = (title, more = {}) => ({
    title,
    source: { connection: 'jst', crontab, metadata: 'orders.source.json' },
    target: { connection: 'bi', metadata: 'orders.target.json' },
    start: zone(upstream.from),
    ...(keep && { keep }),
    ...more,
  });
  write(join(project, 'integrations/orders.json'), integration('聚水潭销售订单 → 数据仓库'));
  if (broken) {
    // its database has no table: it fails, and needs a person
    write(join(project, 'connections/old.json'), { connector: 'sqlite', params: { path: 'old.db' } });
    write(join(project, 'integrations/refunds.json'), integration('退款单 → 旧库', { target: { connection: 'old', metadata: 'orders.target.json' } }));
    write(join(project, 'integrations/archive.json'), integration('历史订单归档', { enabled: false }));
    write(join(project, 'integrations/订单副本.json'), integration('订单副本', { lag: '30s' }));
  }
  await run(['ddl', 'orders', '--create', '--quiet'], project);
  await prepare?.({ project });
  for (const user of users) await run(['user', 'add', user.name, '--role', user.role], project, `${user.password}\n`);
  const serve = start(SLUICE, ['serve', '--listen', '127.0.0.1:0', '--json'], { cwd: project });
  let url;
  try {
    ({ url } = await serve.ready);
  } catch (error) {
    sim.child.kill();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    url: url.replace(/\/$/, ''),
    project,
    upstream,
    run: (args, input) => run(args, project, input),
    read: (path) => readFileSync(join(project, path), 'utf8'),
    write: (path, document) => write(join(project, path), document),
    errors: serve.errors,
    async stop() {
      serve.child.kill('SIGTERM');
      sim.child.kill('SIGTERM');
      const late = setTimeout(() => serve.child.kill('SIGKILL'), 12_000);
      await Promise.all([serve.ended, sim.ended]);
      clearTimeout(late);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
