// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from './lib/clock.js';
import { PLAIN, SECURE, collect, world } from './lib/world.js';

test('a session is open after a round trip, not when the socket opens', async () => {
  const { clock, session } = world();
  const opened = session.open();
  await clock.advance(6);
  assert.equal(session.state, 'connecting');
  await clock.advance(20);
  assert.equal(await opened, session);
  assert.equal(session.state, 'open');
  assert.equal(session.latency(), 15);
  assert.deepEqual(session.path().inUse, { url: PLAIN, driver: 'WEBSOCKET', ms: 15 });
});

test('where the plain realm is refused, the secure one is used and the path says so', async () => {
  const { clock, network, session } = world();
  network.paths[PLAIN] = 'refuse';
  session.open();
  await clock.advance(100);
  assert.equal(session.state, 'open');
  const { attempts, inUse, sentence } = session.path();
  assert.deepEqual(
    attempts.map(({ url, outcome }) => [url, outcome]),
    [
      [PLAIN, 'failed'],
      [SECURE, 'connected'],
    ],
  );
  assert.equal(inUse?.url, SECURE);
  assert.match(sentence, /secure WebSocket.*Tried before: ws:\/\/realm:9000 by WebSocket failed/);
});

for (const [how, outcome, ms, opened] of /** @type {const} */ ([
  ['swallow', 'timeout', 10_000, 415],
  ['mute', 'silent', 10_000, 415],
  ['slam', 'cut', 10, 25],
  ['garble', 'garbled', 10, 25],
])) {
  test(`a path that does "${how}" costs ${opened - 15} ms, and has ended as ${outcome} after ${ms} ms`, async () => {
    const { clock, network, session } = world();
    network.paths[PLAIN] = how;
    session.open();
    await clock.advance(opened - 1);
    assert.equal(session.state, 'connecting');
    await clock.advance(1);
    assert.equal(session.state, 'open');
    assert.equal(session.path().attempts[1].outcome, 'connected');
    await clock.advance(10_000);
    assert.equal(session.state, 'open');
    assert.deepEqual((({ outcome, ms }) => [outcome, ms])(session.path().attempts[0]), [
      outcome,
      ms,
    ]);
  });
}

test('open rejects with what was tried when two rounds through all realms have failed', async () => {
  const { clock, network, session } = world();
  network.paths = { [PLAIN]: 'refuse', [SECURE]: 'refuse' };
  const opened = session.open();
  const rejected = assert.rejects(opened, (/** @type {any} */ error) => {
    assert.equal(error.code, 'connect-failed');
    assert.equal(error.path.attempts.length, 4);
    assert.match(error.message, /AllowCONNECT/);
    return true;
  });
  await clock.advance(1000);
  await rejected;
  assert.equal(session.state, 'closed');
  assert.equal(clock.alarms, 0);
});

test('a realm that lets nobody in is not asked again', async () => {
  const { clock, network, realm, session } = world();
  realm.refuse = 'SecurityException';
  const rejected = assert.rejects(session.open(), {
    code: 'not-allowed',
    word: 'SecurityException',
  });
  await clock.advance(60_000);
  await rejected;
  assert.deepEqual(network.dialled, [PLAIN, SECURE]);
});

test('a publish resolves with its EID, and rejects with a code where the realm says no', async () => {
  const { clock, session } = world();
  session.open();
  const first = session.channel('/fx').publish('one');
  const refused = session.channel('missing').publish('nobody');
  const rejected = assert.rejects(refused, { code: 'missing-resource', resourceName: '/missing' });
  await clock.advance(100);
  assert.equal(await first, 1);
  await rejected;
  assert.equal(session.state, 'open');
});

test('a subscription to a channel that is not there ends with a code, the session goes on', async () => {
  const { clock, session } = world();
  session.open();
  const stream = session.channel('/missing').subscribe();
  const rejected = assert.rejects(stream.next(), { code: 'missing-resource' });
  await clock.advance(100);
  await rejected;
  await assert.rejects(stream.ready, { code: 'missing-resource' });
  assert.equal(session.state, 'open');
});

test('a connection that is cut comes back, and no event is lost or comes twice', async () => {
  const { clock, network, realm, session } = world();
  session.open();
  const { seen } = collect(session, '/fx');
  await clock.advance(100);
  realm.publish('/fx', 'a');
  realm.publish('/fx', 'b');
  await clock.advance(2);
  network.cut(); // a and b are on their way and never arrive
  realm.publish('/fx', 'c');
  await clock.advance(1000);
  realm.publish('/fx', 'd');
  await clock.advance(100);
  assert.equal(session.state, 'open');
  assert.deepEqual(seen, ['1:a', '2:b', '3:c', '4:d']);
});

test('a publish in doubt is sent again and published once', async () => {
  const { clock, network, realm, session } = world();
  session.open();
  await clock.advance(100);
  network.muteReplies();
  const published = session.channel('/fx').publish('once');
  await clock.advance(10);
  assert.equal(realm.life('/fx').events.length, 1);
  network.cut();
  await clock.advance(1000);
  assert.equal(await published, 1);
  assert.equal(realm.life('/fx').events.length, 1);
  assert.equal(realm.log.filter((line) => line === 'SEND /fx').length, 2);
});

test('after a restart of the realm its numbers mean nothing, and the new life is read whole', async () => {
  const { clock, network, realm, session } = world();
  session.open();
  const { seen } = collect(session, '/fx');
  await clock.advance(100);
  for (const text of ['a', 'b', 'c']) realm.publish('/fx', text);
  await clock.advance(10);
  realm.restart();
  network.cut();
  realm.publish('/fx', 'new');
  await clock.advance(1000);
  realm.publish('/fx', 'newer');
  await clock.advance(10);
  assert.deepEqual(seen, ['1:a', '2:b', '3:c', '1:new', '2:newer']);
});

