// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Beat } from '../src/beat.js';
import { diceOf } from './lib/clock.js';
import { collect, world } from './lib/world.js';

/** @typedef {import('../src/connection.js').Ending} Ending */

const DAY_MS = 86_400_000;

/** A beat, and the limit that it has found. @param {number} [heartbeatMs] */
function made(heartbeatMs = 20_000) {
  const remembered = {
    now: Date.UTC(2026, 0, 1),
    idleLimit: { ms: 0, since: 0 },
    today: () => remembered.now,
    learn: (/** @type {import('../src/targets.js').Limit} */ limit) =>
      (remembered.idleLimit = limit),
  };
  const beat = new Beat(heartbeatMs, /** @type {any} */ (remembered));
  const lose = (/** @type {number[]} */ ...silences) => {
    for (const idleMs of silences) beat.lost({ outcome: 'lost', detail: '', ms: 60_000, idleMs });
  };
  const pass = (/** @type {number} */ days) => (remembered.now += days * DAY_MS);
  return { beat, remembered, lose, pass };
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
  assert.equal(remembered.idleLimit.ms, 0);
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

test('what was learned holds for a week, and then it is tried without', () => {
  const { beat, lose, pass } = made();
  lose(10_000, 10_000, 10_000);
  pass(6.9);
  assert.deepEqual([beat.everyMs, beat.limit], [5_000, { ms: 10_000, beatMs: 5_000 }]);
  pass(0.2);
  assert.deepEqual([beat.everyMs, beat.limit], [0, null]);
});

test('a limit that is still there costs one loss a week, for as long as it is there', () => {
  const { beat, lose, pass } = made();
  lose(10_000, 10_000, 10_000);
  for (let week = 0; week < 10; week++) {
    pass(7);
    assert.equal(beat.everyMs, 0);
    lose(10_300);
    assert.deepEqual(beat.limit, { ms: 10_000, beatMs: 5_000 });
    lose(10_300, 0); // of others, over which nothing was said meanwhile
    assert.equal(beat.everyMs, 5_000, 'it does not flap');
  }
});

test('a loss of another kind brings nothing back, and three of them show what is there now', () => {
  const { beat, lose, pass } = made();
  lose(10_000, 10_000, 10_000);
  pass(7);
  lose(4_000, 15_000, 15_200, 0);
  assert.deepEqual([beat.everyMs, beat.limit], [0, null]);
  lose(15_000, 15_200, 15_100);
  assert.deepEqual(beat.limit, { ms: 15_000, beatMs: 7_500 });
});

test('two weeks after it was found nothing is left of it: it takes three losses again', () => {
  const { beat, lose, pass } = made();
  lose(10_000, 10_000, 10_000);
  pass(14);
  lose(10_000);
  assert.equal(beat.everyMs, 0, 'one would have been enough a day ago');
  lose(16_000, 10_000, 10_000);
  assert.equal(beat.everyMs, 0);
  lose(10_000);
  assert.equal(beat.everyMs, 5_000);
});

test('what cannot be kept is forgotten after a week, too', () => {
  const { beat, lose, pass } = made();
  lose(4_000, 4_000, 4_000);
  pass(6.9);
  assert.deepEqual(beat.limit, { ms: 4_000, beatMs: 0 });
  pass(0.2);
  assert.equal(beat.limit, null);
});

test('a clock that is set back makes nothing last', () => {
  const { beat, lose, pass } = made();
  lose(10_000, 10_000, 10_000);
  pass(-365);
  assert.equal(beat.everyMs, 0);
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

/** @returns {import('../src/targets.js').Memory} */
function memory() {
  const stored = new Map();
  return {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => stored.set(key, value),
  };
}

test('the next session knows, on this network and with this realm', async () => {
  const storage = memory();
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

test('a session that lives for weeks is cut once in each, and never again where the limit has gone', async () => {
  let days = 0;
  const date = () => days * DAY_MS;
  const { clock, network, realm, session, losses } = await behind(10_000, { date });
  const { seen } = collect(session, '/fx');
  await clock.advance(60_000);
  assert.equal(losses(), 3);
  for (let week = 1; week <= 4; week++) {
    days += 7;
    await clock.advance(600_000);
    assert.equal(losses(), 3 + week);
    realm.publish('/fx', `${week}`);
  }
  network.idleLimitMs = Infinity;
  network.cut(); // what was dialled before would be cut all the same
  await clock.advance(60_000);
  days += 7;
  await clock.advance(6_000); // up to the nudge that was due before the week was over
  const counts = () => [losses(), realm.log.filter((line) => line.endsWith('-ping')).length];
  const before = counts();
  await clock.advance(600_000);
  assert.deepEqual([counts(), session.path().idleLimit], [before, null]);
  assert.deepEqual(seen, ['1:1', '2:2', '3:3', '4:4']);
});

test('a page that comes back in the week after is cut once, and one after that learns anew', async () => {
  for (const [daysLater, expected] of [
    [6, 0],
    [8, 1],
    [15, 3],
  ]) {
    let day = 20_000;
    const options = { storage: memory(), network: () => 'office', date: () => day * DAY_MS };
    const first = await behind(10_000, options);
    await first.clock.advance(60_000);
    first.session.close();
    day += daysLater;
    const second = await behind(10_000, options);
    await second.clock.advance(600_000);
    assert.equal(second.losses(), expected, `${daysLater} days later`);
  }
});

test('a path that answers no nudge is asked no second time, and used all the same', async () => {
  const storage = { getItem: () => 'WEBSOCKET ws://realm:9000/stomp 10000 0', setItem: () => {} };
  const { clock, network, realm } = await behind(Infinity, { storage, date: () => 0 });
  network.muteReplies();
  await clock.advance(60_000);
  assert.equal(realm.log.filter((line) => line === 'UNSUBSCRIBE wayleave-ping').length, 1);
  assert.ok(realm.log.filter((line) => line === 'beat').length > 8);
});

test('a stored limit that is none means none', async () => {
  const limitFor = async (/** @type {string} */ words) => {
    const storage = { getItem: () => `WEBSOCKET ws://realm:9000/stomp${words}`, setItem: () => {} };
    const { session } = await behind(Infinity, { storage, date: () => 0 });
    return session.path().idleLimit;
  };
  assert.deepEqual(await limitFor(' 10000 0'), { ms: 10_000, beatMs: 5_000 });
  for (const words of [' -1 0', ' x 0', ' 1e99 0', ' ', '', ' 10000', ' 10000 x', ' 10000 1e99']) {
    assert.equal(await limitFor(words), null, words);
  }
});
