// Records of an integration and its dead letters.
import { type JSX } from 'preact';
import { useState } from 'preact/hooks';
import { address, type Row, useApi } from '../api.ts';
import { useEvent } from '../events.ts';
import { useStrings } from '../i18n.ts';
import { IntegrationTabs } from '../pages/integration.tabs.tsx';
import { href, type PageProps, setQuery } from '../router.ts';
import { Page, StateBadge, Tabs } from '../ui/index.ts';
import { DeadLetters } from './dead.tsx';
import { RecordList } from './list.tsx';
import { StoryDialog, type Wanted } from './story.tsx';
import { words } from './strings.ts';

const EVERY = ['by', 'what', 'state', 'from', 'to', 'story'];

export default function RecordsPage({ params, query }: PageProps): JSX.Element {
  const t = useStrings(words);
  const name = params['name']!;
  const view = query.get('view') === 'dead' ? 'dead' : 'list';
  const { data, reload, set } = useApi<{ row: Row }>(address('/integrations/:name', { name }));
  const [wanted, setWanted] = useState<Wanted | undefined>(() => (query.get('story') ? { id: query.get('story')! } : undefined));
  useEvent('row', (row) => row.name === name && set((old) => old && { ...old, row }));
  useEvent('resync', reload);
  const row = data?.row;
  const tell = (next: Wanted | undefined): void => {
    setWanted(next);
    setQuery({ story: next?.id });
  };
  const change = (next: string): void => setQuery({ ...Object.fromEntries(EVERY.map((key) => [key, undefined])), view: next === 'dead' ? 'dead' : undefined });
  return (
    <Page
      title={row?.title || name}
      back={{ href: href('/integrations/:name', { name }), text: name }}
      sub={row && <><StateBadge state={row.state} title={row.reason} /><span class="mono">{name}</span></>}
    >
      <IntegrationTabs name={name} here="records" />
      <Tabs label={t.parts} value={view} onChange={change} tabs={[{ key: 'list', text: t.title }, { key: 'dead', text: t.dead_title, count: row?.dead }]}>
        {view === 'dead' ? <DeadLetters name={name} query={query} onStory={tell} /> : <RecordList name={name} query={query} onOpen={tell} />}
      </Tabs>
      {wanted && <StoryDialog name={name} wanted={wanted} onClose={() => tell(undefined)} />}
    </Page>
  );
}
