// What was saved: who, when and why; the difference between any two; going back.
import { type JSX } from 'preact';
import { useState } from 'preact/hooks';
import { address, send, useApi } from '../api.ts';
import { useStrings } from '../i18n.ts';
import { useMay } from '../session.ts';
import { Card, confirm, Empty, Failure, format, SelectField, toast, toastError, Waiting } from '../ui/index.ts';
import { Difference } from './difference.tsx';
import { DOCUMENTS, type Saved, type Texts, textsOf, type Version } from './model.ts';
import { words } from './strings.ts';

interface Props {
  name: string;
  saved: Saved;
  draft: Texts;
  dirty: boolean;
  onRolledBack: () => void;
}

export function Versions({ name, saved, draft, dirty, onRolledBack }: Props): JSX.Element {
  const t = useStrings(words);
  const admin = useMay('admin');
  const { data, error, reload } = useApi<{ versions: Version[] }>(address('/integrations/:name/metadata/versions', { name }));
  const versions = data?.versions ?? [];
  const [chosenFrom, setFrom] = useState<string>();
  const [chosenTo, setTo] = useState<string>();
  const from = chosenFrom ?? versions[1]?.version ?? 'current';
  const to = chosenTo ?? (dirty ? 'draft' : 'current');
  const url = (v: string): string | null => (v === 'current' || v === 'draft' ? null : address('/integrations/:name/metadata/versions/:v', { name, v }));
  const one = useApi<Saved>(url(from));
  const two = useApi<Saved>(url(to));
  const texts = (v: string, loaded: Saved | undefined): Texts | null => (v === 'current' ? textsOf(saved) : v === 'draft' ? draft : loaded ? textsOf(loaded) : null);
  const before = texts(from, one.data);
  const after = texts(to, two.data);
  const numberOf = (v: Version): string => format.number(v.number);
  const options: [string, string][] = [
    ...(dirty ? [['draft', t.draft] as [string, string]] : []),
    ['current', t.current],
    ...versions.map((v): [string, string] => [v.version, `${numberOf(v)} · ${format.shortTime(v.at)}${v.comment ? ` · ${v.comment}` : ''}`]),
  ];
  const back = async (version: Version): Promise<void> => {
    const yes = await confirm({
      title: t.roll_title(numberOf(version)),
      body: (
        <div class="stack-small">
          <p>{t.roll_body}</p>
          {dirty && <p>{t.roll_draft}</p>}
        </div>
      ),
      action: t.roll_back,
      danger: true,
    });
    if (!yes) return;
    try {
      await send('POST', address('/integrations/:name/metadata/rollback', { name }), { version: version.version, comment: `${t.roll_back}: ${numberOf(version)}` });
      toast(t.rolled(numberOf(version)));
      reload();
      onRolledBack();
    } catch (failed) {
      toastError(failed);
    }
  };
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Waiting />;
  return (
    <div class="stack">
      {versions.length === 0 ? (
        <Empty icon="history" title={t.no_versions}>{t.no_versions_body}</Empty>
      ) : (
        <Card flush>
          <div class="table-scroll" tabIndex={0} role="region" aria-label={t.versions}>
            <table class="table">
              <thead>
                <tr><th scope="col">{t.version}</th><th scope="col">{t.at}</th><th scope="col">{t.by}</th><th scope="col">{t.why}</th><th scope="col"><span class="visually-hidden">{t.roll_back}</span></th></tr>
              </thead>
              <tbody>
                {versions.map((v) => (
                  <tr key={`${v.number}`}>
                    <td class="strong">{numberOf(v)}</td>
                    <td class="nowrap">{format.time(v.at)}</td>
                    <td>{v.user || '–'}</td>
                    <td>{v.comment || '–'}</td>
                    <td class="numeric">
                      {v.version === saved.version ? (
                        <span class="muted">{t.current}</span>
                      ) : (
                        admin && <button type="button" class="button small" onClick={() => void back(v)}>{t.roll_back}</button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Card>
      )}
      {(versions.length > 0 || dirty) && (
        <Card title={t.compare}>
          <div class="stack">
            <div class="field-row">
              <SelectField label={t.compare_from} value={from} onChange={setFrom} options={options} />
              <SelectField label={t.compare_to} value={to} onChange={setTo} options={options} />
            </div>
            {!before || !after ? (
              <Waiting lines={3} />
            ) : (
              <>
                {DOCUMENTS.filter((d) => (before[d] ?? '') !== (after[d] ?? '')).map((d) => (
                  <section key={d} class="stack-small">
                    <h3>{t[d]}</h3>
                    <Difference label={t[d]} before={before[d] ?? ''} after={after[d] ?? ''} />
                  </section>
                ))}
                {DOCUMENTS.every((d) => (before[d] ?? '') === (after[d] ?? '')) && <p class="muted">{t.no_difference}</p>}
              </>
            )}
          </div>
        </Card>
      )}
    </div>
  );
}
