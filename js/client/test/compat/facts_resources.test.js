// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** More of them: channels, queues, events, dictionaries. The numbers go on from facts_session. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nirvana } from '../../src/compat/nirvana.js';
import { world } from '../lib/compat.js';

/** @typedef {any} Any arguments of listeners, as programs have them: without types */

const { Observe } = Nirvana;

/** @param {Record<string, unknown>} [config] */
async function started(config) {
  const all = world(config);
  all.session.start();
  await all.clock.advance(50);
  return all;
}

/** Publishes one event and gives back what a subscriber of that channel has got of it. */
async function roundTrip(/** @type {(event: Any) => void} */ fill) {
  const { clock, session } = await started();
  const channel = session.getChannel('/fx');
  /** @type {Any[]} */
  const got = [];
  channel.on(Observe.DATA, (/** @type {Any} */ event) => got.push(event));
  channel.subscribe();
  const event = Nirvana.createEvent();
  fill(event);
  channel.publish(event);
  await clock.advance(100);
  return got[0];
}

test('20: the same name gives the same channel, which shares the subscription', async () => {
  const { clock, session } = await started();
  let count = 0;
  session.getChannel('/fx').on(Observe.DATA, () => count++);
  session.getChannel('/fx').subscribe();
  for (let times = 0; times < 3; times++) {
    session.getChannel('fx').publish(Nirvana.createEvent());
  }
  await clock.advance(100);
  assert.equal(count, 3);
});

test('21: SUBSCRIBE comes with the channel, before its DATA; isSubscribed guards unsubscribe', async () => {
  const { clock, realm, session } = await started();
  realm.publish('/fx', 'x');
  const channel = session.getChannel('/fx');
  /** @type {string[]} */
  const got = [];
  channel.on(Observe.SUBSCRIBE, (/** @type {Any} */ given) => got.push(given.getName()));
  channel.on(Observe.UNSUBSCRIBE, (/** @type {Any} */ given) => got.push(`-${given.getName()}`));
  channel.on(Observe.DATA, () => got.push('data'));
  if (channel.isSubscribed()) channel.unsubscribe();
  channel.subscribe();
  assert.equal(channel.isSubscribed(), false);
  await clock.advance(50);
  if (channel.isSubscribed()) channel.unsubscribe();
  await clock.advance(50);
  assert.deepEqual(got, ['/fx', 'data', '-/fx']);
});

test('22: unsubscribe() and stop() back to back raise no error', async () => {
  const { clock, session, log } = await started();
  const channel = session.getChannel('/fx');
  channel.subscribe();
  await clock.advance(50);
  channel.unsubscribe();
  session.stop();
  await clock.advance(50);
  assert.deepEqual(log, ['START', 'STOP']);
});

test('23: a filter is set before subscribing, and goes to the realm as it is', async () => {
  const { clock, realm, session } = await started();
  /** @type {string[]} */
  const asked = [];
  realm.chooses = (selector) => asked.push(selector) > 0;
  const channel = session.getChannel('/fx');
  channel.setFilter("title in ('aaaaa','ccccc') AND (name like '%EUR%')");
  channel.subscribe();
  await clock.advance(50);
  realm.publish('/fx', 'x');
  assert.deepEqual(asked, ["title in ('aaaaa','ccccc') AND (name like '%EUR%')"]);
});

test('24: a filter that cannot be meant is an ERROR of the channel', async () => {
  const { clock, session, log } = await started();
  const channel = session.getChannel('/fx');
  channel.setFilter('bad >');
  channel.subscribe();
  await clock.advance(50);
  assert.deepEqual(log, ['START', 'ERROR /fx IllegalArgumentException']);
});

test('25: a start EID, and without one all that is stored', async () => {
  const { clock, realm, session } = await started();
  for (const text of ['a', 'b', 'c']) realm.publish('/fx', text);
  for (const [start, expected] of /** @type {Array<[Any, string]>} */ ([
    [undefined, 'abc'],
    [0, 'abc'],
    [2, 'bc'],
    ['3', 'c'],
    ['x', 'abc'],
  ])) {
    let got = '';
    const channel = session.getChannel('/fx');
    const listener = (/** @type {Any} */ event) => (got += event.getData());
    channel.on(Observe.DATA, listener);
    channel.setStartEID(start);
    channel.subscribe();
    await clock.advance(50);
    channel.unsubscribe();
    channel.removeListener(Observe.DATA, listener);
    assert.equal(got, expected, String(start));
  }
});

test('26: publishing what is no event is an ERROR; text alone is forgiven', async () => {
  const { clock, realm, session, log } = await started();
  const channel = session.getChannel('/fx');
  for (const event of [null, undefined, 7, {}]) channel.publish(event);
  channel.publish('text');
  await clock.advance(50);
  assert.equal(log.filter((line) => line === 'ERROR /fx IllegalArgumentException').length, 4);
  assert.equal(realm.life('/fx').events.length, 1);
});

