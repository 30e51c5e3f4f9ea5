// Windows with their proofs, as a timeline and as a table; runs, newest first.
import { type JSX } from 'preact';
import { useState } from 'preact/hooks';
import { address, get, type Run, useApi, type Window } from '../api.ts';
import { useCell } from '../cell.ts';
import { language, useStrings } from '../i18n.ts';
import { Badge, Card, type Column, Dialog, Empty, Failure, PagedTable, type Shape, type Tone, Waiting } from '../ui/index.ts';
import { duration, number, shortTime, time } from '../ui/format.ts';
import { words } from './integration.strings.ts';

function Proof({ window }: { window: Window }): JSX.Element {
  const t = useStrings(words);
  return window.verified ? <Badge tone="ok" shape="disc">{t.verified}</Badge> : <Badge tone="warn" shape="triangle" title={window.why ?? ''}>{t.not_verified}</Badge>;
}

interface Block {
  window: Window;
  left: number;
  wide: number;
  lane: number;
}

/** Where each window stands between the first and the last, in per mille; those that overlap go to further lanes. */
export function layOut(windows: readonly Window[]): { blocks: Block[]; lanes: number; from: number; to: number } {
  const timed = windows.flatMap((w) => (w.from && w.to ? [{ w, a: Date.parse(w.from), b: Date.parse(w.to) }] : []));
  timed.sort((x, y) => x.a - y.a || x.b - y.b);
  const from = Math.min(...timed.map((x) => x.a));
  const to = Math.max(...timed.map((x) => x.b));
  const span = Math.max(1, to - from);
  const ends: number[] = [];
  const blocks = timed.map(({ w, a, b }) => {
    // neighbours share their edge second
    let lane = ends.findIndex((end) => end <= a + 1000);
    if (lane < 0) lane = ends.length < 3 ? ends.push(0) - 1 : 2;
    ends[lane] = b;
    return { window: w, left: ((a - from) / span) * 1000, wide: Math.max(2, ((b - a) / span) * 1000), lane };
  });
  return { blocks, lanes: Math.max(1, ends.length), from, to };
}

function Timeline({ windows }: { windows: readonly Window[] }): JSX.Element {
  const t = useStrings(words);
  const { blocks, lanes, from, to } = layOut(windows);
  const open = windows.filter((w) => !w.verified).length;
  const sentence = open ? t.some_open(number(open), number(windows.length)) : t.all_verified(number(windows.length));
  const tall = lanes * 26;
  return (
    <Card title={t.timeline} actions={<span class={open ? 'text-warn strong' : 'text-ok strong'}>{sentence}</span>}>
      <svg class="timeline" viewBox={`0 0 1000 ${tall}`} preserveAspectRatio="none" role="img" aria-label={sentence}>
        {blocks.map((b) => (
          <rect key={`${b.window.run}-${b.window.from}-${b.window.purpose}`} class={b.window.verified ? 'is-verified' : 'is-open'} x={b.left} y={b.lane * 26 + 2} width={Math.max(1, b.wide - 1.2)} height={b.window.verified ? 18 : 22}>
            <title>{`${time(b.window.from)} … ${time(b.window.to)}\n${b.window.verified ? t.verified : `${t.not_verified}: ${b.window.why ?? ''}`}\n${t.read} ${number(b.window.ids)} · ${t.written} ${number(b.window.rows)}`}</title>
          </rect>
        ))}
      </svg>
      <div class="timeline-ends muted"><span>{shortTime(from)}</span><span class="legend"><i class="swatch is-verified" />{t.verified}<i class="swatch is-open" />{t.not_verified}</span><span>{shortTime(to)}</span></div>
    </Card>
  );
}

export function Windows({ name }: { name: string }): JSX.Element {
  const t = useStrings(words);
  const [of, url] = [{ name }, '/integrations/:name/windows'];
  const { data, error, reload } = useApi<{ windows: Window[] }>(address(url, of, { limit: 200 }));
  const columns: Column<Window>[] = [
    { key: 'mark', head: t.mark, width: '130px', cell: (w) => <Proof window={w} /> },
    { key: 'from', head: t.from, width: '160px', cell: (w) => time(w.from) },
    { key: 'to', head: t.to, width: '160px', wide: true, cell: (w) => time(w.to) },
    { key: 'there', head: t.there, numeric: true, width: '80px', wide: true, cell: (w) => number(w.total_after) },
    { key: 'read', head: t.read, numeric: true, width: '80px', cell: (w) => number(w.ids) },
    { key: 'rows', head: t.written, numeric: true, width: '90px', cell: (w) => number(w.rows) },
    { key: 'missing', head: t.missing, numeric: true, width: '110px', wide: true, cell: (w) => <span class={w.missing_found ? 'text-warn strong' : 'muted'}>{number(w.missing_found)}</span> },
    { key: 'purpose', head: t.purpose, width: '90px', wide: true, cell: (w) => t[`kind_${w.purpose}` as 'kind_main'] ?? w.purpose },
    { key: 'why', head: t.why, width: 'minmax(0, 1.4fr)', wide: true, cell: (w) => <span class="muted" title={w.why ?? ''}>{w.why}</span> },
  ];
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Waiting />;
  if (!data.windows.length) return <Card><Empty icon="history" title={t.no_windows} /></Card>;
  return (
    <>
      <Timeline windows={data.windows} />
      <Card title={t.windows} flush>
        <PagedTable
          label={t.windows}
          source={name}
          columns={columns}
          id={(w) => `${w.run}/${w.from}/${w.to}/${w.purpose}/${w.read}`}
          load={async (before, signal) => {
            const page = await get<{ windows: Window[]; next: string | number | null }>(address(url, of, { limit: 200, before }), signal);
            return { items: page.windows, next: page.next ?? null };
          }}
        />
      </Card>
    </>
  );
}

