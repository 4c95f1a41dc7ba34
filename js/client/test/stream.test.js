// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Session } from '../src/session.js';
import { FakeClock } from './lib/clock.js';
import { FakeNetwork } from './lib/network.js';

async function world() {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock);
  const { realm, WebSocket } = network;
  const session = new Session('ws://realm:9000', { WebSocket, timer: clock, random: () => 0.5 });
  session.open();
  await clock.advance(50);
  const publish = async (/** @type {number} */ count) => {
    for (let n = 0; n < count; n++) realm.publish('/fx', `${realm.life('/fx').next}`);
    await clock.advance(50);
  };
  return { clock, network, realm, publish, channel: session.channel('/fx'), session };
}

/**
 * @param {import('../src/stream.js').EventStream} stream
 * @param {number} count
 */
async function read(stream, count) {
  const eids = [];
  for (let n = 0; n < count; n++) eids.push((await stream.next()).value?.eid);
  return eids;
}

test('events come in order, whether the reader or the event is first', async () => {
  const { clock, publish, channel } = await world();
  await publish(2);
  const stream = channel.subscribe({ from: 'stored' });
  const early = [stream.next(), stream.next(), stream.next()];
  await clock.advance(50);
  await publish(2);
  assert.deepEqual(
    (await Promise.all(early)).map(({ value }) => value.eid),
    [1, 2, 3],
  );
  assert.deepEqual(await read(stream, 1), [4]);
  assert.equal((await stream.ready).from, 1);
});

test('"now" is what it is by default', async () => {
  const { clock, publish, channel } = await world();
  await publish(3);
  const stream = channel.subscribe();
  await clock.advance(50);
  await publish(1);
  assert.deepEqual(await read(stream, 1), [4]);
});

test('leaving a for await ends the subscription at the realm', async () => {
  const { clock, realm, publish, channel } = await world();
  await publish(2);
  /** @type {unknown[]} */
  const seen = [];
  const reading = (async () => {
    for await (const { eid } of channel.subscribe({ from: 'stored' })) {
      seen.push(eid);
      break;
    }
  })();
  await clock.advance(100);
  await reading;
  assert.deepEqual(seen, [1]);
  assert.equal(realm.log.at(-1), 'UNSUBSCRIBE /fx');
});

test('overflow "pause": the realm stops, goes on at the next EID, and nothing is missing', async () => {
  const { clock, realm, publish, channel } = await world();
  const stream = channel.subscribe({ from: 'stored', limit: 4 });
  await publish(10);
  assert.equal(realm.log.at(-1), 'UNSUBSCRIBE /fx');
  await publish(10);
  const eids = [];
  for (let n = 0; n < 20; n++) {
    eids.push(...(await read(stream, 1)));
    await clock.advance(50);
  }
  assert.deepEqual(
    eids,
    Array.from({ length: 20 }, (_, n) => n + 1),
  );
});

test('overflow "pause" survives a cut connection while it is paused', async () => {
  const { clock, network, publish, channel } = await world();
  const stream = channel.subscribe({ from: 'stored', limit: 2 });
  await publish(5);
  network.cut();
  await clock.advance(1000);
  const first = await read(stream, 2);
  await clock.advance(50);
  assert.deepEqual([...first, ...(await read(stream, 2))], [1, 2, 3, 4]);
});

test('who wants changes alone may drop none', async () => {
  const { channel } = await world();
  const options = /** @type {const} */ ({ deltas: true, from: 'stored', overflow: 'drop-oldest' });
  assert.throws(() => channel.subscribe(options), { code: 'argument' });
});

test('overflow "drop-oldest": the newest are kept', async () => {
  const { publish, channel } = await world();
  const stream = channel.subscribe({ from: 'stored', limit: 2, overflow: 'drop-oldest' });
  await publish(5);
  assert.deepEqual(await read(stream, 2), [4, 5]);
});

test('overflow "fail": the queue is read, then the error is thrown, then it is over', async () => {
  const { publish, channel } = await world();
  const stream = channel.subscribe({ from: 'stored', limit: 2, overflow: 'fail' });
  await publish(5);
  assert.deepEqual(await read(stream, 2), [1, 2]);
  await assert.rejects(stream.next(), { code: 'limit' });
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test('a signal ends it with its reason, at once or later', async () => {
  const { clock, channel } = await world();
  const controller = new AbortController();
  const reason = new Error('enough');
  const stream = channel.subscribe({ signal: controller.signal });
  const rejected = assert.rejects(stream.next(), reason);
  controller.abort(reason);
  await rejected;
  const late = channel.subscribe({ signal: controller.signal });
  await assert.rejects(late.next(), reason);
  await clock.advance(50);
});

test('when the session is closed the reader is at the end', async () => {
  const { clock, channel, session } = await world();
  const reading = channel.subscribe().next();
  session.close();
  await clock.advance(50);
  assert.deepEqual(await reading, { done: true, value: undefined });
});

test('a gap is told: those events are no longer stored', async () => {
  const { clock, network, realm, publish, channel } = await world();
  /** @type {any[]} */
  const gaps = [];
  realm.kept = 2;
  channel.subscribe({ from: 'stored', onGap: (gap) => gaps.push(gap) });
  await publish(1);
  network.cut();
  realm.peers.clear();
  for (let n = 0; n < 5; n++) realm.publish('/fx', 'x');
  await clock.advance(1000);
  assert.deepEqual(gaps, [{ from: 2, next: 5 }]);
});

test('options that cannot be meant are refused', async () => {
  const { channel } = await world();
  for (const options of [{ from: -1 }, { from: 'then' }, { limit: 0 }, { overflow: 'explode' }]) {
    assert.throws(() => channel.subscribe(/** @type {any} */ (options)), { code: 'argument' });
  }
});
