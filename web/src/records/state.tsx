// The state of a record or of a dead letter: a word, a shape and a tone.
import { type JSX } from 'preact';
import { useStrings } from '../i18n.ts';
import { Badge, type Shape, type Tone } from '../ui/index.ts';
import { words } from './strings.ts';

const LOOKS: Record<string, readonly [Tone, Shape]> = {
  done: ['ok', 'disc'],
  waiting: ['info', 'half'],
  filtered: ['quiet', 'dash'],
  folded: ['quiet', 'ring'],
  repeat: ['quiet', 'ring'],
  error: ['bad', 'cross'],
  retried: ['ok', 'disc'],
  dropped: ['quiet', 'dash'],
  superseded: ['quiet', 'ring'],
};

export function RecordState({ state }: { state: string }): JSX.Element {
  const t = useStrings(words);
  const [tone, shape] = LOOKS[state] ?? ['quiet', 'ring'];
  return <Badge tone={tone} shape={shape}>{t[`state_${state}` as 'state_done'] ?? state}</Badge>;
}
