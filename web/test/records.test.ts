// Records as texts: every digit stays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { read } from '../src/metadata/json.ts';
import { columnsOf, counted, indented, letterTexts, notAnObject, pasted, versions } from '../src/records/model.ts';

test('a pasted list is taken apart, each id once', () => {
  assert.deepEqual(pasted(' 1, 2\n3;\t2，4、5\r\n'), ['1', '2', '3', '4', '5']);
  assert.deepEqual(pasted(' \n'), []);
});

test('JSON is indented without touching what stands in it', () => {
  const text = '{"ts":9007199254740993,"a":[],"b":{},"c":["x\\u0041",1.50,null],"<i>":"</i>"}';
  assert.equal(indented(read(text).root, text), '{\n  "ts": 9007199254740993,\n  "a": [],\n  "b": {},\n  "c": [\n    "x\\u0041",\n    1.50,\n    null\n  ],\n  "<i>": "</i>"\n}');
});

test('the versions of an answer keep raw records, corrections and the rows of the target as they are', () => {
  const text = '{"records":[{"id":"1","page":3,"row":0,"letters":[{"letter":7},{"letter":8,"edited_raw":{"n":12345678901234567}}],"raw":{"ts":9007199254740993},"mapped":[{"a":"1"}],"statements":["S"],"target":[{"a":1.10,"b":null,"c":"null"}],"target_error":null},{"id":"1","page":2,"row":9,"letters":[],"raw":{},"mapped":[],"statements":[],"target":null,"target_error":{"message":"down"}}],"next":null}';
  const [one, two] = versions(text);
  assert.equal(one!.raw, '{\n  "ts": 9007199254740993\n}');
  assert.deepEqual(one!.edited, [null, '{\n  "n": 12345678901234567\n}']);
  assert.deepEqual(one!.target, [[['a', '1.10'], ['b', null], ['c', 'null']]]);
  assert.equal(two!.target, null);
});

test('a letter comes with both texts', () => {
  const { letter, raw, edited } = letterTexts('{"letter":{"letter":4,"edited":true,"edited_raw":{"ts":9007199254740993}},"raw":{"ts":9007199254740995}}');
  assert.equal(letter.letter, 4);
  assert.ok(raw.includes('9007199254740995'));
  assert.ok(edited!.includes('9007199254740993'));
  assert.equal(letterTexts('{"letter":{"letter":4,"edited":false},"raw":{}}').edited, null);
});

test('what is no object is told', () => {
  assert.equal(notAnObject('{"a":1}'), null);
  for (const text of ['', '{', '[]', 'null', '"x"', '{"a":1}}']) assert.ok(notAnObject(text), text);
});

test('statements are counted, columns joined', () => {
  assert.deepEqual(counted(['a', 'b', 'a']), [['a', 2], ['b', 1]]);
  assert.deepEqual(columnsOf([{ a: 1, b: 2 }, { b: 3, c: 4 }]), ['a', 'b', 'c']);
});
