// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nirvana } from '../../src/compat/nirvana.js';
import { watch, world } from '../lib/compat.js';

const { Observe } = Nirvana;

/** @param {boolean} [transactional] */
async function opened(transactional) {
  const all = world();
  const stored = all.realm.queue('/jobs');
  all.session.start();
  const queue = watch(all.session.getQueue('/jobs', transactional), all.log);
  for (const name of [Observe.COMMIT, Observe.ROLLBACK]) {
    queue.on(name, (/** @type {any} */ given) => all.log.push(`${name} ${given.getName()}`));
  }
  /** @type {any[]} */
  const events = [];
  queue.on(Observe.DATA, (/** @type {any} */ event) => events.push(event));
  const put = (/** @type {string} */ texts) => {
    for (const text of texts) all.realm.publish('/jobs', text);
  };
  /** What happened since the last time. */
  const news = async (ms = 100) => {
    await all.clock.advance(ms);
    return all.log.splice(0);
  };
  return { ...all, stored, queue, events, put, news };
}

test('a plain reader: an event is gone when it was delivered', async () => {
  const { stored, queue, put, news, session } = await opened();
  assert.equal(session.getQueue('jobs'), queue);
  put('abcdefg');
  queue.subscribe();
  const data = [...'abcdefg'].map((text, n) => `DATA ${n + 1} ${text}`);
  assert.deepEqual(await news(), ['START', 'SUBSCRIBE /jobs', ...data]);
  queue.unsubscribe();
  assert.deepEqual(await news(), ['UNSUBSCRIBE /jobs']);
  assert.equal(stored.waiting.length, 0);
});

test('publishing to a queue says PUBLISH', async () => {
  const { stored, queue, news } = await opened();
  let status = '';
  queue.on(Observe.PUBLISH, (/** @type {string} */ given) => (status = given));
  const event = Nirvana.createEvent();
  event.setData('x');
  queue.publish(event);
  await news();
  assert.deepEqual([status, stored.waiting.length], ['OK', 1]);
});

test('a transactional reader has five, commits up to an event, and gets more', async () => {
  const { queue, events, put, news } = await opened(true);
  put('abcdefgh');
  queue.subscribe();
  assert.equal((await news()).at(-1), 'DATA 5 e');
  queue.commit(events[1]);
  assert.deepEqual(await news(), ['DATA 6 f', 'DATA 7 g', 'COMMIT /jobs']);
  queue.commitAll();
  assert.deepEqual(await news(), ['DATA 8 h', 'COMMIT /jobs']);
});

test('the window is set before subscribing; nonsense means the default', async () => {
  for (const [size, count] of [
    [1, 1],
    ['2', 2],
    [0, 5],
    ['x', 5],
    [Symbol('s'), 5],
  ]) {
    const { queue, events, put, news } = await opened(true);
    queue.setWindowSize(size);
    put('abcdefgh');
    queue.subscribe();
    await news();
    assert.equal(events.length, count, String(size));
  }
});

test('rollback, up to an event or of all: they come again and say so', async () => {
  const { queue, events, put, news } = await opened(true);
  put('abc');
  queue.subscribe();
  await news();
  queue.rollback(events[0]);
  assert.deepEqual(await news(), ['DATA 1 a', 'ROLLBACK /jobs']);
  assert.equal(events[3].getEventAttributes().isRedelivered(), true);
  queue.rollbackAll();
  assert.equal((await news()).length, 4);
  assert.equal(events.at(-1).getEventAttributes().getRedeliveryCount(), 2);
});

test('what was not committed when the session stops, or is cut, comes again', async () => {
  const { network, queue, events, put, news, session } = await opened(true);
  put('ab');
  queue.subscribe();
  await news();
  session.stop();
  await news();
  queue.commit(events[0]);
  assert.deepEqual(await news(), ['ERROR /jobs IllegalStateException']);
  session.start();
  assert.deepEqual((await news()).slice(-2), ['DATA 1 a', 'DATA 2 b']);
  network.cut();
  await news(1000);
  assert.equal(events.length, 6);
  queue.commit(events[2]);
  queue.commit(events[5]);
  assert.deepEqual(await news(), ['ERROR /jobs IllegalStateException', 'COMMIT /jobs']);
});

test('a filter chooses; a bad one is an ERROR of the queue', async () => {
  const { realm, queue, events, put, news } = await opened();
  realm.chooses = (_, { eid }) => eid > 2;
  put('abc');
  queue.setFilter('bad >');
  queue.subscribe();
  assert.deepEqual(await news(), ['START', 'ERROR /jobs IllegalArgumentException']);
  assert.equal(queue.isSubscribed(), false);
  queue.setFilter('big');
  queue.subscribe();
  await news();
  assert.equal(events.length, 1);
});

test('what cannot be meant is an ERROR, never a throw', async () => {
  const { queue, news, session } = await opened(true);
  await news();
  queue.commitAll();
  queue.rollbackAll();
  assert.deepEqual(await news(), [], 'nothing came, so there is nothing to do');
  for (const event of [undefined, null, 7, Nirvana.createEvent()]) queue.commit(event);
  const plain = session.getQueue('/jobs', 'false');
  plain.commitAll();
  plain.rollback(undefined);
  const [argument, state] = ['IllegalArgumentException', 'IllegalStateException'];
  const names = [argument, argument, argument, argument, state, state];
  assert.deepEqual(
    await news(),
    names.map((name) => `ERROR /jobs ${name}`),
  );
});

test('a commit that the realm refuses is an ERROR, of a plain reader, too', async () => {
  const { realm, queue, put, news } = await opened();
  realm.refusing.ACK = 'StoreException';
  put('a');
  queue.subscribe();
  assert.equal((await news()).at(-1), 'ERROR /jobs StoreException');
});
