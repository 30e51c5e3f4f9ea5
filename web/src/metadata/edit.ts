// Changes of a document's text at the right place: everything else stays byte for byte.
import { member, type Node, read } from './json.ts';

export interface Edit {
  from: number;
  to: number;
  insert: string;
}
export interface Column {
  field: string;
  label: string;
  /** The mapping as it stands: the text of a string, else the JSON of what is there; null when there is no value. */
  value: string | null;
  node: Node;
}

export function apply(text: string, edit: Edit): string {
  return text.slice(0, edit.from) + edit.insert + text.slice(edit.to);
}

/** The fields of a document's request[], in order, those inside others too. */
export function columns(text: string): Column[] {
  const found: Column[] = [];
  const walk = (list: Node | null, depth: number): void => {
    for (const node of list?.items ?? []) {
      const field = member(node, 'field');
      if (!field) continue;
      const value = member(node, 'value');
      found.push({
        field: field.text,
        label: member(node, 'label')?.text ?? '',
        value: !value ? null : value.kind === 'string' ? value.text : text.slice(value.from, value.to),
        node,
      });
      if (depth < 8) walk(member(node, 'children'), depth + 1);
    }
  };
  walk(member(read(text).root, 'request'), 0);
  return found;
}

/** Sets a member of an object: its value is replaced, or the member is put behind the last one in the manner of the
 * ones before it. */
export function setMember(text: string, object: Node, key: string, value: unknown): Edit | null {
  const json = JSON.stringify(value);
  const there = object.members.find((m) => m.key === key);
  if (there?.value) return { from: there.value.from, to: there.value.to, insert: json };
  if (there || !object.closed) return null;
  const last = object.members.at(-1);
  const own = `${JSON.stringify(key)}: ${json}`;
  if (!last) return { from: object.from + 1, to: object.from + 1, insert: own };
  if (!last.value) return null;
  const gap = /\n[ \t]*$/.exec(text.slice(0, last.from))?.[0].replace(/^\n/, '\n') ?? ' ';
  return { from: last.value.to, to: last.value.to, insert: `,${gap}${own}` };
}

/** Maps a field of the source onto a column; braces are single or double as the column, else the document, has them. */
export function mapColumn(text: string, index: number, field: string): Edit | null {
  const column = columns(text)[index];
  if (!column) return null;
  const twice = column.value?.includes('{') ? column.value.includes('{{') : (text.match(/\{\{\w/g)?.length ?? 0) * 2 > (text.match(/\{\w/g)?.length ?? 0);
  return setMember(text, column.node, 'value', twice ? `{{${field}}}` : `{${field}}`);
}

/** The name by which the mapping knows a place in a raw record: elements of flattened arrays become rows, and their
 * fields take the array's name in front. */
export function fieldName(path: readonly (string | number)[], flattened: readonly string[]): string {
  const [first, , ...rest] = path;
  if (typeof first === 'string' && flattened.includes(first) && typeof path[1] === 'number') return [first, ...rest].join('_');
  return path.join('.');
}

/** The arrays that the source flattens into rows. */
export function flattened(source: string): string[] {
  const flat = member(read(source).root, 'beatFlat');
  return (flat?.kind === 'string' ? [flat] : (flat?.items ?? [])).map((n) => n.text);
}
