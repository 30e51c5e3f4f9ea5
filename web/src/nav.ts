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
];

export const routes: readonly Route[] = [
  { path: '/', load: () => import('./pages/overview.tsx') },
  { path: '/integrations/:name', load: () => import('./pages/integration.tsx') },
];
