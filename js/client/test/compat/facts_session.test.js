// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Small programs that use the compatible face as published guides and programs do: sessions,
 * their options and what can be observed of them. The numbers are those of doc/client.md, "What
 * the compatible face promises".
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nirvana, NirvanaChannel, NirvanaSession } from '../../src/compat/nirvana.js';
import { world } from '../lib/compat.js';

/** @typedef {any} Any arguments of listeners, as programs have them: without types */

test('1: a session is created without options, and creating does nothing on the network', async () => {
  Nirvana.createSession();
  const { clock, network, session } = world();
  session.getChannel('/fx').subscribe();
  await clock.advance(1000);
  assert.deepEqual(network.dialled, []);
});

test('2: start() returns at once; subscribing right after it waits for the session', async () => {
  const { clock, realm, session } = world();
  realm.publish('/fx', 'stored');
  /** @type {string[]} */
  const got = [];
  const channel = session.getChannel('fx');
  channel.on(Nirvana.Observe.DATA, (/** @type {Any} */ event) => got.push(event.getData()));
  assert.equal(session.start(), undefined);
  channel.subscribe();
  assert.deepEqual([got, session.getStatus()], [[], 'CONNECTING']);
  await clock.advance(100);
  assert.deepEqual([got, session.getStatus()], [['stored'], 'CONNECTED']);
});

for (const [why, config] of /** @type {Array<[string, Any]>} */ ([
  ['a realm with a trailing slash', { realms: ['http://realm:9000/'] }],
  ['one realm without a list', { realms: 'http://realm:9000' }],
  ['a realm of the RNAME form', { realms: ['nsp://realm:9000'] }],
  ['a bare driver', { drivers: Nirvana.Driver.WEBSOCKET }],
  ['drivers that do not exist among those that do', { drivers: [undefined, 'WEBSOCKET'] }],
  ['keys that are ignored', { crossDomainPath: '/x', secureHandshake: true, whatever: {} }],
  ['every level of debugging', { debugLevel: 1 }],
  ['numbers as text', { sessionTimeoutMs: '10000', debugLevel: '9' }],
  ['labels', { applicationName: 'a', sessionName: 's', username: 'u', password: 'p' }],
])) {
  test(`3: createSession takes ${why}`, async () => {
    const { clock, session, log } = world(config);
    session.start();
    await clock.advance(100);
    assert.deepEqual(log, ['START']);
  });
}

test('4: an empty realm means the page that asks', async (t) => {
  const here = /** @type {Any} */ (globalThis);
  here.location = { protocol: 'http:', host: 'page.example:9000' };
  t.after(() => delete here.location);
  for (const realms of [[''], [null], [], undefined]) {
    const { clock, network, session } = world({ realms });
    session.start();
    await clock.advance(100);
    assert.equal(network.dialled[0], 'ws://page.example:9000/stomp');
    session.stop();
    await clock.advance(100);
  }
});

test('5: realms are alternatives in order of preference', async () => {
  const { clock, network, session, log } = world({ realms: ['http://one:1', 'http://two:2'] });
  network.paths = { 'ws://one:1/stomp': 'refuse' };
  session.start();
  await clock.advance(2000);
  assert.deepEqual(
    [log, network.dialled.slice(0, 2)],
    [['START'], ['ws://one:1/stomp', 'ws://two:2/stomp']],
  );
});

test('6: what is not answered within sessionTimeoutMs is given up', async () => {
  const { clock, network, session, log } = world({ sessionTimeoutMs: 3000, webSocketAttempts: 1 });
  network.paths = { 'ws://realm:9000/stomp': 'swallow', 'wss://realm:9443/stomp': 'swallow' };
  session.start();
  await clock.advance(20_000);
  assert.deepEqual(log, ['ERROR session SessionNotConnectedException']);
});

test('7: the configuration can be read back', () => {
  const { session } = world({ sessionName: 'mine' });
  assert.equal(session.getConfig().sessionName, 'mine');
  assert.equal(typeof Nirvana.createSession().getConfig().sessionName, 'string');
});

test('8: START, STOP, DISCONNECT and RECONNECT come with the session', async () => {
  const { clock, network, session, log } = world();
  session.start();
  await clock.advance(100);
  assert.equal(session.getSessionID(), 's-1');
  network.cut();
  await clock.advance(1000);
  session.stop();
  await clock.advance(100);
  assert.deepEqual(log, ['START', 'DISCONNECT', 'RECONNECT', 'STOP']);
});

