// What stands where nothing is: why, and what to do.
import { type ComponentChildren, type JSX } from 'preact';
import { type ApiError } from '../api.ts';
import { useStrings } from '../i18n.ts';
import { Icon, type IconName } from './icons.tsx';
import { common } from './strings.ts';

export function Empty({ icon = 'check', title, children }: { icon?: IconName; title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <span class="empty-icon"><Icon name={icon} size={26} /></span>
      <p class="empty-title">{title}</p>
      {children && <div class="empty-text">{children}</div>}
    </div>
  );
}

/** An error of the API where its answer would stand; `retry` asks again. */
export function Failure({ error, retry }: { error: ApiError; retry?: () => void }): JSX.Element {
  const t = useStrings(common);
  return (
    <div class="note tone-bad" role="alert">
      <Icon name="alert" />
      <div>
        <p><strong>{error.code === 'network' ? t.offline : error.message}</strong></p>
        {error.hint && <p>{error.hint}</p>}
      </div>
      {retry && <button type="button" class="button small" onClick={retry}>{t.retry}</button>}
    </div>
  );
}

/** Grey bars while the first answer is on its way. */
export function Waiting({ lines = 5 }: { lines?: number }): JSX.Element {
  const t = useStrings(common);
  return (
    <div class="skeleton" role="status" aria-label={t.loading}>
      {Array.from({ length: lines }, (_, i) => <span key={i} class="skeleton-line" />)}
    </div>
  );
}
