// The frame: navigation, what the connection does, language and theme, and the head of each page.
import { type ComponentChildren, type JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { address, get, send } from '../api.ts';
import { useCell } from '../cell.ts';
import { connection, useEvent } from '../events.ts';
import { type Language, language, setLanguage, useStrings } from '../i18n.ts';
import { entries } from '../nav.ts';
import { go, href, place } from '../router.ts';
import { allowed, session } from '../session.ts';
import { setTheme, type Theme, theme } from '../theme.ts';
import { Shape } from './badge.tsx';
import { Dialog } from './dialog.tsx';
import { Segments } from './form.tsx';
import { Icon, type IconName, Mark } from './icons.tsx';
import { useKeys } from './keys.ts';
import { common } from './strings.ts';
import { toastError } from './toast.tsx';

export function Switches(): JSX.Element {
  const t = useStrings(common);
  return (
    <div class="switches">
      <Segments<Language> label={t.language} value={useCell(language)} onChange={setLanguage} options={[['zh', '中文'], ['en', 'English']]} />
      <div class="segments" role="group" aria-label={t.theme}>
        {([['light', 'sun', t.theme_light], ['dark', 'moon', t.theme_dark], ['system', 'system', t.theme_system]] as [Theme, IconName, string][]).map(([key, icon, text]) => (
          <ThemeButton key={key} value={key} icon={icon} text={text} />
        ))}
      </div>
    </div>
  );
}

function ThemeButton({ value, icon, text }: { value: Theme; icon: IconName; text: string }): JSX.Element {
  return (
    <button type="button" aria-pressed={useCell(theme) === value} aria-label={text} title={text} onClick={() => setTheme(value)}>
      <Icon name={icon} size={15} />
    </button>
  );
}

function Connection(): JSX.Element {
  const t = useStrings(common);
  const state = useCell(connection);
  return (
    <p class={`connection tone-${state === 'live' ? 'ok' : state === 'lost' ? 'bad' : 'quiet'}`} role="status">
      <Shape name={state === 'live' ? 'disc' : state === 'lost' ? 'cross' : 'ring'} size={9} />
      {state === 'live' ? t.live : state === 'lost' ? t.lost : t.connecting}
    </p>
  );
}

function Account(): JSX.Element | null {
  const t = useStrings(common);
  const known = useCell(session);
  if (!known?.user) return null;
  const leave = (): void => {
    send('DELETE', '/api/v1/session').then(() => location.reload(), toastError);
  };
  const role = known.role && known.role !== 'none' ? t[`role_${known.role}`] : '';
  return (
    <div class="account">
      <Icon name="user" />
      <span>{t.signed_in(known.user, role)}</span>
      <button type="button" class="button ghost icon-only" aria-label={t.sign_out} title={t.sign_out} onClick={leave}><Icon name="out" size={16} /></button>
    </div>
  );
}

function Keys({ onClose }: { onClose: () => void }): JSX.Element {
  const t = useStrings(common);
  const role = useCell(session)?.role;
  return (
    <Dialog title={t.keys} onClose={onClose}>
      <dl class="keys">
        {entries.filter((e) => allowed(role, e.role)).map((e) => (
          <div key={e.path}><dt><kbd>g</kbd> <kbd>{e.key}</kbd></dt><dd>{t[e.text]}</dd></div>
        ))}
        <div><dt><kbd>/</kbd></dt><dd>{t.keys_search}</dd></div>
        <div><dt><kbd>↑</kbd> <kbd>↓</kbd> <kbd>Enter</kbd></dt><dd>{t.keys_move}</dd></div>
        <div><dt><kbd>Esc</kbd></dt><dd>{t.keys_close}</dd></div>
        <div><dt><kbd>?</kbd></dt><dd>{t.keys_this}</dd></div>
      </dl>
    </Dialog>
  );
}

function BrokenFiles(): JSX.Element | null {
  const t = useStrings(common);
  const [broken, setBroken] = useState(0);
  useEvent('project', () => {
    // when the answer fails, what was known stays
    get<{ errors: number }>(address('/check')).then((answer) => setBroken(answer.errors), () => undefined);
  });
  return broken ? <div class="banner tone-odd" role="status"><Shape name="diamond" /> {t.broken_files(broken)}</div> : null;
}

export function Shell({ children }: { children: ComponentChildren }): JSX.Element {
  const t = useStrings(common);
  const known = useCell(session);
  const { path } = useCell(place);
  const [open, setOpen] = useState(false);
  const [keys, setKeys] = useState(false);
  const mine = entries.filter((e) => allowed(known?.role, e.role));
  useEffect(() => setOpen(false), [path]);
  useKeys({
    '?': () => setKeys(true),
    '/': () => document.querySelector<HTMLElement>('main input[type=search]')?.focus(),
    ...Object.fromEntries(mine.map((e) => [`g ${e.key}`, () => go(href(e.path))])),
  });
  const here = (to: string): boolean => (to === '/' ? path === '/' || path.startsWith('/integrations/') : path.startsWith(to));
  return (
    <div class={`shell ${open ? 'is-open' : ''}`}>
      <a class="skip" href="#main" onClick={(e) => {
        e.preventDefault();
        document.getElementById('main')?.focus();
      }}>{t.skip}</a>
      <header class="side">
        <div class="brand">
          <a href="/"><Mark /><span class="brand-name">sluice</span></a>
          <span class="brand-project" title={known?.project}>{known?.project}</span>
          <button type="button" class="button ghost icon-only menu-button" aria-label={t.menu} aria-expanded={open} onClick={() => setOpen(!open)}>
            <Icon name={open ? 'close' : 'menu'} />
          </button>
        </div>
        <nav class="nav" aria-label={t.navigation}>
          {mine.map((e) => (
            <a key={e.path} href={e.path} aria-current={here(e.path) ? 'page' : undefined}>
              <Icon name={e.icon} />
              <span>{t[e.text]}</span>
              <kbd>g {e.key}</kbd>
            </a>
          ))}
        </nav>
        <div class="side-foot">
          <Connection />
          <Switches />
          <Account />
          <p class="version">
            <span>{known?.version}</span>
            <button type="button" class="link" onClick={() => setKeys(true)}>{t.keys_help} <kbd>?</kbd></button>
          </p>
        </div>
      </header>
      <main id="main" class="main" tabIndex={-1}>
        <BrokenFiles />
        {children}
      </main>
      {keys && <Keys onClose={() => setKeys(false)} />}
    </div>
  );
}

interface PageFrame {
  title: string;
  /** A link back, above the title. */
  back?: { href: string; text: string };
  sub?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** The frame of each page; sets the title of the document too. */
export function Page({ title, back, sub, actions, children }: PageFrame): JSX.Element {
  const project = useCell(session)?.project;
  useEffect(() => {
    document.title = project ? `${title} · ${project} · sluice` : `${title} · sluice`;
  }, [title, project]);
  return (
    <div class="page">
      <header class="page-head">
        <div class="page-title">
          {back && <a class="back" href={back.href}><Icon name="back" size={15} />{back.text}</a>}
          <h1>{title}</h1>
          {sub && <div class="page-sub">{sub}</div>}
        </div>
        {actions && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Card({ title, actions, flush, children }: { title?: ComponentChildren; actions?: ComponentChildren; flush?: boolean; children: ComponentChildren }): JSX.Element {
  return (
    <section class={`card ${flush ? 'flush' : ''}`}>
      {(title || actions) && <header class="card-head">{title && <h2>{title}</h2>}{actions && <div class="card-actions">{actions}</div>}</header>}
      {children}
    </section>
  );
}

/** A figure with its name: <Stat name="Rows today" value="12,345" />. */
export function Stat({ name, value, tone, note, href: to }: { name: string; value: ComponentChildren; tone?: string; note?: ComponentChildren; href?: string }): JSX.Element {
  const body = (
    <>
      <span class="stat-name">{name}</span>
      <span class={`stat-value ${tone ? `tone-${tone}` : ''}`}>{value}</span>
      {note && <span class="stat-note">{note}</span>}
    </>
  );
  return to ? <a class="stat" href={to}>{body}</a> : <div class="stat">{body}</div>;
}

