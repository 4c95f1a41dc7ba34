// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What doc/client.md promises of both faces, with the built realm, directly and through the proxy. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Nirvana } from '../../js/client/src/compat/nirvana.js';
import { connect, typed } from '../../js/client/src/index.js';
import { WebSocketDirect, webSocketThrough } from '../lib/client.mjs';
import { until, within } from '../lib/wait.mjs';
import { startProxy, startRealm } from '../lib/wayleave.mjs';

const NAMES = `<Queue "/jobs/*">
</Queue>
<Channel "/fx/*">
</Channel>
<Channel "/prices">
    PublishKey symbol
</Channel>
`;

/** A class whose connections can be cut. */
function cuttable(WebSocket) {
  const lines = new Set();
  const Class = class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      lines.add(this);
      this.once('close', () => lines.delete(this));
    }
  };
  return { WebSocket: Class, cut: () => lines.forEach((line) => line.terminate()) };
}

async function take(reader, count) {
  const events = [];
  while (events.length < count) {
    const { value, done } = await within(`event ${events.length + 1}`, reader.next());
    assert.equal(done, false);
    events.push(value);
  }
  return events;
}

const texts = (events) => events.map(({ data }) => data).join('');

test('of what was published as a change those who ask get the change, others the whole', async (t) => {
  const realm = await startRealm(t, { more: NAMES });
  const options = { WebSocket: WebSocketDirect };
  const session = await connect(`ws://localhost:${realm.port}`, options);
  t.after(() => session.close());
  const prices = session.channel('/prices');
  await prices.publish({ dict: { symbol: 'EUR', bid: 1, ask: 2 } });
  const deltas = prices.subscribe({ from: 'stored', deltas: true });
  const wholes = prices.subscribe({ from: 'stored' });
  await Promise.all([deltas.ready, wholes.ready]);

  const compat = Nirvana.createSession({ realms: [`http://localhost:${realm.port}`], ...options });
  t.after(() => compat.stop());
  const seen = [];
  const got = new Promise((resolve) => {
    const channel = compat.getChannel('/prices');
    channel.on(Nirvana.Observe.DATA, (event) => {
      const symbol = event.getDictionary();
      seen.push([event.getEventAttributes().isDelta(), symbol.get('bid'), symbol.get('ask')]);
      if (seen.length === 1) resolve(channel);
    });
    compat.start();
    channel.subscribe();
  });
  const channel = await within('the snapshot', got);
  const change = Nirvana.createEvent();
  change.getDictionary().putString('symbol', 'EUR');
  change.getDictionary().putInteger('bid', 3);
  change.getEventAttributes().setAllowMerge(true);
  channel.publish(change);

  const show = ({ isDelta, dict }) => [isDelta, dict.bid, dict.ask];
  assert.deepEqual((await take(deltas, 2)).map(show), [
    [false, 1, 2],
    [true, 3, undefined],
  ]);
  assert.deepEqual((await take(wholes, 2)).map(show), [
    [false, 1, 2],
    [false, 3, 2],
  ]);
  await until('the change', () => seen.length === 2);
  assert.deepEqual(seen, [
    [false, 1, 2],
    [true, 3, undefined],
  ]);
});

test('bytes and text over HTTP are what they are over WebSocket, whatever is said of them', async (t) => {
  const realm = await startRealm(t, { more: NAMES });
  const open = async (options) => {
    const session = await connect(`ws://localhost:${realm.port}`, options);
    t.after(() => session.close());
    return session;
  };
  const publisher = await open({ WebSocket: WebSocketDirect });
  const poller = await open({ drivers: ['polling'] });
  const headers = { 'content-transfer-encoding': 'base64' };
  const sent = [
    { data: Uint8Array.of(0, 255) },
    { data: 'AP8=', headers },
    { data: Uint8Array.of(0, 255), headers },
  ];
  for (const event of sent) await publisher.channel('/fx/kinds').publish(event);
  for (const session of [publisher, poller]) {
    const events = await take(session.channel('/fx/kinds').subscribe({ from: 'stored' }), 3);
    const bytes = events.map((event) => Buffer.from(event.bytes).toString('latin1'));
    assert.deepEqual(bytes, ['\x00\xff', 'AP8=', '\x00\xff']);
    assert.deepEqual([events[0].headers, events[1].headers], [{}, headers]);
  }
});

