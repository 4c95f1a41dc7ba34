// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeDictionary } from '../src/dictionary.js';
import { Typed, fit, toMembers, toPlainMembers, toTyped, typed } from '../src/typed.js';

/** @param {Record<string, unknown>} object */
const written = (object) => writeDictionary(toMembers(object));

test('plain values have natural types', () => {
  const types = [1, -0, 2 ** 31, 2 ** 53, 0.5, NaN, 5n, 'x', true, null, undefined, {}, []];
  assert.deepEqual(
    types.map((value) => toTyped(value).type),
    [
      'int',
      'int',
      'long',
      'double',
      'double',
      'double',
      'long',
      'string',
      'boolean',
      'null',
    ].concat('null', 'dict', 'mixed[]'),
  );
});

test("JavaScript's typed arrays are arrays of their types, and bytes are bytes", () => {
  const views = {
    b: Int8Array.of(-1),
    s: Int16Array.of(1),
    i: Int32Array.of(1),
    l: BigInt64Array.of(1n, 2n ** 60n),
    f: Float32Array.of(1.2261),
    d: Float64Array.of(2),
    raw: Uint8Array.of(0, 1),
    buffer: Uint8Array.of(255).buffer,
  };
  assert.equal(
    written(views),
    '{"b":{"$byte[]":[-1]},"s":{"$short[]":[1]},"i":[1],"l":{"$long[]":[1,"1152921504606846976"]},' +
      '"f":{"$float[]":[1.2261]},"d":{"$double[]":[2]},"raw":{"$bytes":"AAE="},"buffer":{"$bytes":"/w=="}}',
  );
});

test('a type can be given where the natural one would be wrong', () => {
  const dict = { l: typed('long', 5), f: typed('float', 1.2261), fs: typed('float[]', [1, 0.1]) };
  assert.equal(written(dict), '{"l":{"$long":5},"f":{"$float":1.2261},"fs":{"$float[]":[1,0.1]}}');
  assert.deepEqual(toPlainMembers(toMembers(dict)), { l: 5, f: 1.2261, fs: [1, 0.1] });
  assert.equal(typed('long', 2n ** 53n).value, 2n ** 53n);
  assert.equal(typed('long', 7n).value, 7);
  assert.equal(typed('double', typed('int', 7)).type, 'double');
  assert.equal(typed('dict[]', [{ a: 1 }]).value[0].type, 'dict');
  assert.equal(typed('mixed[]', [1, 'a']).type, 'mixed[]');
});

for (const [type, value] of /** @type {Array<[any, unknown]>} */ ([
  ['byte', 128],
  ['short', -32769],
  ['int', 2 ** 31],
  ['int', 0.5],
  ['int', '1'],
  ['long', 2n ** 63n],
  ['long', 2 ** 53],
  ['float', 3.5e38],
  ['float', '1'],
  ['double', 1n],
  ['char', 'ab'],
  ['char', '\ud800'],
  ['string', 7],
  ['string', '\udc00'],
  ['boolean', 'true'],
  ['bytes', 'AA=='],
  ['dict', []],
  ['null', 0],
  ['int[]', 1],
  ['int[]', [1, 'x']],
  ['nonsense', 1],
  ['nonsense[]', [1]],
])) {
  test(`${String(value)} does not fit ${type}`, () => {
    assert.equal(fit(type, value), undefined);
    assert.throws(() => typed(type, value), { code: 'argument' });
  });
}

test('what JSON leaves out is left out, and what has a toJSON is what that says', () => {
  const at = new Date(0);
  assert.equal(
    written({ u: undefined, f() {}, s: Symbol('x'), list: [undefined], at }),
    '{"list":[null],"at":"1970-01-01T00:00:00.000Z"}',
  );
});

test('a map is a dictionary, and members keep their types through it', () => {
  const members = new Map([['n', new Typed('short', 1)]]);
  assert.equal(writeDictionary(toMembers(members)), '{"n":{"$short":1}}');
  assert.equal(written({ inner: members }), '{"inner":{"n":{"$short":1}}}');
});

test('what holds itself is too deep, not endless', () => {
  /** @type {any} */
  const ring = {};
  ring.ring = ring;
  assert.throws(() => toMembers(ring), { code: 'argument' });
  assert.throws(() => toMembers({ '\ud800': 1 }), { code: 'argument' });
});