const STATUS: Record<string, readonly [Tone, Shape]> = { ok: ['ok', 'disc'], partial: ['warn', 'triangle'], failed: ['bad', 'cross'], interrupted: ['quiet', 'bars'], running: ['info', 'play'] };

function Status({ status }: { status: string }): JSX.Element {
  const t = useStrings(words);
  const [tone, shape] = STATUS[status] ?? ['quiet', 'ring'];
  return <Badge tone={tone} shape={shape}>{t[`status_${status}` as 'status_ok'] ?? status}</Badge>;
}

function RunDialog({ run, onClose }: { run: Run; onClose: () => void }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const s = run.summary;
  const facts: [string, string][] = [
    [t.kind, t[`kind_${run.kind}` as 'kind_main'] ?? run.kind],
    [t.started, time(run.started)],
    [t.took, duration(s?.duration_ms, lang)],
    [t.from, time(s?.from)],
    [t.to, time(s?.to)],
  ];
  const counts = s ? Object.entries(s).filter((e): e is [string, number] => typeof e[1] === 'number' && e[0] !== 'duration_ms' && e[0] !== 'cursor') : [];
  return (
    <Dialog title={t.run_title(String(run.run))} size="side" onClose={onClose}>
      <div><Status status={run.status} /></div>
      {s?.error && <div class="note tone-bad"><div><p><strong>{s.error.message}</strong> <code>{s.error.code}</code></p>{s.error.hint && <p>{s.error.hint}</p>}</div></div>}
      <dl class="facts">{facts.map(([k, v]) => [<dt key={k}>{k}</dt>, <dd key={`${k}-v`}>{v}</dd>])}</dl>
      <dl class="facts counts">{counts.map(([k, v]) => [<dt key={k} class="mono">{k}</dt>, <dd key={`${k}-v`} class="numeric">{number(v)}</dd>])}</dl>
    </Dialog>
  );
}

/** `turn` changes when a run began or ended: the list is asked for anew. */
export function Runs({ name, turn }: { name: string; turn: string }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const [shown, setShown] = useState<Run>();
  const columns: Column<Run>[] = [
    { key: 'status', head: t.status, width: '130px', cell: (r) => <Status status={r.status} /> },
    { key: 'started', head: t.started, width: '160px', cell: (r) => <button type="button" class="link" onClick={() => setShown(r)}>{time(r.started)}</button> },
    { key: 'kind', head: t.kind, width: '90px', wide: true, cell: (r) => t[`kind_${r.kind}` as 'kind_main'] ?? r.kind },
    { key: 'took', head: t.took, numeric: true, width: '90px', wide: true, cell: (r) => duration(r.summary?.duration_ms, lang) },
    { key: 'calls', head: t.calls, numeric: true, width: '80px', wide: true, cell: (r) => number(r.summary?.calls) },
    { key: 'records', head: t.recs, numeric: true, width: '90px', wide: true, cell: (r) => number(r.summary?.records) },
    { key: 'rows', head: t.written, numeric: true, width: '80px', cell: (r) => number(r.summary?.rows) },
    { key: 'dead', head: t.dead, numeric: true, width: '100px', wide: true, cell: (r) => <span class={r.summary?.dead ? 'text-warn strong' : 'muted'}>{number(r.summary?.dead)}</span> },
    { key: 'error', head: t.error, width: 'minmax(0, 1.6fr)', wide: true, cell: (r) => <span class="text-bad" title={r.summary?.error?.message}>{r.summary?.error?.message}</span> },
  ];
  return (
    <Card title={t.runs} flush>
      <PagedTable
        label={t.runs}
        source={`${name}/${turn}`}
        columns={columns}
        id={(r) => r.run}
        onOpen={setShown}
        empty={<Empty icon="history" title={t.no_runs} />}
        load={async (before, signal) => {
          const page = await get<{ runs: Run[]; next: string | number | null }>(address('/integrations/:name/runs', { name }, { limit: 200, before }), signal);
          return { items: page.runs, next: page.next ?? null };
        }}
      />
      {shown && <RunDialog run={shown} onClose={() => setShown(undefined)} />}
    </Card>
  );
}
