// Accounts of systems: whether they answer, what is left of their quota, a test, and secrets that can be set but not read.
import { type JSX } from 'preact';
import { useState } from 'preact/hooks';
import { address, send, useApi } from '../api.ts';
import { useCell } from '../cell.ts';
import { useEvent } from '../events.ts';
import { language, useStrings } from '../i18n.ts';
import { href } from '../router.ts';
import { useMay } from '../session.ts';
import { Badge, Dialog, Empty, Failure, Icon, Page, type Shape, TextField, toast, toastError, type Tone, Waiting } from '../ui/index.ts';
import { duration, number, shortTime } from '../ui/format.ts';
import { common } from '../ui/strings.ts';
import { words } from './connections.strings.ts';

interface Connection {
  name: string;
  connector: string | null;
  kind: string;
  params: Record<string, unknown>;
  secrets: { param: string; set: boolean; required: boolean }[];
  state: string;
  since: string | null;
  quota?: { left: number; limit: number; per_ms: number } | null;
  clock_offset_ms: number | null;
  environment?: string | null;
  used_by: string[];
}
interface Tested {
  ok: boolean;
  took_ms: number;
  message: string;
  hint?: string;
}
const STATES: Record<string, readonly [Tone, Shape]> = { ok: ['ok', 'disc'], down: ['bad', 'cross'], broken: ['odd', 'diamond'] };

function Gauge({ quota }: { quota: NonNullable<Connection['quota']> }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const part = quota.limit ? quota.left / quota.limit : 0;
  return (
    <div class={`gauge tone-${part < 0.1 ? 'bad' : part < 0.3 ? 'warn' : 'ok'}`}>
      <meter min={0} max={quota.limit} low={quota.limit * 0.1} value={quota.left} aria-label={t.quota} />
      <span>{t.quota_left(number(quota.left), number(quota.limit), duration(quota.per_ms, lang))}</span>
    </div>
  );
}

function SecretDialog({ connection, param, onClose }: { connection: string; param: string; onClose: (saved: boolean) => void }): JSX.Element {
  const t = useStrings(words);
  const c = useStrings(common);
  const [value, setValue] = useState('');
  const save = (event: Event): void => {
    event.preventDefault();
    send('PUT', address('/connections/:name/secrets/:param', { name: connection, param }), { value }).then(() => {
      toast(t.secret_saved);
      onClose(true);
    }, toastError);
  };
  return (
    <Dialog title={t.secret_title(connection, param)} onClose={() => onClose(false)} actions={
      <>
        <button type="button" class="button" onClick={() => onClose(false)}>{c.cancel}</button>
        <button form="secret" class="button primary" disabled={!value}>{c.save}</button>
      </>
    }>
      <p>{t.secret_text}</p>
      <form id="secret" onSubmit={save}>
        <TextField label={t.secret_value} type="password" value={value} onInput={setValue} autocomplete="new-password" required autofocus />
      </form>
    </Dialog>
  );
}

function Parameters({ connection, onChange }: { connection: Connection; onChange: () => void }): JSX.Element {
  const t = useStrings(words);
  const admin = useMay('admin');
  const [open, setOpen] = useState<string>();
  return (
    <dl class="facts">
      {Object.entries(connection.params).map(([key, value]) => [<dt key={key}>{key}</dt>, <dd key={`${key}-v`} class="mono">{String(value)}</dd>])}
      {connection.secrets.map((s) => [
        <dt key={s.param}>{s.param}</dt>,
        <dd key={`${s.param}-v`} class="row">
          <Badge tone={s.set || !s.required ? 'quiet' : 'bad'} shape={s.set ? 'disc' : s.required ? 'cross' : 'ring'}>{s.set ? `•••••• ${t.secret_set}` : s.required ? t.secret_missing : t.secret_unset}</Badge>
          {admin && <button type="button" class="link" aria-label={`${t.change} ${s.param}`} onClick={() => setOpen(s.param)}>{t.change}</button>}
        </dd>,
      ])}
      {open && <SecretDialog connection={connection.name} param={open} onClose={(saved) => {
        setOpen(undefined);
        if (saved) onChange();
      }} />}
    </dl>
  );
}

function Test({ name }: { name: string }): JSX.Element | null {
  const t = useStrings(words);
  const lang = useCell(language);
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState<Tested>();
  if (!useMay('operator')) return null;
  const test = (): void => {
    setBusy(true);
    setTold(undefined);
    send<Tested>('POST', address('/connections/:name/test', { name })).then(setTold, toastError).finally(() => setBusy(false));
  };
  return (
    <div class="stack-small" aria-live="polite">
      <div><button type="button" class="button small" disabled={busy} onClick={test}><Icon name="play" size={13} />{busy ? t.testing : t.test}<span class="visually-hidden"> {name}</span></button></div>
      {told && (
        <div class={`note tone-${told.ok ? 'ok' : 'bad'}`}>
          <Icon name={told.ok ? 'check' : 'alert'} />
          <div>
            <p><strong>{told.ok ? t.works(duration(told.took_ms, lang)) : t.works_not(duration(told.took_ms, lang))}</strong> {told.message}</p>
            {told.hint && <p>{told.hint}</p>}
          </div>
        </div>
      )}
    </div>
  );
}

function ConnectionCard({ connection: c, onChange }: { connection: Connection; onChange: () => void }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const [tone, shape] = STATES[c.state] ?? ['quiet', 'ring'];
  return (
    <article class="card stack" aria-label={c.name}>
      <header class="row spread">
        <div>
          <h2 class="card-title">{c.name}</h2>
          <p class="muted">{[c.connector, t[c.kind as 'source'] ?? c.kind, c.environment].filter(Boolean).join(' · ')}</p>
        </div>
        <Badge tone={tone} shape={shape}>{t[`state_${c.state}` as 'state_ok'] ?? c.state}{c.since && c.state !== 'ok' ? ` · ${t.since(shortTime(c.since))}` : ''}</Badge>
      </header>
      {c.quota && <Gauge quota={c.quota} />}
      <Parameters connection={c} onChange={onChange} />
      <dl class="facts faint-top">
        {typeof c.clock_offset_ms === 'number' && [<dt key="c">{t.offset}</dt>, <dd key="cv">{Math.abs(c.clock_offset_ms) < 1000 ? t.offset_none : t.offset_text(duration(Math.abs(c.clock_offset_ms), lang), c.clock_offset_ms > 0)}</dd>]}
        <dt>{t.used_by}</dt>
        <dd class="row">{c.used_by.length ? c.used_by.map((name) => <a key={name} href={href('/integrations/:name', { name })}>{name}</a>) : <span class="muted">{t.nobody}</span>}</dd>
      </dl>
      <Test name={c.name} />
    </article>
  );
}

export default function ConnectionsPage(): JSX.Element {
  const t = useStrings(words);
  const { data, error, reload } = useApi<{ connections: Connection[] }>('/api/v1/connections');
  useEvent('resync', reload);
  useEvent('project', reload);
  return (
    <Page title={t.title}>
      {error && !data && <Failure error={error} retry={reload} />}
      {!data && !error && <Waiting />}
      {data && !data.connections.length && <Empty icon="connections" title={t.none}>{t.none_text}</Empty>}
      <div class="grid-auto">{data?.connections.map((c) => <ConnectionCard key={c.name} connection={c} onChange={reload} />)}</div>
    </Page>
  );
}
