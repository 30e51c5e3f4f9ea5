// The difference of two texts, line by line, changed words marked. Signs say it too, not colours alone.
import { type JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { useStrings } from '../i18n.ts';
import { diff, type DiffLine, folded } from './diff.ts';
import { words } from './strings.ts';

function Line({ line }: { line: DiffLine }): JSX.Element {
  const t = useStrings(words);
  const sign = { same: ' ', out: '−', in: '+' }[line.kind];
  return (
    <div class={`diff-line is-${line.kind}`}>
      <span class="diff-number">{line.before}</span>
      <span class="diff-number">{line.after}</span>
      <span class="diff-sign" aria-hidden="true">{sign}</span>
      <code>
        {line.kind !== 'same' && <span class="visually-hidden">{t[line.kind]} </span>}
        {line.pieces.map((p) => (p.changed ? <mark>{p.text}</mark> : p.text))}
      </code>
    </div>
  );
}

export function Difference({ label, before, after }: { label: string; before: string; after: string }): JSX.Element {
  const t = useStrings(words);
  const lines = useMemo(() => folded(diff(before, after)), [before, after]);
  if (before === after) return <p class="muted">{t.no_difference}</p>;
  return (
    <div class="diff" role="region" aria-label={t.diff_label(label)} tabIndex={0}>
      {lines.map((line, i) => (line ? <Line key={i} line={line} /> : <div key={i} class="diff-fold">⋯ {t.lines_left}</div>))}
    </div>
  );
}
