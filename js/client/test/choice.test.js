// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Which driver a session takes, how long that takes, and how it moves to a better one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakePage } from './lib/page.js';
import { SECURE_WEB, WEB, WS, WSS, collect, wideWorld } from './lib/world.js';

const [STREAMING, EVENTS, POLL] = [
  'XHR_STREAMING_CORS',
  'EVENTSOURCE_STREAMING_POSTMESSAGE',
  'XHR_LONGPOLL_CORS',
];

/** @typedef {import('./lib/network.js').FakeNetwork['paths']} Paths */

/** What is in the way, which driver and address are taken, and after how many milliseconds. */
/** @type {Array<[string, Paths, string, string, number]>} */
const WAYS = [
  ['nothing', {}, 'WEBSOCKET', WS, 15],
  ['a closed port', { [WS]: 'refuse' }, 'WEBSOCKET', WSS, 20],
  ['a port that swallows', { [WS]: 'swallow' }, 'WEBSOCKET', WSS, 415],
  ['one that says 101 and no more', { [WS]: 'mute' }, 'WEBSOCKET', WSS, 415],
  ['one that cuts after the 101', { [WS]: 'slam' }, 'WEBSOCKET', WSS, 25],
  ['no WebSocket at all', { [WS]: 'refuse', [WSS]: 'refuse' }, STREAMING, WEB, 30],
  ['two that swallow', { [WS]: 'swallow', [WSS]: 'mute' }, STREAMING, WEB, 1420],
  [
    'streams held back',
    { [WS]: 'refuse', [WSS]: 'refuse', [WEB]: 'hold', [SECURE_WEB]: 'refuse' },
    POLL,
    WEB,
    840,
  ],
];
for (const [name, paths, driver, url, ms] of WAYS) {
  test(`in the way: ${name}; ${driver} to ${url} after ${ms} ms`, async () => {
    const { clock, session } = wideWorld({}, paths);
    session.open();
    await clock.advance(ms - 1);
    assert.equal(session.state, 'connecting', JSON.stringify(session.path()));
    await clock.advance(1);
    const { inUse } = session.path();
    assert.deepEqual([inUse?.driver, inUse?.url], [driver, url]);
    await clock.advance(11_000);
    assert.ok(session.path().attempts.every(({ outcome }) => outcome !== 'trying'));
    assert.deepEqual(session.path().inUse, inUse, 'and it stays');
  });
}

test('only the drivers that are wanted, in the order in which they are wanted', async () => {
  const { clock, session, network } = wideWorld({ drivers: ['LONGPOLLCOMET', EVENTS] });
  session.open();
  await clock.advance(100);
  assert.equal(session.path().inUse?.driver, POLL);
  assert.deepEqual(network.dialled, []);
  network.paths = { [WEB]: 'swallow' };
  const other = wideWorld({ drivers: [EVENTS] }, { [WEB]: 'swallow' });
  other.session.open();
  await other.clock.advance(500);
  assert.deepEqual(other.session.path().inUse?.url, SECURE_WEB);
});

test('how long an attempt has the network for itself can be said', async () => {
  const { clock, session } = wideWorld({ overlapMs: 50 }, { [WS]: 'swallow', [WSS]: 'mute' });
  session.open();
  await clock.advance(100 + 20);
  assert.equal(session.path().inUse?.driver, STREAMING);
});

test('a login that is refused is not tried by every driver', async () => {
  const { clock, network, realm, session } = wideWorld();
  realm.refuse = 'SecurityException';
  const rejected = assert.rejects(session.open(), { code: 'not-allowed' });
  await clock.advance(60_000);
  await rejected;
  assert.deepEqual([network.dialled, network.web.asked], [[WS], []]);
});

test('the next session tries first what worked here', async () => {
  const kept = new Map();
  const storage = {
    getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => kept.set(key, value),
  };
  const paths = /** @type {Paths} */ ({ [WS]: 'swallow', [WSS]: 'swallow' });
  const first = wideWorld({ storage }, paths);
  first.session.open();
  await first.clock.advance(2000);
  const second = wideWorld({ storage }, paths);
  second.session.open();
  await second.clock.advance(25);
  assert.equal(second.session.path().inUse?.driver, STREAMING);
  assert.deepEqual(second.network.dialled, []);
});

