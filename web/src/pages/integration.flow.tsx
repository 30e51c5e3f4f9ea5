// What flows at this moment: source, journal, shape, target; how fast, and where it waits.
import { type JSX } from 'preact';
import { type Live, type Row } from '../api.ts';
import { useCell } from '../cell.ts';
import { language, useStrings } from '../i18n.ts';
import { Card, Icon, type IconName } from '../ui/index.ts';
import { number, shortTime, since } from '../ui/format.ts';
import { words } from './integration.strings.ts';

type Stage = 'source' | 'journal' | 'shape' | 'target';
const STAGES: readonly { key: Stage; icon: IconName }[] = [
  { key: 'source', icon: 'download' },
  { key: 'journal', icon: 'log' },
  { key: 'shape', icon: 'metadata' },
  { key: 'target', icon: 'records' },
];
const WAITS: Record<string, Stage> = { quota: 'source', source: 'source', journal: 'journal', shape: 'shape', target: 'target' };

/** What a sentence such as "waiting for the target" waits for: a key of WAITS, or null. */
function waitsFor(waiting: string): string | null {
  return Object.keys(WAITS).find((word) => waiting.toLowerCase().includes(word)) ?? null;
}

/** The stage that a reason to wait belongs to; the source if it is none we know. */
export function stageOf(waiting: string | null | undefined): Stage | null {
  return waiting ? (WAITS[waitsFor(waiting) ?? 'source'] ?? 'source') : null;
}

/** What a run does, in the language of the moment; a sentence that is not known stays as the server says it. */
function doing(live: Live, t: typeof words.en): string {
  const what = live.waiting && waitsFor(live.waiting);
  if (what) return t.waits_for(t[`wait_${what}` as 'wait_quota'] ?? what);
  return { reading: t.doing_reading, 'writing what is left': t.doing_writing }[live.doing] ?? live.doing;
}

function figures(key: Stage, live: Live, t: typeof words.en): readonly [string, string] {
  const c = live.counts;
  switch (key) {
    case 'source':
      return [t.calls_s(number(live.rates.calls)), live.quota_left === null ? `${number(c['calls'])} ${t.calls}` : t.quota_left(number(live.quota_left))];
    case 'journal':
      return [t.records_s(number(live.rates.records)), t.in_queue(number(live.queues.journal))];
    case 'shape':
      return [`${number(c['records'])} ${t.recs}`, t.in_queue(number(live.queues.shape))];
    case 'target':
      return [t.rows_s(number(live.rates.rows)), t.in_queue(number(live.queues.write))];
  }
}

export function Flow({ row, live }: { row: Row; live: Live | null }): JSX.Element {
  const t = useStrings(words);
  const lang = useCell(language);
  const stuck = stageOf(live?.waiting);
  return (
    <Card title={t.flow} actions={live && <span class="muted">{t[`kind_${live.kind}` as 'kind_main'] ?? live.kind} · {t.running_for(shortTime(live.since))}</span>}>
      <ol class={`flow ${live ? 'is-live' : ''}`}>
        {STAGES.map(({ key, icon }) => {
          const [first, second] = live ? figures(key, live, t) : ['', ''];
          const waiting = stuck === key;
          return (
            <li key={key} class={`flow-stage ${waiting ? 'tone-warn is-stuck' : ''}`}>
              <span class="flow-icon"><Icon name={icon} size={20} /></span>
              <span class="flow-name">{t[key]}</span>
              {live && <span class="flow-rate">{first}</span>}
              {live && <span class="flow-note">{second}</span>}
              {waiting && <span class="flow-wait"><Icon name="history" size={13} />{t.waits}</span>}
            </li>
          );
        })}
      </ol>
      {live ? (
        <div class="flow-foot">
          <progress max={1000} value={live.permille} aria-label={t.progress} />
          <span class="strong">{(live.permille / 10).toFixed(1)} %</span>
          <span class="muted">{doing(live, t)}</span>
          {live.window && <span class="muted">{t.window_now(shortTime(live.window.from), shortTime(live.window.to))}</span>}
        </div>
      ) : (
        <p class="flow-foot muted">
          {row.next && !row.paused ? t.idle(`${shortTime(row.next)} (${since(row.next, lang)})`) : t.idle_none}
          {row.last && ` ${t.last_run}: ${since(row.last.started, lang)}`}
        </p>
      )}
    </Card>
  );
}
