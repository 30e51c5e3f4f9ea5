// A state, told by a word, a shape and a colour.
import { type ComponentChildren, type JSX } from 'preact';
import { type State } from '../api.ts';
import { useStrings } from '../i18n.ts';
import { common } from './strings.ts';

export type Tone = 'ok' | 'info' | 'warn' | 'bad' | 'odd' | 'quiet';

export const TONES: Record<State, Tone> = {
  running: 'info',
  waiting: 'quiet',
  ok: 'ok',
  late: 'warn',
  failing: 'bad',
  broken: 'odd',
  paused: 'quiet',
  disabled: 'quiet',
  new: 'quiet',
};

const SHAPES = {
  disc: <circle cx="6" cy="6" r="4" />,
  play: <path d="M3 1.500l7.500 4.500L3 10.500z" />,
  half: <path d="M6 1.500a4.500 4.500 0 0 1 0 9z M6 1.500a4.500 4.500 0 0 0 0 9" class="shape-open" />,
  triangle: <path d="M6 1l5.500 10H.5z" />,
  cross: <path d="M2.200 1 6 4.800 9.800 1 11 2.200 7.200 6 11 9.800 9.800 11 6 7.200 2.200 11 1 9.800 4.800 6 1 2.200z" />,
  diamond: <path d="M6 .5 11.500 6 6 11.500.5 6z" />,
  bars: <path d="M2.500 1.500h2.500v9H2.500zM7 1.500h2.500v9H7z" />,
  ring: <circle cx="6" cy="6" r="3.800" class="shape-open" />,
  dash: <path d="M1.500 5h9v2h-9z" />,
} as const;
export type Shape = keyof typeof SHAPES;

const OF_STATE: Record<State, Shape> = {
  running: 'play',
  waiting: 'half',
  ok: 'disc',
  late: 'triangle',
  failing: 'cross',
  broken: 'diamond',
  paused: 'bars',
  disabled: 'dash',
  new: 'ring',
};

export function Shape({ name, size = 11 }: { name: Shape; size?: number }): JSX.Element {
  return (
    <svg class="shape" viewBox="0 0 12 12" width={size} height={size} aria-hidden="true" focusable="false">
      {SHAPES[name]}
    </svg>
  );
}

/** <Badge tone="bad" shape="cross">Failed</Badge> */
export function Badge({ tone, shape, title, children }: { tone: Tone; shape?: Shape; title?: string; children: ComponentChildren }): JSX.Element {
  return (
    <span class={`badge tone-${tone}`} title={title}>
      {shape && <Shape name={shape} />}
      <span>{children}</span>
    </span>
  );
}

export function StateBadge({ state, title }: { state: State; title?: string | null }): JSX.Element {
  const t = useStrings(common);
  return (
    <span class={`badge state tone-${TONES[state] ?? 'quiet'}${state === 'running' ? ' is-running' : ''}`} title={title ?? undefined}>
      <Shape name={OF_STATE[state] ?? 'ring'} />
      <span>{t[`state_${state}`] ?? state}</span>
    </span>
  );
}
