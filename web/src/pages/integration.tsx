// One integration: what it does at this moment, its figures, its windows and runs, and what may be done to it.
import { type JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { address, type Live, type Row, type Summary, useApi } from '../api.ts';
import { useCell } from '../cell.ts';
import { useEvent } from '../events.ts';
import { language, useStrings } from '../i18n.ts';
import { type PageProps } from '../router.ts';
import { Card, Chart, Failure, Page, Segments, Stat, StateBadge, Waiting } from '../ui/index.ts';
import { compact, duration, now, number, shortTime, since, time } from '../ui/format.ts';
import { Actions } from './integration.actions.tsx';
import { Flow } from './integration.flow.tsx';
import { Runs, Windows } from './integration.history.tsx';
import { words } from './integration.strings.ts';
import { IntegrationTabs } from './integration.tabs.tsx';

interface Detail {
  row: Row;
  status: {
    promise?: string | null;
    path?: string | null;
    lateness?: { records: number; late: number; p99_s: number } | null;
    retry?: { failures: number; code: string; next: string | null } | null;
    upstream_down?: { since: string; failures: number } | null;
    last_run?: Summary | null;
  } | null;
  live: Live | null;
}

interface Series {
  at: number[];
  rows?: (number | null)[];
  latency_p99?: (number | null)[];
  freshness?: (number | null)[];
  quota?: (number | null)[];
}
const RANGES = { h6: 6, h24: 24, d7: 168, d30: 720 } as const;
type RangeName = keyof typeof RANGES;

function Charts({ name }: { name: string }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const [range, setRange] = useState<RangeName>('h24');
  const [, tick] = useState(0);
  const hours = RANGES[range];
  const step = Math.max(60, (hours * 3600) / 96);
  // a step is the grain: within one the address stays the same, and so does what is drawn
  const end = Math.floor(now() / 1000 / step) * step + step;
  const iso = (s: number): string => new Date(s * 1000).toISOString();
  const { data, error, reload } = useApi<Series>(
    address('/integrations/:name/series', { name }, { names: 'rows,latency_p99,freshness,quota', from: iso(end - hours * 3600), to: iso(end), step }),
  );
  useEffect(() => {
    const timer = setInterval(() => {
      tick((n) => n + 1);
      reload();
    }, 30_000);
    return () => clearInterval(timer);
  }, [reload]);
  const took = (v: number): string => duration(v * 1000, lang);
  const empty = data && !data.at.length;
  return (
    <Card title={t.charts} actions={<Segments<RangeName> label={t.range} value={range} onChange={setRange} options={[['h6', t.h6], ['h24', t.h24], ['d7', t.d7], ['d30', t.d30]]} />}>
      {error && !data && <Failure error={error} retry={reload} />}
      {!data && !error && <Waiting />}
      {empty && <p class="muted">{t.no_series}</p>}
      {data && !empty && (
        <div class="grid-2">
          <Chart label={t.rows} at={data.at} lines={[{ label: t.rows, tone: 'accent', values: data.rows ?? [], bars: true }]} format={(v) => compact(v, lang)} />
          <Chart label={t.freshness} at={data.at} lines={[{ label: t.freshness, tone: 'ok', values: data.freshness ?? [] }]} format={took} />
          <Chart label={t.latency} at={data.at} lines={[{ label: t.latency, tone: 'odd', values: data.latency_p99 ?? [] }]} format={took} />
          <Chart label={t.quota} at={data.at} lines={[{ label: t.quota, tone: 'warn', values: data.quota ?? [] }]} format={(v) => `${number(v)} %`} />
        </div>
      )}
    </Card>
  );
}

function Figures({ detail }: { detail: Detail }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const { row, status } = detail;
  const late = status?.lateness;
  return (
    <div class="stats">
      <Stat name={t.freshness} value={duration(row.fresh_ms, lang)} tone={row.state === 'late' ? 'warn' : ''} note={row.freshest ? shortTime(row.freshest) : ''} />
      <Stat name={t.written_to} value={typeof row.cursor === 'number' ? number(row.cursor) : shortTime(row.cursor)} note={row.behind_ms === null ? '' : t.behind(duration(row.behind_ms, lang))} />
      <Stat name={t.rows_today} value={compact(row.rows_today, lang)} note={`${number(row.records_today)} ${t.recs}`} />
      <Stat name={t.dead} value={number(row.dead)} tone={row.dead ? 'warn' : ''} />
      <Stat name={t.open_windows} value={number(row.windows_open)} tone={row.windows_open ? 'warn' : ''} note={`${t.gaps}: ${number(row.gaps)}`} />
      <Stat name={t.missing} value={number(row.found_missing)} />
      <Stat name={t.late_records} value={number(late?.late)} note={late ? t.p99(duration(late.p99_s * 1000, lang)) : ''} />
    </div>
  );
}

function Trouble({ detail }: { detail: Detail }): JSX.Element | null {
  const t = useStrings(words);
  const { row, status } = detail;
  const down = status?.upstream_down;
  const told = row.last?.status === 'failed' ? row.last.error : null;
  const error = typeof told === 'string' ? { message: told, hint: status?.last_run?.error?.hint } : told;
  if (!down && !error && !(row.reason && (row.state === 'failing' || row.state === 'broken'))) return null;
  return (
    <div class={`note ${row.state === 'broken' ? 'tone-odd' : 'tone-bad'}`} role="alert">
      <div class="stack-small">
        {error && <p class="muted">{t.last_error}, {time(row.last?.ended ?? row.last?.started)}</p>}
        <p><strong>{error?.message ?? row.reason}</strong></p>
        {error?.hint && <p>{error.hint}</p>}
        {down && <p>{t.upstream_down(number(down.failures))}</p>}
        {status?.retry && <p class="muted">{status.retry.next ? t.retry_at(shortTime(status.retry.next)) : t.retry_none}</p>}
      </div>
    </div>
  );
}

export default function IntegrationPage({ params, query }: PageProps): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const name = params['name']!;
  const view = query.get('view') ?? 'now';
  const { data, error, reload, set } = useApi<Detail>(address('/integrations/:name', { name }));
  const [, tick] = useState(0);
  const turn = data ? `${data.row.last?.run ?? 0}/${data.row.last?.status ?? ''}` : '';
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 5000);
    return () => clearInterval(timer);
  }, []);
  useEvent('row', (row) => row.name === name && set((old) => old && { ...old, row, live: row.running }));
  useEvent('live', ({ integration, live }) => integration === name && set((old) => old && { ...old, live, row: { ...old.row, running: live } }));
  useEvent('resync', reload);
  useEvent('project', reload);
  const back = { href: '/', text: t.overview };
  if (error && !data) return <Page title={name} back={back}><Failure error={error} retry={reload} /></Page>;
  if (!data) return <Page title={name} back={back}><Waiting lines={10} /></Page>;
  const { row } = data;
  return (
    <Page
      title={row.title || row.name}
      back={back}
      sub={
        <>
          <StateBadge state={row.state} title={row.reason} />
          <span class="mono">{row.name}</span>
          {row.schedule && <span>{t.schedule(row.schedule)}</span>}
          {row.next && !row.paused && !row.running && <span>{Date.parse(row.next) < now() ? t.due : t.next(since(row.next, lang))}</span>}
        </>
      }
      actions={<Actions row={row} onRow={(next) => set((old) => old && { ...old, row: next, live: next.running })} />}
    >
      <Trouble detail={data} />
      <IntegrationTabs name={name} here={view} />
      {view === 'windows' && <Windows name={name} />}
      {view === 'runs' && <Runs name={name} turn={turn} />}
      {view === 'now' && (
        <>
          <Flow row={row} live={data.live} />
          <Figures detail={data} />
          <Charts name={name} />
          {(data.status?.promise || data.status?.path) && (
            <Card title={t.about}>
              <dl class="facts">
                {data.status.promise && [<dt key="p">{t.promise}</dt>, <dd key="pv">{data.status.promise}</dd>]}
                {data.status.path && [<dt key="w">{t.path}</dt>, <dd key="wv">{data.status.path}</dd>]}
              </dl>
            </Card>
          )}
        </>
      )}
    </Page>
  );
}
