// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff, patience } from '../src/backoff.js';

test('the ceiling doubles from 250 ms and stays at 30 s', () => {
  const highest = () => 1 - Number.EPSILON;
  const waits = [0, 1, 2, 6, 7, 1000].map((attempt) => backoff(attempt, { random: highest }));
  assert.deepEqual(waits, [249, 499, 999, 15_999, 29_999, 29_999]);
});

test('the jitter is full: the dice may say at once', () => {
  assert.equal(backoff(20, { random: () => 0 }), 0);
  assert.equal(backoff(20, { random: () => 0.5 }), 15_000);
});

test('patience grows from half a minute to ten, and the dice decide on half of it', () => {
  const waits = (/** @type {number} */ dice) =>
    [0, 1, 4, 5, 1000].map((attempt) => patience(attempt, { random: () => dice }));
  assert.deepEqual(waits(0), [15_000, 30_000, 240_000, 300_000, 300_000]);
  assert.deepEqual(waits(0.5), [22_500, 45_000, 360_000, 450_000, 450_000]);
});
