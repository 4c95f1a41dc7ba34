// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Realms that share a NATS server: what a client notices of there being two (doc/channels.md). */

import assert from 'node:assert/strict';
import test from 'node:test';
import { askOnce } from '../lib/ask.mjs';
import { Nats } from '../lib/nats.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { startRealm } from '../lib/wayleave.mjs';

const SECTIONS = `<Channel "/fx/*">
    Type persistent
    Allow manage,purge,durable *
</Channel>
<Channel "/last">
    Capacity 2
    DeadEvents /dead
</Channel>
<Channel "/short">
    TTL 300ms
    DeadEvents /dead
</Channel>
<Channel "/joined">
    Join /copies
</Channel>
<Channel "/copies">
</Channel>
<Channel "/dead">
    Capacity 0
</Channel>
`;

/** Two realms, with a session at each. */
async function two(t) {
  const realms = [];
  /* Before the server: what a realm has still to say there is said. */
  t.after(() =>
    Promise.all(realms.filter(({ program }) => !program.ended).map((realm) => realm.stop())),
  );
  const nats = await Nats.start(t);
  const more = `Store ${nats.url}\nStoreSize 64m\n${SECTIONS}`;
  realms.push(await startRealm(t, { more }), await startRealm(t, { more }));
  const sessions = await Promise.all(realms.map(({ port }) => Stomp.connect(t, port)));
  return { nats, realms, sessions };
}

const publish = async (stomp, destination, body, headers = {}) =>
  Number((await stomp.ask('SEND', { destination, ...headers }, body)).eid);

/** What the channel holds, asked over HTTP: "EID:body EID:body". */
async function held(t, { port }, channel) {
  const answer = await askOnce(t, port, `GET /api/channels${channel}/events`);
  if (answer.status !== 200) return answer.status;
  return answer
    .json()
    .events.map(({ eid, data }) => `${eid}:${data}`)
    .join(' ');
}

const api = (t, { port }, line, body) => askOnce(t, port, line, { body });

test('a publish that is sent again elsewhere is stored once, also in the same moment', async (t) => {
  const { realms, sessions } = await two(t);
  const eids = await Promise.all(
    sessions.map((stomp) => publish(stomp, '/fx/a', 'x', { 'publish-id': 'one' })),
  );
  assert.deepEqual(eids, [1, 1]);
  assert.equal(await publish(sessions[1], '/fx/a', 'y', { 'publish-id': 'two' }), 2);
  assert.equal(await publish(sessions[0], '/fx/a', 'y', { 'publish-id': 'two' }), 2);
  for (const realm of realms) {
    await until('both are there', async () => (await held(t, realm, '/fx/a')) === '1:x 2:y');
  }
});

test('what follows from an event happens once', async (t) => {
  const { realms, sessions } = await two(t);
  await Promise.all(
    sessions.map((stomp) => stomp.ask('SUBSCRIBE', { id: 's', destination: '/copies' })),
  );
  await publish(sessions[0], '/joined', 'j');
  for (const stomp of sessions) assert.equal((await stomp.next()).body, 'j');
  for (const body of ['a', 'b', 'c']) await publish(sessions[1], '/last', body);
  await publish(sessions[0], '/short', 's');
  for (const realm of realms) {
    await until('it has made room', async () => (await held(t, realm, '/last')) === '2:b 3:c');
    await until('dead ones are buried', async () => (await held(t, realm, '/dead')) === '1:a 2:s');
    assert.equal(await held(t, realm, '/short'), '');
  }
  await publish(sessions[0], '/copies', 'no second copy came before');
  for (const stomp of sessions) assert.match((await stomp.next()).body, /^no second copy/);
});

