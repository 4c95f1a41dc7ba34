// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RoundTrips } from '../src/roundtrips.js';
import { FakeClock } from './lib/clock.js';

test('answers come in the order of the questions, and the last is remembered', async () => {
  const clock = new FakeClock();
  const trips = new RoundTrips(clock);
  const first = trips.begin(() => {});
  await clock.advance(10);
  const second = trips.begin(() => {});
  await clock.advance(10);
  assert.equal(trips.areDue, true);
  trips.answered();
  trips.answered();
  trips.answered(); // to nobody
  assert.deepEqual([await first, await second, trips.latest, trips.areDue], [20, 10, 10, false]);
});

test('with the connection all that are due are lost', async () => {
  const trips = new RoundTrips(new FakeClock());
  const lost = [trips.begin(() => {}), trips.begin(() => {})];
  trips.lost(new Error('gone'));
  for (const each of lost) await assert.rejects(each, { message: 'gone' });
  assert.deepEqual([trips.areDue, trips.latest], [false, undefined]);
});