test('a thousand cuts lose nothing and double nothing, in either direction', async () => {
  const { clock, network, realm, session } = world();
  let dice = 7;
  const roll = (/** @type {number} */ sides) => (dice = (dice * 48271) % 2147483647) % sides;
  session.open();
  const { seen } = collect(session, '/in');
  /** @type {Array<Promise<number | undefined>>} */
  const published = [];
  for (let step = 0; step < 1000; step++) {
    realm.publish('/in', `i${step}`);
    published.push(session.channel('/out').publish(`o${step}`));
    await clock.advance(roll(40));
    if (roll(3) === 0) network.muteReplies();
    if (roll(2) === 0) network.cut();
  }
  await clock.advance(60_000);
  network.cut(); // one may still be mute: there are no heart-beats here
  await clock.advance(120_000);
  const eids = await Promise.all(published);
  assert.deepEqual(
    seen,
    Array.from({ length: 1000 }, (_, step) => `${step + 1}:i${step}`),
  );
  assert.deepEqual(
    eids,
    Array.from({ length: 1000 }, (_, step) => step + 1),
  );
});

test('a dead path is found within two heart-beats and replaced', async () => {
  const { clock, network, realm, session } = world();
  realm.heartbeat = '20000,20000';
  session.open();
  await clock.advance(100);
  network.mute();
  await clock.advance(39_800);
  assert.equal(session.state, 'open');
  await clock.advance(1000);
  assert.equal(session.path().attempts[0].ended, 'dead');
  assert.equal(session.path().attempts.length, 2);
});

test('a silent client sends a heart-beat within each interval', async () => {
  const { clock, realm, session } = world();
  realm.heartbeat = '0,20000';
  session.open();
  await clock.advance(100);
  await clock.advance(60_000);
  assert.equal(realm.log.filter((line) => line === 'beat').length, 3);
  assert.equal(session.state, 'open');
});

test('publishes made while away wait, in order, up to a bound', async () => {
  const { clock, realm, session } = world({ limits: { events: 2 } });
  const channel = session.channel('/fx');
  const waiting = [channel.publish('a'), channel.publish('b')];
  await assert.rejects(channel.publish('c'), { code: 'limit' });
  session.open();
  await clock.advance(100);
  assert.deepEqual(await Promise.all(waiting), [1, 2]);
  assert.equal(realm.life('/fx').events.length, 2);
});

test('a publisher that waits for room is never refused, and nothing piles up', async () => {
  const { clock, network, realm, session } = world({ limits: { events: 4 } });
  session.open();
  await clock.advance(100);
  const channel = session.channel('/fx');
  let begun = 0;
  let done = 0;
  const publishing = (async () => {
    for (; begun < 100; begun++) {
      await session.room();
      channel.publish(String(begun)).then(() => done++);
    }
  })();
  for (let turn = 0; turn < 60; turn++) {
    await clock.advance(25);
    assert.ok(begun - done <= 4, `${begun - done} wait`);
    if (turn % 10 === 5) network.cut();
  }
  await clock.advance(5_000);
  await publishing;
  const stored = realm.life('/fx').events.map(({ body }) => Number(new TextDecoder().decode(body)));
  assert.deepEqual(
    stored,
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test('close waits for receipts that are due, and then there is nothing left', async () => {
  const { clock, network, session } = world();
  session.open();
  await clock.advance(100);
  const published = session.channel('/fx').publish('last words');
  const closed = session.close();
  await clock.advance(50);
  assert.equal(await published, 1);
  await closed;
  assert.equal(session.state, 'closed');
  assert.equal(network.lines.size, 0);
  assert.equal(clock.alarms, 0);
  assert.equal(await session.close(), undefined);
  await assert.rejects(session.channel('/fx').publish('too late'), { code: 'closed' });
});

test('close ends a session that never connected, and says what was in doubt', async () => {
  const { clock, network, session } = world();
  session.open().catch(() => {});
  await clock.advance(100);
  network.mute();
  const sent = session.channel('/fx').publish('sent');
  const rejected = assert.rejects(sent, { code: 'closed', inDoubt: true });
  session.close();
  await clock.advance(2_000);
  await rejected;
  const other = world();
  const opening = assert.rejects(other.session.open(), { code: 'closed' });
  const waiting = assert.rejects(other.session.channel('/x').publish('y'), { inDoubt: false });
  other.session.close();
  await settle();
  await opening;
  await waiting;
});

test('a ping measures the round trip as it is now', async () => {
  const { clock, network, session } = world();
  session.open();
  await clock.advance(100);
  network.delay = 20;
  network.cut();
  await clock.advance(1000);
  const measured = session.ping();
  await clock.advance(100);
  assert.equal(await measured, 40);
  assert.equal(session.latency(), 40);
});

test('a listener that throws harms nobody', async (t) => {
  t.mock.method(console, 'error', () => {});
  const { clock, realm, session } = world();
  session.open();
  const bad = () => {
    throw new Error('mine');
  };
  session.on('open', bad);
  session.channel('/fx').listen({ event: bad, ready: bad }, { from: 'stored' });
  const { seen } = collect(session, '/fx');
  realm.publish('/fx', 'a');
  realm.publish('/fx', 'b');
  await clock.advance(100);
  assert.deepEqual(seen, ['1:a', '2:b']);
});
