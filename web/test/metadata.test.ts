import './setup.ts';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { complete, type Schema, spotAt } from '../src/metadata/complete.ts';
import { diff, folded, steps } from '../src/metadata/diff.ts';
import { apply, columns, fieldName, flattened, mapColumn, setMember } from '../src/metadata/edit.ts';
import { member, offsetOf, read, shown } from '../src/metadata/json.ts';
import { changed, leaves, pairs, readPreview } from '../src/metadata/model.ts';

const TARGET = `{
  // the order
  "api": "batchexecute",
  "request": [
    {"field": "id", "label": "主键", "value": "{o_id}-{items_oi_id}"}, /* key */
    {"field": "amount",
     "value": null},
    {"field": "name", "label": "名称"},
  ],
}
`;

test('JSON is read with comments and trailing commas, each part with its place', () => {
  const { root, tokens } = read(TARGET);
  assert.equal(root!.closed, true);
  assert.equal(member(root, 'api')!.text, 'batchexecute');
  const list = member(root, 'request')!;
  assert.equal(list.items.length, 3);
  assert.equal(TARGET.slice(list.items[2]!.from, list.items[2]!.to), '{"field": "name", "label": "名称"}');
  assert.deepEqual(tokens.filter((t) => t.kind === 'comment').map((t) => TARGET.slice(t.from, t.to)), ['// the order', '/* key */']);
});

test('what is half written is read as far as it goes, and never hangs', () => {
  for (let end = 0; end <= TARGET.length; end++) {
    const { tokens } = read(TARGET.slice(0, end));
    for (const t of tokens) assert.ok(t.from < t.to && t.to <= end);
  }
  assert.equal(member(read('{"a": "x\n "b": 2}').root, 'b')!.text, '2', 'an open string ends with its line');
  assert.equal(read('['.repeat(100_000)).root!.kind, 'array');
  assert.equal(member(read('{"a" 1, "b": true}').root, 'b')!.text, 'true');
  assert.equal(read('').root, null);
  assert.equal(member(read('{"a": "\\u4e2d\\n"}').root, 'a')!.text, '中\n');
  assert.equal(read('\ufeff{"a":1}').root!.kind, 'object');
});

test('lines and columns count characters', () => {
  assert.equal(offsetOf('ab\n中文x', 2, 3), 5);
  assert.equal(offsetOf('😀x', 1, 2), 2);
  assert.equal(offsetOf('ab', 9, 9), 2);
  assert.equal(offsetOf('ab\ncd', 1, 99), 2, 'not beyond the line');
});

test('a mapping is put in its place; all else stays byte for byte', () => {
  const put = (index: number, field: string): string => apply(TARGET, mapColumn(TARGET, index, field)!);
  assert.equal(put(0, 'o_id'), TARGET.replace('"{o_id}-{items_oi_id}"', '"{o_id}"'));
  assert.equal(put(1, 'pay_amount'), TARGET.replace('null', '"{pay_amount}"'));
  assert.equal(put(2, 'items_name'), TARGET.replace('"label": "名称"}', '"label": "名称", "value": "{items_name}"}'));
  assert.equal(mapColumn(TARGET, 3, 'x'), null);
  const twice = '{"request":[{"field":"a","value":"{{x}}"}]}';
  assert.equal(apply(twice, mapColumn(twice, 0, 'y')!), '{"request":[{"field":"a","value":"{{y}}"}]}');
  const deep = '{"request":[{"field":"a","children":[{"field":"b","value":"1"}]}]}';
  assert.deepEqual(columns(deep).map((c) => [c.field, c.value]), [['a', null], ['b', '1']]);
});

test('a new member follows the manner of those before it', () => {
  const text = '{\n    "field": "a"\n}';
  assert.equal(apply(text, setMember(text, read(text).root!, 'value', 'x"y')!), '{\n    "field": "a",\n    "value": "x\\"y"\n}');
  assert.equal(apply('{}', setMember('{}', read('{}').root!, 'a', 1)!), '{"a": 1}');
  const open = '{"field": "a"';
  assert.equal(setMember(open, read(open).root!, 'value', 1), null, 'not into what is not closed');
  const trailing = '{"field": "a", /* c */ }';
  assert.equal(apply(trailing, setMember(trailing, read(trailing).root!, 'value', 1)!), '{"field": "a", "value": 1, /* c */ }');
});

test('fields are named as the mapping names them', () => {
  assert.deepEqual(flattened('{"beatFlat": ["items", "gifts"]}'), ['items', 'gifts']);
  assert.deepEqual(flattened('{"beatFlat": "items"}'), ['items']);
  assert.equal(fieldName(['items', 0, 'sku', 'id'], ['items']), 'items_sku_id');
  assert.equal(fieldName(['pays', 0, 'no'], ['items']), 'pays.0.no');
  assert.equal(fieldName(['o_id'], []), 'o_id');
  const found = leaves('{"o_id": 9007199254740993, "items": [{"sku": "A"}, {"sku": "B"}], "x": {"y": null}}', '{"beatFlat":["items"]}');
  assert.deepEqual(found.map((l) => [l.name, l.depth, l.value, l.heading]), [
    ['o_id', 0, '9007199254740993', false],
    ['items', 0, '[2]', true],
    ['items_sku', 2, 'A', false],
    ['x', 0, '', true],
    ['x.y', 1, 'null', false],
  ]);
});