test('27: a transaction publishes one event once, and says COMMIT', async () => {
  const { clock, realm, session, log } = await started();
  const transaction = session.getChannel('/fx').createTransaction();
  transaction.on(Observe.COMMIT, () => log.push('COMMIT'));
  transaction.setEvent(Nirvana.createEvent());
  transaction.publishAndCommit();
  transaction.publishAndCommit();
  await clock.advance(50);
  assert.deepEqual([log, realm.life('/fx').events.length], [['START', 'COMMIT'], 1]);
  assert.equal(transaction.isCommitted(), true);
});

test('28: a plain queue reader takes events by getting them', async () => {
  const { clock, realm, session } = await started();
  const stored = realm.queue('/jobs');
  for (const text of 'abc') realm.publish('/jobs', text);
  let got = '';
  const queue = session.getQueue('/jobs');
  queue.on(Observe.DATA, (/** @type {Any} */ event) => (got += event.getData()));
  queue.subscribe();
  await clock.advance(100);
  session.stop();
  await clock.advance(100);
  assert.deepEqual([got, stored.waiting.length], ['abc', 0]);
});

test('29: a transactional one has five events, commits up to one or all, and rolls back', async () => {
  const { clock, realm, session } = await started();
  const stored = realm.queue('/jobs');
  for (const text of 'abcdefg') realm.publish('/jobs', text);
  /** @type {Any[]} */
  const events = [];
  const queue = session.getQueue('/jobs', true);
  queue.on(Observe.DATA, (/** @type {Any} */ event) => events.push(event));
  queue.subscribe();
  await clock.advance(50);
  assert.equal(events.length, 5);
  queue.commit(events[4]);
  await clock.advance(50);
  assert.equal(events.length, 7);
  queue.rollbackAll();
  await clock.advance(50);
  assert.deepEqual(
    events.slice(7).map((event) => event.getData()),
    ['f', 'g'],
  );
  queue.commitAll();
  await clock.advance(50);
  session.stop();
  await clock.advance(50);
  assert.equal(stored.waiting.length, 0);
});

test('30: data is text, also when a publisher of another kind sent bytes', async () => {
  const { clock, realm, session } = await started();
  let got = '';
  const channel = session.getChannel('/fx');
  channel.on(Observe.DATA, (/** @type {Any} */ event) => (got = event.getData().split(',')[1]));
  channel.subscribe();
  realm.store('/fx', [['content-type', 'application/octet-stream']], Buffer.from('a,b'));
  await clock.advance(50);
  assert.equal(got, 'b');
});

test('31: the number and the channel of an event, by the fields that programs read', async () => {
  const event = await roundTrip((event) => event.setData('x'));
  assert.deepEqual([event.eventID[1], event.eventID[0], event.getEID()], [1, 0, 1]);
  assert.equal(event.resourceName, '/fx');
});

test('32: a dictionary is walked by innerProperties and read by get', async () => {
  const event = await roundTrip((event) => {
    const dictionary = event.getDictionary();
    dictionary.putString('a', 7);
    dictionary.putFloat('b', 1.2261);
  });
  const seen = [];
  const dictionary = event.getDictionary();
  for (const name in dictionary.innerProperties) seen.push(`${name}=${dictionary.get(name)}`);
  assert.deepEqual(seen, ['a=7', 'b=1.2261']);
  assert.equal(typeof dictionary.get('a'), 'string');
});

test('33: arrays are arrays, and arrays of dictionaries hold dictionaries', async () => {
  const event = await roundTrip((event) => {
    const row = Nirvana.createDictionary();
    row.putInteger('id', 7);
    event.getDictionary().putDoubleArray('n', [3, 1, 2]);
    event.getDictionary().putDictionaryArray('rows', [row, row]);
    event.getDictionary().putDictionary('one', row);
  });
  const dictionary = event.getDictionary();
  assert.deepEqual(dictionary.get('n').slice(0).sort(), [1, 2, 3]);
  assert.equal(dictionary.get('rows').length, 2);
  assert.equal(dictionary.get('rows')[1].get('id'), 7);
  assert.equal(dictionary.get('one').get('id'), 7);
});

