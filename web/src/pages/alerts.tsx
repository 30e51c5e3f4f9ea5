// What is firing, what was, which rules hold, where messages go, and what is silenced.
import { type JSX } from 'preact';
import { useState } from 'preact/hooks';
import { address, get, send, useApi } from '../api.ts';
import { useCell } from '../cell.ts';
import { useEvent } from '../events.ts';
import { type Language, language, useStrings } from '../i18n.ts';
import { href, type PageProps, setQuery } from '../router.ts';
import { useMay } from '../session.ts';
import { Badge, Card, type Column, confirm, Dialog, Empty, Failure, Icon, Page, PagedTable, SelectField, type Shape, Table, Tabs, TextField, toast, toastError, type Tone, Waiting } from '../ui/index.ts';
import { duration, now, number, shortTime, since, time } from '../ui/format.ts';
import { common } from '../ui/strings.ts';
import { words } from './alerts.strings.ts';

interface Alert {
  id: string | number;
  rule: string;
  severity: string;
  state: 'pending' | 'firing' | 'resolved';
  integration: string | null;
  since: string;
  ended?: string | null;
  count: number;
  summary: string;
  detail?: string | null;
  action?: string | null;
  /** What sluice does about it by itself. */
  doing?: string | null;
  silenced?: boolean;
}
interface Silence {
  id: string | number;
  rule?: string | null;
  integration?: string | null;
  until: string;
  comment: string;
  user: string | null;
}
interface Rule {
  rule: string;
  severity: string;
  for: string | null;
  repeat: string | null;
  channels: string[];
  integrations: string[];
  off: boolean;
  factor?: number | null;
  over?: number | null;
}
interface Channel {
  name: string;
  type: string;
  target?: string | null;
  state: string;
  waiting?: number;
  last?: string | null;
  error?: string | null;
}
type Words = typeof words.en;
const RULES = ['run_failed', 'source_down', 'target_down', 'stale', 'dead_letters', 'found_missing', 'no_data', 'quota', 'token_expiring', 'schema_drift', 'disk', 'clock_skew'] as const;

function ruleText(t: Words, rule: string): string {
  return t[`rule_${rule}` as 'rule_stale'] ?? rule;
}

function Severity({ severity }: { severity: string }): JSX.Element {
  const t = useStrings(words);
  const tone: Tone = severity === 'critical' ? 'bad' : severity === 'warning' ? 'warn' : 'info';
  return <Badge tone={tone} shape={severity === 'critical' ? 'cross' : severity === 'warning' ? 'triangle' : 'disc'}>{t[`severity_${severity}` as 'severity_critical'] ?? severity}</Badge>;
}

interface Wish {
  rule: string;
  integration: string;
}

