// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nirvana } from '../../src/compat/nirvana.js';
import { watch, world } from '../lib/compat.js';

const { Driver } = Nirvana;

test('unsubscribe and stop back to back raise no error', async () => {
  const { clock, network, session, log } = world();
  session.start();
  const channel = watch(session.getChannel('/fx'), log);
  channel.subscribe();
  await clock.advance(100);
  assert.equal(channel.isSubscribed(), true);
  channel.unsubscribe();
  session.stop();
  assert.equal(channel.isSubscribed(), false);
  await clock.advance(100);
  assert.deepEqual(log, ['START', 'SUBSCRIBE /fx', 'UNSUBSCRIBE /fx', 'STOP']);
  assert.deepEqual([network.lines.size, clock.alarms], [0, 0]);
});

test('start, stop, start again: what was subscribed goes on where it was', async () => {
  const { clock, realm, session, log } = world();
  session.start();
  watch(session.getChannel('/fx'), log).subscribe();
  realm.publish('/fx', 'a');
  await clock.advance(100);
  session.stop();
  await clock.advance(100);
  realm.publish('/fx', 'b');
  session.start();
  await clock.advance(100);
  const again = ['STOP', 'START', 'SUBSCRIBE /fx', 'DATA 2 b'];
  assert.deepEqual(log, ['START', 'SUBSCRIBE /fx', 'DATA 1 a', ...again]);
});

test('subscribed anew after a stop, all stored events come again; twice is once', async () => {
  const { clock, realm, session, log } = world();
  session.start();
  const channel = watch(session.getChannel('/fx'), log);
  channel.subscribe();
  realm.publish('/fx', 'a');
  await clock.advance(100);
  session.stop();
  session.start();
  channel.subscribe();
  channel.subscribe();
  await clock.advance(200);
  assert.equal(log.filter((line) => line === 'DATA 1 a').length, 2);
});

test('the same name gives the same object, with or without a slash', () => {
  const { session } = world();
  const channel = session.getChannel('/fx');
  assert.equal(session.getChannel('fx'), channel);
  assert.equal(channel.getName(), '/fx');
  assert.deepEqual(session.getResources(), [channel]);
});

test('no realm: ERROR on the session, which can be started again', async () => {
  const { clock, network, session, log } = world();
  network.paths = { 'ws://realm:9000/stomp': 'refuse', 'wss://realm:9443/stomp': 'refuse' };
  session.start();
  session.getChannel('/fx').subscribe();
  await clock.advance(2000);
  assert.deepEqual(log, ['ERROR session SessionNotConnectedException']);
  assert.match(session.path().sentence, /AllowCONNECT/);
  assert.equal(session.getStatus(), 'DISCONNECTED');
  network.paths = {};
  session.start();
  await clock.advance(100);
  assert.deepEqual([log[1], session.getChannel('/fx').isSubscribed()], ['START', true]);
});

test('sloppy programs do not throw', async (t) => {
  t.mock.method(console, 'warn', () => {});
  const { mock } = t.mock.method(console, 'error', () => {});
  const configs = [
    undefined,
    null,
    {},
    'x',
    { realms: [''] },
    { realms: [null] },
    { realms: [{}] },
  ];
  for (const config of [...configs, { realms: ['ftp://x'], drivers: Driver.WEBSOCKET }]) {
    const session = Nirvana.createSession(/** @type {any} */ (config));
    session.stop();
    session.start();
    const channel = session.getChannel(/** @type {any} */ (undefined));
    channel.subscribe();
    channel.unsubscribe();
    channel.publish(/** @type {any} */ (null));
    channel.setStartEID('x');
    channel.setFilter(null);
    session.on(undefined, undefined);
    session.removeListener(undefined, undefined);
    session.stop();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(mock.callCount() > 0, 'and what went wrong is on the console');
});

test('the name of a session can be read back', () => {
  assert.equal(world({ sessionName: 'mine' }).session.getConfig().sessionName, 'mine');
  assert.match(world().session.getConfig().sessionName, /^wayleave-/);
});

test('publishes that wait for start() are bounded', async () => {
  const { clock, realm, session, log } = world();
  const channel = session.getChannel('/fx');
  for (let n = 0; n < 1001; n++) channel.publish(`${n}`);
  await clock.advance(10);
  assert.deepEqual(log, ['ERROR /fx LimitException']);
  session.start();
  await clock.advance(1000);
  assert.equal(realm.life('/fx').events.length, 1000);
});
