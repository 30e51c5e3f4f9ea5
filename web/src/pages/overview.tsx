// Every integration as a row; whether all is well stands above, in words.
import { type JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Row, useApi } from '../api.ts';
import { useCell } from '../cell.ts';
import { useEvent } from '../events.ts';
import { type Language, language, useStrings } from '../i18n.ts';
import { go, href } from '../router.ts';
import { type Column, Empty, Failure, Page, Shape, Spark, Stat, StateBadge, Table, Waiting } from '../ui/index.ts';
import { compact, duration, now, number, setNow, shortTime, since } from '../ui/format.ts';
import { words } from './overview.strings.ts';

interface Overview {
  now: string;
  totals: { integrations: number; running: number; failing: number; rows_today: number; dead: number; found_missing: number; firing: number };
  integrations: Row[];
}

/** The order of the page: what needs a person first, then what is late; by name within. */
const WEIGHT: Record<string, number> = { failing: 0, broken: 1, late: 2, paused: 4 };

export function needsPerson(row: Row): boolean {
  return row.state === 'failing' || row.state === 'broken';
}

export function weight(row: Row): number {
  if (row.state in WEIGHT) return WEIGHT[row.state]!;
  return row.dead > 0 || row.gaps > 0 ? 3 : row.state === 'disabled' ? 6 : 5;
}

function sums(rows: readonly Row[], totals: Overview['totals']): Overview['totals'] {
  const add = (of: (row: Row) => number): number => rows.reduce((sum, row) => sum + of(row), 0);
  return {
    ...totals,
    integrations: rows.length,
    running: add((r) => (r.running ? 1 : 0)),
    failing: add((r) => (needsPerson(r) ? 1 : 0)),
    rows_today: add((r) => r.rows_today ?? 0),
    dead: add((r) => r.dead),
    found_missing: add((r) => r.found_missing),
  };
}

function Verdict({ rows }: { rows: readonly Row[] }): JSX.Element {
  const t = useStrings(words);
  const bad = rows.filter(needsPerson);
  const late = rows.filter((r) => r.state === 'late');
  if (bad.length)
    return (
      <div class="verdict tone-bad" role="status">
        <Shape name="cross" size={20} />
        <div><p class="verdict-title">{t.need(bad.length)}</p><p>{bad.slice(0, 4).map((r) => r.title || r.name).join(' · ')}</p></div>
      </div>
    );
  if (late.length)
    return (
      <div class="verdict tone-warn" role="status">
        <Shape name="triangle" size={20} />
        <div><p class="verdict-title">{t.late(late.length)}</p><p>{t.late_text}</p></div>
      </div>
    );
  return (
    <div class="verdict tone-ok" role="status">
      <Shape name="disc" size={20} />
      <div><p class="verdict-title">{t.all_well}</p><p>{t.all_well_text(rows.filter((r) => r.enabled).length)}</p></div>
    </div>
  );
}

function Name({ row }: { row: Row }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const marks = [
    row.dead > 0 && t.dead_n(number(row.dead)),
    row.gaps > 0 && t.gaps_n(number(row.gaps)),
    row.windows_open > 0 && t.windows_n(number(row.windows_open)),
  ].filter(Boolean);
  return (
    <div class="name-cell">
      <a href={href('/integrations/:name', { name: row.name })}>{row.title || row.name}</a>
      {row.title && row.title !== row.name && <span class="mono muted">{row.name}</span>}
      {row.reason && row.state !== 'ok' && <span class={`reason ${needsPerson(row) ? 'text-bad' : 'muted'}`}>{row.reason}</span>}
      <span class="narrow reason muted">{duration(row.fresh_ms, lang)} · {number(row.rows_today)} {t.rows_today}</span>
      {marks.length > 0 && <span class="text-warn reason">{marks.join(' · ')}</span>}
    </div>
  );
}