function SilenceDialog({ wish, onClose }: { wish: Wish; onClose: (made: boolean) => void }): JSX.Element {
  const t = useStrings(words);
  const c = useStrings(common);
  const [rule, setRule] = useState(wish.rule);
  const [integration, setIntegration] = useState(wish.integration);
  const [hours, setHours] = useState('4');
  const [comment, setComment] = useState('');
  const make = (event: Event): void => {
    event.preventDefault();
    const until = new Date(now() + Number(hours) * 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z');
    send('POST', '/api/v1/alerts/silences', { ...(rule && { rule }), ...(integration && { integration }), until, comment }).then(() => {
      toast(t.silenced_done);
      onClose(true);
    }, toastError);
  };
  return (
    <Dialog title={t.silence_title} onClose={() => onClose(false)} actions={
      <>
        <button type="button" class="button" onClick={() => onClose(false)}>{c.cancel}</button>
        <button form="silence" class="button primary" disabled={!comment.trim()}>{t.silence}</button>
      </>
    }>
      <p>{t.silence_text}</p>
      <form id="silence" class="fields" onSubmit={make}>
        <SelectField label={t.rule} value={rule} onChange={setRule} options={[['', t.all_rules], ...RULES.map((r) => [r, ruleText(t, r)] as const)]} />
        <TextField label={t.integration} value={integration} onInput={setIntegration} placeholder={t.all_integrations} optional />
        <SelectField label={t.silence_for} value={hours} onChange={setHours} options={[['1', t.hour_1], ['4', t.hour_4], ['24', t.day_1], ['168', t.day_7]]} />
        <TextField label={t.comment} value={comment} onInput={setComment} required autofocus />
      </form>
    </Dialog>
  );
}

function AlertCard({ alert: a, onSilence }: { alert: Alert; onSilence: (wish: Wish) => void }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const operator = useMay('operator');
  return (
    <article class={`card alert-card tone-${a.severity === 'critical' ? 'bad' : a.severity === 'warning' ? 'warn' : 'info'}`}>
      <div class="row">
        <Severity severity={a.severity} />
        <Badge tone={a.state === 'firing' ? 'bad' : 'quiet'} shape={a.state === 'firing' ? 'play' : 'half'}>{t[`state_${a.state}`]}</Badge>
        {a.silenced && <Badge tone="quiet" shape="bars">{t.silenced}</Badge>}
        <span class="muted">{ruleText(t, a.rule)} · {t.since(shortTime(a.since))} ({since(a.since, lang)}){a.count > 1 && ` · ${t.times(number(a.count))}`}</span>
      </div>
      <div class="row spread alert-line">
        <div class="stack-small">
          <h2 class="alert-title">{a.summary}</h2>
          {a.detail && <p class="muted">{a.detail}</p>}
          {a.doing && <p class="muted">{a.doing}</p>}
          {a.action && <p><strong>{t.do}:</strong> {a.action}</p>}
        </div>
        <div class="row">
          {a.integration && <a class="button small" href={href('/integrations/:name', { name: a.integration })}>{a.integration}</a>}
          {operator && !a.silenced && <button type="button" class="button small" onClick={() => onSilence({ rule: a.rule, integration: a.integration ?? '' })}><Icon name="mute" size={14} />{t.silence}</button>}
        </div>
      </div>
    </article>
  );
}

function Firing({ alerts, onSilence }: { alerts: readonly Alert[]; onSilence: (wish: Wish) => void }): JSX.Element {
  const t = useStrings(words);
  const order = [...alerts].sort((a, b) => Number(a.silenced ?? false) - Number(b.silenced ?? false) || a.state.localeCompare(b.state) || a.severity.localeCompare(b.severity));
  if (!alerts.length) return <Card><Empty title={t.quiet}>{t.quiet_text}</Empty></Card>;
  return <div class="stack">{order.map((a) => <AlertCard key={a.id} alert={a} onSilence={onSilence} />)}</div>;
}

function History(): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const columns: Column<Alert>[] = [
    { key: 'severity', head: t.severity, width: '110px', cell: (a) => <Severity severity={a.severity} /> },
    { key: 'what', head: t.what, width: 'minmax(0, 3fr)', cell: (a) => <span title={a.detail ?? ''}>{a.summary}</span> },
    { key: 'integration', head: t.integration, width: 'minmax(0, 1fr)', wide: true, cell: (a) => a.integration && <a href={href('/integrations/:name', { name: a.integration })}>{a.integration}</a> },
    { key: 'began', head: t.began, width: '160px', wide: true, cell: (a) => time(a.since) },
    { key: 'lasted', head: t.lasted, width: '100px', numeric: true, cell: (a) => (a.ended ? duration(Date.parse(a.ended) - Date.parse(a.since), lang) : '–') },
  ];
  return (
    <Card flush>
      <PagedTable label={t.history} source="history" columns={columns} id={(a) => `${a.id}/${a.since}`} empty={<Empty icon="history" title={t.no_history} />}
        load={async (before, signal) => {
          const page = await get<{ alerts: Alert[]; next: string | number | null }>(address('/alerts/history', {}, { limit: 200, before, lang }), signal);
          return { items: page.alerts, next: page.next || null };
        }} />
    </Card>
  );
}

