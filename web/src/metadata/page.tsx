// The documents of an integration: edited with checks as one types, tried out on a real page, saved as versions.
import { type JSX } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { address, ApiError, get, type Row, send, sendForText, useApi } from '../api.ts';
import { useEvent } from '../events.ts';
import { useStrings } from '../i18n.ts';
import { type PageProps, setQuery } from '../router.ts';
import { session, useMay } from '../session.ts';
import { confirm, Dialog, Failure, format, Icon, Page, Tabs, TextField, toast, toastError, Waiting } from '../ui/index.ts';
import { IntegrationTabs } from '../pages/integration.tabs.tsx';
import { type Schema } from './complete.ts';
import { Difference } from './difference.tsx';
import { apply, mapColumn } from './edit.ts';
import { Editor, type Mark, type Order } from './editor.tsx';
import { offsetOf } from './json.ts';
import { changed, type Changes, type Diagnostic, type DocumentName, DOCUMENTS, keepDraft, leaves, loadDraft, type Preview, readPreview, type Saved, type Texts, textsOf } from './model.ts';
import { PreviewPane } from './preview.tsx';
import { words } from './strings.ts';
import { Versions } from './versions.tsx';

const CHECK_AFTER_MS = 350;
const PREVIEW_RECORDS = 5;
const SYSTEM = ['LAST_SYNC_TIME', 'CURRENT_TIME', 'TODAY', 'YESTERDAY', 'MONTH_START', 'DAYS_AGO_1', 'HOUR_AGO_1', 'MINUTE_AGO_10', 'PAGINATION_PAGE_SIZE', 'PAGINATION_START_ROW', 'PAGINATION_PAGE', 'MAX_DATA_ID'];

/** Errors first, then what is said of the integration's own files. */
const weight = (d: Diagnostic): number => (d.severity === 'error' ? 0 : 2) + (d.file.startsWith('integrations/') ? 0 : 1);