test('34: every put of Java has its type on the way', async () => {
  const kinds = { Boolean: true, Byte: 1, Short: 2, Integer: 3, Long: 4, Float: 0.1, Double: 5 };
  const event = await roundTrip((event) => {
    const dictionary = event.getDictionary();
    for (const [kind, value] of Object.entries(kinds)) {
      dictionary[`put${kind}`](kind, value);
      dictionary[`put${kind}Array`](`${kind}s`, [value]);
    }
    dictionary.putCharacter('c', 'x');
    dictionary.putStringArray('s', ['a']);
  });
  const dictionary = event.getDictionary();
  for (const [kind, value] of Object.entries(kinds)) {
    assert.equal(dictionary[`get${kind}`](kind), value);
    const type = kind === 'Integer' ? 'int' : kind.toLowerCase();
    assert.equal(dictionary.getType(kind), type);
    const arrayType = kind === 'Byte' ? 'bytes' : `${type}[]`;
    assert.equal(dictionary.getType(`${kind}s`), arrayType);
    assert.equal(dictionary.get(`${kind}s`)[0], value);
  }
  assert.deepEqual([dictionary.getCharacter('c'), dictionary.getStringArray('s')], ['x', ['a']]);
  assert.deepEqual([dictionary.get('missing'), dictionary.contains('missing')], [undefined, false]);
});

test('35: tag and attributes travel; a dictionary can be replaced as a whole', async () => {
  const event = await roundTrip((event) => {
    event.setTag('fx');
    event.getEventAttributes().setPublisherName('me');
    event.getEventAttributes().setAllowMerge(true);
    const dictionary = Nirvana.createDictionary();
    dictionary.put('k', 'v');
    event.putDictionary(dictionary);
  });
  assert.equal(event.getTag(), 'fx');
  assert.equal(event.getEventAttributes().getPublisherName(), 'me');
  assert.equal(event.getEventAttributes().getAllowMerge(), true);
  assert.equal(event.getDictionary().get('k'), 'v');
});

test('36: all names of drivers exist, so that no list of a program holds a hole', () => {
  for (const name of [
    ...['WEBSOCKET', 'XHR_STREAMING_CORS', 'XDR_STREAMING', 'JSONP_LONGPOLL', 'XHR_LONGPOLL_CORS'],
    ...['IFRAME_STREAMING_POSTMESSAGE', 'EVENTSOURCE_STREAMING_POSTMESSAGE'],
    ...['XHR_LONGPOLL_POSTMESSAGE', 'NOXD_IFRAME_STREAMING', 'XDR_LONGPOLL'],
  ]) {
    assert.equal(typeof (/** @type {Any} */ (Nirvana.Driver)[name]), 'string', name);
  }
});

test('37: a cut connection loses no event and doubles none', async () => {
  const { clock, network, realm, session } = await started();
  let got = '';
  const channel = session.getChannel('/fx');
  channel.on(Observe.DATA, (/** @type {Any} */ event) => (got += event.getData()));
  channel.subscribe();
  for (const text of 'abcdef') {
    realm.publish('/fx', text);
    await clock.advance(20);
    if (text < 'e') network.cut();
    await clock.advance(1000);
  }
  assert.equal(got, 'abcdef');
});

test('38: DRIVER says that the session has come to use another transport', async () => {
  const { clock, network, session } = world({ ...fetchOf() });
  /** @type {Any[]} */
  const got = [];
  session.on(Observe.DRIVER, (/** @type {Any} */ given, /** @type {string} */ driver) => {
    got.push(given === session, driver);
  });
  session.start();
  await clock.advance(2000);
  assert.deepEqual(got, []);
  network.paths = { 'ws://realm:9000/stomp': 'refuse', 'wss://realm:9443/stomp': 'refuse' };
  network.cut();
  await clock.advance(10_000);
  assert.deepEqual(got.slice(0, 2), [true, Nirvana.Driver.XHR_STREAMING_CORS]);

  /** The other drivers over the same network: made when it is there. */
  function fetchOf() {
    return { fetch: (/** @type {Any[]} */ ...given) => network.web.fetch(given[0], given[1]) };
  }
});

test('39: setAllowMerge(true) asks the realm to merge; a subscriber can ask what is a delta', async () => {
  const { clock, realm, session } = await started();
  /** @type {Any[]} */
  const got = [];
  const channel = session.getChannel('/fx');
  channel.on(Observe.DATA, (/** @type {Any} */ event) => {
    got.push([event.getData(), event.getEventAttributes().isDelta()]);
  });
  channel.subscribe();
  for (const isMerge of [true, false]) {
    const event = Nirvana.createEvent();
    event.setData(`merge ${isMerge}`);
    event.getEventAttributes().setAllowMerge(isMerge);
    channel.publish(event);
  }
  await clock.advance(100);
  const stored = realm.life('/fx').events;
  assert.deepEqual(
    stored.map(({ headers }) => new Map(headers).get('merge')),
    ['true', undefined],
  );
  realm.store('/fx', [['delta', 'true']], new TextEncoder().encode('changed'));
  await clock.advance(100);
  assert.deepEqual(got, [
    ['merge true', false],
    ['merge false', false],
    ['changed', true],
  ]);
});