function Silences({ list, reload, onNew }: { list: readonly Silence[]; reload: () => void; onNew: () => void }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const operator = useMay('operator');
  const end = async (s: Silence): Promise<void> => {
    if (!(await confirm({ title: t.unsilence, body: <p>{ruleText(t, s.rule ?? '') || t.all_rules} · {s.integration ?? t.all_integrations} · {s.comment}</p>, action: t.unsilence }))) return;
    await send('DELETE', address('/alerts/silences/:id', { id: s.id })).then(() => toast(t.unsilenced), toastError);
    reload();
  };
  const columns: Column<Silence>[] = [
    { key: 'rule', head: t.rule, cell: (s) => (s.rule ? ruleText(t, s.rule) : t.all_rules) },
    { key: 'integration', head: t.integration, cell: (s) => s.integration ?? t.all_integrations },
    { key: 'until', head: t.until, cell: (s) => <>{shortTime(s.until)} <span class="muted">({since(s.until, lang)})</span></> },
    { key: 'comment', head: t.comment, wide: true, cell: (s) => s.comment },
    { key: 'by', head: t.by, wide: true, cell: (s) => s.user ?? '–' },
    { key: 'end', head: <span class="visually-hidden">{t.unsilence}</span>, numeric: true, cell: (s) => operator && <button type="button" class="button small" onClick={() => void end(s)}>{t.unsilence}</button> },
  ];
  return (
    <Card title={t.silences} flush actions={operator && <button type="button" class="button small" onClick={onNew}><Icon name="plus" size={14} />{t.new_silence}</button>}>
      <Table label={t.silences} columns={columns} items={list} id={(s) => s.id} empty={<Empty icon="mute" title={t.no_silences} />} />
    </Card>
  );
}

/** Rules about time are told in milliseconds. */
const OF_TIME = new Set(['token_expiring', 'clock_skew', 'no_data']);

function threshold(rule: Rule, t: Words, lang: Language): string {
  if (rule.factor) return t.factor(number(rule.factor));
  if (rule.over === undefined || rule.over === null) return '–';
  return OF_TIME.has(rule.rule) ? duration(rule.over, lang) : t.over(number(rule.over));
}

function Rules(): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const { data, error, reload } = useApi<{ rules: Rule[] }>(address('/alerts/rules', {}, { lang }));
  const columns: Column<Rule>[] = [
    { key: 'state', head: t.state, cell: (r) => <Badge tone={r.off ? 'quiet' : 'ok'} shape={r.off ? 'dash' : 'disc'}>{r.off ? t.off : t.on}</Badge> },
    { key: 'rule', head: t.rule, cell: (r) => <>{ruleText(t, r.rule)} <span class="mono muted">{r.rule}</span></> },
    { key: 'severity', head: t.severity, cell: (r) => <Severity severity={r.severity} /> },
    { key: 'threshold', head: t.threshold, wide: true, cell: (r) => threshold(r, t, lang) },
    { key: 'for', head: t.waits, wide: true, cell: (r) => r.for ?? '–' },
    { key: 'repeat', head: t.repeat, wide: true, cell: (r) => r.repeat ?? '–' },
    { key: 'to', head: t.goes_to, wide: true, cell: (r) => (r.channels.length ? r.channels.join(', ') : t.all_channels) },
    { key: 'integrations', head: t.integration, wide: true, cell: (r) => (!r.integrations.length || r.integrations.includes('*') ? t.all_integrations : r.integrations.join(', ')) },
  ];
  if (error && !data) return <Failure error={error} retry={reload} />;
  return data ? <Card flush><Table label={t.rules} columns={columns} items={data.rules} id={(r) => `${r.rule}/${r.integrations.join()}/${r.severity}`} /></Card> : <Waiting />;
}

const CHANNEL_STATES: Record<string, readonly [Tone, Shape]> = { ok: ['ok', 'disc'], failing: ['bad', 'cross'], broken: ['odd', 'diamond'], banned: ['warn', 'bars'] };

