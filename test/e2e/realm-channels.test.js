// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Channels as doc/channels.md describes them, with the built program and its store. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { scratch, startRealm } from '../lib/wayleave.mjs';

/** A realm with a store; `lives` of it share a directory. */
function storing(t, sections, { dir = scratch(t), size = '64m' } = {}) {
  const store = join(dir, 'store');
  mkdirSync(store, { recursive: true });
  const more = `Store lmdb\nStorePath "${store}"\nStoreSize ${size}\nEventBytesMax 64k\n${sections}`;
  return startRealm(t, { dir, more });
}

const PERSISTENT = `<Channel "/fx/*">
    Type persistent
    Capacity 0
    StoreBytes 32m
    MemoryBytes 4k
</Channel>
`;

const softly = { errors: 'receipt' };

async function publish(stomp, destination, body, headers = {}) {
  return Number((await stomp.ask('SEND', { destination, ...headers }, body)).eid);
}

/** Subscribes, takes `count` events and unsubscribes. */
async function read(stomp, destination, count, headers = {}) {
  const { next, epoch } = await stomp.ask('SUBSCRIBE', { id: 's', destination, ...headers });
  const events = [];
  while (events.length < count) events.push(await stomp.next());
  await stomp.ask('UNSUBSCRIBE', { id: 's' });
  return { next: Number(next), epoch, events, bodies: events.map(({ body }) => body).join(' ') };
}

test('persistent events come back after a restart and after kill -9', async (t) => {
  const dir = scratch(t);
  let expected = '';
  let epoch;
  let eid = 0;
  for (const end of ['stop', 'kill', 'stop', 'kill', 'stop']) {
    const realm = await storing(t, PERSISTENT, { dir });
    const stomp = await Stomp.connect(t, realm.port);
    for (let i = 0; i < 5; i += 1) {
      const body = `${end}${i}`;
      const got = await publish(stomp, '/fx/a', body);
      assert.ok(got > eid, `EIDs increase: ${got} after ${eid}`);
      eid = got;
      expected += `${expected && ' '}${body}`;
    }
    const all = await read(stomp, '/fx/a', expected.split(' ').length, { from: 'stored' });
    assert.equal(all.bodies, expected);
    epoch ??= all.epoch;
    assert.equal(all.epoch, epoch);
    assert.equal(all.next, 1);
    await realm[end]();
  }
});

test('whatever was acknowledged before a kill -9 in the middle of publishing is there, once, in order', async (t) => {
  const dir = scratch(t);
  const acknowledged = [];
  for (let life = 0; life < 4; life += 1) {
    const realm = await storing(t, PERSISTENT, { dir });
    const stomp = await Stomp.connect(t, realm.port);
    for (let i = 0; i < 1000; i += 1) {
      const name = `${life}-${i}`;
      stomp.send('SEND', { destination: '/fx/a', receipt: name }, name);
    }
    await until('some receipts', () => stomp.inbox.length > 100);
    await realm.kill();
    await until('the end', () => stomp.closed !== null);
    for (const { headers } of stomp.inbox) {
      acknowledged.push({ eid: Number(headers.eid), body: headers['receipt-id'] });
    }
  }
  const realm = await storing(t, PERSISTENT, { dir });
  const stomp = await Stomp.connect(t, realm.port);
  await stomp.ask('SUBSCRIBE', { id: 's', destination: '/fx/a', from: 'stored' });
  const last = acknowledged.at(-1).eid;
  const stored = new Map();
  for (let eid = 0; eid < last;) {
    const { headers, body } = await stomp.next();
    assert.ok(Number(headers.eid) > eid, 'in order, and none twice');
    eid = Number(headers.eid);
    stored.set(eid, body);
  }
  for (const { eid, body } of acknowledged) assert.equal(stored.get(eid), body);
  assert.equal(new Set(stored.values()).size, stored.size);
});

test('one session may have any number of publishes on their way', async (t) => {
  const { port } = await storing(t, PERSISTENT);
  const stomp = await Stomp.connect(t, port);
  const count = 20_000;
  for (let i = 0; i < count; i += 1) {
    stomp.send('SEND', { destination: '/fx/a', receipt: `receipt-${i}` }, 'x');
  }
  await until('all receipts', () => stomp.inbox.length === count, {
    seen: () => `${stomp.inbox.length} receipts, closed: ${stomp.closed}`,
  });
  for (const [i, { headers }] of stomp.inbox.entries()) {
    assert.equal(headers['receipt-id'], `receipt-${i}`);
    assert.equal(headers.eid, String(i + 1));
  }
});

