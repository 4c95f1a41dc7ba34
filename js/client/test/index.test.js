// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as wayleave from '../src/index.js';
import { FakeClock } from './lib/clock.js';
import { FakeNetwork } from './lib/network.js';

test('the example at the head of index.js works', async () => {
  const clock = new FakeClock();
  const { WebSocket } = new FakeNetwork(clock);
  const connecting = wayleave.connect('ws://realm.example:9000', { WebSocket, timer: clock });
  await clock.advance(50);
  const session = await connecting;
  const channel = session.channel('/fx');
  const publishing = channel.publish({ dict: { symbol: 'EURUSD', price: 1.2261 } });
  const stream = channel.subscribe({ from: 'stored' });
  await clock.advance(50);
  assert.equal(await publishing, 1);
  const { value } = await stream.next();
  assert.deepEqual(value?.dict, { symbol: 'EURUSD', price: 1.2261 });
});

test('an address that cannot be meant rejects with a code', async () => {
  await assert.rejects(wayleave.connect('ftp://realm'), { code: 'argument' });
  await assert.rejects(wayleave.connect([]), { code: 'argument' });
});

test('a signal gives up connecting with its reason; later it means nothing', async () => {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock);
  const { WebSocket } = network;
  const controller = new AbortController();
  const { signal } = controller;
  const connect = () => wayleave.connect('ws://realm:9000', { WebSocket, timer: clock, signal });
  const connecting = connect();
  await clock.advance(50);
  const session = await connecting;
  network.paths = { 'ws://realm:9000/stomp': 'swallow', 'wss://realm:9443/stomp': 'swallow' };
  const gaveUp = assert.rejects(connect(), /enough/);
  await clock.advance(50);
  controller.abort(new Error('enough'));
  await gaveUp;
  await assert.rejects(connect(), /enough/);
  assert.equal(session.state, 'open');
  session.close();
  await clock.advance(50);
  assert.equal(clock.alarms, 0);
});