function ChannelCard({ channel: c, onTest }: { channel: Channel; onTest: () => void }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const operator = useMay('operator');
  const [busy, setBusy] = useState(false);
  const test = (): void => {
    setBusy(true);
    send<{ ok: boolean; message: string }>('POST', address('/alerts/channels/:name/test', { name: c.name }))
      .then((told) => (told.ok ? toast(t.test_sent, told.message) : toastError(`${c.name}: ${told.message}`)), toastError)
      .finally(() => {
        setBusy(false);
        onTest();
      });
  };
  const [tone, shape] = CHANNEL_STATES[c.state] ?? ['quiet', 'ring'];
  const text = t[`channel_${c.state}` as 'channel_ok'] ?? c.state;
  return (
    <article class="card stack" aria-label={c.name}>
      <div class="row spread"><div><h2 class="card-title">{c.name}</h2><p class="muted">{c.type}</p></div><Badge tone={tone} shape={shape}>{text}</Badge></div>
      {c.target && <p class="mono muted">{c.target}</p>}
      {c.error && <p class="text-bad">{c.error}</p>}
      <div class="row spread">
        <span class="muted">{[c.waiting ? t.queued(number(c.waiting)) : '', c.last ? t.last_sent(since(c.last, lang)) : ''].filter(Boolean).join(' · ')}</span>
        {operator && <button type="button" class="button small" disabled={busy} onClick={test}><Icon name="play" size={13} />{t.test}<span class="visually-hidden"> {c.name}</span></button>}
      </div>
    </article>
  );
}

function Channels(): JSX.Element {
  const t = useStrings(words);
  const { data, error, reload } = useApi<{ channels: Channel[] }>('/api/v1/alerts/channels');
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Waiting />;
  if (!data.channels.length) return <Card><Empty icon="alerts" title={t.no_channels}>{t.no_channels_text}</Empty></Card>;
  return <div class="grid-auto">{data.channels.map((c) => <ChannelCard key={c.name} channel={c} onTest={reload} />)}</div>;
}

export default function AlertsPage({ query }: PageProps): JSX.Element {
  const t = useStrings(words);
  const view = query.get('view') ?? 'firing';
  const lang = useCell(language);
  const alerts = useApi<{ alerts: Alert[] }>(address('/alerts', {}, { lang }));
  const silences = useApi<{ silences: Silence[] }>('/api/v1/alerts/silences');
  const [wish, setWish] = useState<Wish>();
  useEvent('alert', alerts.reload);
  useEvent('resync', alerts.reload);
  const silenced = silences.data?.silences ?? [];
  // a silence that was just made is seen before the alert is judged anew
  const held = (a: Alert): boolean => silenced.some((s) => (!s.rule || s.rule === a.rule) && (!s.integration || s.integration === a.integration));
  const list = (alerts.data?.alerts ?? []).map((a) => ({ ...a, silenced: a.silenced || held(a) }));
  const tabs = [
    { key: 'firing', text: t.firing, count: list.filter((a) => a.state === 'firing').length },
    { key: 'history', text: t.history },
    { key: 'silences', text: t.silences, count: silenced.length },
    { key: 'rules', text: t.rules },
    { key: 'channels', text: t.channels },
  ];
  return (
    <Page title={t.title}>
      {alerts.error && !alerts.data && <Failure error={alerts.error} retry={alerts.reload} />}
      <Tabs label={t.parts} tabs={tabs} value={view} onChange={(key) => setQuery({ view: key === 'firing' ? undefined : key })}>
        {view === 'firing' && (alerts.data ? <Firing alerts={list} onSilence={setWish} /> : !alerts.error && <Waiting />)}
        {view === 'history' && <History />}
        {view === 'silences' && <Silences list={silenced} reload={silences.reload} onNew={() => setWish({ rule: '', integration: '' })} />}
        {view === 'rules' && <Rules />}
        {view === 'channels' && <Channels />}
      </Tabs>
      {wish && <SilenceDialog wish={wish} onClose={(made) => {
        setWish(undefined);
        if (!made) return;
        silences.reload();
        alerts.reload();
      }} />}
    </Page>
  );
}
