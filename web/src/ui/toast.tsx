// Short messages at the edge, read out by screen readers: toast('Saved'), toastError(error).
import { type JSX } from 'preact';
import { ApiError } from '../api.ts';
import { cell, useCell } from '../cell.ts';
import { useStrings } from '../i18n.ts';
import { Icon } from './icons.tsx';
import { common } from './strings.ts';

interface Toast {
  id: number;
  tone: 'ok' | 'bad';
  text: string;
  hint?: string;
}

const toasts = cell<readonly Toast[]>([]);
let last = 0;

function dismiss(id: number): void {
  toasts.set(toasts.get().filter((t) => t.id !== id));
}

function show(tone: Toast['tone'], text: string, hint?: string): void {
  const id = ++last;
  toasts.set([...toasts.get().slice(-3), { id, tone, text, hint }]);
  setTimeout(() => dismiss(id), tone === 'ok' ? 5000 : 15_000);
}

export function toast(text: string, hint?: string): void {
  show('ok', text, hint);
}

export function toastError(error: unknown): void {
  if (error instanceof ApiError) show('bad', error.message, error.hint);
  else show('bad', String(error));
}

export function Toasts(): JSX.Element {
  const t = useStrings(common);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {useCell(toasts).map((item) => (
        <div key={item.id} class={`toast tone-${item.tone}`}>
          <Icon name={item.tone === 'ok' ? 'check' : 'alert'} />
          <div>
            <p>{item.text}</p>
            {item.hint && <p class="muted">{item.hint}</p>}
          </div>
          <button type="button" class="button ghost icon-only" aria-label={t.close} onClick={() => dismiss(item.id)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}
