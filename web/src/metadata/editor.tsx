// A text with line numbers, marks, colours and completion: a textarea (so that undo, input methods, selection and screen
// readers are the browser's own) above a copy of its text that carries the colours. CodeMirror was measured: 106 KiB
// gzipped, more than the dashboard has room for.
import { type JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useStrings } from '../i18n.ts';
import { Coloured } from './coloured.tsx';
import { complete, type Option, type Schema } from './complete.ts';
import { diff } from './diff.ts';
import { type Edit } from './edit.ts';
import { words } from './strings.ts';

export interface Mark {
  line: number;
  severity: 'error' | 'warning';
  what: string;
}
/** Something to be done in the editor, once: an edit that can be undone, or a place to go to. */
export interface Order {
  id: number;
  edit?: Edit;
  select?: number;
}

interface Props {
  label: string;
  text: string;
  /** Lines that differ from it are marked in the margin. */
  saved: string;
  hidden: boolean;
  marks: readonly Mark[];
  schema: Schema | null;
  fields: readonly string[];
  order: Order | null;
  onInput: (text: string) => void;
  onSave: () => void;
  onPreview: () => void;
}

const LINE_PX = 20;

/** Where the character at `offset` is drawn, relative to `pre`. */
function placeOf(pre: HTMLElement, offset: number): { x: number; y: number } {
  const walker = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT);
  let left = offset;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const length = node.textContent!.length;
    if (left < length) {
      // an empty range may have no place: the character behind has, and the text drawn always ends with one
      const range = document.createRange();
      range.setStart(node, left);
      range.setEnd(node, left + 1);
      const box = range.getClientRects()[0] ?? range.getBoundingClientRect();
      const frame = pre.getBoundingClientRect();
      return { x: box.left - frame.left, y: box.top - frame.top };
    }
    left -= length;
  }
  return { x: 0, y: 0 };
}

/** Typed for the person, so that the browser can undo it. */
function type(area: HTMLTextAreaElement, edit: Edit): void {
  area.focus();
  area.setSelectionRange(edit.from, edit.to);
  const done = edit.insert ? document.execCommand('insertText', false, edit.insert) : document.execCommand('delete');
  if (!done) {
    area.setRangeText(edit.insert, edit.from, edit.to, 'end');
    area.dispatchEvent(new Event('input', { bubbles: true }));
  }
}