test('9: the same session starts again after a stop', async () => {
  const { clock, session, log } = world();
  for (let times = 0; times < 3; times++) {
    session.start();
    session.start(); // once is enough
    await clock.advance(100);
    session.stop();
    session.stop();
    await clock.advance(100);
  }
  assert.deepEqual(log, ['START', 'STOP', 'START', 'STOP', 'START', 'STOP']);
});

test('10: several listeners, taken away by identity', async () => {
  const { clock, session } = world();
  /** @type {string[]} */
  const got = [];
  const [one, two] = ['one', 'two'].map((name) => () => got.push(name));
  session.on(Nirvana.Observe.START, one);
  session.on(Nirvana.Observe.START, two);
  session.removeListener(Nirvana.Observe.START, one);
  session.removeListener(Nirvana.Observe.START, () => {});
  session.start();
  await clock.advance(100);
  assert.deepEqual(got, ['two']);
});

test('11: ERROR has two arguments for programs, and the first has a message for the guides', async () => {
  const { clock, session } = world();
  session.start();
  const channel = session.getChannel('/missing');
  /** @type {Any[]} */
  const got = [];
  channel.on(Nirvana.Observe.ERROR, (/** @type {Any} */ resource, /** @type {Any} */ exception) => {
    got.push(resource === channel, exception.name, exception.resourceName, exception.message);
  });
  channel.on(Nirvana.Observe.ERROR, (/** @type {Any} */ error) => got.push(error.message));
  channel.subscribe();
  await clock.advance(100);
  const text = 'there is no channel /missing';
  assert.deepEqual(got, [true, 'MissingResourceException', '/missing', text, text]);
});

test('12: an ERROR that nobody hears on the channel is heard on the session, then on Nirvana', async (t) => {
  const { clock, session, log } = world();
  session.start();
  session.getChannel('/missing').subscribe();
  await clock.advance(100);
  assert.deepEqual(log, ['START', 'ERROR /missing MissingResourceException']);
  const lonely = Nirvana.createSession({ realms: ['ftp://nowhere'] });
  /** @type {Any[]} */
  const got = [];
  const listener = (/** @type {Any} */ resource) => got.push(resource);
  Nirvana.on(Nirvana.Observe.ERROR, listener);
  t.after(() => Nirvana.removeListener(Nirvana.Observe.ERROR, listener));
  lonely.start();
  await null;
  assert.deepEqual(got, [lonely]);
});

test('13: the names of Observe are on Nirvana, too, as one guide writes them', async () => {
  const { clock, session } = world();
  const root = /** @type {Any} */ (Nirvana);
  for (const name of Object.keys(Nirvana.Observe)) {
    assert.equal(root[name], /** @type {Any} */ (Nirvana.Observe)[name]);
  }
  session.start();
  const channel = session.getChannel('/fx');
  let status = '';
  channel.on(root.PUBLISH, (/** @type {string} */ given) => (status = given));
  channel.publish(Nirvana.createEvent());
  await clock.advance(100);
  assert.equal(status, 'OK');
});

test('14: a refused login is a SecurityException of the session', async () => {
  const { clock, realm, session, log } = world({ username: 'u', password: 'wrong' });
  realm.refuse = 'SecurityException';
  session.start();
  await clock.advance(2000);
  assert.match(log[0], /^ERROR session (SecurityException|SessionNotConnectedException)$/);
});

test('15: a listener that throws harms neither the session nor the other listeners', async (t) => {
  const { mock } = t.mock.method(console, 'error', () => {});
  const { clock, session, log, realm } = world();
  const channel = session.getChannel('/fx');
  channel.on(Nirvana.Observe.DATA, () => {
    throw new Error('a fault of the program');
  });
  channel.on(Nirvana.Observe.DATA, (/** @type {Any} */ event) => log.push(event.getData()));
  session.start();
  channel.subscribe();
  await clock.advance(100);
  for (const text of ['a', 'b']) realm.publish('/fx', text);
  await clock.advance(100);
  assert.deepEqual([log, mock.callCount()], [['START', 'a', 'b'], 2]);
});

test('16: several sessions in one page know nothing of each other', async () => {
  const [one, two] = [world(), world()];
  one.session.start();
  await one.clock.advance(100);
  assert.notEqual(one.session.getChannel('/fx'), two.session.getChannel('/fx'));
  assert.deepEqual([one.log, two.log], [['START'], []]);
  assert.equal(two.session.getStatus(), 'DISCONNECTED');
});