test('reliable channels lose their events and keep counting', async (t) => {
  const dir = scratch(t);
  const sections = '<Channel "/r/*">\n</Channel>\n';
  let realm = await storing(t, sections, { dir });
  let stomp = await Stomp.connect(t, realm.port);
  const before = await publish(stomp, '/r/a', 'x');
  const { epoch } = await read(stomp, '/r/a', 1, { from: 'stored' });
  await realm.kill();
  realm = await storing(t, sections, { dir });
  stomp = await Stomp.connect(t, realm.port);
  const again = await read(stomp, '/r/a', 0, { from: String(before), epoch });
  assert.equal(again.epoch, epoch);
  assert.ok(again.next > before, 'what was between is not stored any more, and that shows');
  assert.ok((await publish(stomp, '/r/a', 'y')) > before);
});

test('a transient channel keeps nothing for those who come later', async (t) => {
  const { port } = await startRealm(t, {
    more: '<Channel "/t">\n    Type transient\n</Channel>\n',
  });
  const stomp = await Stomp.connect(t, port);
  await publish(stomp, '/t', 'x');
  assert.equal((await read(stomp, '/t', 0, { from: 'stored' })).next, 2);
});

test('a full store is said to the publisher, and what was stored stays', async (t) => {
  const dir = scratch(t);
  const realm = await storing(t, PERSISTENT, { dir, size: '1m' });
  const stomp = await Stomp.connect(t, realm.port, softly);
  const body = 'x'.repeat(50_000);
  let count = 0;
  let refusal;
  while (!refusal) {
    const answer = await stomp.ask('SEND', { destination: '/fx/a' }, body);
    if (answer.refused) refusal = answer;
    else count += 1;
  }
  assert.ok(count > 3, `${count} events fitted`);
  assert.equal(refusal.refused, 'StoreException');
  assert.match(refusal.message, /full/);
  await realm.stop();
  const again = await storing(t, PERSISTENT, { dir });
  const reader = await Stomp.connect(t, again.port);
  assert.equal((await read(reader, '/fx/a', count, { from: 'stored' })).events.length, count);
  assert.equal(await publish(reader, '/fx/a', 'there is room'), count + 1);
});

test('selectors choose events, live and stored; a bad one is refused with its place', async (t) => {
  const { port } = await startRealm(t, { more: '<Channel "/s/*">\n</Channel>\n' });
  const stomp = await Stomp.connect(t, port, softly);
  const destination = '/s/a';
  const dictionary = (dict) => JSON.stringify({ dict });
  const type = { 'content-type': 'application/vnd.wayleave.event+json' };
  await publish(stomp, destination, dictionary({ price: 10 }), type);
  await publish(stomp, destination, dictionary({ price: 20 }), type);
  const selector = 'price > 15';
  await stomp.ask('SUBSCRIBE', { id: 's', destination, from: 'stored', selector });
  assert.equal((await stomp.next()).headers.eid, '2');
  await stomp.ask('SEND', { destination, ...type }, dictionary({ price: 5 }));
  stomp.send('SEND', { destination, ...type }, dictionary({ price: 30 }));
  assert.equal((await stomp.next()).headers.eid, '4');
  const bad = { id: 'bad', destination, selector: 'price >' };
  const { refused, message } = await stomp.ask('SUBSCRIBE', bad);
  assert.equal(refused, 'IllegalArgumentException');
  assert.match(message, /byte 7/);
});

test('a publish key holds the last value of each: the snapshot, then updates', async (t) => {
  const { port } = await startRealm(t, {
    more: '<Channel "/prices">\n    PublishKey symbol\n</Channel>\n',
  });
  const stomp = await Stomp.connect(t, port);
  const price = (symbol, body) => publish(stomp, '/prices', body, { symbol });
  await price('EUR', 'e1');
  await price('GBP', 'g1');
  await price('EUR', 'e2');
  const watcher = await Stomp.connect(t, port);
  await watcher.ask('SUBSCRIBE', { id: 's', destination: '/prices', from: 'stored' });
  await price('GBP', 'g2');
  const bodies = [];
  for (let i = 0; i < 3; i += 1) bodies.push((await watcher.next()).body);
  assert.deepEqual(bodies, ['g1', 'e2', 'g2']);
});

