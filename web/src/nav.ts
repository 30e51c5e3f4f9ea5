// What stands in the navigation, and the pages. A new page adds a route here, and an entry if it is one of the main ones.
import { type Role } from './api.ts';
import { type Route } from './router.ts';
import { type IconName } from './ui/icons.tsx';

export interface Entry {
  path: string;
  /** The key of its word in ui/strings.ts. */
  text: 'overview' | 'connections' | 'alerts' | 'log' | 'users' | 'audit';
  icon: IconName;
  /** Pressed after g. */
  key: string;
  role: Role;
}

export const entries: readonly Entry[] = [
  { path: '/', text: 'overview', icon: 'overview', key: 'o', role: 'viewer' },
  { path: '/connections', text: 'connections', icon: 'connections', key: 'c', role: 'viewer' },
  { path: '/alerts', text: 'alerts', icon: 'alerts', key: 'a', role: 'viewer' },
  { path: '/log', text: 'log', icon: 'log', key: 'l', role: 'viewer' },
  { path: '/users', text: 'users', icon: 'users', key: 'u', role: 'admin' },
  { path: '/audit', text: 'audit', icon: 'audit', key: 'd', role: 'admin' },
];

export const routes: readonly Route[] = [
  { path: '/', load: () => import('./pages/overview.tsx') },
  { path: '/integrations/:name', load: () => import('./pages/integration.tsx') },
  { path: '/integrations/:name/records', load: () => import('./records/page.tsx') },
  { path: '/integrations/:name/metadata', load: () => import('./metadata/page.tsx') },
  { path: '/connections', load: () => import('./pages/connections.tsx') },
  { path: '/alerts', load: () => import('./pages/alerts.tsx') },
  { path: '/log', load: () => import('./pages/log.tsx') },
  { path: '/users', load: () => import('./pages/users.tsx') },
  { path: '/audit', load: () => import('./pages/audit.tsx') },
];
