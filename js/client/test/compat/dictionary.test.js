// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dictionary } from '../../src/compat/dictionary.js';
import { parseDictionary, writeDictionary } from '../../src/dictionary.js';
import { toPlainMembers } from '../../src/typed.js';

const make = () => Dictionary.from({});

test('what is put comes back in its natural type', () => {
  const dictionary = make();
  dictionary.putString('s', 'text');
  dictionary.putFloat('f', 1.2261);
  dictionary.putLong('l', 2 ** 40);
  dictionary.putBoolean('b', true);
  dictionary.put('any', 'thing');
  const keys = ['s', 'f', 'l', 'b', 'any'];
  assert.deepEqual(
    keys.map((key) => dictionary.get(key)),
    ['text', 1.2261, 2 ** 40, true, 'thing'],
  );
  assert.equal(dictionary.getString('s'), 'text');
  assert.equal(dictionary.getDouble('f'), 1.2261);
  assert.deepEqual(dictionary.getKeys(), keys);
});

test('a number handed to putString is a string, a string handed to putInteger a number', () => {
  const dictionary = make();
  dictionary.putString('s', 7);
  dictionary.putInteger('i', '42');
  dictionary.putString('n', null);
  dictionary.putBoolean('b', 'true');
  assert.deepEqual(
    ['s', 'i', 'n', 'b'].map((key) => [dictionary.getType(key), dictionary.get(key)]),
    [
      ['string', '7'],
      ['int', 42],
      ['string', ''],
      ['boolean', true],
    ],
  );
});

test('innerProperties can be walked with for...in, and get gives each', () => {
  const dictionary = make();
  dictionary.putString('a', 'x');
  dictionary.putInteger('b', 1);
  const seen = [];
  for (const key in dictionary.innerProperties) seen.push(`${key}=${dictionary.get(key)}`);
  assert.deepEqual(seen, ['a=x', 'b=1']);
  assert.ok(dictionary.innerProperties.hasOwnProperty('a'));
});

test('arrays are real arrays, and dictionaries in them have a get of their own', () => {
  const dictionary = Dictionary.from({ n: [3, 1, 2], rows: [{ id: 1 }, { id: 2 }], one: { x: 1 } });
  assert.deepEqual(dictionary.get('n').slice(0).sort(), [1, 2, 3]);
  assert.deepEqual(
    dictionary.get('rows').map((/** @type {any} */ row) => row.get('id')),
    [1, 2],
  );
  assert.equal(dictionary.get('one').get('x'), 1);
});

test('what is nested travels as plain members and comes back', () => {
  const inner = make();
  inner.putString('x', 'y');
  const dictionary = make();
  dictionary.putDictionary('d', inner);
  dictionary.putDictionaryArray('ds', [inner, { plain: 1 }]);
  dictionary.putIntegerArray('is', new Int32Array([1, 2]));
  dictionary.putStringArray('ss', 'alone');
  const members = { d: { x: 'y' }, ds: [{ x: 'y' }, { plain: 1 }], is: [1, 2], ss: ['alone'] };
  assert.deepEqual(toPlainMembers(dictionary.toMembers()), members);
  assert.equal(Dictionary.from(members).get('ds')[1].get('plain'), 1);
  assert.equal(String(dictionary), JSON.stringify(members));
});

test('a missing key is undefined, also one that every object has', () => {
  const dictionary = make();
  assert.equal(dictionary.get('nothing'), undefined);
  assert.equal(dictionary.get('toString'), undefined);
  assert.equal(dictionary.containsKey('constructor'), false);
  assert.equal(dictionary.isEmpty(), true);
});

test('__proto__ is a key like any other', () => {
  const dictionary = Dictionary.from(JSON.parse('{"__proto__":"x"}'));
  assert.equal(dictionary.get('__proto__'), 'x');
  assert.equal(writeDictionary(dictionary.toMembers()), '{"__proto__":"x"}');
  dictionary.remove('__proto__');
  assert.equal(dictionary.size(), 0);
});

test('each put has its type on the wire', () => {
  const dictionary = make();
  dictionary.putByte('b', -1);
  dictionary.putShort('s', '7');
  dictionary.putInteger('i', 1.9);
  dictionary.putInt('i2', 2);
  dictionary.putLong('l', 5);
  dictionary.putLong('big', '9007199254740993');
  dictionary.putFloat('f', 1.2261);
  dictionary.putDouble('d', 2);
  dictionary.putCharacter('c', 'xyz');
  dictionary.putByteArray('raw', [0, 1]);
  dictionary.putLongArray('ls', [1]);
  dictionary.putFloatArray('fs', new Float32Array([1.2261]));
  dictionary.putStringArray('none', []);
  assert.equal(
    writeDictionary(dictionary.toMembers()),
    '{"b":{"$byte":-1},"s":{"$short":7},"i":1,"i2":2,"l":{"$long":5},' +
      '"big":{"$long":"9007199254740993"},"f":{"$float":1.2261},"d":{"$double":2},' +
      '"c":{"$char":"x"},"raw":{"$bytes":"AAE="},"ls":{"$long[]":[1]},' +
      '"fs":{"$float[]":[1.2261]},"none":{"$string[]":[]}}',
  );
  assert.equal(`${dictionary.get('f')}`, '1.2261');
  assert.equal(dictionary.get('big') + 1, 9007199254740993, 'a number, not a BigInt');
});

test('what came is sent on as it came; what a program changed keeps its type if it can', () => {
  const text = '{"l":{"$long":"9007199254740993"},"f":{"$float":2},"fs":{"$float[]":[1,2]}}';
  const dictionary = Dictionary.from(parseDictionary(text));
  assert.equal(writeDictionary(dictionary.toMembers()), text);
  dictionary.get('fs').push(3);
  dictionary.innerProperties.f = 0.5;
  dictionary.innerProperties.more = 'x';
  dictionary.remove('l');
  assert.equal(
    writeDictionary(dictionary.toMembers()),
    '{"f":{"$float":0.5},"fs":{"$float[]":[1,2,3]},"more":"x"}',
  );
  dictionary.innerProperties.f = 'no number';
  assert.equal(dictionary.getType('f'), 'string');
});

test('what cannot be bent to a type keeps its own, and nothing throws', () => {
  const dictionary = make();
  dictionary.putByte('b', 300);
  dictionary.putInteger('i', 'x');
  dictionary.putInteger('sym', Symbol('s'));
  dictionary.putString('none', Object.create(null));
  dictionary.putString('half', 'a\ud800');
  dictionary.putDictionary('d', 7);
  dictionary.put('any', undefined);
  dictionary.put(undefined, 1);
  const texts = ['b', 'i', 'sym', 'none', 'half', 'd', 'any'].map(
    (key) => `${dictionary.getType(key)} ${dictionary.get(key)}`,
  );
  assert.deepEqual(texts, [
    ...['int 300', 'double NaN', 'double NaN', 'string [object Object]', 'string a\ufffd'],
    ...['dict {}', 'null undefined'],
  ]);
});

test('as text, and asked for types, it throws at nothing that a program may have put', () => {
  const dictionary = Dictionary.from({ half: '\ud800', one: 1 });
  dictionary.put('big', 2n ** 60n);
  assert.equal(String(dictionary), '{"half":"\\ud800","one":1,"big":"1152921504606846976"}');
  assert.equal(dictionary.getType('half'), undefined);
  assert.equal(dictionary.getType('big'), 'long');
  dictionary.put('itself', dictionary);
  assert.equal(String(dictionary), 'half,one,big,itself');
  dictionary.getType('itself');
});
