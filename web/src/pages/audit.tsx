// Who did what: the append-only log of everything that changed something.
import { type JSX } from 'preact';
import { useState } from 'preact/hooks';
import { address, get } from '../api.ts';
import { useStrings } from '../i18n.ts';
import { Badge, Card, type Column, Dialog, Empty, Page, PagedTable } from '../ui/index.ts';
import { time } from '../ui/format.ts';
import { words } from './audit.strings.ts';

interface Entry {
  at: string;
  user: string | null;
  address: string | null;
  method: string;
  path: string;
  status: number;
  before: unknown;
  after: unknown;
  hash: string;
}

/** The path as a person reads it: without the prefix, names decoded. */
export function readable(path: string): string {
  const bare = path.replace(/^\/api\/v1/, '');
  try {
    return decodeURI(bare);
  } catch {
    return bare;
  }
}

function EntryDialog({ entry: e, onClose }: { entry: Entry; onClose: () => void }): JSX.Element {
  const t = useStrings(words);
  const text = (value: unknown): string => (value === null || value === undefined ? '–' : JSON.stringify(value, null, 2));
  return (
    <Dialog title={`${e.method} ${readable(e.path)}`} size="side" onClose={onClose}>
      <dl class="facts">
        <dt>{t.at}</dt><dd>{time(e.at)}</dd>
        <dt>{t.user}</dt><dd>{e.user ?? t.local}</dd>
        <dt>{t.address}</dt><dd>{e.address ?? '–'}</dd>
        <dt>{t.status}</dt><dd>{e.status}</dd>
        <dt>{t.hash}</dt><dd class="mono">{e.hash}</dd>
      </dl>
      <h3>{t.before}</h3><pre class="block">{text(e.before)}</pre>
      <h3>{t.after}</h3><pre class="block">{text(e.after)}</pre>
    </Dialog>
  );
}

export default function AuditPage(): JSX.Element {
  const t = useStrings(words);
  const [shown, setShown] = useState<Entry>();
  const columns: Column<Entry>[] = [
    { key: 'at', head: t.at, width: '160px', cell: (e) => <button type="button" class="link" onClick={() => setShown(e)}>{time(e.at)}</button> },
    { key: 'user', head: t.user, width: '120px', cell: (e) => e.user ?? <span class="muted">{t.local}</span> },
    { key: 'address', head: t.address, width: '120px', wide: true, cell: (e) => <span class="mono muted">{e.address}</span> },
    { key: 'what', head: t.what, width: 'minmax(0, 4fr)', wide: true, cell: (e) => <span class="mono"><strong>{e.method}</strong> {readable(e.path)}</span> },
    { key: 'status', head: t.status, width: '80px', numeric: true, cell: (e) => <Badge tone={e.status < 400 ? 'ok' : 'bad'} shape={e.status < 400 ? 'disc' : 'cross'}>{e.status}</Badge> },
  ];
  return (
    <Page title={t.title} sub={<span>{t.sub}</span>}>
      <Card flush>
        <PagedTable label={t.title} source="audit" columns={columns} id={(e) => e.hash} onOpen={setShown} empty={<Empty icon="audit" title={t.none} />}
          load={async (before, signal) => {
            const page = await get<{ entries: Entry[]; next: string | number | null }>(address('/audit', {}, { limit: 200, before }), signal);
            return { items: page.entries, next: page.next ?? null };
          }} />
      </Card>
      {shown && <EntryDialog entry={shown} onClose={() => setShown(undefined)} />}
    </Page>
  );
}
