// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Queues of realms that share a NATS server, as doc/queues.md describes them. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Nats } from '../lib/nats.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { startRealm } from '../lib/wayleave.mjs';

const QUEUES = `<Queue "/jobs/*">
    Type persistent
    RedeliveryMax 2
    DeadEvents /dead
</Queue>
<Channel "/dead">
    Type persistent
</Channel>
`;

/** Two realms on one server. */
async function pair(t) {
  const nats = await Nats.start(t);
  const more = `Store ${nats.url}\nStoreSize 64m\n${QUEUES}`;
  return [await startRealm(t, { more }), await startRealm(t, { more })];
}

const read = (stomp, window = '5') =>
  stomp.ask('SUBSCRIBE', { id: 's', destination: '/jobs/a', ack: 'client-individual', window });

test('each event goes to one reader, in whichever realm', async (t) => {
  const realms = await pair(t);
  const count = 300;
  const acks = new Map();
  const sent = new Map();
  for (const { port } of [...realms, ...realms]) {
    const stomp = await Stomp.connect(t, port);
    await read(stomp);
    stomp.socket.on('message', () => {
      for (const { headers, body } of stomp.inbox.splice(0)) {
        const returns = Number(headers['redelivery-count'] ?? 0);
        assert.equal(returns, sent.get(body) ?? 0, `${body} was with nobody else`);
        sent.set(body, returns + 1);
        if (Number(body) % 10 === 0 && returns === 0) {
          stomp.send('NACK', { id: headers.ack });
        } else {
          acks.set(body, stomp);
          stomp.send('ACK', { id: headers.ack });
        }
      }
    });
  }
  const writers = await Promise.all(realms.map(({ port }) => Stomp.connect(t, port)));
  for (let i = 0; i < count; i += 1) {
    await writers[i % 2].ask('SEND', { destination: '/jobs/a' }, `${i}`);
  }
  await until('all events', () => acks.size === count, { seen: () => `${acks.size}` });
  const shares = new Set(acks.values());
  assert.ok(shares.size > 1, 'more than one reader had work');
  for (const [body, times] of sent) assert.equal(times, Number(body) % 10 === 0 ? 2 : 1);
});

test('what nobody takes here is taken there, and is dead after as many returns', async (t) => {
  const realms = await pair(t);
  const [a, b] = await Promise.all(realms.map(({ port }) => Stomp.connect(t, port)));
  await a.ask('SEND', { destination: '/jobs/a' }, 'bitter');
  for (const [returns, reader] of [a, b, a].entries()) {
    await read(reader);
    const { headers, body } = await reader.next();
    assert.equal(body, 'bitter');
    assert.equal(headers['redelivery-count'], returns === 0 ? undefined : `${returns}`);
    await reader.ask('UNSUBSCRIBE', { id: 's' });
  }
  for (const looker of [a, b]) {
    await looker.ask('SUBSCRIBE', { id: 'd', destination: '/dead', from: 'stored' });
    const { headers, body } = await looker.next();
    assert.equal(body, 'bitter');
    assert.equal(headers['dead-event-redelivery-count'], '3');
    assert.equal(headers.eid, '1');
  }
  await read(b);
  await b.ask('SEND', { destination: '/dead' }, 'the second one in there');
  assert.equal((await b.next()).headers.eid, '2');
});

test('what a realm had when it was killed is dealt by the other one', async (t) => {
  const realms = await pair(t);
  const [a, b] = await Promise.all(realms.map(({ port }) => Stomp.connect(t, port)));
  await read(a, '1');
  await b.ask('SEND', { destination: '/jobs/a' }, 'first');
  await b.ask('SEND', { destination: '/jobs/a' }, 'second');
  assert.equal((await a.next()).body, 'first');
  await read(b, '1');
  const second = await b.next();
  assert.equal(second.body, 'second');
  await b.ask('ACK', { id: second.headers.ack });
  await realms[0].kill();
  const { headers, body } = await b.next();
  assert.equal(body, 'first');
  assert.equal(headers.redelivered, 'true');
  assert.equal(headers['redelivery-count'], '1');
  await b.ask('ACK', { id: headers.ack });
});
