// The dashboard begins: language, theme, who looks; then the page of the address, loaded when it is first shown.
import { type ComponentType, type JSX, render } from 'preact';
import { useEffect, useErrorBoundary, useRef, useState } from 'preact/hooks';
import { ApiError, get } from './api.ts';
import { useCell } from './cell.ts';
import { startEvents, stopEvents } from './events.ts';
import { startLanguage, useStrings } from './i18n.ts';
import { routes } from './nav.ts';
import { Login, Setup } from './pages/login.tsx';
import { match, type PageProps, type Params, place, startRouter } from './router.ts';
import { type Session, session } from './session.ts';
import { startTheme } from './theme.ts';
import { Empty, Failure, Waiting } from './ui/empty.tsx';
import { setZone } from './ui/format.ts';
import { Page, Shell } from './ui/layout.tsx';
import { common } from './ui/strings.ts';
import { Toasts } from './ui/toast.tsx';

const loaded = new Map<string, ComponentType<PageProps>>();

function find(path: string): { pattern: string; params: Params } | null {
  for (const route of routes) {
    const params = match(route.path, path);
    if (params) return { pattern: route.path, params };
  }
  return null;
}

function load(pattern: string): Promise<void> {
  const route = routes.find((r) => r.path === pattern)!;
  return route.load().then((module) => void loaded.set(pattern, module.default));
}

function Outlet(): JSX.Element {
  const t = useStrings(common);
  const { path, query } = useCell(place);
  const found = find(path);
  const pattern = found?.pattern;
  const [, redraw] = useState(0);
  const shown = useRef<string | undefined>(undefined);
  const [trouble, setTrouble] = useState<string>();
  const [broken, mend] = useErrorBoundary((error: unknown) => console.error(error));
  useEffect(() => {
    setTrouble(undefined);
    if (broken) mend();
    if (!pattern || shown.current === pattern) return;
    load(pattern).then(() => redraw((n) => n + 1), (error: unknown) => setTrouble(String(error)));
  }, [pattern, path]);
  if (!found)
    return <Page title="404"><Empty icon="search" title={t.not_found}><a href="/">{t.to_overview}</a></Empty></Page>;
  if (broken || trouble)
    return <Page title={t.failed}><Failure error={new ApiError(0, 'internal', String(trouble ?? broken), '')} retry={() => location.reload()} /></Page>;
  const Shown = loaded.get(found.pattern);
  shown.current = Shown && found.pattern;
  // a page about one thing begins anew for another thing
  return Shown ? <Shown key={path} params={found.params} query={new URLSearchParams(query)} /> : <div class="page"><Waiting /></div>;
}

function App(): JSX.Element {
  const known = useCell(session);
  const [error, setError] = useState<ApiError>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    get<Session>('/api/v1/session').then(
      (answer) => {
        setError(undefined);
        setZone(answer.timezone);
        session.set(answer);
      },
      (failed: ApiError) => setError(failed),
    );
  }, [turn]);
  const inside = known !== null && !known.setup_required && (!known.login_required || known.user !== null);
  useEffect(() => {
    if (!inside) return;
    startEvents();
    return stopEvents;
  }, [inside]);
  if (error) return <main class="alone"><Failure error={error} retry={() => setTurn(turn + 1)} /></main>;
  if (!known) return <></>;
  if (known.setup_required) return <Setup />;
  if (!inside) return <Login />;
  return <Shell><Outlet /></Shell>;
}

startLanguage();
startTheme();
startRouter();
// the page is fetched while the session is asked for
const first = find(location.pathname);
if (first) void load(first.pattern).catch(() => undefined);
render(<><App /><Toasts /></>, document.getElementById('app')!);