test('a change is stored as the whole, and goes as it is to who follows changes', async (t) => {
  const { port } = await startRealm(t, {
    more: `<Channel "/prices">
    PublishKey symbol
</Channel>
<Channel "/skipping">
    PublishKey symbol
    SlowReader skip
</Channel>
<Channel "/plain">
</Channel>
`,
  });
  const stomp = await Stomp.connect(t, port, softly);
  const type = { 'content-type': 'application/vnd.wayleave.event+json' };
  const price = (dict, headers) =>
    publish(stomp, '/prices', JSON.stringify({ dict }), { ...type, ...headers });
  const subscribe = async (headers) => {
    const watcher = await Stomp.connect(t, port);
    const receipt = await watcher.ask('SUBSCRIBE', { id: 's', destination: '/prices', ...headers });
    return Object.assign(watcher, { follows: receipt.delta });
  };
  const next = async (watcher) => {
    const { headers, body } = await watcher.next();
    assert.equal(headers.merge, undefined);
    return { delta: headers.delta, ...JSON.parse(body).dict };
  };
  await price({ symbol: 'EUR', bid: 1, ask: 2 });
  const follower = await subscribe({ from: 'stored', delta: true });
  const others = [
    await subscribe({ from: 'stored' }),
    await subscribe({ from: 'now', delta: true }),
    await subscribe({ from: '1', delta: true, selector: 'bid > 0' }),
  ];
  assert.equal(follower.follows, 'true');
  assert.deepEqual(
    others.map(({ follows }) => follows),
    [undefined, undefined, undefined],
  );
  await price({ symbol: 'EUR', bid: 3 }, { merge: true, delta: 'a lie' });
  const whole = { delta: undefined, symbol: 'EUR', bid: 3, ask: 2 };
  assert.deepEqual(await next(follower), { ...whole, bid: 1 });
  assert.deepEqual(await next(follower), { delta: 'true', symbol: 'EUR', bid: 3 });
  await next(others[0]);
  await next(others[2]);
  for (const watcher of others) assert.deepEqual(await next(watcher), whole);
  assert.deepEqual(await next(await subscribe({ from: 'stored', delta: true })), whole);

  const answer = await fetch(`http://localhost:${port}/api/channels/prices/events`, {
    method: 'POST',
    headers: { 'content-type': type['content-type'], merge: 'true' },
    body: JSON.stringify({ dict: { symbol: 'EUR', ask: 4 } }),
  });
  assert.equal(answer.status, 201);
  assert.deepEqual(await next(follower), { delta: 'true', symbol: 'EUR', ask: 4 });
  assert.deepEqual(await next(others[0]), { ...whole, ask: 4 });

  for (const destination of ['/skipping', '/plain']) {
    const headers = { id: destination, destination, from: 'stored', delta: true };
    assert.equal((await stomp.ask('SUBSCRIBE', headers)).delta, undefined);
  }
});

test('who changes much waits for its turn, and in a transaction hears that it is too much', async (t) => {
  const { port } = await startRealm(t, {
    more: '<Channel "/big">\n    PublishKey symbol\n</Channel>\n',
  });
  const stomp = await Stomp.connect(t, port, softly);
  const type = { 'content-type': 'application/vnd.wayleave.event+json' };
  const send = (dict, headers) =>
    stomp.send('SEND', { destination: '/big', ...type, ...headers }, JSON.stringify({ dict }));
  send({ symbol: 'A', filler: 'x'.repeat(700_000) }, { receipt: 'whole' });
  assert.equal((await stomp.next()).headers['receipt-id'], 'whole');
  stomp.socket._socket.cork(); // they are to be read in one go
  for (let i = 0; i < 60; i += 1) send({ symbol: 'A', i }, { merge: true, receipt: String(i) });
  stomp.socket._socket.uncork();
  for (let i = 0; i < 60; i += 1) {
    const { headers } = await stomp.next();
    assert.deepEqual(headers, { 'receipt-id': String(i), eid: String(i + 2) });
  }
  stomp.send('BEGIN', { transaction: 't' });
  for (let i = 0; i < 60; i += 1) send({ symbol: 'A', i }, { merge: true, transaction: 't' });
  const { refused, message } = await stomp.ask('COMMIT', { transaction: 't' });
  assert.equal(refused, 'StoreException');
  assert.match(message, /change more than 32 MiB of events/);
});

test('events expire, and the dead go where the configuration says', async (t) => {
  const { port } = await startRealm(t, {
    more: `<Channel "/short">
    TTL 1h
    DeadEvents /dead
</Channel>
<Channel "/dead">
</Channel>
`,
  });
  const stomp = await Stomp.connect(t, port, softly);
  await stomp.ask('SUBSCRIBE', { id: 'd', destination: '/dead' });
  stomp.send('SEND', { destination: '/short', ttl: '1' }, 'soon over');
  const dead = await stomp.next();
  assert.equal(dead.body, 'soon over');
  assert.equal(dead.headers['dead-event-channel'], '/short');
  assert.equal(dead.headers['dead-event-eid'], '1');
  assert.equal(dead.headers['dead-event-reason'], 'expired');
  await publish(stomp, '/short', 'stays');
  assert.equal((await read(stomp, '/short', 1, { from: 'stored' })).bodies, 'stays');
  const { refused } = await stomp.ask('SEND', { destination: '/short', ttl: 'soon' }, 'x');
  assert.equal(refused, 'IllegalArgumentException');
});