test('17: the resources of a session, its driver and its path can be asked for', async () => {
  const { clock, session } = world();
  const resources = [session.getChannel('/a'), session.getQueue('/q')];
  assert.deepEqual(session.getResources(), resources);
  assert.equal(session.getCurrentDriver(), undefined);
  session.start();
  await clock.advance(100);
  assert.equal(session.getCurrentDriver(), Nirvana.Driver.WEBSOCKET);
  assert.match(session.path().sentence, /\w+ \w+/);
});

test('18: with enableDataStreams DataGroup events come to the session itself, told apart by their tags', async () => {
  const { clock, network, realm, session, log } = world({
    enableDataStreams: true,
    sessionName: 'desk 7',
  });
  realm.group('/all', true);
  session.on(Nirvana.Observe.DATA, (/** @type {Any} */ event) => {
    log.push(`${event.getTag()} ${event.getDictionary().get('n')} ${event.resourceName}`);
  });
  session.start();
  const tell = async (/** @type {string} */ tag, /** @type {number} */ n) => {
    const event = Nirvana.createEvent();
    event.setTag(tag);
    event.getDictionary().putInteger('n', n);
    session.getChannel('/all').publish(event);
    await clock.advance(100);
  };
  await clock.advance(100);
  await tell('price', 1);
  network.cut();
  await clock.advance(5000);
  await tell('news', 2);
  session.stop();
  await clock.advance(100);
  session.start();
  await clock.advance(100);
  await tell('price', 3);
  const ups = ['START', 'price 1 /all', 'DISCONNECT', 'RECONNECT', 'news 2 /all'];
  assert.deepEqual(log, [...ups, 'STOP', 'START', 'price 3 /all']);
  assert.ok(realm.log.includes('stream desk 7'));
});

test('18: without it none come; a realm that has no data streams says so on the session', async () => {
  const without = world();
  without.realm.group('/all', true);
  without.session.on(Nirvana.Observe.DATA, () => without.log.push('never'));
  without.session.start();
  await without.clock.advance(100);
  without.realm.publish('/all', 'a');
  await without.clock.advance(100);
  assert.deepEqual(without.log, ['START']);

  const older = world({ enableDataStreams: true });
  older.realm.missing.add('/$data');
  older.session.start();
  await older.clock.advance(100);
  assert.deepEqual(older.log, ['START', 'ERROR session MissingResourceException']);
  assert.equal(older.session.getStatus(), 'CONNECTED');
});

test('19: the generation before: one ready-made session, and channels with onData and onPublish', async (t) => {
  const { clock, network, realm, system } = world();
  NirvanaSession.start({
    ...{ applicationName: 'demo', sessionName: 'one', username: 'nobody' },
    ...{ webSocket: true, webSocketPort: 9000, realmHosts: ['realm'], webSocketAttempts: 1 },
    ...{ protocolSelection: ['websocket', 'streamingcomet', 'longpollcomet'] },
    ...{ domain: 'x', libPath: '/lib', maxStreamLength: 5e7, activeDelay: 100, idleTimeOut: 6e4 },
    ...{
      enableDataStreams: true,
      enableDebug: true,
      debugLevel: 0,
      serverLogging: true,
      verboseKeepalives: false,
    },
    ...system,
  });
  t.after(() => NirvanaSession.stop());
  realm.chooses = (selector, { eid }) => selector === 'odd' && eid % 2 === 1;
  const channel = new NirvanaChannel('/fx');
  /** @type {Any[]} */
  const got = [];
  realm.group('/all', true);
  NirvanaSession.onData = (event) => got.push(`session ${event.getData()}`);
  channel.onData = (event) => got.push(event.getDictionary().get('price'));
  channel.onPublish = (status) => got.push(status);
  channel.subscribe({ filter: 'odd' });
  for (const price of [1.2261, 2]) {
    const event = new Nirvana.nConsumeEvent();
    const dictionary = new Nirvana.nEventProperties();
    dictionary.put('price', price);
    event.setDictionary(dictionary);
    channel.publish(event);
  }
  await clock.advance(100);
  assert.deepEqual(network.dialled, ['ws://realm:9000/stomp']);
  realm.publish('/all', 'to all');
  await clock.advance(100);
  assert.deepEqual(got.sort(), [1.2261, 'OK', 'OK', 'session to all'].sort());
  assert.equal(NirvanaSession.getConfig().sessionName, 'one');
});
