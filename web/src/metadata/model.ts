// What the page holds: the documents as they are saved, what was changed in them and is not saved, and what a preview says.
import { flattened, fieldName } from './edit.ts';
import { member, type Node, read, shown } from './json.ts';

export const DOCUMENTS = ['source', 'target', 'integration'] as const;
export type DocumentName = (typeof DOCUMENTS)[number];
/** Null: the document stands inside the integration's own file. */
export type Texts = Record<DocumentName, string | null>;
export type Changes = Partial<Record<DocumentName, string>>;

export interface Saved {
  version: string;
  source: { path: string | null; text: string | null };
  target: { path: string | null; text: string | null };
  integration: { path: string | null; text: string | null };
}
export interface Version {
  version: string;
  number: number;
  at: string;
  user: string | null;
  comment: string | null;
}
export interface Diagnostic {
  file: string;
  line: number;
  column: number;
  severity: 'error' | 'warning';
  what: string;
  remedy: string;
}
export interface Draft {
  base: string;
  changes: Changes;
}

export function textsOf(saved: Saved): Texts {
  return { source: saved.source.text, target: saved.target.text, integration: saved.integration.text };
}

/** Only what differs from the saved texts is a change. */
export function changed(changes: Changes, saved: Texts): Changes {
  return Object.fromEntries(Object.entries(changes).filter(([name, text]) => saved[name as DocumentName] !== text));
}

const key = (project: string, name: string): string => `sluice.draft.${project}.${name}`;

export function loadDraft(project: string, name: string): Draft | null {
  try {
    const draft = JSON.parse(sessionStorage.getItem(key(project, name)) ?? 'null') as Draft | null;
    return draft && typeof draft.base === 'string' && typeof draft.changes === 'object' ? draft : null;
  } catch {
    return null;
  }
}

export function keepDraft(project: string, name: string, draft: Draft | null): void {
  try {
    if (draft && Object.keys(draft.changes).length) sessionStorage.setItem(key(project, name), JSON.stringify(draft));
    else sessionStorage.removeItem(key(project, name));
  } catch {
    // a full or forbidden store: the draft lives as long as the page
  }
}

/** One row of a preview. `raw` is the record's text, which has its very digits. */
export interface PreviewRow {
  id: string;
  fate: string;
  why: string | null;
  cells: Map<string, string>;
  raw: string;
}
export interface Preview {
  statement: string;
  rows: PreviewRow[];
}

/** Reads the answer's text: numbers keep the digits that the other side sent. */
export function readPreview(text: string): Preview {
  const { root } = read(text);
  const rows = (member(root, 'rows')?.items ?? []).map((node): PreviewRow => {
    const raw = member(node, 'raw');
    const why = member(node, 'why');
    return {
      id: shown(member(node, 'id'), text),
      fate: shown(member(node, 'fate'), text),
      why: why?.kind === 'string' ? why.text : null,
      cells: new Map((member(node, 'mapped')?.members ?? []).map((m) => [m.key, shown(m.value, text)])),
      raw: raw ? text.slice(raw.from, raw.to) : '',
    };
  });
  return { statement: shown(member(root, 'statement'), text), rows };
}

/** For each row of `now` the one of `before` that was made of the same record: the nth row of one record is compared
 * with the nth. */
export function pairs(now: readonly PreviewRow[], before: readonly PreviewRow[]): (PreviewRow | null)[] {
  const stock = new Map<string, PreviewRow[]>();
  for (const row of before) stock.set(row.raw, [...(stock.get(row.raw) ?? []), row]);
  return now.map((row) => stock.get(row.raw)?.shift() ?? null);
}

export interface Leaf {
  /** As the mapping names it. */
  name: string;
  label: string;
  depth: number;
  value: string;
  /** An object or array: a heading for what stands under it. */
  heading: boolean;
}

const LEAVES_MAX = 400;

/** The fields of a raw record as lines of a tree. Of an array the first element stands for all. */
export function leaves(raw: string, source: string | null): Leaf[] {
  const flat = flattened(source ?? '');
  const out: Leaf[] = [];
  const walk = (node: Node | null, path: (string | number)[], label: string): void => {
    if (!node || out.length >= LEAVES_MAX || path.length > 12) return;
    const nested = node.kind === 'object' || node.kind === 'array';
    const name = fieldName(path, flat);
    if (path.length) {
      const count = node.kind === 'array' ? `[${node.items.length}]` : '';
      out.push({ name, label, depth: path.length - 1, value: nested ? count : shown(node, raw), heading: nested });
    }
    if (node.kind === 'array' && node.items[0]) {
      if (node.items[0].kind === 'object') for (const m of node.items[0].members) walk(m.value, [...path, 0, m.key], m.key);
      else walk(node.items[0], [...path, 0], '0');
    }
    for (const m of node.members) walk(m.value, [...path, m.key], m.key);
  };
  walk(read(raw).root, [], '');
  return out;
}
