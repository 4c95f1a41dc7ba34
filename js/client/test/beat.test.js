// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Beat } from '../src/beat.js';
import { diceOf } from './lib/clock.js';
import { collect, world } from './lib/world.js';

/** @typedef {import('../src/connection.js').Ending} Ending */

/** A beat, and the limit that it has found. @param {number} [heartbeatMs] */
function made(heartbeatMs = 20_000) {
  const remembered = {
    idleLimitMs: 0,
    learn: (/** @type {number} */ ms) => (remembered.idleLimitMs = ms),
  };
  const beat = new Beat(heartbeatMs, /** @type {any} */ (remembered));
  const lose = (/** @type {number[]} */ ...silences) => {
    for (const idleMs of silences) beat.lost({ outcome: 'lost', detail: '', ms: 60_000, idleMs });
  };
  return { beat, remembered, lose };
}

test('three cuts after the same silence show a limit; it is used twice within it', () => {
  const { beat, lose } = made();
  lose(10_000, 10_400);
  assert.deepEqual([beat.everyMs, beat.limit], [0, null]);
  lose(10_200);
  assert.deepEqual(beat.limit, { ms: 10_000, beatMs: 5_000 });
  lose(9_000, 9_000, 9_000);
  assert.deepEqual(beat.limit, { ms: 9_000, beatMs: 5_000 });
  const other = made();
  other.lose(16_000, 16_900, 16_000);
  assert.equal(other.beat.everyMs, 8_000);
});

test('cuts after all kinds of silences show none', () => {
  const { beat, lose } = made();
  lose(10_000, 14_000, 10_000, 3_000, 10_000, 10_000, 12_000);
  lose(0, 10, 20); // in the middle of something: no silence
  assert.deepEqual([beat.everyMs, beat.limit], [0, null]);
});

test('a limit that no heart-beat can keep is known, and nothing is done about it', () => {
  const { beat, lose } = made();
  lose(4_000, 4_000, 4_000);
  assert.deepEqual([beat.everyMs, beat.limit], [0, { ms: 4_000, beatMs: 0 }]);
});

test('a limit that gets shorter than heart-beats may be is told as it is', () => {
  const { beat, lose } = made();
  lose(10_000, 10_000, 10_000);
  lose(4_900, 4_900, 4_900);
  assert.deepEqual([beat.everyMs, beat.limit], [5_000, { ms: 4_900, beatMs: 0 }]);
  lose(8_000, 8_000, 8_000);
  assert.deepEqual(beat.limit, { ms: 8_000, beatMs: 5_000 });
});

test('a silence longer than heart-beats was a machine that slept', () => {
  const { beat, lose } = made();
  lose(60_000, 60_000, 60_000);
  assert.deepEqual([beat.everyMs, beat.limit], [0, null]);
});

test('who switched heart-beats off gets none, and is told what they would do', () => {
  const { beat, remembered, lose } = made(0);
  lose(60_000, 60_000, 60_000);
  assert.deepEqual([beat.everyMs, beat.limit], [0, { ms: 60_000, beatMs: 0 }]);
  assert.equal(remembered.idleLimitMs, 0);
});

test('what the realm or this side ended was not cut', () => {
  const { beat } = made();
  const ending = { detail: '', ms: 60_000, idleMs: 10_000 };
  /** @type {Array<Partial<Ending>>} */
  const kinds = [
    { outcome: 'dead' },
    { outcome: 'closed' },
    { outcome: 'lost', error: new Error() },
  ];
  for (const kind of kinds) {
    for (let n = 0; n < 3; n++) beat.lost(/** @type {Ending} */ ({ ...ending, ...kind }));
  }
  assert.equal(beat.limit, null);
});

/** A session behind something that cuts what is silent for `limit` ms. @param {number} limit @param {object} [options] */
async function behind(limit, options) {
  const all = world(options);
  all.network.idleLimitMs = limit;
  all.realm.heartbeat = '0,20000';
  let losses = 0;
  all.session.on('disconnect', () => (losses += 1));
  all.session.open();
  await all.clock.advance(50);
  return { ...all, losses: () => losses };
}

test('a session behind a proxy with a short limit is cut three times and then no more', async () => {
  const { clock, session, losses, realm } = await behind(10_000);
  await clock.advance(45_000);
  assert.equal(losses(), 3);
  const path = session.path();
  assert.deepEqual(path.idleLimit, { ms: 10_000, beatMs: 5_000 });
  assert.match(path.sentence, /silent for 10\.0 s: .* heart-beats go every 5\.0 s now/);
  await clock.advance(3_600_000);
  assert.equal(losses(), 3);
  assert.ok(
    realm.log.filter((line) => line === 'UNSUBSCRIBE wayleave-ping').length > 700,
    'it is answered',
  );
  assert.equal(await pinged(session, clock), 10);
});

/** What is measured is the ping, not a heart-beat. @param {any} session @param {any} clock */
async function pinged(session, clock) {
  await clock.advance(5_000 - 3);
  const ping = session.ping();
  await clock.advance(50);
  return ping;
}

for (let seed = 1; seed <= 5; seed++) {
  test(`whatever the traffic, an hour behind a limit costs three cuts and no event, with the dice of ${seed}`, async () => {
    const { clock, session, losses, realm } = await behind(12_000);
    const dice = diceOf(seed * 104_729);
    const { seen } = collect(session, '/fx');
    let published = 0;
    while (clock.now() < 3_600_000) {
      realm.publish('/fx', `${published++}`);
      await clock.advance(dice() * (dice() < 0.5 ? 3_000 : 40_000));
    }
    await clock.advance(60_000);
    assert.equal(losses(), 3);
    assert.deepEqual(
      seen,
      Array.from({ length: published }, (_, n) => `${n + 1}:${n}`),
    );
  });
}

test('the next session knows, on this network and with this realm', async () => {
  const stored = new Map();
  const storage = {
    getItem: (/** @type {string} */ key) => stored.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => stored.set(key, value),
  };
  let where = 'office';
  const network = () => where;
  const first = await behind(10_000, { storage, network });
  await first.clock.advance(60_000);
  first.session.close();
  const second = await behind(10_000, { storage, network });
  await second.clock.advance(600_000);
  assert.equal(second.losses(), 0);
  where = 'home';
  const third = await behind(Infinity, { storage, network });
  await third.clock.advance(600_000);
  assert.equal(third.session.path().idleLimit, null);
  assert.ok(third.realm.log.includes('beat'), 'as usual');
});

test('a path that answers no nudge is asked no second time, and used all the same', async () => {
  const storage = { getItem: () => 'WEBSOCKET ws://realm:9000/stomp 10000', setItem: () => {} };
  const { clock, network, realm } = await behind(Infinity, { storage });
  network.muteReplies();
  await clock.advance(60_000);
  assert.equal(realm.log.filter((line) => line === 'UNSUBSCRIBE wayleave-ping').length, 1);
  assert.ok(realm.log.filter((line) => line === 'beat').length > 8);
});

test('a stored limit that is none means none', async () => {
  for (const word of ['-1', 'x', '1e99', '']) {
    const storage = { getItem: () => `WEBSOCKET ws://realm:9000/stomp ${word}`, setItem: () => {} };
    const { session } = await behind(Infinity, { storage });
    assert.equal(session.path().idleLimit, null, word);
  }
});
