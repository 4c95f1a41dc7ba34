// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pipe } from '../src/pipe.js';

const END = { done: true, value: undefined };

test('values and readers meet in order, whoever is first', async () => {
  /** @type {number[]} */
  const read = [];
  const pipe = new Pipe((/** @type {number} */ value) => read.push(value));
  const early = [pipe.next(), pipe.next()];
  for (const value of [1, 2, 3]) pipe.push(value);
  assert.equal(pipe.size, 1);
  assert.deepEqual(read, [1, 2], 'nobody has read the third');
  const results = await Promise.all([...early, pipe.next()]);
  assert.deepEqual(
    results.map(({ value }) => value),
    [1, 2, 3],
  );
});

test('either end of the queue can be dropped, or all of it', async () => {
  const pipe = new Pipe();
  for (const value of [1, 2, 3]) pipe.push(value);
  pipe.dropOldest();
  pipe.dropNewest();
  assert.deepEqual(await pipe.next(), { done: false, value: 2 });
  pipe.push(4);
  pipe.clear();
  assert.equal(pipe.size, 0);
});

test('an error is thrown once, after the values; then it is the end', async () => {
  const pipe = new Pipe();
  pipe.push(1);
  pipe.end(new Error('over'));
  pipe.end(new Error('again'));
  assert.equal((await pipe.next()).value, 1);
  await assert.rejects(pipe.next(), /over/);
  assert.deepEqual(await pipe.next(), END);
});

test('of those who wait, one gets the error', async () => {
  const pipe = new Pipe();
  const waiting = [pipe.next(), pipe.next()];
  const rejected = assert.rejects(waiting[0], /over/);
  pipe.end(new Error('over'));
  await rejected;
  assert.deepEqual(await waiting[1], END);
});
