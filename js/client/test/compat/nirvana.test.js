// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nirvana, NirvanaChannel, NirvanaSession } from '../../src/compat/nirvana.js';
import { watch, world } from '../lib/compat.js';

const { Observe, Driver } = Nirvana;

test('a subscription asked for right after start() waits for START, and all stored events come', async () => {
  const { clock, realm, session, log } = world();
  realm.publish('/fx', 'early');
  session.start();
  watch(session.getChannel('/fx'), log).subscribe();
  assert.deepEqual(log, []);
  await clock.advance(100);
  realm.publish('/fx', 'late');
  await clock.advance(100);
  assert.deepEqual(log, ['START', 'SUBSCRIBE /fx', 'DATA 1 early', 'DATA 2 late']);
  assert.equal(session.getStatus(), 'CONNECTED');
  assert.equal(session.getSessionID(), 's-1');
  assert.equal(session.getCurrentDriver(), Driver.WEBSOCKET);
});

test('everything asked for before start() waits for it', async () => {
  const { clock, session, log } = world();
  const channel = watch(session.getChannel('fx'), log);
  channel.subscribe();
  const event = Nirvana.createEvent();
  event.setData('hello');
  channel.publish(event);
  session.start();
  await clock.advance(100);
  assert.deepEqual(log, ['START', 'SUBSCRIBE fx', 'DATA 1 hello']);
});

test('data, dictionary, tag and attributes arrive as they were published', async () => {
  const { clock, session } = world();
  session.start();
  const channel = session.getChannel('/fx');
  /** @type {any[]} */
  const got = [];
  channel.on(Observe.DATA, (/** @type {any} */ event) => got.push(event));
  channel.subscribe();
  const event = /** @type {any} */ (new Nirvana.nConsumeEvent());
  const dictionary = /** @type {any} */ (new Nirvana.nEventProperties());
  dictionary.put('name', 'EURUSD');
  dictionary.putFloat('price', 1.2261);
  event.setDictionary(dictionary);
  event.setTag('fx');
  event.getEventAttributes().setPublisherName('me');
  channel.publish(event);
  await clock.advance(100);
  const [came] = got;
  assert.equal(came.getDictionary().get('name'), 'EURUSD');
  assert.equal(came.getDictionary().get('price'), 1.2261);
  assert.equal(came.getTag(), 'fx');
  assert.equal(came.getEventAttributes().getPublisherName(), 'me');
  assert.equal(came.resourceName, '/fx');
});

test('a cut connection: DISCONNECT, RECONNECT, and the events go on without loss', async () => {
  const { clock, network, realm, session, log } = world();
  session.start();
  watch(session.getChannel('/fx'), log).subscribe();
  realm.publish('/fx', 'a');
  await clock.advance(100);
  network.cut();
  realm.publish('/fx', 'b');
  await clock.advance(1000);
  const [start, subscribe] = ['START', 'SUBSCRIBE /fx'];
  assert.deepEqual(log, [start, subscribe, 'DATA 1 a', 'DISCONNECT', 'RECONNECT', 'DATA 2 b']);
});

test('an error that nobody else listens for reaches Nirvana itself', async () => {
  const session = Nirvana.createSession({ realms: ['ftp://x'] });
  /** @type {any[]} */
  const got = [];
  const listener = (/** @type {any} */ resource) => got.push(resource);
  Nirvana.on(Observe.ERROR, listener);
  session.start();
  await null;
  Nirvana.removeListener(Observe.ERROR, listener);
  assert.deepEqual(got, [session]);
});

test('the older generation: the options of the guide, onData and onPublish', async () => {
  const { clock, network, system } = world();
  const names = { applicationName: 'a', sessionName: 's', username: 'u' };
  const where = { webSocket: true, webSocketPort: 9443, secure: true, realmHosts: ['realm'] };
  /** @type {string[]} */
  const log = [];
  NirvanaSession.on(Observe.START, () => log.push('START'));
  NirvanaSession.start({ ...where, ...names, ...system });
  const channel = new NirvanaChannel('/fx');
  const twin = new NirvanaChannel('/fx');
  channel.onData = (event) => log.push(event.getData());
  channel.onPublish = (status) => log.push(status);
  twin.onData = (event) => log.push(`twin ${event.getData()}`);
  channel.subscribe();
  twin.subscribe();
  const event = Nirvana.createEvent();
  event.setData('hello');
  channel.publish(event);
  await clock.advance(100);
  assert.deepEqual(log, ['START', 'hello', 'twin hello', 'OK']);
  assert.deepEqual(network.dialled, ['wss://realm:9443/stomp']);
  NirvanaSession.stop();
  await clock.advance(100);
  NirvanaSession.start({ ...where, webSocketPort: 9000, secure: false, ...system });
  await clock.advance(100);
  assert.equal(network.dialled[1], 'ws://realm:9000/stomp');
  NirvanaSession.stop();
  await clock.advance(100);
});
