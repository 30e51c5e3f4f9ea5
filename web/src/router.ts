// Addresses to pages. Paths are real ones (the server answers every page with the same document); a page is loaded when
// it is first shown.
import { type ComponentType } from 'preact';
import { cell } from './cell.ts';

export type Params = Readonly<Record<string, string>>;
export interface PageProps {
  params: Params;
  query: URLSearchParams;
}
export interface Route {
  /** "/integrations/:name/records"; a part with a colon is a parameter. */
  path: string;
  load: () => Promise<{ default: ComponentType<PageProps> }>;
}
export interface Place {
  path: string;
  query: string;
}

/** The parameters of `path` if it fits `pattern`, else null. */
export function match(pattern: string, path: string): Params | null {
  const want = pattern.split('/');
  const have = path.replace(/\/+$/, '').split('/');
  if (pattern === '/') return path === '/' || path === '' ? {} : null;
  if (want.length !== have.length) return null;
  const params: Record<string, string> = {};
  for (let i = 0; i < want.length; i++) {
    const part = want[i]!;
    const given = have[i]!;
    if (part.startsWith(':')) {
      try {
        params[part.slice(1)] = decodeURIComponent(given);
      } catch {
        return null;
      }
    } else if (part !== given) return null;
  }
  return params;
}

/** Fills a pattern: href('/integrations/:name', { name }). Values of `query` that are empty are left out. */
export function href(pattern: string, params: Params = {}, query: Record<string, string | undefined> = {}): string {
  const path = pattern.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(params[key] ?? ''));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value) search.set(key, value);
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

export const place = cell<Place>({ path: '/', query: '' });

function read(): void {
  place.set({ path: location.pathname, query: location.search });
}

export function go(to: string, how: 'push' | 'replace' = 'push'): void {
  if (to === location.pathname + location.search) return;
  const leaving = new URL(to, location.href).pathname !== location.pathname;
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', to);
  read();
  if (leaving) scrollTo(0, 0);
}

/** Keeps what a page is set to in its address, without a step in the history. */
export function setQuery(changes: Record<string, string | undefined>): void {
  const search = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(changes)) value ? search.set(key, value) : search.delete(key);
  const text = search.toString();
  go(location.pathname + (text ? `?${text}` : ''), 'replace');
}

/** Plain links work: a click on one of ours goes through the router. */
export function startRouter(): void {
  addEventListener('popstate', read);
  addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/') || link.pathname === '/metrics') return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
  read();
}
