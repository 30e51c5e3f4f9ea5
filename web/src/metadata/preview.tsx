// A real page, raw on one side and mapped on the other. A field of the record is mapped by dragging it onto a column, or
// by choosing it and then the column.
import { type JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useStrings } from '../i18n.ts';
import { Card, Empty, format, Icon } from '../ui/index.ts';
import { columns } from './edit.ts';
import { leaves, pairs, type Preview } from './model.ts';
import { words } from './strings.ts';

interface Props {
  preview: Preview | null;
  /** Of the saved version; null: not asked for, since nothing is changed. */
  saved: Preview | null;
  stale: boolean;
  busy: boolean;
  problem: string | null;
  source: string | null;
  target: string | null;
  onPreview: () => void;
  onMap: (index: number, column: string, field: string) => void;
}

const KIND = 'application/x-sluice-field';

export function PreviewPane({ preview, saved, stale, busy, problem, source, target, onPreview, onMap }: Props): JSX.Element {
  const t = useStrings(words);
  const [at, setAt] = useState(0);
  const [picked, setPicked] = useState<string | null>(null);
  const [over, setOver] = useState(-1);
  const [filter, setFilter] = useState('');
  const rows = preview?.rows ?? [];
  const n = Math.min(at, Math.max(0, rows.length - 1));
  const row = rows[n];
  const before = useMemo(() => (preview && saved ? pairs(preview.rows, saved.rows) : []), [preview, saved]);
  const tree = useMemo(() => (row ? leaves(row.raw, source) : []), [row?.raw, source]);
  const fields = useMemo(() => columns(target ?? ''), [target]);
  const old = before[n];
  const differs = (i: number, name: string): boolean => !!before[i] && before[i]!.cells.get(name) !== rows[i]!.cells.get(name);
  const count = rows.reduce((sum, r, i) => sum + [...r.cells.keys()].filter((name) => differs(i, name)).length, 0);
  const fits = (...texts: string[]): boolean => texts.some((text) => text.toLowerCase().includes(filter.toLowerCase()));
  const drop = (index: number, column: string, field: string): void => {
    setPicked(null);
    setOver(-1);
    onMap(index, column, field);
  };
  return (
    <Card
      title={t.preview_title}
      actions={<button type="button" class="button small" disabled={busy} onClick={onPreview}><Icon name="play" size={14} />{t.preview}</button>}
    >
      <div class="stack">
        {problem && <div class="note tone-bad" role="alert"><Icon name="alert" /><p>{problem}</p></div>}
        {!preview && !problem && <p class="muted">{t.preview_hint}</p>}
        {stale && preview && <p class="muted">{t.preview_old}</p>}
        {preview && !row && <Empty icon="records" title={t.preview_none} />}
        {row && (
          <>
            <div class="row spread">
              <div class="row">
                <button type="button" class="button small icon-only" aria-label={t.before_row} disabled={n === 0} onClick={() => setAt(n - 1)}><Icon name="back" size={15} /></button>
                <span aria-live="polite">{t.row_of(format.number(n + 1), format.number(rows.length))}</span>
                <button type="button" class="button small icon-only" aria-label={t.next_row} disabled={n >= rows.length - 1} onClick={() => setAt(n + 1)}><Icon name="next" size={15} /></button>
                <span class="mono muted">{row.id}</span>
              </div>
              {saved && <span class={count ? 'text-warn strong' : 'muted'} role="status">{t.changed_cells(format.number(count))}</span>}
            </div>
            {(row.why || row.fate !== 'rows') && <div class="note tone-warn"><p>{t.fate(row.why ?? row.fate)}</p></div>}
            <div class="row">
              <input type="search" class="mapping-filter" aria-label={t.filter} placeholder={t.filter} value={filter} onInput={(e) => setFilter(e.currentTarget.value)} />
              <span class="muted" role="status">{picked ? t.picked(picked) : t.pick}</span>
              {picked && <button type="button" class="link" onClick={() => setPicked(null)}>{t.unpick}</button>}
            </div>
          </>
        )}
        <div class={`mapping ${row ? '' : 'is-alone'}`}>
          {row && (
            <section aria-label={t.raw}>
              <h3>{t.raw}</h3>
              <ul class="mapping-list" tabIndex={0} aria-label={t.raw}>
                {tree.filter((leaf) => leaf.heading || fits(leaf.label, leaf.value)).map((leaf, i) => (
                  <li key={`${leaf.name}/${i}`} class={`depth-${Math.min(leaf.depth, 4)}`}>
                    {leaf.heading ? (
                      <span class="strong mono">{leaf.label} <span class="muted">{leaf.value}</span></span>
                    ) : (
                      <button
                        type="button"
                        class="mapping-field"
                        draggable
                        aria-pressed={picked === leaf.name}
                        onClick={() => setPicked(picked === leaf.name ? null : leaf.name)}
                        onDragStart={(e) => {
                          e.dataTransfer!.setData(KIND, leaf.name);
                          e.dataTransfer!.setData('text/plain', `{${leaf.name}}`);
                          e.dataTransfer!.effectAllowed = 'copy';
                        }}
                      >
                        <span class="mono">{leaf.label}</span>
                        <span class="mapping-value muted">{leaf.value}</span>
                      </button>
                    )}
                  </li>
                ))}
              </ul>
            </section>
          )}
          {row && (
            <section aria-label={t.mapped}>
              <h3>{t.mapped}</h3>
              <ul class="mapping-list" tabIndex={0} aria-label={t.mapped}>
                {fields.map((column, index) => {
                  const value = row.cells.get(column.field);
                  if (!fits(column.field, column.label, column.value ?? '', value ?? '')) return null;
                  const marked = differs(n, column.field);
                  return (
                    <li
                      key={index}
                      class={`mapping-column ${over === index ? 'is-over' : ''} ${marked ? 'is-changed' : ''}`}
                      onDragOver={(e) => {
                        if (!e.dataTransfer!.types.includes(KIND)) return;
                        e.preventDefault();
                        setOver(index);
                      }}
                      onDragLeave={() => setOver(-1)}
                      onDrop={(e) => {
                        e.preventDefault();
                        drop(index, column.field, e.dataTransfer!.getData(KIND));
                      }}
                    >
                      <div class="row spread">
                        <span class="mono strong" title={column.label}>{column.field}</span>
                        {marked && <span class="badge tone-warn">{t.differs}</span>}
                        {picked && <button type="button" class="button small" aria-label={t.map_here(picked, column.field)} onClick={() => drop(index, column.field, picked)}>{t.put}</button>}
                      </div>
                      <div class="mapping-expression mono muted">{column.value ?? t.no_value}</div>
                      <div class="mapping-value">{value ?? ''}{marked && <span class="muted"> {t.was(old!.cells.get(column.field) ?? t.no_value)}</span>}</div>
                    </li>
                  );
                })}
              </ul>
            </section>
          )}
        </div>
        {preview?.statement && (
          <details>
            <summary>{t.statement}</summary>
            <pre class="block">{preview.statement}</pre>
          </details>
        )}
      </div>
    </Card>
  );
}
