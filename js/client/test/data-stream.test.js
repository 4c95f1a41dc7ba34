// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WS, WSS, wideWorld, world } from './lib/world.js';

/** @typedef {import('../src/data-stream.js').DataStreamOptions} DataStreamOptions */

/** @param {DataStreamOptions} [options] */
async function opened(options) {
  const all = world();
  /** @type {string[]} */
  const ids = [];
  const stream = all.session.dataStream({ onOpen: (id) => ids.push(id), ...options });
  all.session.open().catch(() => {});
  await all.clock.advance(50);
  return { ...all, stream, ids };
}

/** @param {import('../src/data-stream.js').DataStream} stream @param {number} count */
async function take(stream, count) {
  const seen = [];
  while (seen.length < count) {
    const { value } = await stream.next();
    seen.push(`${value.channel} ${value.data}`);
  }
  return seen;
}

test('a data stream gets the events of the groups that it is in, and of no others', async () => {
  const { clock, realm, stream, ids } = await opened({ name: 'desk 7' });
  assert.deepEqual([ids, stream.id, await stream.ready], [['stream-1'], 'stream-1', 'stream-1']);
  assert.ok(realm.log.includes('stream desk 7'));
  realm.group('/all', true);
  realm.group('/other');
  realm.publish('/all', 'a');
  realm.publish('/other', 'b');
  realm.group('/other').add(stream.id);
  realm.publish('/other', 'c');
  realm.publish('/all', 'd');
  realm.group('/other').remove(stream.id);
  realm.publish('/other', 'e');
  await clock.advance(50);
  assert.deepEqual(await take(stream, 3), ['/all a', '/other c', '/all d']);
});

test('its events have tag, dictionary and attributes; numbers of several groups do not mix', async () => {
  const { clock, realm, session, stream } = await opened();
  realm.group('/a', true).published = 700;
  realm.group('/b', true);
  session.channel('/a').publish({ tag: 'eu', dict: { price: 1.5 }, attributes: { from: 'x' } });
  session.channel('/b').publish('second');
  await clock.advance(50);
  const { value: first } = await stream.next();
  const { value: second } = await stream.next();
  assert.deepEqual([first.tag, first.dict.price, first.eid], ['eu', 1.5, 701]);
  assert.deepEqual(first.attributes, { from: 'x' });
  assert.deepEqual([second.data, second.eid], ['second', 1]);
});

test('on the next connection it is another one: groups for everybody have it, others do not', async () => {
  const { clock, network, realm, stream, ids } = await opened();
  realm.group('/all', true);
  realm.group('/desk').add(stream.id);
  network.cut();
  await clock.advance(5000);
  assert.deepEqual([ids, stream.id], [['stream-1', 'stream-2'], 'stream-2']);
  realm.publish('/desk', 'lost');
  realm.publish('/all', 'a');
  realm.group('/desk').add(stream.id);
  realm.publish('/desk', 'b');
  await clock.advance(50);
  assert.deepEqual(await take(stream, 2), ['/all a', '/desk b']);
});

test('closing it leaves the groups, and a new one may be made at once', async () => {
  const { clock, realm, session, stream } = await opened();
  realm.group('/all', true);
  const closing = stream.close();
  const next = session.dataStream();
  await clock.advance(50);
  await closing;
  assert.equal((await stream.next()).done, true);
  realm.publish('/all', 'a');
  await clock.advance(50);
  assert.deepEqual(await take(next, 1), ['/all a']);
  assert.equal(next.id, 'stream-2');
  const leaving = next.return();
  await clock.advance(50);
  assert.equal((await leaving).done, true);
  assert.equal(realm.log.filter((line) => line.startsWith('UNSUBSCRIBE')).length, 2);
});

test('a second one of the same session is refused', async () => {
  const { clock, session, stream } = await opened();
  const second = session.dataStream();
  await clock.advance(50);
  await assert.rejects(second.next(), { code: 'argument', resourceName: '/$data' });
  await assert.rejects(second.ready, { code: 'argument' });
  assert.equal(stream.id, 'stream-1');
});

test('a realm that has none says so', async () => {
  const all = world();
  all.realm.missing.add('/$data');
  const stream = all.session.dataStream();
  all.session.open().catch(() => {});
  await all.clock.advance(50);
  await assert.rejects(stream.next(), { code: 'missing-resource' });
});

test('who does not keep up loses the oldest events, or the stream', async () => {
  const { clock, realm, stream } = await opened({ limit: 2 });
  const group = realm.group('/all', true);
  for (const text of 'abcd') realm.publish('/all', text);
  await clock.advance(50);
  assert.deepEqual(await take(stream, 2), ['/all c', '/all d']);
  assert.equal(group.published, 4);

  const other = await opened({ limit: 2, overflow: 'fail' });
  other.realm.group('/all', true);
  for (const text of 'abcd') other.realm.publish('/all', text);
  await other.clock.advance(50);
  assert.deepEqual(await take(other.stream, 2), ['/all a', '/all b']);
  await assert.rejects(other.stream.next(), { code: 'limit' });
  await other.clock.advance(50);
  assert.ok(other.realm.log.some((line) => line.startsWith('UNSUBSCRIBE')));
});

test('with a listener events are passed on as they come, and the iterator only ends', async () => {
  /** @type {string[]} */
  const seen = [];
  const { clock, realm, session, stream } = await opened({
    onEvent: ({ data }) => void seen.push(data),
  });
  realm.group('/all', true);
  for (const text of 'abc') realm.publish('/all', text);
  await clock.advance(50);
  assert.deepEqual(seen, ['a', 'b', 'c']);
  session.close();
  await clock.advance(50);
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test('a session with a data stream stays on its driver: on another one it would be in no group', async () => {
  const blocked = /** @type {Parameters<typeof wideWorld>[1]} */ ({
    [WS]: 'refuse',
    [WSS]: 'refuse',
  });
  const { clock, network, session } = wideWorld({ drivers: ['websocket', 'polling'] }, blocked);
  const stream = session.dataStream();
  session.open();
  await clock.advance(1000);
  const before = session.path().inUse?.driver;
  assert.notEqual(before, 'WEBSOCKET');
  network.paths = {};
  await clock.advance(120_000);
  assert.deepEqual([session.path().inUse?.driver, stream.id], [before, 'stream-1']);
  stream.close();
  await clock.advance(120_000);
  assert.equal(session.path().inUse?.driver, 'WEBSOCKET');
});

test('a signal ends it', async () => {
  const controller = new AbortController();
  const { clock, realm, stream } = await opened({ signal: controller.signal });
  realm.group('/all', true);
  realm.publish('/all', 'a');
  await clock.advance(50);
  controller.abort(new Error('enough'));
  await assert.rejects(stream.next(), { message: 'enough' });
  const late = world().session.dataStream({ signal: controller.signal });
  await assert.rejects(late.next(), { message: 'enough' });
});

test('what cannot be meant is refused at once', () => {
  const { session } = world();
  const open = (/** @type {any} */ options) => () => session.dataStream(options);
  assert.throws(open({ limit: 0 }), { code: 'argument' });
  assert.throws(open({ overflow: 'pause' }), { code: 'argument' });
  session.close();
  assert.throws(open({}), { code: 'closed' });
});
