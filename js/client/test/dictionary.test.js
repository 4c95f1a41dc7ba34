// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The vectors that the realm's reader and writer pass, too: test/data/dict_vectors.json. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hasTwins, parseDictionary, writeDictionary } from '../src/dictionary.js';

const file = new URL('../../../test/data/dict_vectors.json', import.meta.url);
const { readable, refused_json, refused_marks } = JSON.parse(readFileSync(file, 'utf8'));

/** Control characters as the vectors write them. @param {string} text */
function quote(text) {
  const escape = (/** @type {string} */ char) =>
    `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `"${text.replace(/["\\]/g, '\\$&').replace(/[\0-\x1f]/g, escape)}"`;
}

/** @param {import('../src/typed.js').Typed} typed @returns {string} */
function meaning({ type, value }) {
  if (type === 'dict') return meaningOf(value);
  if (Array.isArray(value)) return `${type} [${value.map(meaning).join(', ')}]`;
  if (type === 'null') return 'null';
  if (type === 'bytes') return `bytes ${Buffer.from(value).toString('hex')}`;
  if (typeof value === 'string') return `${type} ${quote(value)}`;
  return `${type} ${Object.is(value, -0) ? '-0' : value}`;
}

/** @param {Map<string, import('../src/typed.js').Typed>} members */
function meaningOf(members) {
  return `{${[...members].map(([key, value]) => `${quote(key)}: ${meaning(value)}`).join(', ')}}`;
}

for (const { text, meaning, written } of readable) {
  test(`${text} means what the vectors say, and is written again`, () => {
    const members = parseDictionary(text);
    assert.equal(meaningOf(members), meaning);
    assert.equal(writeDictionary(members), written ?? text);
    assert.equal(meaningOf(parseDictionary(writeDictionary(members))), meaning);
  });
}

for (const { text, why } of [...refused_json, ...refused_marks]) {
  test(`${JSON.stringify(text)} is refused: ${why}`, () => {
    assert.throws(() => parseDictionary(text), /^(SyntaxError|ArgumentError)/);
  });
}

test('dictionaries and arrays are read 16 deep and no deeper', () => {
  const nest = (/** @type {number} */ deep) =>
    `{"a":${'['.repeat(deep - 1)}${']'.repeat(deep - 1)}}`;
  assert.equal(parseDictionary(nest(16)).size, 1);
  assert.throws(() => parseDictionary(nest(17)), { code: 'argument' });
  assert.throws(() => parseDictionary('{"a":'.repeat(17) + '1' + '}'.repeat(17)), /deep/);
  assert.throws(
    () => parseDictionary(`${'{"a":'.repeat(16)}{"$int[]":[1]}${'}'.repeat(16)}`),
    /deep/,
  );
});

test('names are twins within one dictionary only, however they are written', () => {
  assert.equal(hasTwins('{"a":{"a":"a"},"b":["a",{"a":1},{"a":2}],"c":"\\"a\\":1"}'), false);
  assert.equal(hasTwins('{"a" : {"b":1} , "\\u0061"\n:2}'), true);
});

test('__proto__ is a name like any other', () => {
  const members = parseDictionary('{"__proto__":{"x":1}}');
  assert.equal(writeDictionary(members), '{"__proto__":{"x":1}}');
});
