// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Transactions as doc/wire.md describes them, by stock clients, directly and through the proxy. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { agentFor } from '../lib/client.mjs';
import { STOCK } from '../lib/stock.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { startProxy, startRealm } from '../lib/wayleave.mjs';

const ROUTES = `TransactionsMax 2
TransactionEventsMax 3
<Queue "/jobs/*">
</Queue>
<Channel "/news/*">
</Channel>
`;

const bodies = (client) => client.inbox.map(({ body }) => body).join('');

for (const [name, Stock] of Object.entries(STOCK)) {
  for (const way of ['directly', 'through the proxy']) {
    test(`${name}, ${way}`, async (t) => {
      const realm = await startRealm(t, { more: ROUTES });
      const proxy = await startProxy(t, { allow: [realm.port] });
      const agent = way === 'directly' ? undefined : agentFor(proxy.port);
      const url = `ws://localhost:${realm.port}/stomp`;
      const connect = (t) => Stock.connect(t, url, { agent });

      await t.test('a job taken and its result published are one', async (t) => {
        const [worker, boss, other] = await Promise.all([1, 2, 3].map(() => connect(t)));
        boss.subscribe('/news/results');
        worker.subscribe('/jobs/work', { ack: 'client-individual' });
        boss.send('/jobs/work', 'j', {});
        await until('the job', () => bodies(worker) === 'j');

        const aborted = worker.begin();
        worker.inbox[0].ack({ transaction: aborted.id });
        worker.send('/news/results', 'never', { transaction: aborted.id });
        aborted.abort();

        const tx = worker.begin();
        worker.inbox[0].ack({ transaction: tx.id });
        worker.send('/news/results', 'r1', { transaction: tx.id });
        worker.send('/news/results', 'r2', { transaction: tx.id });
        tx.commit();
        await until('the results', () => bodies(boss) === 'r1r2', { seen: () => bodies(boss) });
        worker.drop();
        await other.receipt((receipt) => other.subscribe('/jobs/work', { ack: 'client', receipt }));
        assert.equal(bodies(other), '', 'the job is done');
      });

      await t.test('a connection that is lost before COMMIT has done nothing', async (t) => {
        const [worker, boss, other] = await Promise.all([1, 2, 3].map(() => connect(t)));
        boss.subscribe('/news/lost');
        worker.subscribe('/jobs/lost', { ack: 'client' });
        boss.send('/jobs/lost', 'j', {});
        await until('the job', () => bodies(worker) === 'j');
        const tx = worker.begin();
        worker.inbox[0].ack({ transaction: tx.id });
        await worker.receipt((receipt) =>
          worker.send('/news/lost', 'r', { transaction: tx.id, receipt }),
        );
        worker.drop();
        other.subscribe('/jobs/lost', { ack: 'client' });
        await until('the job again', () => bodies(other) === 'j');
        assert.equal(other.inbox[0].headers.redelivered, 'true');
        assert.equal(bodies(boss), '');
      });
    });
  }
}

test('two clients whose libraries count their transactions alike', async (t) => {
  const realm = await startRealm(t, { more: ROUTES });
  const [a, b] = await Promise.all([1, 2].map(() => Stomp.connect(t, realm.port)));
  await a.ask('SUBSCRIBE', { id: 's', destination: '/news/x' });
  for (const client of [b, await Stomp.connect(t, realm.port)]) {
    await client.ask('BEGIN', { transaction: 'tx-0' });
    await client.ask('SEND', { destination: '/news/x', transaction: 'tx-0' }, 'x');
    const { outcome } = await client.ask('COMMIT', { transaction: 'tx-0' });
    assert.equal(outcome, 'committed');
    assert.equal((await a.next()).body, 'x');
  }
});

test('a commit-id commits once, and can be asked for after a reconnect', async (t) => {
  const realm = await startRealm(t, { more: ROUTES });
  const listener = await Stomp.connect(t, realm.port);
  await listener.ask('SUBSCRIBE', { id: 's', destination: '/news/once' });
  const commit = { transaction: 't', 'commit-id': 'order-4711' };
  const query = { query: 'true', 'commit-id': 'order-4711' };
  for (let times = 0; times < 3; times += 1) {
    const client = await Stomp.connect(t, realm.port);
    const before = await client.ask('COMMIT', query);
    assert.equal(before.outcome, times === 0 ? 'unknown' : 'committed');
    await client.ask('BEGIN', { transaction: 't' });
    await client.ask('SEND', { destination: '/news/once', transaction: 't' }, 'order');
    assert.equal((await client.ask('COMMIT', commit)).outcome, 'committed');
    client.socket.terminate();
  }
  assert.equal((await listener.next()).body, 'order');
  await listener.ask('SEND', { destination: '/jobs/elsewhere' }, 'x');
  assert.deepEqual(listener.inbox, []);
});

test('bounds and wrong order are refusals, and what was open stays open', async (t) => {
  const realm = await startRealm(t, { more: ROUTES });
  const stomp = await Stomp.connect(t, realm.port, { errors: 'receipt' });
  const is = async (command, headers, word, says = /^/) => {
    const { refused, message = '' } = await stomp.ask(command, headers);
    assert.equal(refused, word, command);
    assert.match(message, says);
  };
  await is('BEGIN', { transaction: 'a' }, undefined);
  await is(
    'BEGIN',
    { transaction: 'a' },
    'IllegalArgumentException',
    /the transaction a has begun/,
  );
  await is('BEGIN', { transaction: 'b' }, undefined);
  await is('BEGIN', { transaction: 'c' }, 'LimitException', /\(TransactionsMax\)/);
  const send = { destination: '/news/x', transaction: 'a' };
  for (let i = 0; i < 3; i += 1) await is('SEND', send, undefined);
  await is('SEND', send, 'LimitException', /\(TransactionEventsMax, TransactionBytesMax\)/);
  await is('SEND', { ...send, transaction: 'c' }, 'IllegalArgumentException');
  await is('COMMIT', { transaction: 'c' }, 'IllegalArgumentException');
  await is('ABORT', { transaction: 'b' }, undefined);
  assert.equal((await stomp.ask('COMMIT', { transaction: 'a' })).outcome, 'committed');
});
