// Dialogs: the browser's own <dialog> keeps the focus inside, closes on Escape and makes the rest inert.
import { type ComponentChildren, type JSX, render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useStrings } from '../i18n.ts';
import { Icon } from './icons.tsx';
import { common } from './strings.ts';

interface DialogProps {
  title: string;
  onClose: () => void;
  /** "wide" for tables and documents, "side" for a drawer at the right edge. */
  size?: 'wide' | 'side';
  children: ComponentChildren;
  /** The buttons, the main one last. */
  actions?: ComponentChildren;
}

let count = 0;

/** Shown while it is in the tree; the focus goes back to where it was when it leaves. */
export function Dialog({ title, onClose, size, children, actions }: DialogProps): JSX.Element {
  const t = useStrings(common);
  const ref = useRef<HTMLDialogElement>(null);
  const [id] = useState(() => `dialog-${++count}`);
  useEffect(() => {
    const before = document.activeElement;
    const dialog = ref.current!;
    dialog.showModal();
    dialog.querySelector<HTMLElement>('[autofocus]')?.focus();
    return () => {
      if (dialog.open) dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog ${size ?? ''}`}
      aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onMouseDown={(e) => e.target === ref.current && onClose()}
    >
      <div class="dialog-box">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="button ghost icon-only" aria-label={t.close} onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        <div class="dialog-body">{children}</div>
        {actions && <footer class="dialog-foot">{actions}</footer>}
      </div>
    </dialog>
  );
}

interface Question {
  title: string;
  /** What will happen, in sentences. */
  body: ComponentChildren;
  /** The word on the button: what it does, not "OK". */
  action: string;
  danger?: boolean;
}

function Confirm({ question, answer }: { question: Question; answer: (yes: boolean) => void }): JSX.Element {
  const t = useStrings(common);
  return (
    <Dialog
      title={question.title}
      onClose={() => answer(false)}
      actions={
        <>
          <button type="button" class="button" autofocus onClick={() => answer(false)}>{t.cancel}</button>
          <button type="button" class={`button ${question.danger ? 'danger' : 'primary'}`} onClick={() => answer(true)}>
            {question.action}
          </button>
        </>
      }
    >
      {question.body}
    </Dialog>
  );
}

/** Asks before harm is done: if (await confirm({ … })) … */
export function confirm(question: Question): Promise<boolean> {
  const host = document.createElement('div');
  document.body.append(host);
  return new Promise((resolve) => {
    const answer = (yes: boolean): void => {
      render(null, host);
      host.remove();
      resolve(yes);
    };
    render(<Confirm question={question} answer={answer} />, host);
  });
}
