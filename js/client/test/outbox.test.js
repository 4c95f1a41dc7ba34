// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox } from '../src/outbox.js';

const TEXT = { headers: [], body: 'four' };

/** A protocol that writes down what is published. */
function recorder() {
  /** @type {string[]} */
  const sent = [];
  const publish = (/** @type {string} */ id, /** @type {string} */ to) => sent.push(`${id} ${to}`);
  return { sent, protocol: /** @type {any} */ ({ publish }) };
}

test('what waits is sent in order when there is a connection', () => {
  const outbox = new Outbox({ prefix: 'p' });
  outbox.add('/a', TEXT);
  outbox.add('/b', TEXT);
  const { sent, protocol } = recorder();
  outbox.connected(protocol);
  outbox.add('/c', TEXT);
  assert.deepEqual(sent, ['p-1 /a', 'p-2 /b', 'p-3 /c']);
});

test('only what has no receipt is sent again, with the same id', async () => {
  const outbox = new Outbox({ prefix: 'p' });
  outbox.connected(recorder().protocol);
  const first = outbox.add('/a', TEXT);
  outbox.add('/b', TEXT);
  outbox.settle('p-1', 7);
  outbox.settle('p-1', 8); // a receipt too many
  outbox.lost();
  const { sent, protocol } = recorder();
  outbox.connected(protocol);
  assert.deepEqual(sent, ['p-2 /b']);
  assert.equal(await first, 7);
});

test('the bounds are on events and on bytes, and what is settled makes room', async () => {
  const outbox = new Outbox({ prefix: 'p', maxEvents: 2, maxBytes: 9 });
  const first = outbox.add('/a', TEXT);
  outbox.add('/a', TEXT);
  await assert.rejects(outbox.add('/a', { headers: [], body: '' }), { code: 'limit' });
  outbox.settle('p-1', 1);
  await first;
  await assert.rejects(outbox.add('/a', { headers: [], body: 'sixsix' }), { code: 'limit' });
  outbox.add('/a', { headers: [], body: 'fives' });
  assert.equal(outbox.size, 2);
});

test('a refusal rejects, and a header that cannot be written does too', async () => {
  const outbox = new Outbox({ prefix: 'p' });
  const first = outbox.add('/a', TEXT);
  assert.equal(outbox.destinationOf('p-1'), '/a');
  outbox.settle('p-1', new Error('no'));
  await assert.rejects(first, { message: 'no' });
  const bad = new Error('bad header');
  const second = outbox.add('/a', TEXT);
  outbox.connected(/** @type {any} */ ({ publish: () => assert.fail(bad) }));
  await assert.rejects(second, bad);
  assert.equal(outbox.size, 0);
});

test('at the end, what was sent is in doubt and what was not is not', async () => {
  const outbox = new Outbox({ prefix: 'p' });
  outbox.connected(recorder().protocol);
  const sent = outbox.add('/a', TEXT);
  outbox.lost();
  const unsent = outbox.add('/b', TEXT);
  outbox.close();
  await assert.rejects(sent, { code: 'closed', inDoubt: true });
  await assert.rejects(unsent, { code: 'closed', inDoubt: false });
});
