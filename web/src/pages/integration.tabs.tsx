// The parts of one integration as links: each is an address of its own. Pages of an integration show them below the title.
import { type JSX } from 'preact';
import { useStrings } from '../i18n.ts';
import { href } from '../router.ts';
import { words } from './integration.strings.ts';

export type IntegrationView = 'now' | 'windows' | 'runs' | 'records' | 'metadata';

const VIEWS: readonly { key: IntegrationView; path: string; view?: string }[] = [
  { key: 'now', path: '/integrations/:name' },
  { key: 'windows', path: '/integrations/:name', view: 'windows' },
  { key: 'runs', path: '/integrations/:name', view: 'runs' },
  { key: 'records', path: '/integrations/:name/records' },
  { key: 'metadata', path: '/integrations/:name/metadata' },
];

export function IntegrationTabs({ name, here }: { name: string; here: string }): JSX.Element {
  const t = useStrings(words);
  return (
    <nav class="tab-list" aria-label={t.views}>
      {VIEWS.map((v) => (
        <a key={v.key} href={href(v.path, { name }, { view: v.view })} aria-current={v.key === here ? 'page' : undefined}>{t[v.key]}</a>
      ))}
    </nav>
  );
}
