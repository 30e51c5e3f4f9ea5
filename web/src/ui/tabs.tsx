// Tabs by the pattern of the ARIA practices: arrows move, the panel belongs to its tab. What is chosen is the caller's.
import { type ComponentChildren, type JSX } from 'preact';
import { useRef } from 'preact/hooks';

export interface Tab {
  key: string;
  text: string;
  count?: number | undefined;
}

export function Tabs({ label, tabs, value, onChange, children }: { label: string; tabs: readonly Tab[]; value: string; onChange: (key: string) => void; children: ComponentChildren }): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent): void => {
    const at = tabs.findIndex((t) => t.key === value);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    onChange(tabs[next]!.key);
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
  };
  return (
    <div class="tabs">
      <div class="tab-list" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.key}
            type="button"
            role="tab"
            id={`tab-${tab.key}`}
            aria-controls={tab.key === value ? `panel-${tab.key}` : undefined}
            aria-selected={tab.key === value}
            tabIndex={tab.key === value ? 0 : -1}
            onClick={() => onChange(tab.key)}
          >
            {tab.text}
            {tab.count !== undefined && tab.count > 0 && <span class="tab-count">{tab.count}</span>}
          </button>
        ))}
      </div>
      <div class="tab-panel" role="tabpanel" id={`panel-${value}`} aria-labelledby={`tab-${value}`} tabIndex={0}>
        {children}
      </div>
    </div>
  );
}
