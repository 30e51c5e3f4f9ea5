// One dead letter: why it is, its record, and the record corrected. The text that is sent is the text that is seen.
import { type JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { address, ApiError, getText, send } from '../api.ts';
import { useStrings } from '../i18n.ts';
import { Coloured } from '../metadata/coloured.tsx';
import { Difference } from '../metadata/difference.tsx';
import { useMay } from '../session.ts';
import { Dialog, Failure, Field, Icon, toast, toastError, Waiting } from '../ui/index.ts';
import { number, time } from '../ui/format.ts';
import { type Letter, letterTexts, notAnObject } from './model.ts';
import { RecordState } from './state.tsx';
import { words } from './strings.ts';

interface Asked {
  name: string;
  number: number;
  id: string;
  onClose: () => void;
  onSaved: () => void;
  onStory: () => void;
  onRetry: () => void;
  onDrop: () => void;
}

function Facts({ letter: l }: { letter: Letter }): JSX.Element {
  const t = useStrings(words);
  return (
    <>
      <div class="note tone-bad"><Icon name="alert" /><div><p><strong>{l.reason}</strong></p><p class="muted mono">{l.code}</p></div></div>
      <dl class="facts">
        <dt>{t.state}</dt><dd><RecordState state={l.state} /></dd>
        <dt>{t.key}</dt><dd class="mono">{l.id}</dd>
        <dt>{t.target_id}</dt><dd class="mono">{l.target_id ?? t.whole_record}</dd>
        {l.version && [<dt key="v">{t.version}</dt>, <dd key="vv" class="mono">{l.version}</dd>]}
        <dt>{t.created}</dt><dd>{time(l.created)}</dd>
        {l.tried && [<dt key="t">{t.tried}</dt>, <dd key="tt">{time(l.tried)} ({t.tries}: {number(l.tries)})</dd>]}
        <dt>{t.place}</dt><dd>{number(l.page)} · {number(l.row + 1)}</dd>
      </dl>
    </>
  );
}

function Reading({ raw, edited }: { raw: string; edited: string | null }): JSX.Element {
  const t = useStrings(words);
  return (
    <>
      <h3>{t.raw}</h3>
      <pre class="block story-json" tabIndex={0} role="region" aria-label={t.raw}><Coloured text={raw} /></pre>
      {edited && <><h3>{t.correction}</h3><Difference label={t.correction} before={raw} after={edited} /></>}
    </>
  );
}

export function LetterDialog({ name, number: id, id: key, onClose, onSaved, onStory, onRetry, onDrop }: Asked): JSX.Element {
  const t = useStrings(words);
  const may = useMay('operator');
  const url = address('/integrations/:name/dead/:id', { name, id });
  const [data, setData] = useState<ReturnType<typeof letterTexts>>();
  const [text, setText] = useState('');
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setError(undefined);
    getText(url, abort.signal).then(
      (answer) => {
        const found = letterTexts(answer);
        setData(found);
        setText(found.edited ?? found.raw);
      },
      (failed: unknown) => !abort.signal.aborted && setError(failed instanceof ApiError ? failed : new ApiError(0, 'internal', String(failed), '')),
    );
    return () => abort.abort();
  }, [url, turn]);
  const wrong = notAnObject(text);
  const kept = data?.edited ?? data?.raw;
  const changed = text !== kept;
  const editable = may && data?.letter.state === 'error';
  const save = async (): Promise<boolean> => {
    setBusy(true);
    try {
      await send('PUT', url, `{"record":${text}}`);
      return true;
    } catch (failed) {
      toastError(failed);
      return false;
    } finally {
      setBusy(false);
    }
  };
  const saveOnly = async (): Promise<void> => {
    if (!(await save())) return;
    toast(t.saved);
    setTurn(turn + 1);
    onSaved();
  };
  const saveAndRetry = async (): Promise<void> => {
    if (!changed || (await save())) onRetry();
  };
  return (
    <Dialog title={t.letter(key)} size="side" onClose={onClose} actions={data && (
      <>
        <button type="button" class="button" onClick={onStory}><Icon name="history" size={15} />{t.read_story}</button>
        {editable && (
          <>
            <button type="button" class="button" disabled={busy} onClick={onDrop}><Icon name="trash" size={15} />{t.drop}</button>
            <button type="button" class="button" disabled={busy || !changed || Boolean(wrong)} onClick={() => void saveOnly()}>{t.save}</button>
            <button type="button" class="button primary" disabled={busy || Boolean(wrong)} onClick={() => void saveAndRetry()}><Icon name="replay" size={15} />{changed ? t.save_retry : t.retry}</button>
          </>
        )}
      </>
    )}>
      {error && <Failure error={error} retry={() => setTurn(turn + 1)} />}
      {!data && !error && <Waiting lines={10} />}
      {data && <Facts letter={data.letter} />}
      {data && !editable && <Reading raw={data.raw} edited={data.edited} />}
      {data && editable && (
        <>
          <Field label={t.record} help={t.record_about} error={wrong && t.not_json(wrong)}>
            {(wire) => <textarea {...wire} class="mono letter-text" rows={20} wrap="off" spellcheck={false} autocomplete="off" value={text} onInput={(e) => setText(e.currentTarget.value)} />}
          </Field>
          {text !== data.raw && (
            <>
              <div class="row spread"><h3>{t.correction}</h3><button type="button" class="button small" onClick={() => setText(data.raw)}>{t.undo}</button></div>
              <Difference label={t.correction} before={data.raw} after={text} />
            </>
          )}
        </>
      )}
    </Dialog>
  );
}
