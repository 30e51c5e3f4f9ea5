// Dead letters: why they are, and what a person may do about them, for one or for many.
import { type JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { address, get, type Row, send } from '../api.ts';
import { useEvent } from '../events.ts';
import { useStrings } from '../i18n.ts';
import { setQuery } from '../router.ts';
import { useMay } from '../session.ts';
import { Card, type Column, confirm, Empty, Icon, PagedTable, type PageOf, Segments, toast, toastError } from '../ui/index.ts';
import { number, shortTime, time } from '../ui/format.ts';
import { LetterDialog } from './letter.tsx';
import { Exports } from './list.tsx';
import { type Letter } from './model.ts';
import { type Wanted } from './story.tsx';
import { words } from './strings.ts';

const STATES = ['error', 'retried', 'dropped', 'superseded'] as const;
const JOB_POLL_MS = 400;

interface Job {
  state: string;
  summary: { rows?: number; dead?: number; error?: { message: string } | null } | null;
}

/** Rows written and refused by the jobs, when all of them are over. */
async function follow(jobs: readonly number[]): Promise<{ rows: number; dead: number; failed: string | null }> {
  const sum = { rows: 0, dead: 0, failed: null as string | null };
  for (const id of jobs) {
    let job = await get<Job>(address('/jobs/:id', { id }));
    while (job.state !== 'ended') {
      await new Promise((again) => setTimeout(again, JOB_POLL_MS));
      job = await get<Job>(address('/jobs/:id', { id }));
    }
    sum.rows += job.summary?.rows ?? 0;
    sum.dead += job.summary?.dead ?? 0;
    sum.failed ??= job.summary?.error?.message ?? null;
  }
  return sum;
}

export type Choice = { ids: string[] } | { all: true };
/** What a retry or a drop goes by: the row, or the record as a whole. */
export const nameOf = (letter: Letter): string => letter.target_id ?? letter.id;

function useDeeds(name: string, reload: () => void): { retry: (choice: Choice, n: number) => Promise<void>; drop: (choice: Choice, n: number) => Promise<boolean> } {
  const t = useStrings(words);
  return {
    retry: async (choice, n) => {
      try {
        const { jobs } = await send<{ jobs: number[] }>('POST', address('/integrations/:name/retry', { name }), choice);
        toast(t.retrying(number(n)));
        const { rows, dead, failed } = await follow(jobs);
        if (failed) toastError(`${t.retry_failed}: ${failed}`);
        else toast(t.retry_done(number(rows), number(dead)));
      } catch (error) {
        toastError(error);
      }
      reload();
    },
    drop: async (choice, n) => {
      if (!(await confirm({ title: t.drop_title, body: <p>{t.drop_body(number(n))}</p>, action: t.drop_n(number(n)), danger: true }))) return false;
      try {
        const { dropped } = await send<{ dropped: number }>('POST', address('/integrations/:name/drop', { name }), choice);
        toast(t.dropped(number(dropped)));
      } catch (error) {
        toastError(error);
      }
      reload();
      return true;
    },
  };
}

function useColumns(onOpen: (letter: Letter) => void): Column<Letter>[] {
  const t = useStrings(words);
  return [
    { key: 'id', head: t.key, width: 'minmax(110px, 1fr)', cell: (l) => <button type="button" class="link mono" onClick={() => onOpen(l)}>{nameOf(l)}</button> },
    { key: 'reason', head: t.reason, width: 'minmax(0, 3.2fr)', cell: (l) => <span title={l.reason}>{l.reason}</span> },
    { key: 'code', head: t.code, width: '80px', wide: true, cell: (l) => <code class="muted">{l.code}</code> },
    { key: 'created', head: t.created, width: '112px', wide: true, cell: (l) => <span title={time(l.created)}>{shortTime(l.created)}</span> },
    { key: 'tries', head: t.tries, numeric: true, width: '76px', wide: true, cell: (l) => <span title={l.tried ? time(l.tried) : undefined}>{number(l.tries)}</span> },
    { key: 'edited', head: t.edited, width: '80px', wide: true, cell: (l) => l.edited && <span class="text-info"><Icon name="edit" size={14} /><span class="visually-hidden">{t.edited}</span></span> },
  ];
}

export function DeadLetters({ name, query, onStory }: { name: string; query: URLSearchParams; onStory: (wanted: Wanted) => void }): JSX.Element {
  const t = useStrings(words);
  const may = useMay('operator');
  const given = query.get('state') ?? '';
  const state = STATES.find((s) => s === given) ?? 'error';
  const [turn, setTurn] = useState(0);
  const [count, setCount] = useState<number>();
  const [chosen, setChosen] = useState<ReadonlyMap<number, string>>(new Map());
  const [shown, setShown] = useState<Letter>();
  const loaded = useRef<Letter[]>([]);
  const latest = useRef(state);
  latest.current = state;
  const reload = (): void => {
    setChosen(new Map());
    setTurn((n) => n + 1);
  };
  const deeds = useDeeds(name, reload);
  const columns = useColumns(setShown);
  const source = JSON.stringify([name, state, turn]);
  useEffect(() => setChosen(new Map()), [state]);
  useEvent('row', (row: Row) => row.name === name && count !== undefined && row.dead !== count && setTurn((n) => n + 1));
  useEvent('resync', reload);
  const load = async (before: string | number | null, signal: AbortSignal): Promise<PageOf<Letter>> => {
    const page = await get<{ letters: Letter[]; next: number | null; count: number }>(address('/integrations/:name/dead', { name }, { state: latest.current, limit: 500, before }), signal);
    setCount(page.count);
    loaded.current = before === null ? page.letters : [...loaded.current, ...page.letters];
    return { items: page.letters, next: page.next };
  };
  const choose = (letter: Letter, on: boolean): void => {
    const next = new Map(chosen);
    if (on) next.set(letter.letter, nameOf(letter));
    else next.delete(letter.letter);
    setChosen(next);
  };
  const choice: Choice = chosen.size ? { ids: [...new Set(chosen.values())] } : { all: true };
  const n = chosen.size || (count ?? 0);
  const retry = async (): Promise<void> => {
    if (await confirm({ title: t.retry_title, body: <p>{t.retry_body(number(n))}</p>, action: t.retry_n(number(n)) })) await deeds.retry(choice, n);
  };
  const open = state === 'error';
  return (
    <Card flush title={t.dead_title} actions={<Exports name={name} query={{ state }} />}>
      <div class="record-filters">
        <div class="row spread">
          <Segments label={t.state} value={state} onChange={(next) => setQuery({ state: next === 'error' ? undefined : next })} options={STATES.map((s) => [s, s === 'error' && count ? `${t.state_error} (${number(count)})` : t[`state_${s}`]] as const)} />
          {open && may && (count ?? 0) > 0 && (
            <div class="row">
              {chosen.size > 0 && <span role="status">{t.chosen(number(chosen.size))}</span>}
              <button type="button" class="button small ghost" onClick={() => setChosen(chosen.size ? new Map() : new Map(loaded.current.map((l) => [l.letter, nameOf(l)])))}>{chosen.size ? t.choose_none : t.choose_shown}</button>
              <button type="button" class="button small" onClick={() => void retry()}><Icon name="replay" size={14} />{chosen.size ? t.retry_n(number(chosen.size)) : t.retry_all}</button>
              <button type="button" class="button small" onClick={() => void deeds.drop(choice, n)}><Icon name="trash" size={14} />{chosen.size ? t.drop_n(number(chosen.size)) : t.drop_all}</button>
            </div>
          )}
        </div>
      </div>
      <PagedTable label={t.dead_title} source={source} columns={columns} id={(l) => l.letter} onOpen={setShown} load={load} height="min(68vh, 900px)"
        {...(open && may && { chosen: new Set(chosen.keys()), onChoose: choose, chooseLabel: (l: Letter) => t.choose(nameOf(l)) })}
        empty={open ? <Empty icon="check" title={t.letters_none}>{t.letters_none_about}</Empty> : <Empty icon="records" title={t.letters_none_state} />} />
      {shown && (
        <LetterDialog name={name} number={shown.letter} id={nameOf(shown)} onClose={() => setShown(undefined)} onSaved={reload}
          onStory={() => onStory({ id: shown.id, page: shown.page, row: shown.row })}
          onRetry={() => {
            setShown(undefined);
            void deeds.retry({ ids: [nameOf(shown)] }, 1);
          }}
          onDrop={() => void deeds.drop({ ids: [nameOf(shown)] }, 1).then((done) => done && setShown(undefined))} />
      )}
    </Card>
  );
}