test('a channel is joined to others through selectors', async (t) => {
  const { port } = await startRealm(t, {
    more: `<Channel "/orders">
    Join /orders/large "size > 1000"
    Join /work
</Channel>
<Channel "/orders/large">
</Channel>
<Queue "/work">
</Queue>
`,
  });
  const stomp = await Stomp.connect(t, port);
  await publish(stomp, '/orders', 'small', { size: '10' });
  await publish(stomp, '/orders', 'large', { size: '5000' });
  const large = await read(stomp, '/orders/large', 1, { from: 'stored' });
  assert.equal(large.bodies, 'large');
  assert.equal(large.events[0].headers['join-channel'], '/orders');
  assert.equal(large.events[0].headers['join-eid'], '2');
  assert.equal((await read(stomp, '/work', 2)).bodies, 'small large');
});

test('a durable subscription goes on where its reader stopped, after kill -9 too', async (t) => {
  const dir = scratch(t);
  let realm = await storing(t, PERSISTENT, { dir });
  let publisher = await Stomp.connect(t, realm.port);
  const durable = { id: 's', destination: '/fx/a', durable: 'desk' };

  let reader = await Stomp.connect(t, realm.port, softly);
  await reader.ask('SUBSCRIBE', durable);
  for (const body of ['a', 'b']) await publish(publisher, '/fx/a', body);
  assert.equal((await reader.next()).body, 'a');
  assert.equal((await reader.next()).body, 'b');

  const second = await Stomp.connect(t, realm.port, softly);
  const { refused, message } = await second.ask('SUBSCRIBE', durable);
  assert.equal(refused, 'IllegalArgumentException');
  assert.match(message, /has a reader/);

  await reader.ask('DISCONNECT', {});
  await publish(publisher, '/fx/a', 'c'); // and with it, the place is on the disk
  await realm.kill();

  realm = await storing(t, PERSISTENT, { dir });
  publisher = await Stomp.connect(t, realm.port);
  await publish(publisher, '/fx/a', 'd');
  reader = await Stomp.connect(t, realm.port, softly);
  await reader.ask('SUBSCRIBE', { ...durable, from: 'now' });
  assert.equal((await reader.next()).body, 'c');
  assert.equal((await reader.next()).body, 'd');

  await reader.ask('UNSUBSCRIBE', { id: 's', durable: 'desk' }); // forgotten
  assert.equal((await reader.ask('SUBSCRIBE', durable)).next, '5');
});

test('with ack:client the place of a durable subscription moves by ACK', async (t) => {
  const { port } = await startRealm(t, { more: '<Channel "/a">\n</Channel>\n' });
  const stomp = await Stomp.connect(t, port, softly);
  for (const body of ['a', 'b', 'c']) await publish(stomp, '/a', body);
  const durable = { id: 's', destination: '/a', durable: 'desk', ack: 'client', from: 'stored' };
  await stomp.ask('SUBSCRIBE', durable);
  const events = [await stomp.next(), await stomp.next(), await stomp.next()];
  await stomp.ask('ACK', { id: events[1].headers.ack });
  await stomp.ask('UNSUBSCRIBE', { id: 's' });
  await stomp.ask('SUBSCRIBE', durable);
  assert.equal((await stomp.next()).body, 'c');
  const { refused } = await stomp.ask('ACK', { id: '99@s' });
  assert.equal(refused, 'IllegalArgumentException', 'nothing of that number was published');
  await stomp.ask('UNSUBSCRIBE', { id: 's' });
  const plain = { id: 's', destination: '/a', ack: 'client' };
  assert.equal((await stomp.ask('SUBSCRIBE', plain)).refused, 'UnsupportedOperationException');
});

test('names: declared ones are there from the start, others where they may be made', async (t) => {
  const { port } = await startRealm(t, {
    more: `<Channel "/declared">
</Channel>
<Channel "/closed/*">
    CreateOnUse Off
</Channel>
<Channel "/open/*">
</Channel>
`,
  });
  const stomp = await Stomp.connect(t, port, softly);
  assert.equal(await publish(stomp, '/declared', 'x'), 1);
  assert.equal(await publish(stomp, '/open/any', 'x'), 1);
  for (const destination of ['/closed/any', '/other']) {
    const { refused } = await stomp.ask('SEND', { destination }, 'x');
    assert.equal(refused, 'MissingResourceException');
  }
});