function columns(t: typeof words.en, lang: Language): Column<Row>[] {
  return [
    { key: 'state', head: t.state, cell: (r) => <StateBadge state={r.state} title={r.reason} /> },
    { key: 'name', head: t.integration, cell: (r) => <Name row={r} /> },
    {
      key: 'fresh', head: t.fresh, numeric: true, wide: true,
      cell: (r) => (
        <span class={r.state === 'late' ? 'text-warn strong' : ''}>
          {duration(r.fresh_ms, lang)}
          {r.state === 'late' && r.behind_ms !== null && <span class="below muted">{t.behind(duration(r.behind_ms, lang))}</span>}
        </span>
      ),
    },
    { key: 'rows', head: t.rows_today, numeric: true, wide: true, cell: (r) => number(r.rows_today) },
    { key: 'spark', head: t.hours, wide: true, cell: (r) => <Spark values={r.spark ?? []} label={t.hours_of(r.title || r.name)} /> },
    { key: 'errors', head: t.errors, numeric: true, wide: true, cell: (r) => <span class={r.errors_today ? 'text-bad strong' : 'muted'}>{number(r.errors_today)}</span> },
    {
      key: 'next', head: t.next, numeric: true, wide: true,
      cell: (r) => r.running
        ? <span class="progress-cell"><progress max={1000} value={r.running.permille} aria-label={r.running.doing} /><span class="below muted">{number(r.running.rates.rows)}/s</span></span>
        : <span>{shortTime(r.next)}<span class="below muted">{r.next && Date.parse(r.next) > now() ? since(r.next, lang) : ''}</span></span>,
    },
  ];
}

export default function OverviewPage(): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const { data, error, reload, set } = useApi<Overview>('/api/v1/overview');
  const [text, setText] = useState('');
  const known = useRef('');
  const [, tick] = useState(0);
  if (data && data.now !== known.current) {
    known.current = data.now;
    setNow(data.now);
  }
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 5000);
    return () => clearInterval(timer);
  }, []);
  useEvent('row', (row) => set((old) => old && { ...old, integrations: old.integrations.some((r) => r.name === row.name) ? old.integrations.map((r) => (r.name === row.name ? row : r)) : [...old.integrations, row] }));
  useEvent('live', ({ integration, live }) => set((old) => old && { ...old, integrations: old.integrations.map((r) => (r.name === integration ? { ...r, running: live } : r)) }));
  useEvent('resync', reload);
  useEvent('project', reload);
  useEvent('alert', reload);
  if (error && !data) return <Page title={t.title}><Failure error={error} retry={reload} /></Page>;
  if (!data) return <Page title={t.title}><Waiting lines={8} /></Page>;
  const rows = [...data.integrations].sort((a, b) => weight(a) - weight(b) || a.name.localeCompare(b.name));
  const shown = rows.filter((r) => `${r.name} ${r.title}`.toLowerCase().includes(text.toLowerCase()));
  const totals = sums(rows, data.totals);
  return (
    <Page title={t.title}>
      {rows.length === 0 ? <Empty icon="overview" title={t.none}>{t.none_text}</Empty> : (
        <>
          <Verdict rows={rows} />
          <div class="stats">
            <Stat name={t.integrations} value={number(totals.integrations)} />
            <Stat name={t.running} value={number(totals.running)} tone={totals.running ? 'info' : ''} />
            <Stat name={t.failing} value={number(totals.failing)} tone={totals.failing ? 'bad' : ''} />
            <Stat name={t.rows_today} value={compact(totals.rows_today, lang)} />
            <Stat name={t.dead} value={number(totals.dead)} tone={totals.dead ? 'warn' : ''} />
            <Stat name={t.missing} value={number(totals.found_missing)} />
            <Stat name={t.firing} value={number(totals.firing)} tone={totals.firing ? 'bad' : ''} href="/alerts" />
          </div>
          <section class="card flush">
            <header class="card-head">
              <h2>{t.list}</h2>
              {rows.length > 8 && <div class="filters"><input type="search" aria-label={t.filter} placeholder={t.filter} value={text} onInput={(e) => setText(e.currentTarget.value)} /></div>}
              <span class="muted">{t.needs_first}</span>
            </header>
            <Table label={t.list} columns={columns(t, lang)} items={shown} id={(r) => r.name} onOpen={(r) => go(href('/integrations/:name', { name: r.name }))} />
          </section>
        </>
      )}
    </Page>
  );
}
