// Records and dead letters as the page handles them. Raw records stay text: a number of 17 digits is shown, and sent
// back, digit by digit.
import { type Node, member, read, shown } from '../metadata/json.ts';

export interface Listed {
  id: string;
  version: string | null;
  state: string;
  fetched: string;
  page: number;
  row: number;
  run: number;
  rows: number;
  why: string | null;
  condition?: string | null;
  fate?: string | null;
  committed?: string | null;
  batch?: number | null;
}

export interface Letter {
  letter: number;
  id: string;
  target_id: string | null;
  version: string | null;
  state: string;
  code: string;
  reason: string;
  page: number;
  row: number;
  line: number;
  tries: number;
  edited: boolean;
  created: string;
  tried: string | null;
}

export interface Version extends Listed {
  call: string;
  window_from: string;
  window_to: string;
  /** By replay and retry. */
  again: { run: number; batch: number; committed: string }[];
  letters: Letter[];
  mapped: Record<string, string | null>[];
  statements: string[];
  target_error: { message: string } | null;
  /** Indented texts. */
  raw: string;
  edited: (string | null)[];
  /** Columns and what stands in them, of each row; null: it could not be asked. */
  target: [string, string | null][][] | null;
}

/** The ids of a pasted text, each once. */
export function pasted(text: string): string[] {
  return [...new Set(text.split(/[\s,;，；、]+/).filter(Boolean))];
}

const STEP = 2;

/** JSON with a line for each value, every string and number as it is written. */
export function indented(node: Node | null, text: string, depth = 0): string {
  if (!node) return '';
  const of = node.kind === 'object' ? node.members.map((m) => `${text.slice(m.from, m.to)}: ${indented(m.value, text, depth + 1)}`) : node.kind === 'array' ? node.items.map((i) => indented(i, text, depth + 1)) : null;
  if (!of) return text.slice(node.from, node.to);
  const [open, close] = node.kind === 'object' ? ['{', '}'] : ['[', ']'];
  if (!of.length) return open + close;
  const inner = ' '.repeat((depth + 1) * STEP);
  return `${open}\n${of.map((part) => inner + part).join(',\n')}\n${' '.repeat(depth * STEP)}${close}`;
}

/** The versions of a record, from the text of the answer. */
export function versions(text: string): Version[] {
  const plain = (JSON.parse(text) as { records: Version[] }).records;
  const nodes = member(read(text).root, 'records')?.items ?? [];
  return plain.map((record, i) => {
    const node = nodes[i] ?? null;
    const target = member(node, 'target');
    const letters = member(node, 'letters')?.items ?? [];
    return {
      ...record,
      raw: indented(member(node, 'raw'), text),
      edited: letters.map((l) => (member(l, 'edited_raw') ? indented(member(l, 'edited_raw'), text) : null)),
      target: target?.kind === 'array' ? target.items.map((row) => row.members.map((m): [string, string | null] => [m.key, m.value?.kind === 'literal' && m.value.text === 'null' ? null : shown(m.value, text)])) : null,
    };
  });
}

/** A dead letter with its record as it came and, if somebody corrected it, as it is to be tried. */
export function letterTexts(text: string): { letter: Letter; raw: string; edited: string | null } {
  const root = read(text).root;
  const edited = member(member(root, 'letter'), 'edited_raw');
  return {
    letter: (JSON.parse(text) as { letter: Letter }).letter,
    raw: indented(member(root, 'raw'), text),
    edited: edited && indented(edited, text),
  };
}

/** Why a text is no JSON object; null: it is one. */
export function notAnObject(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? null : '{ … }';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The statements of the rows, each once, with how many rows it is executed for. */
export function counted(statements: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const s of statements) counts.set(s, (counts.get(s) ?? 0) + 1);
  return [...counts];
}

/** All columns of the mapped rows, in their order. */
export function columnsOf(rows: readonly Record<string, unknown>[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}
