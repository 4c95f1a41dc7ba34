// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox } from '../src/outbox.js';
import { settle } from './lib/clock.js';

const TEXT = { headers: [], body: 'four' };

/** A protocol that writes down what is published. */
function recorder() {
  /** @type {string[]} */
  const sent = [];
  const publish = (/** @type {string} */ id, /** @type {string} */ to) => sent.push(`${id} ${to}`);
  return { sent, protocol: /** @type {any} */ ({ publish }) };
}

/** @param {string} id @param {number} eid @returns {any} */
const published = (id, eid) => ({ type: 'published', id, eid });

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
  outbox.take(published('p-1', 7));
  assert.equal(outbox.take(published('p-1', 8)), false, 'a receipt too many');
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
  outbox.connected(recorder().protocol);
  outbox.take(published('p-1', 1));
  await first;
  await assert.rejects(outbox.add('/a', { headers: [], body: 'sixsix' }), { code: 'limit' });
  outbox.add('/a', { headers: [], body: 'fives' });
  assert.equal(outbox.size, 2);
});

test('a refusal rejects, and a header that cannot be written does too', async () => {
  const outbox = new Outbox({ prefix: 'p' });
  const first = outbox.add('/a', TEXT);
  outbox.connected(recorder().protocol);
  const [request, word] = /** @type {const} */ (['publish', 'SecurityException']);
  outbox.take({ type: 'refused', request, id: 'p-1', word, message: 'no' });
  await assert.rejects(first, { message: 'no', code: 'not-allowed', resourceName: '/a' });
  outbox.lost();
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

test('what is asked twice under one id is refused while the first is on its way', async () => {
  const outbox = new Outbox({ prefix: 'p' });
  const entry = () => /** @type {any} */ ({ id: 'mine', bytes: 0, send() {} });
  outbox.run(entry());
  await assert.rejects(outbox.run(entry()), { code: 'argument' });
});

test('who waits for room gets it when half is free, or when nothing matters any more', async () => {
  const outbox = new Outbox({ prefix: 'p', maxEvents: 4 });
  /** @type {string[]} */
  const log = [];
  const sent = ['/a', '/b', '/c', '/d'].map((to) => outbox.add(to, TEXT));
  outbox.room().then(() => log.push('room'));
  outbox.connected(recorder().protocol);
  outbox.take(published('p-1', 1));
  await settle();
  assert.equal(log.length, 0);
  outbox.take(published('p-2', 2));
  await settle();
  assert.deepEqual(log, ['room']);
  await outbox.room();
  sent.push(outbox.add('/e', TEXT));
  outbox.room().then(() => log.push('closed'));
  outbox.close();
  await settle();
  assert.deepEqual(log, ['room', 'closed']);
  await Promise.allSettled(sent);
});

test('where only text can travel, bytes are sent as text, and as bytes elsewhere', () => {
  const outbox = new Outbox({ prefix: 'p' });
  const headers = /** @type {Array<[string, string]>} */ ([
    ['content-type', 'application/octet-stream'],
    ['mine', 'x'],
  ]);
  outbox.add('/a', { headers, body: Uint8Array.of(0, 255) }).catch(() => {});
  for (const isText of [true, false]) {
    /** @type {any[]} */
    const sent = [];
    const publish = (/** @type {any[]} */ ...given) => sent.push(given);
    outbox.connected(/** @type {any} */ ({ isText, publish }));
    const asText = [
      [
        ['content-type', 'application/vnd.wayleave.event+json'],
        ['mine', 'x'],
      ],
      '{"data":{"$bytes":"AP8="}}',
    ];
    const expected = isText ? asText : [headers, Uint8Array.of(0, 255)];
    assert.deepEqual(sent, [['p-1', '/a', ...expected]]);
    outbox.lost();
  }
});
