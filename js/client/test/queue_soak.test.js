// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Workers that take jobs from a queue and publish each result in the same transaction, while the
 * network is cut and silenced by the dice: every job has one result, however often it came.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Session } from '../src/session.js';
import { FakeClock, diceOf, settle } from './lib/clock.js';
import { FakeNetwork } from './lib/network.js';

const JOBS = 60;
const WORKERS = 3;

/** @param {Session} session @param {() => number} dice */
async function work(session, dice) {
  const jobs = session
    .queue('/jobs')
    .read({ transactional: true, window: 1 + Math.floor(dice() * 4) });
  for await (const job of jobs) {
    if (dice() < 0.1) {
      await jobs.rollback(job).catch(() => {}); // somebody else may try
      continue;
    }
    const transaction = session.transaction().consume(job).publish('/results', job.data);
    await transaction.commit().catch((error) => assert.equal(error.code, 'stale'));
  }
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`each job is done once, with the dice of ${seed}`, async () => {
    const clock = new FakeClock();
    const network = new FakeNetwork(clock);
    const { realm, WebSocket } = network;
    const dice = diceOf(seed);
    realm.queue('/jobs');
    realm.heartbeat = '1000,1000';
    for (let n = 0; n < JOBS; n++) realm.publish('/jobs', `${n}`);
    const options = { WebSocket, timer: clock, heartbeatMs: 1000, attempts: 1000 };
    const sessions = Array.from({ length: WORKERS }, () => {
      return new Session('ws://realm:9000', { ...options, random: dice });
    });
    const working = sessions.map((session) => {
      session.open().catch(() => {});
      return work(session, dice);
    });
    const results = () => realm.life('/results').events;
    for (let turn = 0; turn < 5000 && results().length < JOBS; turn++) {
      await clock.advance(1 + Math.floor(dice() * 40));
      realm.beat();
      const fate = dice();
      if (fate < 0.03) network.cut();
      else if (fate < 0.04) network.mute();
      else if (fate < 0.05) network.muteReplies();
    }
    for (let turn = 0; turn < 100; turn++) await clock.advance(100); // what is in doubt is resolved
    const texts = results().map(({ body }) => Number(new TextDecoder().decode(body)));
    assert.deepEqual(
      texts.sort((a, b) => a - b),
      Array.from({ length: JOBS }, (_, n) => n),
    );
    for (const session of sessions) session.close();
    await clock.advance(5000);
    await settle();
    await Promise.all(working);
  });
}
