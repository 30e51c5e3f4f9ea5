// Signing in, and the first account of a new installation.
import { type ComponentChildren, type JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError, get, send } from '../api.ts';
import { useStrings } from '../i18n.ts';
import { type Session, session } from '../session.ts';
import { TextField } from '../ui/form.tsx';
import { Icon, Mark } from '../ui/icons.tsx';
import { Switches } from '../ui/layout.tsx';
import { words } from './login.strings.ts';

function Door({ title, text, children }: { title: string; text: string; children: ComponentChildren }): JSX.Element {
  return (
    <main class="door">
      <div class="door-box card">
        <div class="door-brand"><Mark size={40} /><span class="brand-name">sluice</span></div>
        <h1>{title}</h1>
        <p class="muted">{text}</p>
        {children}
      </div>
      <Switches />
    </main>
  );
}

function useSubmit(act: () => Promise<unknown>): { busy: boolean; error: ApiError | undefined; submit: (e: Event) => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const submit = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    act()
      .then(() => get<Session>('/api/v1/session'))
      .then((next) => session.set(next))
      .catch((failed: unknown) => setError(failed instanceof ApiError ? failed : new ApiError(0, 'internal', String(failed), '')))
      .finally(() => setBusy(false));
  };
  return { busy, error, submit };
}

function Refused({ error }: { error: ApiError | undefined }): JSX.Element | null {
  if (!error) return null;
  return <div class="note tone-bad" role="alert"><Icon name="alert" /><div><p><strong>{error.message}</strong></p>{error.hint && <p>{error.hint}</p>}</div></div>;
}

export function Login(): JSX.Element {
  const t = useStrings(words);
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const { busy, error, submit } = useSubmit(() => send('POST', '/api/v1/session', { user, password }));
  return (
    <Door title={t.login_title} text={t.login_text(session.get()?.project ?? '')}>
      <form class="form" onSubmit={submit}>
        <TextField label={t.user} value={user} onInput={setUser} autocomplete="username" required autofocus />
        <TextField label={t.password} type="password" value={password} onInput={setPassword} autocomplete="current-password" required />
        <Refused error={error} />
        <button class="button primary" disabled={busy}>{t.login}</button>
      </form>
    </Door>
  );
}

export function Setup(): JSX.Element {
  const t = useStrings(words);
  const [token, setToken] = useState(new URLSearchParams(location.search).get('token') ?? '');
  const [user, setUser] = useState('admin');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const differs = again !== '' && again !== password;
  const short = password !== '' && password.length < 10;
  const { busy, error, submit } = useSubmit(() => send('POST', '/api/v1/setup', { token, user, password }));
  return (
    <Door title={t.setup_title} text={t.setup_text}>
      <form class="form" onSubmit={submit}>
        <TextField label={t.token} value={token} onInput={setToken} help={t.token_help} required autofocus />
        <TextField label={t.user} value={user} onInput={setUser} autocomplete="username" required />
        <TextField label={t.password} type="password" value={password} onInput={setPassword} autocomplete="new-password" help={t.password_help} error={short ? t.too_short : null} required />
        <TextField label={t.again} type="password" value={again} onInput={setAgain} autocomplete="new-password" error={differs ? t.differs : null} required />
        <Refused error={error} />
        <button class="button primary" disabled={busy || differs || short || !again}>{t.setup}</button>
      </form>
    </Door>
  );
}
