// Two tables. <Table> is a plain one, for what fits a screen or a few. <PagedTable> asks the server page by page and keeps
// only the visible rows in the document, so that 100,000 of them scroll smoothly.
import { type ComponentChildren, type JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api.ts';
import { useStrings } from '../i18n.ts';
import { Empty, Failure, Waiting } from './empty.tsx';
import { number } from './format.ts';
import { common } from './strings.ts';

export interface Column<T> {
  key: string;
  head: ComponentChildren;
  cell: (item: T) => ComponentChildren;
  /** Right-aligned, tabular figures. */
  numeric?: boolean;
  /** A track of CSS grid for <PagedTable>, as "120px" or "minmax(160px, 2fr)"; default "1fr". */
  width?: string;
  /** Left out below 720 px. */
  wide?: boolean;
}

interface TableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  items: readonly T[];
  id: (item: T) => string | number;
  /** The row as a whole answers to a click; keep a real link or button in one cell for the keyboard. */
  onOpen?: (item: T) => void;
  rowClass?: (item: T) => string;
  empty?: ComponentChildren;
}

export function Table<T>({ label, columns, items, id, onOpen, rowClass, empty }: TableProps<T>): JSX.Element {
  const t = useStrings(common);
  if (!items.length) return <>{empty ?? <Empty title={t.nothing} />}</>;
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table class="table">
        <caption class="visually-hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((c) => <th key={c.key} scope="col" class={`${c.numeric ? 'numeric' : ''} ${c.wide ? 'wide' : ''}`}>{c.head}</th>)}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr
              key={id(item)}
              class={`${onOpen ? 'opens' : ''} ${rowClass?.(item) ?? ''}`}
              onClick={onOpen && ((e) => !(e.target as Element).closest('a,button,input,label') && onOpen(item))}
            >
              {columns.map((c) => <td key={c.key} class={`${c.numeric ? 'numeric' : ''} ${c.wide ? 'wide' : ''}`}>{c.cell(item)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export interface PageOf<T> {
  items: T[];
  /** For the page after this one; null at the end. */
  next: string | number | null;
}

interface PagedProps<T> extends Omit<TableProps<T>, 'items'> {
  /** One page; `before` is the `next` of the page before it. */
  load: (before: string | number | null, signal: AbortSignal) => Promise<PageOf<T>>;
  /** Begins anew when it changes: the filters, say. */
  source: string;
  /** Chosen rows by id; with it each row has a box to tick. */
  chosen?: ReadonlySet<string | number>;
  onChoose?: (item: T, on: boolean) => void;
  /** "Choose …" for the box of a row. */
  chooseLabel?: (item: T) => string;
  height?: string;
  /** Rows that came in since, before those of the first page. */
  ahead?: readonly T[];
}

const ROW_PX = 36;
const SPARE = 10;

export function PagedTable<T>({ label, columns, id, onOpen, rowClass, empty, load, source, chosen, onChoose, chooseLabel, height = 'min(70vh, 720px)', ahead }: PagedProps<T>): JSX.Element {
  const t = useStrings(common);
  const scroller = useRef<HTMLDivElement>(null);
  const [fetched, setFetched] = useState<T[]>([]);
  const items = ahead?.length ? [...ahead, ...fetched] : fetched;
  const [next, setNext] = useState<string | number | null | undefined>(undefined);
  const [error, setError] = useState<ApiError>();
  const [view, setView] = useState({ top: 0, tall: 600 });
  const [active, setActive] = useState(0);
  const busy = useRef<AbortController | null>(null);

  const fetchMore = (before: string | number | null, old: T[]): void => {
    const abort = new AbortController();
    busy.current = abort;
    setError(undefined);
    load(before, abort.signal).then(
      (page) => {
        if (abort.signal.aborted) return;
        busy.current = null;
        setFetched(old.concat(page.items));
        setNext(page.next);
      },
      (failed: unknown) => {
        if (abort.signal.aborted) return;
        busy.current = null;
        setError(failed instanceof ApiError ? failed : new ApiError(0, 'internal', String(failed), ''));
      },
    );
  };
  useEffect(() => {
    setFetched([]);
    setNext(undefined);
    setActive(0);
    scroller.current?.scrollTo(0, 0);
    fetchMore(null, []);
    return () => busy.current?.abort();
  }, [source]);
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const seen = new ResizeObserver(() => setView((v) => ({ ...v, tall: box.clientHeight })));
    seen.observe(box);
    return () => seen.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(view.top / ROW_PX) - SPARE);
  const last = Math.min(items.length, Math.ceil((view.top + view.tall) / ROW_PX) + SPARE);
  useEffect(() => {
    if (next !== null && next !== undefined && !busy.current && !error && last > items.length - 60) fetchMore(next, fetched);
  }, [last, next, fetched, error]);
  const reveal = (index: number): void => {
    const to = Math.max(0, Math.min(items.length - 1, index));
    const box = scroller.current!;
    setActive(to);
    const head = ROW_PX;
    if (to * ROW_PX < box.scrollTop) box.scrollTop = to * ROW_PX;
    else if ((to + 1) * ROW_PX + head > box.scrollTop + box.clientHeight) box.scrollTop = (to + 1) * ROW_PX + head - box.clientHeight;
  };
  const pressed = (event: KeyboardEvent): void => {
    if (event.target !== scroller.current) return;
    const page = Math.max(1, Math.floor(view.tall / ROW_PX) - 2);
    const to = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: items.length - 1 }[event.key];
    const item = items[active];
    if (to !== undefined) reveal(to);
    else if (event.key === 'Enter' && item && onOpen) onOpen(item);
    else if (event.key === ' ' && item && onChoose) onChoose(item, !chosen?.has(id(item)));
    else return;
    event.preventDefault();
  };
  const narrow = columns.filter((c) => !c.wide);
  const tracks = (of: readonly Column<T>[]): string => (chosen ? '36px ' : '') + of.map((c) => c.width ?? 'minmax(0, 1fr)').join(' ');
  const cells = (item: T): JSX.Element[] =>
    columns.map((c) => <div key={c.key} role="cell" class={`${c.numeric ? 'numeric' : ''} ${c.wide ? 'wide' : ''}`}>{c.cell(item)}</div>);
  return (
    <div class="paged" style={{ '--tracks': tracks(columns), '--tracks-narrow': tracks(narrow) }}>
      <div
        class="paged-scroll"
        ref={scroller}
        style={{ maxHeight: height }}
        role="table"
        aria-label={label}
        aria-rowcount={next === null ? items.length + 1 : -1}
        tabIndex={0}
        onScroll={(e) => setView({ top: e.currentTarget.scrollTop, tall: e.currentTarget.clientHeight })}
        onKeyDown={pressed}
      >
        <div role="rowgroup" class="paged-head">
          <div role="row" class="paged-row" aria-rowindex={1}>
            {chosen && <div role="columnheader"><span class="visually-hidden">{t.ok}</span></div>}
            {columns.map((c) => <div key={c.key} role="columnheader" class={`${c.numeric ? 'numeric' : ''} ${c.wide ? 'wide' : ''}`}>{c.head}</div>)}
          </div>
        </div>
        <div role="rowgroup" class="paged-body" style={{ height: `${items.length * ROW_PX}px` }}>
          {items.slice(first, last).map((item, i) => (
            <div
              key={id(item)}
              role="row"
              aria-rowindex={first + i + 2}
              class={`paged-row ${onOpen ? 'opens' : ''} ${first + i === active ? 'is-active' : ''} ${rowClass?.(item) ?? ''}`}
              style={{ transform: `translateY(${(first + i) * ROW_PX}px)` }}
              onClick={(e) => {
                setActive(first + i);
                if (onOpen && !(e.target as Element).closest('a,button,input,label')) onOpen(item);
              }}
            >
              {chosen && (
                <div role="cell">
                  <input
                    type="checkbox"
                    tabIndex={-1}
                    aria-label={chooseLabel?.(item) ?? String(id(item))}
                    checked={chosen.has(id(item))}
                    // drawn again between click and change, the box would be as it was
                    onClick={(e) => e.stopPropagation()}
                    onChange={(e) => {
                      setActive(first + i);
                      onChoose?.(item, e.currentTarget.checked);
                    }}
                  />
                </div>
              )}
              {cells(item)}
            </div>
          ))}
        </div>
      </div>
      {next === undefined && !error && <Waiting />}
      {next === null && !items.length && (empty ?? <Empty title={t.nothing} />)}
      {error && <Failure error={error} retry={() => fetchMore(next ?? null, fetched)} />}
      {items.length > 0 && <p class="paged-foot muted">{next === null ? t.all_loaded(number(items.length)) : t.loaded(number(items.length))}</p>}
    </div>
  );
}
