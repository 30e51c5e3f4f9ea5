// What may stand at the caret: keys and values by the JSON Schema of the document, names of fields inside braces.
import { type Edit } from './edit.ts';
import { type Node, read } from './json.ts';

export interface Schema {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
}
export interface Option {
  label: string;
  about: string;
  edit: Edit;
}

const OPTIONS_MAX = 60;

interface Spot {
  /** Keys and indexes from the root to where the caret is. */
  path: (string | number)[];
  what: 'key' | 'value';
  /** The part of the text that the option takes the place of. */
  from: number;
  to: number;
  typed: string;
  /** Keys that the object has already. */
  taken: string[];
  /** Inside a key that has its colon. */
  colon: boolean;
}

/** Where a string ends for an option that takes its place: one that is not closed yet ends at the caret, since it has
 * swallowed what stood behind. */
function endOf(text: string, from: number, to: number, at: number): number {
  return text[from] === '"' && (to - from < 2 || text[to - 1] !== '"') ? at : to;
}

function inside(node: Node, at: number): boolean {
  return at > node.from && (at < node.to || ((node.kind === 'object' || node.kind === 'array') && !node.closed && at <= node.to));
}

/** Where the caret stands, or null when nothing can be completed there (in a comment, behind a value). */
export function spotAt(text: string, at: number): Spot | null {
  const { root, tokens } = read(text);
  if (tokens.some((t) => t.kind === 'comment' && at > t.from && at <= t.to)) return null;
  const path: (string | number)[] = [];
  let node = root;
  while (node && inside(node, at)) {
    if (node.kind === 'string') break;
    let next: Node | null = null;
    if (node.kind === 'object') {
      const taken = node.members.filter((m) => !(at > m.from && at < m.to)).map((m) => m.key);
      for (const m of node.members) {
        if (at > m.from && at < m.to + (text[m.to - 1] === '"' && m.to - m.from > 1 ? 0 : 1))
          return { path, what: 'key', from: m.from, to: endOf(text, m.from, m.to, at), typed: text.slice(m.from + 1, at), taken, colon: m.value !== null || /^\s*:/.test(text.slice(m.to)) };
        if (m.value && at >= m.value.from && at <= m.value.to) {
          if (m.value.kind === 'object' || m.value.kind === 'array' ? inside(m.value, at) : true) next = m.value;
          if (next) path.push(m.key);
          break;
        }
      }
      if (!next) {
        const before = tokens.filter((t) => t.kind !== 'comment' && t.to <= at).at(-1);
        const c = before ? text.slice(before.from, before.to) : '';
        if (c === ':') {
          const owner = [...node.members].reverse().find((m) => m.to <= at);
          return owner && !owner.value ? { path: [...path, owner.key], what: 'value', from: at, to: at, typed: '', taken: [], colon: false } : null;
        }
        if (c !== ',' && c !== '{') return null;
        return { path, what: 'key', from: at, to: at, typed: '', taken, colon: false };
      }
    } else {
      const i = node.items.findIndex((item) => inside(item, at) || (at >= item.from && at <= item.to && item.kind !== 'object' && item.kind !== 'array'));
      if (i < 0) return { path: [...path, node.items.filter((n) => n.to <= at).length], what: 'value', from: at, to: at, typed: '', taken: [], colon: false };
      path.push(i);
      next = node.items[i]!;
    }
    node = next;
    if (node.kind !== 'object' && node.kind !== 'array')
      return { path, what: 'value', from: node.from, to: endOf(text, node.from, node.to, at), typed: text.slice(node.from + (node.kind === 'string' ? 1 : 0), at), taken: [], colon: false };
  }
  return null;
}

function resolve(schema: Schema | undefined, root: Schema): Schema | undefined {
  const name = schema?.$ref?.match(/^#\/\$defs\/(.+)$/)?.[1];
  return name ? root.$defs?.[name] : schema;
}

/** The schema of the place; an object may stand where a list of them may. */
export function schemaAt(root: Schema, path: readonly (string | number)[]): Schema | undefined {
  let here = resolve(root, root);
  for (const step of path) {
    if (!here) return undefined;
    const all: Schema[] = [here, ...(here.anyOf ?? []), ...(here.oneOf ?? [])].map((s) => resolve(s, root)!).filter(Boolean);
    let next: Schema | undefined;
    for (const s of all) {
      const more = typeof s.additionalProperties === 'object' ? s.additionalProperties : undefined;
      next ??= typeof step === 'number' ? (s.items ?? (s.properties ? s : undefined)) : (s.properties?.[step] ?? more);
    }
    here = resolve(next, root);
  }
  return here;
}

function literals(schema: Schema): unknown[] {
  if (schema.enum) return schema.enum;
  return [schema.type].flat().includes('boolean') ? [true, false] : [];
}

const order = (typed: string) => (a: Option, b: Option): number =>
  Number(!a.label.toLowerCase().startsWith(typed)) - Number(!b.label.toLowerCase().startsWith(typed));

/** The options at the caret, those that begin with what is typed first. `fields`: names for inside braces. */
export function complete(text: string, at: number, schema: Schema | null, fields: readonly string[] = []): Option[] {
  const spot = spotAt(text, at);
  if (!spot) return [];
  const brace = spot.what === 'value' && /\{\{?([\w.]*)$/.exec(spot.typed);
  if (brace) {
    const typed = brace[1]!.toLowerCase();
    const rest = /^[\w.]*/.exec(text.slice(at))![0].length;
    return fields
      .filter((f) => f.toLowerCase().includes(typed) && f.toLowerCase() !== typed)
      .map((label): Option => ({ label, about: '', edit: { from: at - brace[1]!.length, to: at + rest, insert: label } }))
      .sort(order(typed))
      .slice(0, OPTIONS_MAX);
  }
  const here = schema && schemaAt(schema, spot.path);
  if (!here) return [];
  const typed = spot.typed.toLowerCase();
  const options: Option[] =
    spot.what === 'key'
      ? Object.entries(schemaAt(schema, [...spot.path])?.properties ?? here.items?.properties ?? {})
          .filter(([key]) => !spot.taken.includes(key))
          .map(([key, s]) => ({ label: key, about: s.description ?? '', edit: { from: spot.from, to: spot.to, insert: JSON.stringify(key) + (spot.colon ? '' : ': ') } }))
      : literals(here).map((v) => ({ label: String(v), about: '', edit: { from: spot.from, to: spot.to, insert: JSON.stringify(v) } }));
  return options.filter((o) => o.label.toLowerCase().includes(typed) && o.label !== spot.typed).sort(order(typed)).slice(0, OPTIONS_MAX);
}
