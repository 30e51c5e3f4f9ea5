// The log: what was, page by page, and what happens, as it happens. Filters narrow both.
import { type JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { address, get, type Row, useApi } from '../api.ts';
import { type LogLine, useEvent } from '../events.ts';
import { useStrings } from '../i18n.ts';
import { href, type PageProps, setQuery } from '../router.ts';
import { Badge, Card, type Column, Dialog, Empty, Icon, Page, PagedTable, type PageOf, type Shape, type Tone } from '../ui/index.ts';
import { number, shortTime, time } from '../ui/format.ts';
import { words } from './log.strings.ts';

const TONES: Record<string, readonly [Tone, Shape]> = { error: ['bad', 'cross'], warn: ['warn', 'triangle'], info: ['quiet', 'disc'], debug: ['quiet', 'ring'] };
const SHOWN_ELSEWHERE = new Set(['time', 'event', 'integration', 'run', 'level', 'text', 'summary']);
const OF_SUMMARY = ['status', 'records', 'rows', 'dead', 'duration_ms'];
const KEPT = 500;

interface Filters {
  integration: string;
  event: string;
  level: string;
  text: string;
}

export function fits(line: LogLine, f: Filters): boolean {
  return (
    (!f.integration || line.integration === f.integration) &&
    (!f.event || line.event === f.event) &&
    (!f.level || line.level === f.level) &&
    (!f.text || JSON.stringify(line).toLowerCase().includes(f.text.toLowerCase()))
  );
}

/** What else a line says, in its own order. */
export function rest(line: LogLine): string {
  const said = Object.entries(line).filter(([key, value]) => !SHOWN_ELSEWHERE.has(key) && value !== null && value !== undefined && value !== '');
  const more = said.map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join('  ');
  const summary = (line['summary'] ?? {}) as Record<string, unknown>;
  const sums = OF_SUMMARY.filter((key) => key in summary).map((key) => `${key}=${String(summary[key])}`).join('  ');
  const error = (summary['error'] as { message?: string } | null | undefined)?.message;
  return [line.text, error, more, sums].filter(Boolean).join('  ');
}

interface Numbered {
  key: number;
  line: LogLine;
}
let count = 0;
const numbered = (line: LogLine): Numbered => ({ key: ++count, line });

function useColumns(onOpen: (item: Numbered) => void): Column<Numbered>[] {
  const t = useStrings(words);
  const level = (line: LogLine): JSX.Element => {
    const [tone, shape] = TONES[line.level ?? 'info'] ?? ['quiet', 'disc'];
    return <Badge tone={tone} shape={shape}>{t[`level_${line.level ?? 'info'}` as 'level_info'] ?? line.level}</Badge>;
  };
  return [
    { key: 'time', head: t.time, width: '96px', cell: ({ line }) => <span title={time(line.time)}>{shortTime(line.time)}</span> },
    { key: 'level', head: t.level, width: '92px', wide: true, cell: ({ line }) => level(line) },
    { key: 'integration', head: t.integration, width: 'minmax(80px, 150px)', cell: ({ line }) => line.integration && <a href={href('/integrations/:name', { name: line.integration })}>{line.integration}</a> },
    { key: 'event', head: t.event, width: '100px', cell: (item) => <button type="button" class="link mono" onClick={() => onOpen(item)}>{item.line.event}</button> },
    { key: 'run', head: t.run, width: '70px', numeric: true, wide: true, cell: ({ line }) => <span class="muted">{line.run ?? ''}</span> },
    { key: 'text', head: t.text, width: 'minmax(0, 4fr)', wide: true, cell: ({ line }) => <span class={`mono ${line.level === 'error' ? 'text-bad' : ''}`}>{rest(line)}</span> },
  ];
}

export default function LogPage({ query }: PageProps): JSX.Element {
  const t = useStrings(words);
  const overview = useApi<{ integrations: Row[] }>('/api/v1/overview');
  const filters: Filters = { integration: query.get('integration') ?? '', event: query.get('event') ?? '', level: query.get('level') ?? '', text: query.get('text') ?? '' };
  const [text, setText] = useState(filters.text);
  const [tail, setTail] = useState(true);
  const [fresh, setFresh] = useState<readonly Numbered[]>([]);
  const [behind, setBehind] = useState(0);
  const [shown, setShown] = useState<Numbered>();
  const [turn, setTurn] = useState(0);
  const latest = useRef(filters);
  latest.current = filters;
  const source = `${JSON.stringify(filters)}/${turn}`;
  useEffect(() => setFresh([]), [source]);
  useEffect(() => {
    const timer = setTimeout(() => setQuery({ text }), 250);
    return () => clearTimeout(timer);
  }, [text]);
  // a storm of lines is drawn four times a second, not a thousand times
  const came = useRef<Numbered[]>([]);
  useEvent('event', (line) => {
    if (fits(line, latest.current)) came.current.unshift(numbered(line));
  });
  useEffect(() => {
    const timer = setInterval(() => {
      const lines = came.current.splice(0);
      if (!lines.length) return;
      if (tail) setFresh((old) => [...lines, ...old].slice(0, KEPT));
      else setBehind((n) => n + lines.length);
    }, 250);
    return () => clearInterval(timer);
  }, [tail]);
  useEvent('resync', () => setTurn((n) => n + 1));
  const columns = useColumns(setShown);
  const names = overview.data?.integrations.map((r) => r.name) ?? [];
  const toggle = (): void => {
    if (!tail) {
      setBehind(0);
      setTurn((n) => n + 1);
    }
    setTail(!tail);
  };
  const load = async (before: string | number | null, signal: AbortSignal): Promise<PageOf<Numbered>> => {
    const page = await get<{ lines: LogLine[]; next: string | number | null }>(address('/log', {}, { ...latest.current, limit: 200, before }), signal);
    const lines = [...page.lines].sort((a, b) => b.time.localeCompare(a.time));
    return { items: lines.map(numbered), next: page.next ?? null };
  };
  return (
    <Page
      title={t.title}
      actions={
        <button type="button" class={`button ${tail ? '' : 'primary'}`} aria-pressed={tail} onClick={toggle}>
          <Icon name={tail ? 'pause' : 'play'} size={15} />{tail ? t.stop : behind ? t.go_on_with(number(behind)) : t.go_on}
        </button>
      }
    >
      <Card flush>
        <div class="filters log-filters">
          <input type="search" aria-label={t.search} placeholder={t.search} value={text} onInput={(e) => setText(e.currentTarget.value)} />
          <select aria-label={t.integration} value={filters.integration} onChange={(e) => setQuery({ integration: e.currentTarget.value })}>
            <option value="">{t.all_integrations}</option>
            {names.map((n) => <option key={n} value={n} selected={n === filters.integration}>{n}</option>)}
          </select>
          <select aria-label={t.level} value={filters.level} onChange={(e) => setQuery({ level: e.currentTarget.value })}>
            <option value="">{t.all_levels}</option>
            {(['error', 'warn', 'info', 'debug'] as const).map((l) => <option key={l} value={l} selected={l === filters.level}>{t[`level_${l}`]}</option>)}
          </select>
          <input aria-label={t.event} placeholder={t.event} value={filters.event} onChange={(e) => setQuery({ event: e.currentTarget.value.trim() })} />
        </div>
        <PagedTable label={t.title} source={source} ahead={fresh} columns={columns} id={(n) => n.key} onOpen={setShown} load={load}
          rowClass={({ line }) => (line.level === 'error' ? 'row-bad' : line.level === 'warn' ? 'row-warn' : '')} empty={fresh.length ? <></> : <Empty icon="log" title={t.none} />} height="min(72vh, 900px)" />
      </Card>
      {shown && <Dialog title={shown.line.event} size="side" onClose={() => setShown(undefined)}><pre>{JSON.stringify(shown.line, null, 2)}</pre></Dialog>}
    </Page>
  );
}
