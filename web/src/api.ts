// The API of docs/internals/server.md: requests, answers, errors. Nothing else in the dashboard calls fetch.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { session } from './session.ts';

export type State = 'running' | 'waiting' | 'ok' | 'late' | 'failing' | 'broken' | 'paused' | 'disabled' | 'new';
export type Role = 'viewer' | 'operator' | 'admin';

export interface Live {
  run: number;
  job: number | string;
  kind: string;
  since: string;
  doing: string;
  permille: number;
  window: { from: string; to: string } | null;
  counts: Record<string, number>;
  rates: { calls: number; records: number; rows: number };
  quota_left: number | null;
  queues: { journal: number; shape: number; write: number };
  waiting: string | null;
}

export interface Problem {
  code: string;
  message: string;
  hint?: string | null;
}

export interface Row {
  name: string;
  title: string;
  enabled: boolean;
  paused: boolean;
  state: State;
  reason: string | null;
  cursor: string | number | null;
  freshest: string | null;
  fresh_ms: number | null;
  behind_ms: number | null;
  dead: number;
  gaps: number;
  found_missing: number;
  windows_open: number;
  rows_today: number | null;
  records_today: number | null;
  spark: number[] | null;
  errors_today: number | null;
  schedule: string | null;
  next: string | null;
  last: { run: number; status: string; started: string; ended: string | null; error: Problem | string | null } | null;
  running: Live | null;
}

export interface Summary {
  status: string;
  from?: string | null;
  to?: string | null;
  cursor?: string | number | null;
  records?: number;
  rows?: number;
  dead?: number;
  calls?: number;
  windows?: number;
  retries?: number;
  throttled?: number;
  folded?: number;
  filtered?: number;
  repeats?: number;
  missing_found?: number;
  duration_ms?: number;
  verified?: boolean;
  error?: Problem | null;
}

export interface Run {
  run: number;
  integration: string;
  kind: string;
  status: string;
  started: string;
  ended: string | null;
  summary: Summary | null;
}

export interface Window {
  run: number;
  purpose: string;
  from: string | null;
  to: string | null;
  total_before: number | null;
  total_after: number | null;
  pages: number;
  ids: number;
  records: number;
  folded: number;
  filtered: number;
  repeats: number;
  rows: number;
  dead: number;
  missing_found: number;
  whole: boolean;
  verified: boolean;
  why: string | null;
  read: string | null;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

/** api('/integrations/:name/run', …): the address, each parameter percent-encoded, empty ones of `query` left out. */
export function address(path: string, params: Record<string, string | number> = {}, query: Query = {}): string {
  const filled = path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(String(params[key] ?? '')));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    if (value !== undefined && value !== null && value !== '') search.set(key, String(value));
  const text = search.toString();
  return `/api/v1${filled}${text ? `?${text}` : ''}`;
}

async function failure(answer: Response): Promise<ApiError> {
  let problem: Partial<Problem> = {};
  try {
    problem = ((await answer.json()) as { error?: Problem }).error ?? {};
  } catch {
    // an answer of something between us and the server
  }
  return new ApiError(
    answer.status,
    problem.code ?? 'remote',
    problem.message ?? `${answer.status} ${answer.statusText}`,
    problem.hint ?? '',
  );
}

async function request(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const csrf = session.get()?.csrf;
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let answer: Response;
  try {
    answer = await fetch(url, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'network', error instanceof Error ? error.message : String(error), '');
  }
  if (answer.ok) return answer;
  const problem = await failure(answer);
  const known = session.get();
  if (answer.status === 401 && known && !url.endsWith('/session')) session.set({ ...known, user: null, login_required: true });
  throw problem;
}

async function json<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  return (text ? JSON.parse(text) : {}) as T;
}

export async function get<T>(url: string, signal?: AbortSignal): Promise<T> {
  return json<T>(await request('GET', url, undefined, signal));
}

/** The text of the answer, see sendForText. */
export async function getText(url: string, signal?: AbortSignal): Promise<string> {
  return (await request('GET', url, undefined, signal)).text();
}

/** Saves the answer as a file of that name; an error of the API is thrown, not saved. */
export async function saveFile(url: string, name: string): Promise<void> {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await (await request('GET', url)).blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** `body`: what is made JSON of, or a text that is JSON already. */
export async function send<T>(method: 'POST' | 'PUT' | 'DELETE', url: string, body: unknown = {}): Promise<T> {
  return json<T>(await request(method, url, method === 'DELETE' ? undefined : body));
}

/** The text of the answer: for numbers that JSON.parse would round. */
export async function sendForText(method: 'POST' | 'PUT', url: string, body: unknown): Promise<string> {
  return (await request(method, url, body)).text();
}

export interface Loaded<T> {
  data: T | undefined;
  error: ApiError | undefined;
  /** Asks again; what is shown stays until the answer is here. */
  reload: () => void;
  /** Puts in what an event told. */
  set: (next: T | ((old: T | undefined) => T | undefined)) => void;
}

const kept = new Map<string, unknown>();

/** The answer of a GET, the last known one at once. `url` null: nothing is asked. */
export function useApi<T>(url: string | null): Loaded<T> {
  const [, redraw] = useState(0);
  const [error, setError] = useState<ApiError>();
  const [turn, setTurn] = useState(0);
  const asked = useRef(url);
  asked.current = url;
  useEffect(() => {
    if (!url) return;
    const abort = new AbortController();
    setError(undefined);
    get<T>(url, abort.signal).then(
      (answer) => {
        kept.set(url, answer);
        setError(undefined);
        redraw((n) => n + 1);
      },
      (failed: unknown) => {
        if (!abort.signal.aborted) setError(failed instanceof ApiError ? failed : new ApiError(0, 'internal', String(failed), ''));
      },
    );
    return () => abort.abort();
  }, [url, turn]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const set = useCallback((next: T | ((old: T | undefined) => T | undefined)) => {
    const key = asked.current;
    if (!key) return;
    const value = typeof next === 'function' ? (next as (old: T | undefined) => T | undefined)(kept.get(key) as T) : next;
    if (value === undefined) return;
    kept.set(key, value);
    redraw((n) => n + 1);
  }, []);
  return { data: url ? (kept.get(url) as T | undefined) : undefined, error, reload, set };
}
