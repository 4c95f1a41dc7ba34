// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wideWorld, WEB, WS, WSS, world } from './lib/world.js';

/** A session beside a queue that holds `texts`. @param {string} texts */
async function opened(texts) {
  const all = world();
  const stored = all.realm.queue('/jobs');
  for (const text of texts) all.realm.publish('/jobs', text);
  all.session.open().catch(() => {});
  await all.clock.advance(50);
  return { ...all, stored, queue: all.session.queue('/jobs') };
}

/** All that comes, and the error at the end if there is one. @param {AsyncIterable<any>} iterator */
async function all(iterator) {
  let seen = '';
  try {
    for await (const { data } of iterator) seen += data;
    return [seen];
  } catch (error) {
    return [seen, /** @type {any} */ (error).code];
  }
}

test('a look shows what no reader has, takes nothing, and ends', async () => {
  const { clock, realm, stored, queue } = await opened('abcd');
  const reader = queue.read({ transactional: true, window: 1 });
  await clock.advance(50);
  const looking = all(queue.browse());
  await clock.advance(50);
  assert.deepEqual(await looking, ['bcd']);
  assert.equal(stored.waiting.length, 3);
  assert.deepEqual(realm.log.slice(-2), ['SUBSCRIBE /jobs', 'UNSUBSCRIBE /jobs#2']);
  assert.equal((await reader.next()).value.data, 'a');
});

test('an empty queue is a look that ends at once', async () => {
  const { clock, queue } = await opened('');
  const looking = all(queue.browse());
  await clock.advance(50);
  assert.deepEqual(await looking, ['']);
});

test('a filter chooses, a bad one is refused', async () => {
  const { clock, realm, queue } = await opened('abc');
  realm.chooses = (selector, { body }) => selector === new TextDecoder().decode(body);
  const looking = all(queue.browse({ filter: 'b' }));
  await clock.advance(50);
  assert.deepEqual(await looking, ['b']);
  const bad = all(queue.browse({ filter: 'b >' }));
  await clock.advance(50);
  assert.deepEqual(await bad, ['', 'argument']);
});

test('after `limit` events the look is over', async () => {
  const { clock, realm, queue } = await opened('abcdef');
  realm.isEnding = false;
  const looking = all(queue.browse({ limit: 2 }));
  await clock.advance(50);
  assert.deepEqual(await looking, ['ab']);
  assert.equal(realm.log.at(-1), 'UNSUBSCRIBE /jobs');
  for (const limit of [0, 1.5, NaN]) {
    assert.throws(() => queue.browse({ limit }), { code: 'argument' });
  }
});

test('asked for while there is no connection, or lost before its first event, it is looked again', async () => {
  const { clock, network, queue } = await opened('ab');
  network.cut();
  const early = all(queue.browse());
  await clock.advance(1000);
  assert.deepEqual(await early, ['ab']);
  const lost = all(queue.browse());
  network.cut();
  await clock.advance(1000);
  assert.deepEqual(await lost, ['ab']);
});

test('lost in the middle, the look is not whole, and says so', async () => {
  const { clock, network, realm, session, queue } = await opened('ab');
  realm.isEnding = false;
  const looking = all(queue.browse());
  await clock.advance(50);
  network.cut();
  await clock.advance(1000);
  assert.deepEqual(await looking, ['ab', 'closed']);
  assert.equal(session.state, 'open');
  assert.equal(realm.log.filter((line) => line === 'SUBSCRIBE /jobs').length, 1);
});

test('leaving the loop, a signal and the end of the session end it', async () => {
  const { clock, realm, session, queue } = await opened('ab');
  realm.isEnding = false;
  const left = (async () => {
    for await (const { data } of queue.browse()) return data;
  })();
  await clock.advance(50);
  assert.equal(await left, 'a');
  const controller = new AbortController();
  const signalled = all(queue.browse({ signal: controller.signal }));
  await clock.advance(50);
  controller.abort(Object.assign(new Error('enough'), { code: 'enough' }));
  assert.equal((await signalled)[1], 'enough');
  const { signal } = controller;
  assert.deepEqual(await all(queue.browse({ signal })), ['', 'enough']);
  const closed = all(queue.browse());
  await clock.advance(50);
  session.close();
  await clock.advance(50);
  assert.deepEqual(await closed, ['ab', 'closed'], 'it is not whole');
  assert.equal(clock.alarms, 0);
});

test('a channel is not looked into', async () => {
  const { clock, realm, session } = await opened('');
  realm.publish('/fx', 'x');
  const looking = all(session.queue('/fx').browse());
  await clock.advance(50);
  assert.deepEqual(await looking, ['', 'argument']);
  assert.equal(realm.log.at(-1), 'UNSUBSCRIBE /fx');
});

test('what was only seen cannot be committed', async () => {
  const { clock, queue } = await opened('a');
  const look = queue.browse();
  const reader = queue.read({ transactional: true });
  await clock.advance(50);
  const { value } = await look.next();
  await assert.rejects(reader.commit(value), { code: 'argument' });
});

test('a session does not move to a better driver in the middle of a look', async () => {
  const { clock, network, realm, session } = wideWorld({}, { [WSS]: 'refuse' });
  network.slow = { [WS]: 3_000 };
  realm.queue('/jobs');
  realm.publish('/jobs', 'a');
  realm.isEnding = false;
  session.open();
  await clock.advance(2_500);
  const look = session.queue('/jobs').browse();
  await clock.advance(3_000);
  assert.equal(session.path().inUse?.url, WEB);
  assert.equal((await look.next()).value.data, 'a');
  look.close();
  await clock.advance(1_000);
  assert.equal(session.path().inUse?.url, WS);
});
