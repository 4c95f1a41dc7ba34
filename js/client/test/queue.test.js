// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { world } from './lib/world.js';

/** @param {Parameters<typeof world>[0]} [options] */
async function opened(options) {
  const all = world(options);
  const stored = all.realm.queue('/jobs');
  all.session.open().catch(() => {});
  await all.clock.advance(50);
  const put = (/** @type {string} */ texts) => {
    for (const text of texts) all.realm.publish('/jobs', text);
  };
  return { ...all, stored, put, queue: all.session.queue('jobs') };
}

/** @param {import('../src/queue.js').QueueReader} reader @param {number} count */
async function take(reader, count) {
  const events = [];
  while (events.length < count) events.push((await reader.next()).value);
  return events;
}

/** @param {Array<{ data: string }>} events */
const texts = (events) => events.map(({ data }) => data).join('');

test('a queue is published to, and the name gives the same object', async () => {
  const { clock, stored, queue, session } = await opened();
  assert.equal(session.queue('/jobs'), queue);
  const publishing = queue.publish('one');
  await clock.advance(50);
  assert.equal(await publishing, 1);
  assert.equal(stored.waiting.length, 1);
});

test('a plain reader: an event is committed when the program gets it', async () => {
  const { clock, stored, put, queue, realm } = await opened();
  put('abc');
  const reader = queue.read();
  await clock.advance(50);
  const events = await take(reader, 2);
  await clock.advance(50);
  assert.equal(texts(events), 'ab');
  assert.deepEqual(realm.log.slice(-2), ['ACK 1@/jobs', 'ACK 2@/jobs']);
  const closing = reader.close();
  await clock.advance(50);
  await closing;
  assert.deepEqual(
    stored.waiting.map(({ eid }) => eid),
    [3],
    'what the program did not get is still there',
  );
});

test('a transactional reader has five events at once, and more when it has committed', async () => {
  const { clock, put, queue } = await opened();
  put('abcdefgh');
  const reader = queue.read({ transactional: true });
  await clock.advance(50);
  await reader.ready;
  const first = await take(reader, 5);
  let more = '';
  reader.next().then(({ value }) => (more = value.data));
  await clock.advance(50);
  assert.equal(more, '', 'the window is full');
  const committing = reader.commit(first[2]);
  await clock.advance(50);
  await committing;
  assert.equal(more, 'f');
});

test('commit covers what came before; committed twice is committed', async () => {
  const { clock, stored, put, queue, network } = await opened();
  put('abcd');
  const reader = queue.read({ transactional: true, window: 3 });
  await clock.advance(50);
  const [a, b] = await take(reader, 3);
  const committing = Promise.all([reader.commit(b), reader.commit(a), reader.commit(b)]);
  await clock.advance(50);
  await committing;
  network.cut();
  await clock.advance(1);
  assert.deepEqual(
    [...stored.waiting].map(({ eid, returns }) => [eid, returns]),
    [
      [3, 1],
      [4, 1],
    ],
  );
});

test('rollback gives an event and those before it back; they come again and say so', async () => {
  const { clock, put, queue } = await opened();
  put('abc');
  const reader = queue.read({ transactional: true });
  await clock.advance(50);
  const [, b] = await take(reader, 3);
  const back = reader.rollback(b);
  await clock.advance(50);
  await back;
  const again = await take(reader, 2);
  assert.deepEqual(
    again.map(({ data, redelivered, redeliveryCount }) => [data, redelivered, redeliveryCount]),
    [
      ['a', true, 1],
      ['b', true, 1],
    ],
  );
});

test('commitAll and rollbackAll are for what the program got, not for what waits here', async () => {
  const { clock, stored, put, queue } = await opened();
  put('abcde');
  const reader = queue.read({ transactional: true });
  await clock.advance(50);
  await take(reader, 2);
  const done = reader.commitAll();
  await clock.advance(50);
  await done;
  assert.equal(texts(await take(reader, 1)), 'c');
  const back = reader.rollbackAll();
  await clock.advance(50);
  await back;
  assert.equal(texts(await take(reader, 3)), 'dec');
  const closing = reader.close();
  await clock.advance(50);
  await closing;
  assert.equal(stored.waiting.length, 3);
  await reader.commitAll().catch(() => {});
});

test('a lost connection: what was not committed comes again, once, and old commits are stale', async () => {
  const { clock, network, put, queue } = await opened();
  put('abc');
  const reader = queue.read({ transactional: true });
  await clock.advance(50);
  const [a] = await take(reader, 1);
  network.cut();
  await clock.advance(1000);
  await assert.rejects(reader.commit(a), { code: 'stale', inDoubt: false });
  await reader.commitAll(); // nothing yet on this connection
  const again = await take(reader, 3);
  assert.equal(texts(again), 'abc');
  assert.ok(again.every(({ redelivered }) => redelivered));
  const committing = reader.commit(again[2]);
  await clock.advance(50);
  await committing;
});

