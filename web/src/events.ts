// One stream of server-sent events for the whole dashboard; the browser comes back by itself and says where it was.
import { useEffect, useRef } from 'preact/hooks';
import { type Live, type Row } from './api.ts';
import { cell } from './cell.ts';

export interface LogLine {
  time: string;
  event: string;
  integration?: string | null;
  run?: number | null;
  level?: string;
  text?: string;
  [key: string]: unknown;
}
export interface Events {
  event: LogLine;
  live: { integration: string; live: Live | null };
  row: Row;
  alert: Record<string, unknown>;
  project: Record<string, never>;
  resync: Record<string, never>;
}
type Name = keyof Events;
const NAMES: readonly Name[] = ['event', 'live', 'row', 'alert', 'project', 'resync'];

export const connection = cell<'connecting' | 'live' | 'lost'>('connecting');
const listeners: { [K in Name]: Set<(data: Events[K]) => void> } = {
  event: new Set(),
  live: new Set(),
  row: new Set(),
  alert: new Set(),
  project: new Set(),
  resync: new Set(),
};
let source: EventSource | null = null;
let again: ReturnType<typeof setTimeout> | undefined;
let wasLost = false;

function tell<K extends Name>(name: K, text: string): void {
  const data = JSON.parse(text) as Events[K];
  for (const listener of [...listeners[name]]) listener(data);
}

export function startEvents(): void {
  stopEvents();
  source = new EventSource('/api/v1/events');
  source.onopen = () => {
    connection.set('live');
    // what a page holds may be older than the hub's memory
    if (wasLost) tell('resync', '{}');
    wasLost = false;
  };
  source.onerror = () => {
    wasLost = true;
    connection.set('lost');
    // a refused stream is closed for good by the browser: begin anew
    if (source?.readyState === EventSource.CLOSED) again = setTimeout(startEvents, 3000);
  };
  for (const name of NAMES) source.addEventListener(name, (e) => tell(name, (e as MessageEvent<string>).data));
}

export function stopEvents(): void {
  clearTimeout(again);
  source?.close();
  source = null;
  connection.set('connecting');
}

export function useEvent<K extends Name>(name: K, handle: (data: Events[K]) => void): void {
  const latest = useRef(handle);
  latest.current = handle;
  useEffect(() => {
    const listener = (data: Events[K]): void => latest.current(data);
    listeners[name].add(listener);
    return () => void listeners[name].delete(listener);
  }, [name]);
}