const SCHEMA: Schema = {
  properties: {
    api: { description: 'The interface.' },
    effect: { enum: ['QUERY', 'EXECUTE'] },
    idCheck: { type: 'boolean' },
    request: { items: { properties: { field: {}, value: { description: 'A template.' } } } },
  },
};
/** The options at the bar, and the text with the first one taken. */
function at(marked: string, fields: string[] = []): [string[], string] {
  const caret = marked.indexOf('|');
  const text = marked.replace('|', '');
  const found = complete(text, caret, SCHEMA, fields);
  return [found.map((o) => o.label), found[0] ? apply(text, found[0].edit) : text];
}

test('keys and values of the schema are offered at the caret', () => {
  assert.deepEqual(at('{"|"}'), [['api', 'effect', 'idCheck', 'request'], '{"api": }']);
  assert.deepEqual(at('{"api": 1, "ef|"}'), [['effect'], '{"api": 1, "effect": }']);
  assert.deepEqual(at('{"e|": 1}'), [['effect', 'idCheck', 'request'], '{"effect": 1}']);
  assert.deepEqual(at('{"effect": "|"}'), [['QUERY', 'EXECUTE'], '{"effect": "QUERY"}']);
  assert.deepEqual(at('{"effect": |'), [['QUERY', 'EXECUTE'], '{"effect": "QUERY"']);
  assert.deepEqual(at('{"idCheck": tr|}'), [['true'], '{"idCheck": true}']);
  assert.deepEqual(at('{"request": [{"field": "a", "|"}]}')[0], ['value']);
  assert.deepEqual(at('{"ef|}'), [['effect'], '{"effect": }'], 'an open string takes nothing with it');
  assert.deepEqual(at('{"effect": "QU|}'), [['QUERY'], '{"effect": "QUERY"}']);
  assert.deepEqual(at('{"request": [{"field": "a", "v|')[0], ['value']);
  assert.deepEqual(at('{ // |\n}')[0], [], 'nothing in a comment');
  assert.deepEqual(at('{"api": 1 |}')[0], [], 'nothing behind a value');
  assert.deepEqual(at('{"nothing": {"|"}}')[0], []);
});

test('inside braces the fields of the record are offered', () => {
  assert.deepEqual(at('{"request": [{"value": "{o_|}"}]}', ['so_id', 'o_id', 'name']), [['o_id', 'so_id'], '{"request": [{"value": "{o_id}"}]}']);
  assert.equal(spotAt('', 0), null);
});

/** What a difference says is what makes one text of the other. */
function holds(a: string, b: string): void {
  const all = steps([...a], [...b]);
  assert.equal(all.filter((s) => s.kind !== 'in').map((s) => s.value).join(''), a);
  assert.equal(all.filter((s) => s.kind !== 'out').map((s) => s.value).join(''), b);
}

test('a difference turns one text into the other, by the shortest way', () => {
  for (const [a, b] of [['', ''], ['', 'abc'], ['abc', ''], ['abcabba', 'cbabac'], ['same', 'same'], ['xay', 'xby'], ['aaaa', 'aa']] as const) holds(a, b);
  let seed = 7;
  const next = (n: number): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
  for (let i = 0; i < 200; i++) holds(Array.from({ length: next(30) }, () => 'abc'[next(3)]).join(''), Array.from({ length: next(30) }, () => 'abc'[next(3)]).join(''));
  assert.equal(steps([...'abcabba'], [...'cbabac']).filter((s) => s.kind !== 'same').length, 5);
  holds('a'.repeat(3000), 'b'.repeat(3000));
});

test('changed words are marked in changed lines, far lines are folded', () => {
  const lines = diff('a\n"value": "{o_id}"\nz', 'a\n"value": "{so_id}"\nz');
  assert.deepEqual(lines.map((l) => [l.kind, l.before, l.after]), [['same', 1, 1], ['out', 2, null], ['in', null, 2], ['same', 3, 3]]);
  assert.deepEqual(lines[2]!.pieces.filter((p) => p.changed).map((p) => p.text), ['so_id']);
  const long = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  const shown = folded(diff(long.join('\n'), [...long.slice(0, 15), 'new', ...long.slice(15)].join('\n')), 2);
  assert.equal(shown.length, 7);
  assert.equal(shown[0], null);
  assert.equal(shown[6], null);
});

test('a preview keeps the digits, and rows are compared with those of the same record', () => {
  const answer = (amount: string): string => `{"statement":"S","rows":[{"id":"1","fate":"rows","why":null,"mapped":{"a":"${amount}","b":null},"raw":{"ts":9007199254740993}},{"id":"1","fate":"rows","why":null,"mapped":{"a":"second"},"raw":{"ts":9007199254740993}}]}`;
  const now = readPreview(answer('2.50'));
  assert.equal(now.rows[0]!.raw, '{"ts":9007199254740993}');
  assert.deepEqual([...now.rows[0]!.cells], [['a', '2.50'], ['b', 'null']]);
  assert.equal(now.rows[0]!.why, null);
  const before = readPreview(answer('1.00'));
  assert.deepEqual(pairs(now.rows, before.rows).map((r) => r?.cells.get('a')), ['1.00', 'second']);
  assert.deepEqual(pairs(now.rows, []), [null, null]);
  assert.equal(shown(null, ''), '');
});

test('only what differs from the saved texts is a change', () => {
  const saved = { source: 'a', target: 'b', integration: null };
  assert.deepEqual(changed({ source: 'a', target: 'c' }, saved), { target: 'c' });
});
