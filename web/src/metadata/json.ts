// Reads JSON as people write it (comments, trailing commas, half-finished lines) and tells where each part stands. It
// never throws: what cannot be read is stepped over, so that completion and highlighting work while one types.
export type Kind = 'object' | 'array' | 'string' | 'number' | 'literal';

export interface Node {
  kind: Kind;
  from: number;
  to: number;
  /** The decoded text of a string, the digits of a number, the word of a literal. */
  text: string;
  members: Member[];
  items: Node[];
  /** An object or array that has its closing bracket. */
  closed: boolean;
}
export interface Member {
  key: string;
  from: number;
  to: number;
  value: Node | null;
}
export interface Token {
  kind: 'key' | 'string' | 'number' | 'literal' | 'comment' | 'punctuation';
  from: number;
  to: number;
}
export interface Reading {
  root: Node | null;
  tokens: Token[];
}

const DEPTH_MAX = 64;
const WORD = /[^\s{}[\],:"/]+/y;

class Reader {
  at = 0;
  tokens: Token[] = [];
  constructor(readonly text: string) {}

  private token(kind: Token['kind'], from: number): void {
    this.tokens.push({ kind, from, to: this.at });
  }

  space(): void {
    for (;;) {
      const c = this.text[this.at];
      if (c === undefined) return;
      const two = this.text.substr(this.at, 2);
      const from = this.at;
      if (/\s/.test(c) || c === '\ufeff') this.at++;
      else if (two === '//') {
        const end = this.text.indexOf('\n', from);
        this.at = end < 0 ? this.text.length : end;
        this.token('comment', from);
      } else if (two === '/*') {
        const end = this.text.indexOf('*/', from + 2);
        this.at = end < 0 ? this.text.length : end + 2;
        this.token('comment', from);
      } else return;
    }
  }

  take(c: string): boolean {
    if (this.text[this.at] !== c) return false;
    this.at++;
    this.token('punctuation', this.at - 1);
    return true;
  }

  /** A string that is not closed ends with its line. */
  private quoted(kind: 'key' | 'string'): string {
    const from = this.at++;
    let closed = false;
    while (this.at < this.text.length && this.text[this.at] !== '\n') {
      const c = this.text[this.at++];
      if (c === '"') {
        closed = true;
        break;
      }
      if (c === '\\' && this.at < this.text.length && this.text[this.at] !== '\n') this.at++;
    }
    this.token(kind, from);
    const raw = this.text.slice(from, this.at) + (closed ? '' : '"');
    try {
      return JSON.parse(raw.replace(/\t/g, '\\t')) as string;
    } catch {
      return raw.slice(1, -1);
    }
  }

  private make(kind: Kind, from: number, text = ''): Node {
    return { kind, from, to: this.at, text, members: [], items: [], closed: false };
  }

  private object(depth: number): Node {
    const node = this.make('object', this.at);
    this.take('{');
    for (;;) {
      this.space();
      if (this.at >= this.text.length) break;
      if (this.take('}')) {
        node.closed = true;
        break;
      }
      if (this.take(',') || this.take(':')) continue;
      if (this.text[this.at] === ']') break; // belongs to an array around us
      if (this.text[this.at] !== '"') {
        if (!this.value(depth + 1)) this.at++;
        continue;
      }
      const from = this.at;
      const member: Member = { key: this.quoted('key'), from, to: this.at, value: null };
      node.members.push(member);
      this.space();
      if (!this.take(':')) continue;
      this.space();
      member.value = this.value(depth + 1);
    }
    node.to = this.at;
    return node;
  }

  private array(depth: number): Node {
    const node = this.make('array', this.at);
    this.take('[');
    for (;;) {
      this.space();
      if (this.at >= this.text.length) break;
      if (this.take(']')) {
        node.closed = true;
        break;
      }
      if (this.take(',')) continue;
      if (this.text[this.at] === '}') break;
      const item = this.value(depth + 1);
      if (item) node.items.push(item);
      else this.at++;
    }
    node.to = this.at;
    return node;
  }

  value(depth: number): Node | null {
    const c = this.text[this.at];
    if (depth > DEPTH_MAX) {
      this.at = this.text.length;
      return null;
    }
    if (c === '{') return this.object(depth);
    if (c === '[') return this.array(depth);
    const from = this.at;
    if (c === '"') {
      const text = this.quoted('string');
      return this.make('string', from, text);
    }
    WORD.lastIndex = this.at;
    const word = WORD.exec(this.text)?.[0];
    if (!word) return null;
    this.at += word.length;
    const kind = /^-?\d/.test(word) ? 'number' : 'literal';
    this.token(kind, from);
    return this.make(kind, from, word);
  }
}

export function read(text: string): Reading {
  const reader = new Reader(text);
  reader.space();
  const root = reader.value(0);
  for (reader.space(); reader.at < text.length; reader.space()) if (!reader.value(0)) reader.at++;
  return { root, tokens: reader.tokens };
}

export function member(node: Node | null | undefined, key: string): Node | null {
  return node?.members.find((m) => m.key === key)?.value ?? null;
}

/** What is shown of a value: numbers are the very digits, objects and arrays their text. */
export function shown(node: Node | null, text: string): string {
  if (!node) return '';
  return node.kind === 'string' ? node.text : text.slice(node.from, node.to);
}

/** Lines and columns count from 1; columns are characters, as the checks of the server say them. */
export function offsetOf(text: string, line: number, column: number): number {
  let from = 0;
  for (let n = 1; n < line; n++) {
    const end = text.indexOf('\n', from);
    if (end < 0) return text.length;
    from = end + 1;
  }
  for (let n = 1; n < column && from < text.length && text[from] !== '\n'; n++) from += text.codePointAt(from)! < 0x10000 ? 1 : 2;
  return from;
}
