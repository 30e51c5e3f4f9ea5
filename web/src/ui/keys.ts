// Keys that work on a whole page. Nothing fires while someone types, or while a dialog is open.
import { useEffect, useRef } from 'preact/hooks';

export function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** useKeys({ '/': focusSearch, 'g o': toOverview }): single keys, or two pressed one after the other. */
export function useKeys(map: Readonly<Record<string, () => void>>): void {
  const latest = useRef(map);
  latest.current = map;
  useEffect(() => {
    let before = '';
    let before_at = 0;
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector('dialog[open]')) return;
      const two = event.timeStamp - before_at < 1000 ? `${before} ${event.key}` : '';
      const act = latest.current[two] ?? latest.current[event.key];
      before = event.key;
      before_at = event.timeStamp;
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}
