// What a person may do to an integration. Each says what it will do before it does it.
import { type ComponentChildren, type JSX } from 'preact';
import { useState } from 'preact/hooks';
import { address, type Row, send } from '../api.ts';
import { useCell } from '../cell.ts';
import { language, useStrings } from '../i18n.ts';
import { useMay } from '../session.ts';
import { Check, confirm, Dialog, Icon, RangeFields, TextField, toast, toastError } from '../ui/index.ts';
import { duration, fromField, now, time, toField } from '../ui/format.ts';
import { common } from '../ui/strings.ts';
import { words } from './integration.strings.ts';

type Which = 'run' | 'backfill' | 'replay' | 'audit' | 'cursor';
const DAY = 86_400_000;

interface Asked {
  row: Row;
  onClose: () => void;
}

/** A form in a dialog whose button sends a job. */
function Job({ title, path, body, row, onClose, ready = true, children }: Asked & { title: string; path: string; body: () => unknown; ready?: boolean; children: ComponentChildren }): JSX.Element {
  const t = useStrings(words);
  const c = useStrings(common);
  const [busy, setBusy] = useState(false);
  const start = (): void => {
    setBusy(true);
    send<{ job: number | string }>('POST', address(path, { name: row.name }), body())
      .then((answer) => {
        toast(t.queued(String(answer.job)));
        onClose();
      }, toastError)
      .finally(() => setBusy(false));
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <button type="button" class="button" onClick={onClose}>{c.cancel}</button>
          <button type="button" class="button primary" disabled={busy || !ready} onClick={start}>{t.start}</button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}

function RunNow({ row, onClose }: Asked): JSX.Element {
  const t = useStrings(words);
  const [remedy, setRemedy] = useState(false);
  const [reread, setReread] = useState(false);
  const [dry, setDry] = useState(false);
  return (
    <Job title={t.run_now} path="/integrations/:name/run" row={row} onClose={onClose} body={() => ({ kind: remedy ? 'remedy' : 'main', ...(reread && !remedy && { reread: true }), ...(dry && { dry_run: true }) })}>
      <p>{t.run_text(time(row.cursor))}</p>
      <Check label={t.run_remedy} checked={remedy} onChange={setRemedy} />
      {!remedy && <Check label={t.reread} checked={reread} onChange={setReread} />}
      <Check label={t.dry} checked={dry} onChange={setDry} />
    </Job>
  );
}

function useRange(days: number): { from: string; to: string; set: (from: string, to: string) => void; good: boolean; fields: { from: string; to: string } } {
  const [range, setRange] = useState(() => ({ from: toField(now() - days * DAY), to: toField(now()) }));
  return {
    ...range,
    set: (from, to) => setRange({ from, to }),
    good: Boolean(range.from && range.to) && range.from < range.to,
    fields: { from: fromField(range.from), to: fromField(range.to) },
  };
}

function Range({ range }: { range: ReturnType<typeof useRange> }): JSX.Element {
  const t = useStrings(words);
  const midnight = (at: number): string => `${toField(at).slice(0, 10)}T00:00:00`;
  const days = (n: number): void => range.set(midnight(now() - n * DAY), n === 1 ? midnight(now()) : toField(now()));
  return (
    <>
      <div class="row" role="group" aria-label={t.presets}>
        <button type="button" class="button small" onClick={() => days(1)}>{t.yesterday}</button>
        <button type="button" class="button small" onClick={() => days(7)}>{t.last_week}</button>
        <button type="button" class="button small" onClick={() => days(30)}>{t.last_month}</button>
      </div>
      <RangeFields from={range.from} to={range.to} labels={[t.from, t.to]} onChange={range.set} />
      {!range.good && <p class="field-error" role="alert">{t.bad_range}</p>}
    </>
  );
}

function Backfill({ row, onClose }: Asked): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const range = useRange(7);
  const [dry, setDry] = useState(false);
  const span = duration(Date.parse(range.to) - Date.parse(range.from), lang);
  return (
    <Job title={t.backfill_title} path="/integrations/:name/run" row={row} onClose={onClose} ready={range.good}
      body={() => ({ kind: 'backfill', ...range.fields, ...(dry && { dry_run: true }) })}>
      <Range range={range} />
      {range.good && <p class="note tone-info"><span>{t.backfill_text(span)}</span></p>}
      <Check label={t.dry} checked={dry} onChange={setDry} />
    </Job>
  );
}

function Replay({ row, onClose }: Asked): JSX.Element {
  const t = useStrings(words);
  const range = useRange(1);
  return (
    <Job title={t.replay_title} path="/integrations/:name/replay" row={row} onClose={onClose} ready={range.good} body={() => range.fields}>
      <p>{t.replay_text}</p>
      <Range range={range} />
    </Job>
  );
}

