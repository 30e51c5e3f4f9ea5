// Records from the newest to the oldest, filtered by the server, page by page as one scrolls; pasted lists; files.
import { type JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { address, get, type Query, saveFile } from '../api.ts';
import { useStrings } from '../i18n.ts';
import { setQuery } from '../router.ts';
import { Card, type Column, Empty, Icon, PagedTable, type PageOf, SelectField, TextField, toast, toastError } from '../ui/index.ts';
import { fromField, number, shortTime, time } from '../ui/format.ts';
import { type Listed, pasted } from './model.ts';
import { RecordState } from './state.tsx';
import { type Wanted } from './story.tsx';
import { words } from './strings.ts';

const PAGE = 500;
const LIST_PAGE = 100;
const WAYS = ['id', 'value', 'text', 'ids'] as const;
type Way = (typeof WAYS)[number];
const STATES = ['done', 'waiting', 'filtered', 'folded', 'repeat'] as const;

interface Filters {
  by: Way;
  what: string;
  state: string;
  from: string;
  to: string;
}

interface Answer {
  records: Listed[];
  next: string | null;
  missing?: string[];
}

function filtersOf(query: URLSearchParams): Filters {
  const by = query.get('by') as Way;
  return { by: WAYS.includes(by) ? by : 'id', what: query.get('what') ?? '', state: query.get('state') ?? '', from: query.get('from') ?? '', to: query.get('to') ?? '' };
}

function queryOf(f: Filters): Query {
  return { [f.by]: f.by === 'ids' ? pasted(f.what).join(',') : f.what.trim(), state: f.state, from: f.from && fromField(f.from), to: f.to && fromField(f.to) };
}

/** What is typed takes hold when one pauses; a pasted list when it is asked for. */
function Search({ filters }: { filters: Filters }): JSX.Element {
  const t = useStrings(words);
  const [what, setWhat] = useState(filters.what);
  const list = filters.by === 'ids';
  useEffect(() => setWhat(filters.what), [filters.by, filters.what]);
  useEffect(() => {
    if (list || what === filters.what) return;
    const timer = setTimeout(() => setQuery({ what: what.trim() }), 350);
    return () => clearTimeout(timer);
  }, [what, list]);
  const onPaste = (event: ClipboardEvent): void => {
    const text = event.clipboardData?.getData('text') ?? '';
    if (filters.by === 'text' || !/[\n,;]/.test(text.trim())) return;
    event.preventDefault();
    setQuery({ by: 'ids', what: pasted(text).join('\n') });
  };
  return (
    <form class="record-search" role="search" onSubmit={(e) => {
      e.preventDefault();
      setQuery({ what: list ? pasted(what).join('\n') : what.trim() });
    }}>
      <SelectField label={t.by} value={filters.by} onChange={(by) => setQuery({ by, what: list ? undefined : what })} options={WAYS.map((w) => [w, t[`by_${w}`]] as const)} />
      <div class="field record-what">
        <label for="record-what">{t[`by_${filters.by}`]}</label>
        {list
          ? <textarea id="record-what" rows={4} placeholder={t.hint_ids} value={what} spellcheck={false} onInput={(e) => setWhat(e.currentTarget.value)} />
          : <input id="record-what" type="search" placeholder={t[`hint_${filters.by}`]} value={what} spellcheck={false} autocomplete="off" onPaste={onPaste} onInput={(e) => setWhat(e.currentTarget.value)} />}
      </div>
      {list && <button type="submit" class="button primary"><Icon name="search" size={15} />{t.search}</button>}
    </form>
  );
}

function Narrow({ filters }: { filters: Filters }): JSX.Element {
  const t = useStrings(words);
  const narrowed = Boolean(filters.state || filters.from || filters.to);
  const [open] = useState(() => narrowed || matchMedia('(min-width: 721px)').matches);
  return (
    <details class="record-more" open={open}>
      <summary>{t.more_filters}</summary>
      <div class="record-narrow">
        <SelectField label={t.state} value={filters.state} onChange={(state) => setQuery({ state })} options={[['', t.any_state], ...STATES.map((s) => [s, t[`state_${s}`]] as const)]} />
        <TextField type="datetime-local" label={t.from} value={filters.from} onInput={(from) => setQuery({ from })} />
        <TextField type="datetime-local" label={t.to} value={filters.to} onInput={(to) => setQuery({ to })} />
        <button type="button" class="button" disabled={!narrowed && !filters.what} onClick={() => setQuery({ what: undefined, state: undefined, from: undefined, to: undefined })}>{t.clear}</button>
      </div>
    </details>
  );
}

/** Buttons that give what is chosen out as a file. */
export function Exports({ name, query }: { name: string; query: Query }): JSX.Element {
  const t = useStrings(words);
  const [busy, setBusy] = useState(false);
  const start = (format: 'csv' | 'json'): void => {
    setBusy(true);
    toast(t.exporting);
    saveFile(address('/integrations/:name/export', { name }, { ...query, format }), `${name}.${format}`)
      .then(() => toast(t.exported), toastError)
      .finally(() => setBusy(false));
  };
  return (
    <>
      <button type="button" class="button small" title={t.export_csv_about} aria-label={t.export_csv_about} disabled={busy} onClick={() => start('csv')}><Icon name="download" size={14} />{t.export_csv}</button>
      <button type="button" class="button small" title={t.export_json_about} aria-label={t.export_json_about} disabled={busy} onClick={() => start('json')}><Icon name="download" size={14} />{t.export_json}</button>
    </>
  );
}

function useColumns(onOpen: (item: Listed) => void): Column<Listed>[] {
  const t = useStrings(words);
  const became = (r: Listed): string => r.why ?? (r.condition || (r.batch ? t.into_batch(String(r.batch)) : ''));
  return [
    { key: 'id', head: t.key, width: 'minmax(110px, 1.2fr)', cell: (r) => <button type="button" class="link mono" onClick={() => onOpen(r)}>{r.id}</button> },
    { key: 'state', head: t.state, width: '116px', cell: (r) => <RecordState state={r.state} /> },
    { key: 'fetched', head: t.fetched, width: '112px', cell: (r) => <span title={time(r.fetched)}>{shortTime(r.fetched)}</span> },
    { key: 'rows', head: t.rows, numeric: true, width: '60px', wide: true, cell: (r) => number(r.rows) },
    { key: 'about', head: t.about, width: 'minmax(0, 2.4fr)', wide: true, cell: (r) => <span class={r.why ? 'text-bad' : 'muted'} title={became(r)}>{became(r)}</span> },
    { key: 'version', head: t.version, width: 'minmax(0, 1.2fr)', wide: true, cell: (r) => <span class="mono muted">{r.version}</span> },
    { key: 'run', head: t.run, numeric: true, width: '64px', wide: true, cell: (r) => <span class="muted">{r.run}</span> },
  ];
}

export function RecordList({ name, query, onOpen }: { name: string; query: URLSearchParams; onOpen: (wanted: Wanted) => void }): JSX.Element {
  const t = useStrings(words);
  const filters = filtersOf(query);
  const [turn, setTurn] = useState(0);
  const [missing, setMissing] = useState<readonly string[]>([]);
  const latest = useRef(filters);
  latest.current = filters;
  const open = (r: Listed): void => onOpen({ id: r.id, page: r.page, row: r.row });
  const columns = useColumns(open);
  const source = JSON.stringify([name, filters, turn]);
  useEffect(() => setMissing([]), [source]);
  const load = async (before: string | number | null, signal: AbortSignal): Promise<PageOf<Listed>> => {
    const f = latest.current;
    const ask = (more: Query): Promise<Answer> => get<Answer>(address('/integrations/:name/records', { name }, { ...queryOf(f), limit: PAGE, ...more }), signal);
    const ids = f.by === 'ids' ? pasted(f.what) : [];
    if (!ids.length) {
      const page = await ask({ before });
      return { items: page.records, next: page.next };
    }
    // a pasted list may be longer than an address: it is asked for part by part
    const from = Number(before ?? 0);
    const page = await ask({ ids: ids.slice(from, from + LIST_PAGE).join(',') });
    setMissing((old) => [...old, ...(page.missing ?? [])]);
    return { items: page.records, next: from + LIST_PAGE < ids.length ? from + LIST_PAGE : null };
  };
  return (
    <Card flush title={t.title} actions={
      <>
        <button type="button" class="button small" onClick={() => setTurn(turn + 1)}><Icon name="replay" size={14} />{t.refresh}</button>
        <Exports name={name} query={queryOf(filters)} />
      </>
    }>
      <div class="record-filters">
        <Search filters={filters} />
        <Narrow filters={filters} />
        {missing.length > 0 && <p class="note tone-warn" role="status"><Icon name="alert" /><span>{t.not_found(number(missing.length), missing.slice(0, 50).join(', '))}{missing.length > 50 && ' …'}</span></p>}
      </div>
      <PagedTable label={t.title} source={source} columns={columns} id={(r) => `${r.page}.${r.row}`} onOpen={open} load={load} height="min(68vh, 900px)"
        rowClass={(r) => (r.state === 'error' ? 'row-bad' : '')} empty={<Empty icon="records" title={t.none}>{t.none_about}</Empty>} />
    </Card>
  );
}
