// The story of a record: fetched, raw, mapped, written, and what the target said and holds. What came from elsewhere is
// drawn as text only.
import { type ComponentChildren, type JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { address, ApiError, getText } from '../api.ts';
import { useStrings } from '../i18n.ts';
import { Coloured } from '../metadata/coloured.tsx';
import { Dialog, Empty, Failure, Icon, Waiting } from '../ui/index.ts';
import { number, time } from '../ui/format.ts';
import { columnsOf, counted, type Version, versions } from './model.ts';
import { RecordState } from './state.tsx';
import { words } from './strings.ts';

/** Which version is meant; without a place the newest. */
export interface Wanted {
  id: string;
  page?: number | undefined;
  row?: number | undefined;
}

const isIt = (v: Version, w: Wanted): boolean => w.page === undefined || (v.page === w.page && v.row === w.row);

/** The versions that are kept; of an integration that keeps none the one that is meant. */
async function fetchStory(name: string, wanted: Wanted, signal: AbortSignal): Promise<Version[]> {
  const all = versions(await getText(address('/integrations/:name/records/:id', { name, id: wanted.id }), signal));
  if (wanted.page === undefined || all.some((v) => isIt(v, wanted))) return all;
  const before = `${wanted.page}.${wanted.row! + 1}`;
  const one = versions(await getText(address('/integrations/:name/records', { name }, { id: wanted.id, before, limit: 1 }), signal));
  return [...all, ...one.filter((v) => isIt(v, wanted))];
}

function Step({ n, title, children }: { n: number; title: string; children: ComponentChildren }): JSX.Element {
  return (
    <section class="story-step">
      <h3><span class="story-n" aria-hidden="true">{n}</span>{title}</h3>
      {children}
    </section>
  );
}

function Json({ label, text }: { label: string; text: string }): JSX.Element {
  return <pre class="block story-json" tabIndex={0} role="region" aria-label={label}><Coloured text={text} /></pre>;
}

/** Rows side by side, a line for each column. */
function Matrix({ label, columns, rows }: { label: string; columns: readonly string[]; rows: readonly (readonly (string | null)[])[] }): JSX.Element {
  const t = useStrings(words);
  return (
    <div class="story-matrix" tabIndex={0} role="region" aria-label={label}>
      <table class="table">
        <caption class="visually-hidden">{label}</caption>
        <thead><tr><th scope="col">{t.column}</th>{rows.map((_, i) => <th key={i} scope="col">{t.row_n(String(i + 1))}</th>)}</tr></thead>
        <tbody>
          {columns.map((name, c) => (
            <tr key={name}>
              <th scope="row" class="mono">{name}</th>
              {rows.map((row, i) => <td key={i} class="mono">{row[c] ?? <span class="muted">{t.null_value}</span>}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function said(v: Version, t: (typeof words)['en']): string | null {
  const fate = v.fate === 'not noted' || !v.fate ? v.state : v.fate;
  if (fate === 'filtered') return v.condition ? t.filtered_by(v.condition) : t.filtered;
  if (fate === 'folded') return t.folded;
  if (fate === 'repeat') return t.repeat;
  if (v.state === 'waiting') return t.waiting;
  if (v.state === 'error' || fate === 'refused') return null;
  if (v.committed) return t.committed(time(v.committed), String(v.batch));
  return v.batch ? t.committed_some_time : t.done;
}

function Letters({ version: v }: { version: Version }): JSX.Element {
  const t = useStrings(words);
  const after: Record<string, string> = { retried: t.was_retried, dropped: t.was_dropped, superseded: t.was_superseded };
  return (
    <>
      {v.letters.map((letter, i) => (
        <div key={letter.letter} class={`note ${letter.state === 'error' ? 'tone-bad' : 'tone-quiet'}`}>
          <Icon name={letter.state === 'error' ? 'alert' : 'check'} />
          <div class="stack-small">
            <p><strong>{t.refused(letter.reason)}</strong></p>
            <p class="muted mono">{letter.target_id ?? t.whole_record} · {letter.code} · {time(letter.created)}</p>
            {after[letter.state] && <p>{after[letter.state]} {letter.tried && <span class="muted">{time(letter.tried)}</span>}</p>}
            {v.edited[i] && <><p>{t.was_edited}</p><Json label={t.correction} text={v.edited[i]!} /></>}
          </div>
        </div>
      ))}
    </>
  );
}

function Answer({ version: v }: { version: Version }): JSX.Element {
  const t = useStrings(words);
  const sentence = said(v, t);
  return (
    <Step n={5} title={t.answer_step}>
      <div class="row"><RecordState state={v.state} />{sentence && <span>{sentence}</span>}</div>
      {v.why && !v.letters.length && <p class="text-bad">{t.refused(v.why)}</p>}
      {v.again.map((one) => <p key={`${one.run} ${one.batch}`}>{t.again(time(one.committed), String(one.batch), String(one.run))}</p>)}
      <Letters version={v} />
      <h4>{t.target_now}</h4>
      {v.target?.length ? <Matrix label={t.target_now} columns={v.target[0]!.map(([name]) => name)} rows={v.target.map((row) => row.map(([, value]) => value))} />
        : <p class="muted">{v.target ? t.target_none : (v.target_error?.message ?? t.target_unknown)}</p>}
    </Step>
  );
}

function Telling({ version: v }: { version: Version }): JSX.Element {
  const t = useStrings(words);
  const columns = columnsOf(v.mapped);
  return (
    <>
      <Step n={1} title={t.fetch_step}>
        <p>{time(v.fetched)}, <span class="muted">{t.by_run(String(v.run), String(v.page), String(v.row + 1))}</span></p>
        <dl class="facts">
          {v.version && [<dt key="v">{t.version}</dt>, <dd key="vv" class="mono">{v.version}</dd>]}
          <dt>{t.window}</dt><dd>{time(v.window_from)} … {time(v.window_to)}</dd>
          <dt>{t.call}</dt><dd class="mono">{v.call}</dd>
        </dl>
      </Step>
      <Step n={2} title={t.raw_step}><Json label={t.raw_step} text={v.raw} /></Step>
      <Step n={3} title={t.mapped_step}>
        {v.mapped.length ? <Matrix label={t.mapped_step} columns={columns} rows={v.mapped.map((row) => columns.map((name) => row[name] ?? null))} /> : <p class="muted">{t.mapped_none}</p>}
      </Step>
      {v.statements.length > 0 && (
        <Step n={4} title={t.sql_step}>
          {counted(v.statements).map(([sql, n]) => (
            <div key={sql} class="stack-small">
              <pre class="block story-sql" tabIndex={0} role="region" aria-label={t.sql_step}>{sql}</pre>
              <p class="muted">{t.sql_about(number(n))}</p>
            </div>
          ))}
        </Step>
      )}
      <Answer version={v} />
    </>
  );
}

export function StoryDialog({ name, wanted, onClose }: { name: string; wanted: Wanted; onClose: () => void }): JSX.Element {
  const t = useStrings(words);
  const [all, setAll] = useState<Version[]>();
  const [at, setAt] = useState(0);
  const [error, setError] = useState<ApiError>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setError(undefined);
    fetchStory(name, wanted, abort.signal).then(
      (found) => {
        setAll(found);
        setAt(Math.max(0, found.findIndex((v) => isIt(v, wanted))));
      },
      (failed: unknown) => !abort.signal.aborted && setError(failed instanceof ApiError ? failed : new ApiError(0, 'internal', String(failed), '')),
    );
    return () => abort.abort();
  }, [name, wanted.id, wanted.page, wanted.row, turn]);
  const shown = all?.[at];
  return (
    <Dialog title={t.story(wanted.id)} size="side" onClose={onClose}>
      {error && <Failure error={error} retry={() => setTurn(turn + 1)} />}
      {!all && !error && <Waiting lines={12} />}
      {all && !shown && <Empty icon="records" title={t.no_story} />}
      {all && all.length > 1 && (
        <div class="row" role="group" aria-label={t.versions}>
          {all.map((v, i) => (
            <button key={`${v.page}.${v.row}`} type="button" class="button small version" aria-pressed={i === at} onClick={() => setAt(i)}>
              {time(v.fetched)} <RecordState state={v.state} />
            </button>
          ))}
        </div>
      )}
      {shown && <Telling key={`${shown.page}.${shown.row}`} version={shown} />}
    </Dialog>
  );
}
