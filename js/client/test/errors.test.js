// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as errors from '../src/errors.js';

test('every failure is a WayleaveError with a code and its own name', () => {
  const all = [
    new errors.ConnectError('x'),
    new errors.ClosedError(),
    new errors.LimitError('x'),
    new errors.ArgumentError('x'),
    new errors.ProtocolError('x'),
  ];
  const codes = all.map((error) => `${error.name} ${error.code}`);
  assert.ok(all.every((error) => error instanceof errors.WayleaveError && error instanceof Error));
  assert.deepEqual(codes, [
    'ConnectError connect-failed',
    'ClosedError closed',
    'LimitError limit',
    'ArgumentError argument',
    'ProtocolError protocol',
  ]);
});

test("the realm's words have codes, and words unknown to us, prototype names too, have one", () => {
  const codeOf = (/** @type {string} */ word) => new errors.RefusedError(word, 'no').code;
  assert.equal(codeOf('MissingResourceException'), 'missing-resource');
  assert.equal(codeOf('SecurityException'), 'not-allowed');
  assert.equal(codeOf('StoreException'), 'store');
  assert.equal(codeOf('SomethingElse'), 'refused');
  assert.equal(codeOf('constructor'), 'refused');
});
