// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * An hour on a network that does what networks do, as the dice say: every driver, every way in which
 * a path fails, events both ways all the time. What is stored comes once, in order, and what is
 * published is published once: by EID.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diceOf } from './lib/clock.js';
import { SECURE_WEB, WEB, WS, WSS, collect, wideWorld } from './lib/world.js';

const HOUR_MS = 3_600_000;
const BEAT_MS = 20_000;
/** @type {Array<'refuse' | 'swallow' | 'mute' | 'slam' | 'garble' | 'hold' | 'realm'>} */
const STATES = ['realm', 'realm', 'realm', 'refuse', 'swallow', 'mute', 'slam', 'garble', 'hold'];
/** Best first: a network lets pass all but the best few. */
const KINDS = ['/stomp', '/xhr_streaming', '/eventsource', '/xhr'];
const PATHS = [WS, WSS, ...[WEB, SECURE_WEB].flatMap((url) => KINDS.slice(1).map((k) => url + k))];

/** @type {Array<[string, string[] | undefined]>} */
const SETS = [
  ['all drivers', undefined],
  ['WebSocket', ['websocket']],
  ['streaming', ['streaming']],
  ['the event stream', ['eventsource']],
  ['long polling', ['polling']],
];

SETS.forEach(([name, drivers], seed) => {
  test(`an hour of ${name} by seed ${seed} loses nothing and doubles nothing`, async () => {
    const { clock, network, realm, session } = wideWorld({ drivers });
    const dice = diceOf(seed);
    const roll = (/** @type {number} */ sides) => Math.floor(dice() * sides);
    realm.heartbeat = `${BEAT_MS},${BEAT_MS}`;
    const used = new Set();
    session.on('attempt', ({ driver, outcome }) => outcome === 'connected' && used.add(driver));
    let moves = 0;
    session.on('driver', () => (moves += 1));
    const opened = session.open();
    await clock.advance(1000);
    await opened;
    const { seen } = collect(session, '/in');
    /** @type {Array<Promise<number | undefined>>} */
    const published = [];
    let sent = 0;
    let cuts = 0;
    let nextBeat = clock.now();
    while (clock.now() < HOUR_MS) {
      if (clock.now() >= nextBeat) {
        realm.beat();
        nextBeat += BEAT_MS;
      }
      for (let n = roll(3); n > 0; n--) realm.publish('/in', `i${sent++}`);
      // Back-pressure: who publishes faster than it goes waits.
      let hasRoom = false;
      session.room().then(() => (hasRoom = true));
      await clock.advance(0);
      if (hasRoom) published.push(session.channel('/out').publish(`o${published.length}`));
      const what = roll(30);
      if (what < 4) cuts += 1;
      if (what === 0) network.cut();
      if (what === 1) network.mute();
      if (what === 2) network.muteReplies();
      if (what === 3) {
        const blocked = KINDS.slice(0, roll(KINDS.length));
        for (const path of PATHS) {
          const isBlocked = blocked.some((kind) => path.endsWith(kind));
          network.paths[path] = isBlocked ? 'hold' : STATES[roll(STATES.length)];
        }
      }
      await clock.advance(roll(4000));
    }
    network.paths = {};
    for (let beat = 0; beat < 30; beat++) {
      realm.beat();
      await clock.advance(BEAT_MS);
    }
    assert.equal(session.state, 'open');
    assert.ok(cuts > 100, `${cuts} times`);
    assert.equal(used.size, drivers ? 1 : 4, [...used].join());
    assert.ok(drivers || moves > 10, `it moved ${moves} times`);
    const all = Array.from({ length: sent }, (_, n) => `${n + 1}:i${n}`);
    assert.deepEqual(seen, all);
    const eids = await Promise.all(published);
    assert.deepEqual(
      eids,
      eids.map((_, n) => n + 1),
    );
    assert.equal(realm.life('/out').events.length, published.length);
    assert.ok(session.path().attempts.length <= 32);
    session.close();
    await clock.advance(10_000);
    assert.deepEqual([clock.alarms, network.lines.size, realm.peers.size], [0, 0, 0]);
  });
});