export function Editor({ label, text, saved, hidden, marks, schema, fields, order, onInput, onSave, onPreview }: Props): JSX.Element {
  const t = useStrings(words);
  const area = useRef<HTMLTextAreaElement>(null);
  const pre = useRef<HTMLPreElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const [options, setOptions] = useState<Option[]>([]);
  const [chosen, setChosen] = useState(0);
  const [at, setAt] = useState<{ left: string; top?: string; bottom?: string }>({ left: '0' });
  const typed = useRef(false);
  const done = useRef(0);
  const [id] = useState(() => `editor-${Math.random().toString(36).slice(2, 8)}`);
  const lines = useMemo(() => text.split('\n').length, [text]);
  const edited = useMemo(() => new Set(text === saved ? [] : diff(saved, text).filter((l) => l.kind === 'in').map((l) => l.after)), [text, saved]);
  const byLine = useMemo(() => {
    const map = new Map<number, Mark>();
    for (const mark of marks) if (map.get(mark.line)?.severity !== 'error') map.set(mark.line, mark);
    return map;
  }, [marks]);

  const follow = (): void => {
    const { scrollLeft, scrollTop } = area.current!;
    pre.current!.style.transform = `translate(${-scrollLeft}px, ${-scrollTop}px)`;
    gutter.current!.style.transform = `translateY(${-scrollTop}px)`;
  };
  const close = (): void => setOptions([]);
  const place = (): void => {
    const box = area.current!;
    const { x, y } = placeOf(pre.current!, box.selectionStart);
    const left = `${Math.max(0, Math.min(x - box.scrollLeft, box.clientWidth - 250))}px`;
    const top = y - box.scrollTop;
    setAt(top > box.offsetHeight / 2 ? { left, bottom: `${box.offsetHeight - top + 2}px` } : { left, top: `${top + LINE_PX}px` });
  };
  const offer = (asked: boolean): void => {
    const box = area.current!;
    const caret = box.selectionStart;
    if (caret !== box.selectionEnd) return close();
    const found = complete(box.value, caret, schema, fields);
    const last = box.value[caret - 1] ?? '';
    if (!found.length || !(asked || /[\w"{.]/.test(last))) return close();
    place();
    setOptions(found);
    setChosen(0);
  };
  useLayoutEffect(() => {
    if (area.current!.value !== text) area.current!.value = text;
    if (typed.current) offer(false);
    typed.current = false;
  }, [text]);
  useLayoutEffect(() => {
    if (!order || order.id === done.current || hidden) return;
    done.current = order.id;
    const box = area.current!;
    const before = document.activeElement;
    if (order.edit) {
      type(box, order.edit);
      if (before instanceof HTMLElement && before !== box) before.focus();
    }
    const to = order.select ?? order.edit!.from;
    if (order.select !== undefined) {
      box.focus();
      box.setSelectionRange(to, to);
    }
    const line = text.slice(0, to).split('\n').length;
    box.scrollTop = Math.max(0, (line - 1) * LINE_PX - box.clientHeight / 3);
    const { x } = placeOf(pre.current!, to);
    box.scrollLeft = x > box.clientWidth * 0.8 ? x - box.clientWidth / 2 : 0;
    close();
  }, [order, hidden]);
  useEffect(() => {
    document.getElementById(`${id}-${chosen}`)?.scrollIntoView({ block: 'nearest' });
  }, [chosen, options]);

  const accept = (option: Option): void => {
    type(area.current!, option.edit);
    close();
  };
  const pressed = (event: KeyboardEvent): void => {
    const command = event.ctrlKey || event.metaKey;
    const box = area.current!;
    if (command && event.key.toLowerCase() === 's') onSave();
    else if (command && event.key === 'Enter') onPreview();
    else if (command && (event.key === ' ' || event.code === 'Space')) offer(true);
    else if (event.isComposing) return;
    else if (options.length && (event.key === 'ArrowDown' || event.key === 'ArrowUp'))
      setChosen((chosen + (event.key === 'ArrowDown' ? 1 : options.length - 1)) % options.length);
    else if (options.length && (event.key === 'Enter' || event.key === 'Tab')) accept(options[chosen]!);
    else if (options.length && event.key === 'Escape') close();
    else if (event.key === 'Enter' && !event.shiftKey && !command) {
      const from = box.selectionStart;
      const indent = /^[ \t]*/.exec(box.value.slice(box.value.lastIndexOf('\n', from - 1) + 1, from))![0];
      const deeper = /[{[]$/.test(box.value.slice(0, from)) ? '  ' : '';
      type(box, { from, to: box.selectionEnd, insert: `\n${indent}${deeper}` });
    } else return;
    event.preventDefault();
  };
  return (
    <div class="editor" hidden={hidden}>
      <div class="editor-gutter" aria-hidden="true">
        <div ref={gutter}>
          {Array.from({ length: lines }, (_, i) => {
            const mark = byLine.get(i + 1);
            return <div key={i} class={`${mark ? `mark-${mark.severity}` : ''} ${edited.has(i + 1) ? 'is-edited' : ''}`} title={mark?.what}>{i + 1}</div>;
          })}
        </div>
      </div>
      <div class="editor-text">
        <pre ref={pre} aria-hidden="true"><Coloured text={text} /></pre>
        <textarea
          ref={area}
          aria-label={t.editor(label)}
          aria-describedby={`${id}-keys`}
          aria-autocomplete="list"
          aria-controls={options.length ? id : undefined}
          aria-activedescendant={options.length ? `${id}-${chosen}` : undefined}
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          wrap="off"
          onInput={(e) => {
            typed.current = !(e as InputEvent).isComposing;
            onInput(e.currentTarget.value);
          }}
          onScroll={() => {
            follow();
            if (options.length) place();
          }}
          onKeyDown={pressed}
          onBlur={close}
          onClick={close}
        />
        {options.length > 0 && (
          <ul class="editor-options" id={id} role="listbox" aria-label={t.suggestions} style={at}>
            {options.map((option, i) => (
              <li
                key={option.label}
                id={`${id}-${i}`}
                role="option"
                aria-selected={i === chosen}
                onMouseDown={(e) => {
                  e.preventDefault();
                  accept(option);
                }}
              >
                <span class="mono">{option.label}</span>
                {option.about && <span class="muted">{option.about}</span>}
              </li>
            ))}
          </ul>
        )}
      </div>
      <p class="editor-keys muted" id={`${id}-keys`}>{t.keys}</p>
    </div>
  );
}
