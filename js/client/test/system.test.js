// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deferred, harmless, randomId, systemRandom, systemTimer } from '../src/system.js';

test('a random id is 32 hexadecimal digits of the dice', () => {
  assert.equal(
    randomId(() => 0),
    '0'.repeat(32),
  );
  assert.equal(
    randomId(() => 0.5),
    '80000000'.repeat(4),
  );
  assert.match(randomId(systemRandom), /^[0-9a-f]{32}$/);
  assert.notEqual(randomId(systemRandom), randomId(systemRandom));
});

test('the dice stay within [0, 1)', () => {
  for (let roll = 0; roll < 100; roll++) {
    const number = systemRandom();
    assert.ok(number >= 0 && number < 1);
  }
});

test('what a listener throws is reported and goes no further', (t) => {
  const { mock } = t.mock.method(console, 'error', () => {});
  const thrown = new Error('mine');
  harmless(() => {
    throw thrown;
  });
  harmless(undefined);
  assert.equal(mock.callCount(), 1);
  assert.equal(mock.calls[0].arguments[1], thrown);
});

test('an alarm that was cleared does not ring', (t) => {
  /** @type {Map<number, () => void>} */
  const due = new Map();
  t.mock.method(globalThis, 'setTimeout', (/** @type {() => void} */ call) => {
    due.set(due.size + 1, call);
    return due.size;
  });
  t.mock.method(globalThis, 'clearTimeout', (/** @type {number} */ id) => due.delete(id));
  let rings = 0;
  systemTimer.clear(systemTimer.set(() => rings++, 10));
  systemTimer.set(() => rings++, 10);
  for (const call of due.values()) call();
  assert.equal(rings, 1);
  assert.ok(systemTimer.now() > 0);
});

test('a deferred is settled from outside', async () => {
  const deferred = new Deferred();
  deferred.resolve(7);
  assert.equal(await deferred.promise, 7);
});