/** A session on long polling, on a network where WebSocket does not pass. */
async function onPolling(options = {}) {
  const blocked = /** @type {Paths} */ ({ [WS]: 'refuse', [WSS]: 'refuse' });
  const wide = wideWorld({ drivers: ['websocket', 'polling'], ...options }, blocked);
  wide.session.open();
  await wide.clock.advance(1000);
  assert.equal(wide.session.path().inUse?.driver, POLL);
  return wide;
}

test('when a better driver becomes possible the session moves, and nobody loses or doubles an event', async () => {
  const { clock, network, realm, session } = await onPolling();
  /** @type {string[]} */
  const log = [];
  for (const name of /** @type {const} */ (['driver', 'disconnect', 'reconnect'])) {
    session.on(name, () => log.push(name));
  }
  const { seen } = collect(session, '/in');
  network.paths = {};
  const published = [];
  for (let n = 0; n < 40_000; n += 2) {
    if (n % 40 === 0) {
      realm.publish('/in', `i${n}`);
      published.push(session.channel('/out').publish(`o${n}`));
    }
    await clock.advance(2);
    if (n > 30_000 && session.path().inUse?.driver === 'WEBSOCKET') break;
  }
  await clock.advance(1000);
  assert.deepEqual(log, ['driver']);
  assert.equal(session.path().inUse?.driver, 'WEBSOCKET');
  assert.deepEqual(
    seen.map((line) => Number(line.split(':')[0])),
    published.map((_, n) => n + 1),
  );
  assert.deepEqual(
    await Promise.all(published),
    published.map((_, n) => n + 1),
  );
  assert.equal(realm.life('/out').events.length, published.length);
  assert.deepEqual([network.lines.size, realm.peers.size], [1, 1]);
});

test('a better path that was only slow is taken when it answers', async () => {
  const { clock, network, session } = wideWorld({ drivers: ['websocket', 'polling'] });
  network.slow = { [WS]: 2000, [WSS]: 2000 };
  session.open();
  await clock.advance(1500);
  assert.equal(session.path().inUse?.driver, POLL);
  await clock.advance(1000);
  assert.equal(session.path().inUse?.driver, 'WEBSOCKET');
});

test('it does not move while an answer is due, and takes the better one when the other dies', async () => {
  const { clock, network, session } = await onPolling();
  session.on('disconnect', () => assert.fail('nobody has to know'));
  network.paths = {};
  network.muteReplies();
  const measured = assert.rejects(session.ping(), { code: 'closed' });
  await clock.advance(40_000);
  assert.equal(session.path().inUse?.driver, POLL);
  network.cut('http:');
  await clock.advance(5);
  await measured;
  assert.equal(session.path().inUse?.driver, 'WEBSOCKET');
});

test('a better one that dies before it is used is forgotten', async () => {
  const { clock, network, session } = await onPolling();
  network.paths = {};
  network.muteReplies();
  const measured = assert.rejects(session.ping());
  await clock.advance(40_000);
  network.cut('ws:');
  await clock.advance(100);
  assert.equal(session.path().inUse?.driver, POLL);
  network.cut();
  await clock.advance(60_000);
  await measured;
  assert.equal(session.path().inUse?.driver, 'WEBSOCKET');
});

test('better drivers are tried less and less often, and at once when the network changes', async () => {
  const page = new FakePage();
  const { clock, network, session } = await onPolling({ page });
  network.dialled = [];
  await clock.advance(3_600_000);
  const tries = network.dialled.length / 2;
  assert.ok(tries >= 9 && tries <= 14, `${tries} tries an hour`);
  network.paths = {};
  page.hear('online');
  await clock.advance(30_000);
  assert.equal(session.path().inUse?.driver, 'WEBSOCKET');
});

test('closed while better drivers are being tried, nothing goes on', async () => {
  const { clock, network, session } = wideWorld({}, { [WS]: 'swallow', [WSS]: 'mute' });
  session.open();
  await clock.advance(1000);
  session.close();
  await clock.advance(60_000);
  assert.equal(session.state, 'closed');
  assert.deepEqual([clock.alarms, network.lines.size, network.realm.peers.size], [0, 0, 0]);
});
