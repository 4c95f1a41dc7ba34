// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Subscriptions whose place the realm keeps, and selectors. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { world } from './lib/world.js';

async function opened() {
  const all = world();
  all.session.open().catch(() => {});
  await all.clock.advance(50);
  const publish = (/** @type {string} */ texts) => {
    for (const text of texts) all.realm.publish('/fx', text);
  };
  const place = () => all.realm.places.get('/fx desk');
  return { ...all, publish, place, channel: all.session.channel('/fx') };
}

/** @param {AsyncIterator<{ data: string }>} stream @param {number} count */
async function read(stream, count) {
  let text = '';
  while (text.length < count) text += (await stream.next()).value.data;
  return text;
}

test('the place moves when the program asks for the next event', async () => {
  const { clock, publish, place, channel } = await opened();
  publish('abc');
  const stream = channel.subscribe({ durable: 'desk', from: 'stored' });
  await clock.advance(50);
  assert.equal(await read(stream, 2), 'ab');
  await clock.advance(50);
  assert.equal(place(), 2, 'it is done with a, and works on b');
});

test('or when the program says so', async () => {
  const { clock, publish, place, channel } = await opened();
  publish('abc');
  const stream = channel.subscribe({ durable: 'desk', from: 'stored', acknowledges: true });
  await clock.advance(50);
  await stream.next();
  const { value: b } = await stream.next();
  await stream.next();
  await clock.advance(50);
  assert.equal(place(), undefined);
  stream.acknowledge(b);
  await clock.advance(50);
  assert.equal(place(), 3);
});

test('many acknowledgements in one round trip are two', async () => {
  const { clock, realm, publish, place, channel } = await opened();
  publish('abcdefgh');
  const stream = channel.subscribe({ durable: 'desk', from: 'stored' });
  await clock.advance(50);
  await read(stream, 8);
  await clock.advance(50);
  assert.equal(place(), 8);
  assert.deepEqual(
    realm.log.filter((line) => line.startsWith('ACK')),
    ['ACK 1@/fx', 'ACK 7@/fx'],
  );
});

test('a later subscription goes on there; a cut loses none and doubles none', async () => {
  const { clock, network, realm, publish, channel } = await opened();
  publish('abcd');
  realm.places.set('/fx desk', 2);
  const stream = channel.subscribe({ durable: 'desk' });
  await clock.advance(50);
  assert.equal(await read(stream, 2), 'bc');
  realm.places.set('/fx desk', 2); // the acknowledgement of b did not arrive
  network.cut();
  await clock.advance(1000);
  publish('e');
  await clock.advance(50);
  assert.equal(await read(stream, 2), 'de');
  await clock.advance(50);
  assert.equal(realm.places.get('/fx desk'), 5);
});

test('after a cut the realm may think that the old connection still reads: asked again later', async () => {
  const { clock, network, realm, publish, channel } = await opened();
  const stream = channel.subscribe({ durable: 'desk' });
  await clock.advance(50);
  realm.taken.add('desk');
  network.cut();
  await clock.advance(1000);
  realm.taken.clear();
  publish('a');
  const reading = read(stream, 1);
  await clock.advance(3000);
  assert.equal(await reading, 'a');
});

test('who comes second at first is told so', async () => {
  const { clock, realm, channel } = await opened();
  realm.taken.add('desk');
  const stream = channel.subscribe({ durable: 'desk' });
  const refused = assert.rejects(stream.next(), { code: 'argument' });
  await clock.advance(50);
  await refused;
  assert.throws(() => channel.subscribe({ durable: '' }), { code: 'argument' });
});

test('a name that nobody needs any more is forgotten', async () => {
  const { clock, network, realm, place, channel } = await opened();
  realm.places.set('/fx desk', 2);
  const forgetting = channel.forget('desk');
  await clock.advance(50);
  await forgetting;
  assert.equal(place(), undefined);
  realm.refusing.UNSUBSCRIBE = 'IllegalArgumentException';
  const refused = assert.rejects(channel.forget('desk'), { code: 'argument' });
  await clock.advance(50);
  await refused;
  network.cut();
  await clock.advance(10);
  await assert.rejects(channel.forget('desk'), { code: 'stale', inDoubt: false });
});

test('a filter chooses at the realm, and a bad one is refused', async () => {
  const { clock, realm, publish, channel } = await opened();
  realm.chooses = (selector, { eid }) => selector === 'even' && eid % 2 === 0;
  publish('abcd');
  const stream = channel.subscribe({ from: 'stored', filter: 'even' });
  const bad = assert.rejects(channel.subscribe({ filter: 'bad >' }).next(), {
    code: 'argument',
    message: /at byte 5/,
  });
  await clock.advance(50);
  assert.equal(await read(stream, 2), 'bd');
  await bad;
});