test('a durable subscription has one reader, and goes on at the other realm, also after kill -9', async (t) => {
  const { realms, sessions } = await two(t);
  const wanted = { id: 's', destination: '/fx/a', durable: 'desk', from: 'stored' };
  for (const body of ['a', 'b']) await publish(sessions[0], '/fx/a', body);
  await sessions[0].ask('SUBSCRIBE', wanted);
  for (const body of ['a', 'b']) assert.equal((await sessions[0].next()).body, body);
  await until('the other realm knows of the reader', async () => {
    const answer = await api(t, realms[1], 'GET /api/channels/fx/a/durables');
    return answer.json().durables.some(({ id, name, active }) => (id ?? name) === 'desk' && active);
  });
  const refused = await Stomp.connect(t, realms[1].port, { errors: 'receipt' });
  const answer = await refused.ask('SUBSCRIBE', wanted);
  assert.equal(answer.refused, 'IllegalArgumentException');
  assert.match(answer.message, /has a reader already/);
  await sessions[0].ask('UNSUBSCRIBE', { id: 's' });
  await publish(sessions[0], '/fx/a', 'c');
  const again = await until('its reader has gone', async () => {
    const { refused: word, next } = await refused.ask('SUBSCRIBE', wanted);
    return word ? undefined : next;
  });
  assert.equal(again, '3');
  assert.equal((await refused.next()).body, 'c');
  await realms[1].kill();
  await publish(sessions[0], '/fx/a', 'd');
  const third = await Stomp.connect(t, realms[0].port, { errors: 'receipt' });
  const next = await until('the lock of the realm that was killed is free', async () => {
    const receipt = await third.ask('SUBSCRIBE', wanted);
    return receipt.refused ? undefined : Number(receipt.next);
  });
  assert.ok(next === 3 || next === 4, `${next}`); /* the last place may not have been written */
  const bodies = [];
  while (bodies.at(-1) !== 'd') bodies.push((await third.next()).body);
  assert.deepEqual(bodies.slice(-1), ['d']);
});

test('the outcome of a transaction is known at the other realm', async (t) => {
  const { sessions } = await two(t);
  const [a, b] = sessions;
  const query = { transaction: 'q', 'commit-id': 'order-1', query: 'true' };
  await a.ask('BEGIN', { transaction: 't' });
  await a.ask('SEND', { destination: '/fx/a', transaction: 't' }, 'x');
  assert.equal((await b.ask('COMMIT', query)).outcome, 'unknown');
  assert.equal(
    (await a.ask('COMMIT', { transaction: 't', 'commit-id': 'order-1' })).outcome,
    'committed',
  );
  await until('it is known', async () => (await b.ask('COMMIT', query)).outcome === 'committed');
});

test('what an administrator makes, purges and removes counts at the other realm', async (t) => {
  const { realms, sessions } = await two(t);
  const [a, b] = realms;
  const made = await api(t, a, 'PUT /api/channels/fx/made', '{"capacity": 2}');
  assert.equal(made.status, 201);
  const info = await until('it is there', async () => {
    const answer = await api(t, b, 'GET /api/channels/fx/made');
    return answer.status === 200 ? answer.json() : undefined;
  });
  assert.deepEqual([info.capacity, info.origin], [2, 'administrator']);
  await publish(sessions[1], '/fx/made', 'x');
  await until('it is shown', async () => (await held(t, a, '/fx/made')) === '1:x');
  assert.equal((await api(t, a, 'POST /api/channels/fx/made/purge')).status, 200);
  await until('it is purged', async () => (await held(t, b, '/fx/made')) === '');
  const subscriber = await Stomp.connect(t, b.port);
  await subscriber.ask('SUBSCRIBE', { id: 's', destination: '/fx/made' });
  assert.equal((await api(t, a, 'DELETE /api/channels/fx/made')).status, 200);
  const { command, headers } = await subscriber.next();
  assert.equal(command, 'ERROR');
  assert.match(headers.message, /an administrator has removed \/fx\/made/);
  const { origin } = (await api(t, b, 'GET /api/channels/fx/made')).json();
  assert.equal(
    origin,
    'use',
  ); /* its name is free, and who asks for it gets what the section says */
});
