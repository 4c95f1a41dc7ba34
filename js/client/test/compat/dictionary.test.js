// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dictionary } from '../../src/compat/dictionary.js';

/** Puts that exist for each type are made in a loop: a program calls them by name. */
const make = () => /** @type {any} */ (new Dictionary());

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
  const { s, i, n, b } = dictionary.toMembers();
  assert.deepEqual([s, i, n, b], ['7', 42, '', true]);
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
  assert.deepEqual(dictionary.toMembers(), members);
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
  assert.equal(JSON.stringify(dictionary.toMembers()), '{"__proto__":"x"}');
  dictionary.remove('__proto__');
  assert.equal(dictionary.size(), 0);
});