for (const way of ['directly', 'through the proxy']) {
  test(`the modern face, ${way}`, async (t) => {
    const realm = await startRealm(t, { more: NAMES });
    const proxy = await startProxy(t, { allow: [realm.port] });
    const plain = way === 'directly' ? WebSocketDirect : webSocketThrough(proxy.port);
    const url = `ws://localhost:${realm.port}`;
    const open = async (t, options = {}) => {
      const session = await connect(url, { WebSocket: plain, ...options });
      t.after(() => session.close());
      return session;
    };

    await t.test('a dictionary keeps its types', async (t) => {
      const channel = (await open(t)).channel('/fx/types');
      const dict = {
        f: typed('float', 1.2261),
        s: typed('short[]', [1, -1]),
        big: 2n ** 62n,
        raw: Uint8Array.of(0, 255),
        rows: [{ $x: 1 }, {}],
        n: null,
      };
      await channel.publish({ data: Uint8Array.of(1), dict, tag: 'ü' });
      const [event] = await take(channel.subscribe({ from: 'stored' }), 1);
      assert.deepEqual(event.dict, { ...dict, f: 1.2261, s: [1, -1] });
      assert.deepEqual(
        ['f', 's', 'big'].map((key) => event.dictionary.get(key).type),
        ['float', 'short[]', 'long'],
      );
      assert.deepEqual([event.tag, [...event.bytes]], ['ü', [1]]);
      assert.ok(Math.abs(event.timestamp - Date.now()) < 3_600_000);
    });

    await t.test('a filter sees the dictionary; a bad one is refused with its place', async (t) => {
      const channel = (await open(t)).channel('/fx/filter');
      for (const price of [1, 2, 3]) await channel.publish({ dict: { price } });
      const stream = channel.subscribe({ from: 'stored', filter: 'price >= 2' });
      const prices = (await take(stream, 2)).map(({ dict }) => dict.price);
      assert.deepEqual(prices, [2, 3]);
      const bad = channel.subscribe({ filter: 'price >' }).next();
      await assert.rejects(bad, { code: 'argument', message: /byte/ });
    });

    await t.test('a durable subscription goes on in another session', async (t) => {
      const first = await open(t);
      const channel = first.channel('/fx/durable');
      for (const text of 'abc') await channel.publish(text);
      const stream = channel.subscribe({ durable: 'desk', from: 'stored' });
      assert.equal(texts(await take(stream, 3)), 'abc'); // done with a and b
      await first.ping();
      await first.close();
      const second = await open(t);
      const again = second.channel('/fx/durable').subscribe({ durable: 'desk' });
      assert.equal(texts(await take(again, 1)), 'c');
      await again.close();
      await second.channel('/fx/durable').forget('desk');
      const anew = second.channel('/fx/durable').subscribe({ durable: 'desk', from: 'stored' });
      assert.equal(texts(await take(anew, 1)), 'a');
    });

    await t.test('a durable subscription over a cut: none lost, none doubled', async (t) => {
      const { WebSocket, cut } = cuttable(plain);
      const channel = (await open(t, { WebSocket })).channel('/fx/cut');
      const publisher = (await open(t)).channel('/fx/cut');
      const stream = channel.subscribe({ durable: 'desk', from: 'stored', acknowledges: true });
      await stream.ready;
      for (const text of 'abc') await publisher.publish(text);
      assert.equal(texts(await take(stream, 3)), 'abc');
      cut();
      for (const text of 'de') await publisher.publish(text);
      assert.equal(texts(await take(stream, 2)), 'de');
    });

    await t.test('a queue: window, commit, rollback, and a cut in between', async (t) => {
      const { WebSocket, cut } = cuttable(plain);
      const queue = (await open(t, { WebSocket })).queue('/jobs/a');
      for (const text of 'abcdefg') await queue.publish(text);
      const reader = queue.read({ transactional: true });
      const first = await take(reader, 5);
      assert.equal(texts(first), 'abcde');
      await reader.commit(first[1]);
      assert.equal(texts(await take(reader, 2)), 'fg');
      await reader.rollbackAll();
      const again = await take(reader, 5);
      assert.equal(texts(again), 'cdefg');
      assert.deepEqual(
        again.map(({ redeliveryCount }) => redeliveryCount),
        [1, 1, 1, 1, 1],
      );
      cut();
      const third = await take(reader, 5);
      assert.equal(texts(third), 'cdefg');
      await assert.rejects(reader.commit(again[4]), { code: 'stale' });
      await reader.commitAll();
      await queue.publish('h');
      assert.equal(texts(await take(reader, 1)), 'h');
    });

    await t.test('a plain reader has what it got, and leaves the rest', async (t) => {
      const queue = (await open(t)).queue('/jobs/plain');
      for (const text of 'abc') await queue.publish(text);
      const reader = queue.read({ window: 1 });
      assert.equal(texts(await take(reader, 2)), 'ab');
      await reader.close();
      assert.equal(texts(await take(queue.read(), 1)), 'c');
    });

    await t.test('a look into a queue shows what nobody has, and takes nothing', async (t) => {
      const session = await open(t);
      const queue = session.queue('/jobs/seen');
      for (const n of [1, 2, 3, 4]) await queue.publish({ data: `${n}`, dict: { n } });
      const reader = queue.read({ transactional: true, window: 1 });
      await take(reader, 1);
      const seen = async (options) => {
        const events = [];
        for await (const event of queue.browse(options)) events.push(event);
        return texts(events);
      };
      assert.equal(await within('the look', seen()), '234');
      assert.equal(await within('the look', seen({ filter: 'n > 2' })), '34');
      assert.equal(await within('the look', seen({ limit: 2 })), '23');
      await assert.rejects(within('the refusal', seen({ filter: 'n >' })), { code: 'argument' });
      await reader.close();
      assert.equal(texts(await take(queue.read(), 4)), '1234');
      const channel = session.channel('/fx/seen');
      await channel.publish('x');
      const wrong = session.queue('/fx/seen').browse();
      await assert.rejects(within('the refusal', wrong.next()), { code: 'argument' });
    });

    await t.test('a job and its result are one; the outcome can be asked for', async (t) => {
      const session = await open(t);
      await session.queue('/jobs/tx').publish('job');
      const reader = session.queue('/jobs/tx').read({ transactional: true });
      const [job] = await take(reader, 1);
      const transaction = session.transaction().consume(job).publish('/fx/results', 'done');
      await transaction.commit();
      const later = await open(t);
      assert.equal(await later.transaction({ id: transaction.id }).outcome(), 'committed');
      await later.transaction({ id: transaction.id }).publish('/fx/results', 'again').commit();
      await later.channel('/fx/results').publish('last');
      const results = await take(later.channel('/fx/results').subscribe({ from: 'stored' }), 2);
      assert.deepEqual(texts(results), 'donelast');
      const refused = later.transaction().publish('/fx/results', 'x').publish('/nowhere', 'x');
      await assert.rejects(refused.commit(), { code: 'missing-resource' });
    });

    await t.test('a transaction whose answer is lost is committed once', async (t) => {
      const { WebSocket, cut } = cuttable(plain);
      const session = await open(t, { WebSocket });
      const committing = session.transaction().publish('/fx/once', 'x').commit();
      cut();
      await within('the outcome', committing);
      await session.channel('/fx/once').publish('last');
      const events = await take(session.channel('/fx/once').subscribe({ from: 'stored' }), 2);
      assert.equal(texts(events), 'xlast');
    });
  });

  test(`the compatible face, ${way}`, async (t) => {
    const realm = await startRealm(t, { more: NAMES });
    const proxy = await startProxy(t, { allow: [realm.port] });
    const WebSocket = way === 'directly' ? WebSocketDirect : webSocketThrough(proxy.port);
    const realms = [`http://localhost:${realm.port}`];
    const session = Nirvana.createSession({ realms, WebSocket });
    t.after(() => session.stop());
    const { Observe } = Nirvana;
    const heard = (resource, observable) =>
      within(observable, new Promise((resolve) => resource.on(observable, resolve)));
    session.start();

    const queue = session.getQueue('/jobs/old', true);
    const fill = Nirvana.createEvent();
    fill.getDictionary().putFloat('price', 1.2261);
    const data = heard(queue, Observe.DATA);
    const published = heard(queue, Observe.PUBLISH);
    queue.subscribe();
    queue.publish(fill);
    assert.equal(await published, 'OK');
    const event = await data;
    assert.equal(event.getDictionary().get('price'), 1.2261);
    const committed = heard(queue, Observe.COMMIT);
    queue.commit(event);
    assert.equal(await committed, queue);

    const channel = session.getChannel('/fx/old');
    channel.setFilter("name LIKE '%EUR%' AND price > 1");
    const filtered = heard(channel, Observe.DATA);
    channel.subscribe();
    const transaction = channel.createTransaction();
    const done = heard(transaction, Observe.COMMIT);
    const price = Nirvana.createEvent();
    price.getDictionary().putString('name', 'EURUSD');
    price.getDictionary().putDouble('price', 2);
    transaction.setEvent(price);
    transaction.publishAndCommit();
    await done;
    assert.equal((await filtered).getDictionary().getType('price'), 'double');

    const bad = session.getChannel('/fx/bad');
    bad.setFilter('name LIKE');
    const failed = heard(bad, Observe.ERROR);
    bad.subscribe();
    assert.match((await failed).message, /selector/);
  });
}