/** What the check says of these texts, asked for when one stops typing. */
function useCheck(name: string, changes: Changes): { found: Diagnostic[]; busy: boolean } {
  const [found, setFound] = useState<Diagnostic[]>([]);
  const [busy, setBusy] = useState(true);
  useEffect(() => {
    let late = false;
    setBusy(true);
    const timer = setTimeout(() => {
      send<{ diagnostics: Diagnostic[] }>('POST', address('/integrations/:name/metadata/check', { name }), changes).then(
        (answer) => {
          if (late) return;
          setFound(answer.diagnostics.sort((a, b) => weight(a) - weight(b)));
          setBusy(false);
        },
        (error: unknown) => {
          if (late) return;
          setBusy(false);
          toastError(error);
        },
      );
    }, CHECK_AFTER_MS);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [name, changes]);
  return { found, busy };
}

function Findings({ found, busy, go }: { found: readonly Diagnostic[]; busy: boolean; go: (d: Diagnostic) => void }): JSX.Element {
  const t = useStrings(words);
  const errors = found.filter((d) => d.severity === 'error').length;
  return (
    <section aria-label={t.findings} class="stack-small">
      <p class="muted" role="status">{busy ? t.checking : found.length ? t.counts(format.number(errors), format.number(found.length - errors)) : t.no_findings}</p>
      <ul class="findings">
        {found.map((d, i) => (
          <li key={i} class={`tone-${d.severity === 'error' ? 'bad' : 'warn'}`}>
            <button type="button" class="link mono" aria-label={t.go_to(`${d.file}:${d.line}:${d.column}`)} onClick={() => go(d)}>
              {d.file.replace(/^.*\//, '')}:{d.line}:{d.column}
            </button>
            <span><strong class="findings-kind">{d.severity === 'error' ? t.error : t.warning}</strong> {d.what}{d.remedy && <span class="muted"> · {d.remedy}</span>}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function SaveDialog({ saved, draft, names, onSave, onClose }: { saved: Texts; draft: Changes; names: DocumentName[]; onSave: (comment: string) => Promise<void>; onClose: () => void }): JSX.Element {
  const t = useStrings(words);
  const [comment, setComment] = useState('');
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    await onSave(comment);
    setBusy(false);
  };
  return (
    <Dialog title={t.save_title} size="wide" onClose={onClose} actions={<button type="button" class="button primary" disabled={busy} onClick={() => void save()}>{t.save}</button>}>
      <div class="stack">
        <TextField label={t.comment} value={comment} optional autofocus onInput={(v) => setComment(v.slice(0, 400))} />
        {names.map((d) => (
          <section key={d} class="stack-small"><h3>{t[d]}</h3><Difference label={t[d]} before={saved[d] ?? ''} after={draft[d] ?? ''} /></section>
        ))}
      </div>
    </Dialog>
  );
}

/** Somebody was faster: both are shown, and one says what holds. */
function ConflictDialog({ theirs, mine, onMine, onTheirs, onClose }: { theirs: Texts; mine: Changes; onMine: () => void; onTheirs: () => void; onClose: () => void }): JSX.Element {
  const t = useStrings(words);
  return (
    <Dialog
      title={t.conflict}
      size="wide"
      onClose={onClose}
      actions={
        <>
          <button type="button" class="button" onClick={onClose}>{t.go_on}</button>
          <button type="button" class="button" onClick={onTheirs}>{t.take_theirs}</button>
          <button type="button" class="button primary" onClick={onMine}>{t.keep_mine}</button>
        </>
      }
    >
      <div class="stack">
        <p>{t.conflict_body}</p>
        {DOCUMENTS.filter((d) => mine[d] !== undefined).map((d) => (
          <section key={d} class="stack-small"><h3>{t[d]}</h3><Difference label={t[d]} before={theirs[d] ?? ''} after={mine[d]!} /></section>
        ))}
      </div>
    </Dialog>
  );
}

interface Conflict {
  theirs: Saved;
  comment: string;
}

function Workplace({ name, saved, onSaved, tab }: { name: string; saved: Saved; onSaved: () => void; tab: string }): JSX.Element {
  const t = useStrings(words);
  const admin = useMay('admin');
  const operator = useMay('operator');
  const project = session.get()?.project ?? '';
  const found = useMemo(() => loadDraft(project, name), []);
  const [base, setBase] = useState(found?.base ?? saved.version);
  const [changes, setChanges] = useState<Changes>(() => changed(found?.changes ?? {}, textsOf(saved)));
  const [saving, setSaving] = useState(false);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const [order, setOrder] = useState<(Order & { document: DocumentName }) | null>(null);
  const [preview, setPreview] = useState<{ of: Changes; now: Preview; saved: Preview | null } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [fetching, setFetching] = useState(false);
  const orders = useRef(0);
  const latest = useRef(changes);
  latest.current = changes;
  const texts: Texts = useMemo(() => ({ ...textsOf(saved), ...changes }), [saved, changes]);
  const names = DOCUMENTS.filter((d) => changes[d] !== undefined);
  const dirty = names.length > 0;
  const check = useCheck(name, changes);
  const errors = check.found.some((d) => d.severity === 'error');
  const schemas: Record<DocumentName, Schema | undefined> = {
    source: useApi<Schema>(address('/schemas/source')).data,
    target: useApi<Schema>(address('/schemas/target')).data,
    integration: useApi<Schema>(address('/schemas/integration')).data,
  };
  useEffect(() => keepDraft(project, name, dirty ? { base, changes } : null), [base, changes]);
  useEffect(() => {
    // what is saved by now is no change any more, and without changes one edits what is saved
    const left = changed(latest.current, textsOf(saved));
    setChanges(left);
    if (!Object.keys(left).length) setBase(saved.version);
  }, [saved.version]);

  const edit = (d: DocumentName, text: string): void => setChanges((old) => changed({ ...old, [d]: text }, textsOf(saved)));
  const fetchPreview = (of: Changes): Promise<Preview> =>
    sendForText('POST', address('/integrations/:name/metadata/preview', { name }), { ...of, n: PREVIEW_RECORDS }).then(readPreview);
  const look = async (of: Changes = latest.current): Promise<void> => {
    if (!operator) return;
    setFetching(true);
    setProblem(null);
    try {
      const before = Object.keys(of).length ? await fetchPreview({}).catch(() => null) : null;
      setPreview({ of, now: await fetchPreview(of), saved: before });
    } catch (error) {
      setProblem(error instanceof ApiError ? [error.message, error.hint].filter(Boolean).join(' · ') : String(error));
    }
    setFetching(false);
  };
  const tell = (document: DocumentName, what: Omit<Order, 'id'>): void => {
    setQuery({ tab: document === 'source' ? undefined : document });
    setOrder({ id: ++orders.current, document, ...what });
  };
  const map = (index: number, column: string, field: string): void => {
    const change = texts.target === null ? null : mapColumn(texts.target, index, field);
    if (!change || texts.target === null) {
      toastError(t.not_mapped);
      return;
    }
    tell('target', { edit: change });
    toast(t.mapped_on(field, column));
    void look(changed({ ...latest.current, target: apply(texts.target, change) }, textsOf(saved)));
  };
  const go = (d: Diagnostic): void => {
    const document = DOCUMENTS.find((n) => saved[n].path === d.file);
    if (document) tell(document, { select: offsetOf(texts[document] ?? '', d.line, d.column) });
  };
  const save = async (comment: string, on = base): Promise<void> => {
    try {
      await send('PUT', address('/integrations/:name/metadata', { name }), { ...changes, base: on, comment });
      setSaving(false);
      setConflict(null);
      toast(t.saved);
      onSaved();
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) {
        setConflict({ theirs: await get<Saved>(address('/integrations/:name/metadata', { name })), comment });
        setSaving(false);
      } else toastError(error);
    }
  };
  const askSave = (): void => {
    if (!admin || !dirty) return;
    if (errors) toastError(t.has_errors);
    else setSaving(true);
  };
  const discard = async (): Promise<void> => {
    if (!(await confirm({ title: t.discard_title, body: <p>{t.discard_body}</p>, action: t.discard, danger: true }))) return;
    setChanges({});
    setBase(saved.version);
  };
  const fields = useMemo(
    () => [...new Set([...leaves(preview?.now.rows[0]?.raw ?? '', texts.source).filter((l) => !l.heading).map((l) => l.name), ...SYSTEM])],
    [preview, texts.source],
  );
  const stale = useMemo(() => !!preview && JSON.stringify(preview.of) !== JSON.stringify(changes), [preview, changes]);
  const marks = (d: DocumentName): Mark[] => check.found.filter((f) => f.file === saved[d].path).map((f) => ({ line: f.line, severity: f.severity, what: f.what }));
  return (
    <>
      {dirty && base !== saved.version && <div class="note tone-warn" role="alert"><Icon name="alert" /><p>{t.draft_old}</p></div>}
      <div class="row spread">
        <span class="row">
          {dirty && <span class="badge tone-warn">{t.unsaved}: {names.map((d) => t[d]).join(', ')}</span>}
        </span>
        <span class="row">
          {dirty && <button type="button" class="button" onClick={() => void discard()}>{t.discard}</button>}
          {admin && <button type="button" class="button primary" disabled={!dirty} onClick={askSave}>{t.save}</button>}
        </span>
      </div>
      <Tabs
        label={t.documents}
        value={tab}
        onChange={(key) => setQuery({ tab: key === 'source' ? undefined : key })}
        tabs={[...DOCUMENTS.map((d) => ({ key: d as string, text: t[d], count: marks(d).filter((m) => m.severity === 'error').length })), { key: 'versions', text: t.versions }]}
      >
        {tab === 'versions' && <Versions name={name} saved={saved} draft={texts} dirty={dirty} onRolledBack={onSaved} />}
        <div class="workplace" hidden={tab === 'versions'}>
          <div class="stack workplace-text">
            {DOCUMENTS.map((d) =>
              texts[d] === null ? (
                <p key={d} class="muted" hidden={tab !== d}>{t.embedded}</p>
              ) : (
                <Editor
                  key={d}
                  label={t[d]}
                  text={texts[d]!}
                  saved={saved[d].text ?? ''}
                  hidden={tab !== d}
                  marks={marks(d)}
                  schema={schemas[d] ?? null}
                  fields={d === 'integration' ? [] : fields}
                  order={order?.document === d ? order : null}
                  onInput={(text) => edit(d, text)}
                  onSave={askSave}
                  onPreview={() => void look()}
                />
              ),
            )}
            <Findings found={check.found} busy={check.busy} go={go} />
          </div>
          {operator && (
            <PreviewPane
              preview={preview?.now ?? null}
              saved={preview?.saved ?? null}
              stale={stale}
              busy={fetching}
              problem={problem}
              source={texts.source}
              target={texts.target}
              onPreview={() => void look()}
              onMap={map}
            />
          )}
        </div>
      </Tabs>
      {saving && <SaveDialog saved={textsOf(saved)} draft={changes} names={names} onSave={save} onClose={() => setSaving(false)} />}
      {conflict && (
        <ConflictDialog
          theirs={textsOf(conflict.theirs)}
          mine={changes}
          onMine={() => void save(conflict.comment, conflict.theirs.version)}
          onTheirs={() => {
            setChanges({});
            setBase(conflict.theirs.version);
            setConflict(null);
            onSaved();
          }}
          onClose={() => setConflict(null)}
        />
      )}
    </>
  );
}

export default function MetadataPage({ params, query }: PageProps): JSX.Element {
  const t = useStrings(words);
  const name = params['name']!;
  const { data, error, reload } = useApi<Saved>(address('/integrations/:name/metadata', { name }));
  const detail = useApi<{ row: Row }>(address('/integrations/:name', { name }));
  const again = useCallback(reload, [reload]);
  useEvent('project', again);
  useEvent('resync', again);
  const asked = query.get('tab') ?? 'source';
  const tab = asked === 'versions' || DOCUMENTS.some((d) => d === asked) ? asked : 'source';
  return (
    <Page title={t.title} back={{ href: `/integrations/${encodeURIComponent(name)}`, text: detail.data?.row.title || name }} sub={<span class="mono">{name}</span>}>
      <IntegrationTabs name={name} here="metadata" />
      {error && !data && <Failure error={error} retry={reload} />}
      {!data && !error && <Waiting lines={10} />}
      {data && <Workplace key={name} name={name} saved={data} onSaved={reload} tab={tab} />}
    </Page>
  );
}
