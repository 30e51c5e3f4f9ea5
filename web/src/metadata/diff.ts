// Myers' difference of two texts, by line, and by word inside lines that took each other's place.
export interface Step<T> {
  kind: 'same' | 'out' | 'in';
  value: T;
}
export interface Piece {
  text: string;
  changed: boolean;
}
export interface DiffLine {
  kind: 'same' | 'out' | 'in';
  /** Line numbers of the old and the new text; null where the line is not there. */
  before: number | null;
  after: number | null;
  pieces: Piece[];
}

const EDITS_MAX = 2000;

/** The shortest way from `a` to `b`. Beyond EDITS_MAX edits: all of what differs out, all in. */
export function steps<T>(a: readonly T[], b: readonly T[]): Step<T>[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const same = (value: T): Step<T> => ({ kind: 'same', value });
  return [
    ...a.slice(0, head).map(same),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(same),
  ];
}

function middle<T>(a: readonly T[], b: readonly T[]): Step<T>[] {
  const trace: Map<number, number>[] = [];
  let v = new Map<number, number>([[1, 0]]);
  const most = Math.min(a.length + b.length, EDITS_MAX);
  for (let d = 0; d <= most; d++) {
    trace.push(new Map(v));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && v.get(k - 1)! < v.get(k + 1)!);
      let x = down ? v.get(k + 1)! : v.get(k - 1)! + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      v.set(k, x);
      if (x >= a.length && x - k >= b.length) return back(a, b, trace);
    }
  }
  return [...a.map((value): Step<T> => ({ kind: 'out', value })), ...b.map((value): Step<T> => ({ kind: 'in', value }))];
}

function back<T>(a: readonly T[], b: readonly T[], trace: readonly Map<number, number>[]): Step<T>[] {
  const out: Step<T>[] = [];
  let x = a.length;
  let y = b.length;
  for (let d = trace.length - 1; d >= 0; d--) {
    const v = trace[d]!;
    const k = x - y;
    const down = k === -d || (k !== d && v.get(k - 1)! < v.get(k + 1)!);
    const fromK = down ? k + 1 : k - 1;
    const fromX = d === 0 ? 0 : v.get(fromK)!;
    const fromY = d === 0 ? 0 : fromX - fromK;
    while (x > fromX && y > fromY) out.push({ kind: 'same', value: a[--x]! }), y--;
    if (d === 0) break;
    if (down) out.push({ kind: 'in', value: b[--y]! });
    else out.push({ kind: 'out', value: a[--x]! });
  }
  return out.reverse();
}

const words = (line: string): string[] => line.match(/[\p{L}\p{N}_]+|\s+|[^\s\p{L}\p{N}_]/gu) ?? [];

function pieces(from: string, to: string): [Piece[], Piece[]] {
  const out: Piece[] = [];
  const into: Piece[] = [];
  const add = (list: Piece[], text: string, changed: boolean): void => {
    const last = list.at(-1);
    if (last?.changed === changed) last.text += text;
    else list.push({ text, changed });
  };
  for (const step of steps(words(from), words(to))) {
    if (step.kind !== 'in') add(out, step.value, step.kind === 'out');
    if (step.kind !== 'out') add(into, step.value, step.kind === 'in');
  }
  return [out, into];
}

/** Texts are compared by line; a changed run of as many lines as it replaces is compared by word too. */
export function diff(before: string, after: string): DiffLine[] {
  const lines: DiffLine[] = [];
  let n = 0;
  let m = 0;
  let outs: string[] = [];
  let ins: string[] = [];
  const flush = (): void => {
    const pairs = outs.length === ins.length ? outs.map((line, i) => pieces(line, ins[i]!)) : null;
    outs.forEach((text, i) => lines.push({ kind: 'out', before: ++n, after: null, pieces: pairs?.[i]![0] ?? [{ text, changed: false }] }));
    ins.forEach((text, i) => lines.push({ kind: 'in', before: null, after: ++m, pieces: pairs?.[i]![1] ?? [{ text, changed: false }] }));
    outs = [];
    ins = [];
  };
  for (const step of steps(before.split('\n'), after.split('\n'))) {
    if (step.kind === 'out') outs.push(step.value);
    else if (step.kind === 'in') ins.push(step.value);
    else {
      flush();
      lines.push({ kind: 'same', before: ++n, after: ++m, pieces: [{ text: step.value, changed: false }] });
    }
  }
  flush();
  return lines;
}

/** Changed lines with `around` lines about them; null stands for what is left out. */
export function folded(lines: readonly DiffLine[], around = 3): (DiffLine | null)[] {
  const keep = new Set<number>();
  lines.forEach((line, i) => {
    if (line.kind !== 'same') for (let j = i - around; j <= i + around; j++) keep.add(j);
  });
  const out: (DiffLine | null)[] = [];
  lines.forEach((line, i) => {
    if (keep.has(i)) out.push(line);
    else if (out.at(-1) !== null) out.push(null);
  });
  return out;
}