function Audit({ row, onClose }: Asked): JSX.Element {
  const t = useStrings(words);
  const range = useRange(7);
  const [repair, setRepair] = useState(false);
  return (
    <Job title={t.audit_title} path="/integrations/:name/audit" row={row} onClose={onClose} ready={range.good} body={() => ({ ...range.fields, ...(repair && { repair: true }) })}>
      <p>{t.audit_text}</p>
      <Range range={range} />
      <Check label={t.repair} checked={repair} onChange={setRepair} />
    </Job>
  );
}

function Cursor({ row, onClose }: Asked): JSX.Element {
  const t = useStrings(words);
  const c = useStrings(common);
  const lang = useCell(language);
  const known = typeof row.cursor === 'string' ? Date.parse(row.cursor) : now();
  const [at, setAt] = useState(typeof row.cursor === 'number' ? String(row.cursor) : toField(known));
  const [seen, setSeen] = useState(false);
  const body = { at: typeof row.cursor === 'number' ? at : fromField(at) };
  const url = address('/integrations/:name/cursor', { name: row.name });
  const look = (): void => void send('POST', url, { ...body, dry_run: true }).then(() => setSeen(true), toastError);
  const move = (): void => void send('POST', url, body).then(() => {
    toast(t.cursor_done);
    onClose();
  }, toastError);
  // both as the project's clock shows them
  const moved_ms = typeof row.cursor === 'string' ? Date.parse(at) - Date.parse(toField(known)) : NaN;
  const span = duration(Math.abs(moved_ms), lang);
  return (
    <Dialog
      title={t.cursor}
      onClose={onClose}
      actions={
        <>
          <button type="button" class="button" onClick={onClose}>{c.cancel}</button>
          {seen ? <button type="button" class="button danger" onClick={move}>{t.cursor}</button> : <button type="button" class="button primary" onClick={look}>{t.cursor_look}</button>}
        </>
      }
    >
      <p>{t.cursor_text}</p>
      <TextField label={t.cursor_at} type={typeof row.cursor === 'number' ? 'number' : 'datetime-local'} value={at} onInput={(v) => {
        setAt(v);
        setSeen(false);
      }} />
      {seen && (
        <div class={`note ${moved_ms > 0 ? 'tone-bad' : 'tone-info'}`} role="status">
          <div>
            <p><strong>{t.cursor_from_to(typeof row.cursor === 'number' ? String(row.cursor) : time(row.cursor), body.at)}</strong></p>
            {!Number.isNaN(moved_ms) && <p>{moved_ms > 0 ? t.cursor_skip(span) : t.cursor_again(span)}</p>}
          </div>
        </div>
      )}
    </Dialog>
  );
}

const DIALOGS: Record<Which, (props: Asked) => JSX.Element> = { run: RunNow, backfill: Backfill, replay: Replay, audit: Audit, cursor: Cursor };

export function Actions({ row, onRow }: { row: Row; onRow: (row: Row) => void }): JSX.Element | null {
  const t = useStrings(words);
  const operator = useMay('operator');
  const admin = useMay('admin');
  const [open, setOpen] = useState<Which>();
  if (!operator) return null;
  const change = (verb: 'pause' | 'resume' | 'stop', said: string): void =>
    void send<Row>('POST', address(`/integrations/:name/${verb}`, { name: row.name })).then((next) => {
      if (next.name === row.name) onRow(next);
      toast(said);
    }, toastError);
  const pause = async (): Promise<void> => {
    if (await confirm({ title: t.pause_title, body: <p>{t.pause_text}</p>, action: t.yes_pause })) change('pause', t.paused);
  };
  const stop = async (): Promise<void> => {
    if (await confirm({ title: t.stop_title, body: <p>{t.stop_text}</p>, action: t.yes_stop, danger: true })) change('stop', t.stopped);
  };
  const Shown = open && DIALOGS[open];
  return (
    <>
      {row.running
        ? <button type="button" class="button" onClick={() => void stop()}><Icon name="stop" size={15} />{t.stop}</button>
        : <button type="button" class="button primary" onClick={() => setOpen('run')}><Icon name="play" size={15} />{t.run_now}</button>}
      <button type="button" class="button" onClick={() => setOpen('backfill')}><Icon name="history" size={15} />{t.backfill}</button>
      {row.paused
        ? <button type="button" class="button" onClick={() => change('resume', t.resumed)}><Icon name="play" size={15} />{t.resume}</button>
        : <button type="button" class="button" onClick={() => void pause()}><Icon name="pause" size={15} />{t.pause}</button>}
      <button type="button" class="button" onClick={() => setOpen('replay')}><Icon name="replay" size={15} />{t.replay}</button>
      <button type="button" class="button" onClick={() => setOpen('audit')}><Icon name="audit2" size={15} />{t.audit}</button>
      {admin && <button type="button" class="button" onClick={() => setOpen('cursor')}><Icon name="cursor" size={15} />{t.cursor}</button>}
      {Shown && <Shown row={row} onClose={() => setOpen(undefined)} />}
    </>
  );
}
