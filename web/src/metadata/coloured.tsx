// JSON as it is written, its parts in colours. The text is text: nothing of it becomes markup.
import { type JSX } from 'preact';
import { read } from './json.ts';

const COLOURS_MAX = 300_000;

export function Coloured({ text }: { text: string }): JSX.Element {
  const parts: (JSX.Element | string)[] = [];
  let at = 0;
  if (text.length <= COLOURS_MAX)
    for (const token of read(text).tokens) {
      if (token.kind === 'punctuation') continue;
      if (token.from > at) parts.push(text.slice(at, token.from));
      parts.push(<span class={`tok-${token.kind}`}>{text.slice(token.from, token.to)}</span>);
      at = token.to;
    }
  parts.push(`${text.slice(at)}\n`);
  return <>{parts}</>;
}