test('a commit whose answer is lost is in doubt, and says so', async () => {
  const { clock, network, put, queue } = await opened();
  put('a');
  const reader = queue.read({ transactional: true });
  await clock.advance(50);
  const [a] = await take(reader, 1);
  network.muteReplies();
  const doubtful = assert.rejects(reader.commit(a), { code: 'stale', inDoubt: true });
  await clock.advance(20);
  network.cut();
  await clock.advance(1000);
  await doubtful;
});

test('a commit that the realm refuses rejects with its word', async () => {
  const { clock, realm, put, queue } = await opened();
  put('a');
  const reader = queue.read({ transactional: true });
  await clock.advance(50);
  realm.refusing.ACK = 'StoreException';
  const [a] = await take(reader, 1);
  const refused = assert.rejects(reader.commit(a), { code: 'store', word: 'StoreException' });
  await clock.advance(50);
  await refused;
});

test('a plain reader whose commit is refused ends with that error', async () => {
  const { clock, realm, put, queue } = await opened();
  put('a');
  realm.refusing.ACK = 'StoreException';
  const reader = queue.read();
  await clock.advance(50);
  await take(reader, 1);
  const ended = assert.rejects(reader.next(), { code: 'store' });
  await clock.advance(50);
  await ended;
});

test('an event of another reader cannot be committed here', async () => {
  const { clock, put, queue, session, realm } = await opened();
  realm.queue('/other');
  put('a');
  const reader = queue.read({ transactional: true });
  const other = session.queue('/other').read({ transactional: true });
  await clock.advance(50);
  const [a] = await take(reader, 1);
  await assert.rejects(other.commit(a), { code: 'argument' });
});

test('a filter chooses at the realm', async () => {
  const { clock, realm, put, queue } = await opened();
  const text = (/** @type {any} */ { body }) => new TextDecoder().decode(body);
  realm.chooses = (selector, event) => selector.includes(text(event));
  put('abc');
  const reader = queue.read({ filter: 'only b' });
  await clock.advance(50);
  assert.equal(texts(await take(reader, 1)), 'b');
});

test('a bad filter ends the reader with the reason', async () => {
  const { clock, queue } = await opened();
  const reader = queue.read({ filter: 'bad >' });
  const ended = assert.rejects(reader.next(), { code: 'argument' });
  const never = assert.rejects(reader.ready, { code: 'argument' });
  await clock.advance(50);
  await Promise.all([ended, never]);
});

test('leaving the loop, a signal and the end of the session end the reading', async () => {
  const { clock, realm, put, queue, session } = await opened();
  put('ab');
  const loop = (async () => {
    for await (const { data } of queue.read()) return data;
    return '';
  })();
  await clock.advance(100);
  assert.equal(await loop, 'a');
  assert.equal(realm.log.at(-1), 'UNSUBSCRIBE /jobs');
  const controller = new AbortController();
  const aborted = assert.rejects(queue.read({ signal: controller.signal }).next(), /enough/);
  const twice = queue.read({ signal: AbortSignal.abort(new Error('before')) }).next();
  controller.abort(new Error('enough'));
  await Promise.all([aborted, assert.rejects(twice, /before/)]);
  realm.queue('/empty');
  const reading = session.queue('/empty').read().next();
  session.close();
  await clock.advance(50);
  assert.deepEqual(await reading, { done: true, value: undefined });
});

test('windows that cannot be meant are refused', async () => {
  const { queue } = await opened();
  for (const window of [0, -1, 1.5, NaN]) {
    assert.throws(() => queue.read({ window }), { code: 'argument' });
  }
});

test('a realm that sends past the window is no realm', async () => {
  const { clock, realm, session, put, queue } = await opened();
  const reader = queue.read({ transactional: true, window: 2 });
  await clock.advance(50);
  put('ab');
  await clock.advance(50);
  const [peer] = realm.peers;
  const event = (/** @type {number} */ n) =>
    peer.put('MESSAGE', [
      ['subscription', '/jobs'],
      ['destination', '/jobs'],
      ['ack', `${n}`],
    ]);
  for (const n of [3, 4]) event(n);
  await clock.advance(50);
  assert.equal(session.path().attempts[0].ended, undefined);
  event(5);
  await clock.advance(50);
  assert.equal(session.path().attempts[0].ended, 'garbled');
  await clock.advance(2000);
  assert.equal(texts(await take(reader, 2)), 'ab', 'they come again');
});
