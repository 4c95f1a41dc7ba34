// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Channels and queues of realms on a NATS server, read there by its own stock client. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { AckPolicy, DeliverPolicy, connect } from 'nats';
import { Program } from '../../tool/lib/program.mjs';
import { blocksOf } from '../lib/blocks.mjs';
import { Nats } from '../lib/nats.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { ROOT, scratch, startRealm } from '../lib/wayleave.mjs';

const SECTIONS = `<Channel "/fx/*">
    Type persistent
    Allow subscribe,publish,purge *
</Channel>
<Channel "/last/*">
    Type persistent
    PublishKey symbol
</Channel>
<Channel "/live/*">
    Type transient
</Channel>
<Queue "/jobs/*">
    Type persistent
</Queue>
`;

function sharing(t, nats, more = '') {
  return startRealm(t, { more: `Store ${nats.url}\nStoreSize 64m\n${more}${SECTIONS}` });
}

/** The stock client's view. */
async function clientOf(t, nats) {
  const connection = await connect({ servers: nats.url, maxReconnectAttempts: -1 });
  t.after(() => connection.close());
  return { connection, js: connection.jetstream(), jsm: await connection.jetstreamManager() };
}

async function stateOf({ jsm }, stream) {
  try {
    return (await jsm.streams.info(stream)).state;
  } catch (error) {
    if (error.code === '404' || error.code === '503') return undefined;
    throw error;
  }
}

/** Everything that is in the stream, as a reader of NATS gets it: sequence number and body. */
async function read({ js, jsm }, stream, count) {
  const consumer = await jsm.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
    inactive_threshold: 10e9,
  });
  const messages = await (
    await js.consumers.get(stream, consumer.name)
  ).fetch({
    max_messages: count,
    expires: 5000,
  });
  const all = [];
  for await (const message of messages) all.push(message);
  return all;
}

const lines = (messages) => messages.map((message) => `${message.seq}:${message.string()}`);

async function publish(stomp, destination, body, headers = {}) {
  return Number((await stomp.ask('SEND', { destination, ...headers }, body)).eid);
}

async function filled(client, stream, messages, last) {
  await until(
    `${messages} messages up to ${last} in ${stream}`,
    async () => {
      const state = await stateOf(client, stream);
      return state?.messages === messages && state.last_seq === last;
    },
    { seen: () => stateOf(client, stream) },
  );
}

test('a channel is a stream, and an EID its sequence number', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats);
  const client = await clientOf(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  const expected = [];
  for (let i = 0; i < 20; i += 1) {
    expected.push(`${await publish(stomp, '/fx/eur', `price ${i}`, { n: `${i}` })}:price ${i}`);
  }
  await filled(client, 'wayleave:fx:eur', 20, 20);
  const messages = await read(client, 'wayleave:fx:eur', 20);
  assert.deepEqual(lines(messages), expected);
  assert.equal(messages[3].subject, 'wayleave.events.fx.eur');
  assert.equal(messages[3].headers.get('n'), '3');
  assert.equal(messages[3].headers.get('Wayleave-EID'), '4');
  assert.ok(Math.abs(Date.now() - Number(messages[3].headers.get('Wayleave-Time'))) < 600000);
});

test('what is removed goes from the stream, and what was never seen there leaves a gap', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats);
  const client = await clientOf(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  for (const symbol of ['a', 'b', 'a', 'a', 'c', 'b']) {
    await publish(stomp, '/last/fx', symbol, { symbol });
  }
  await filled(client, 'wayleave:last:fx', 3, 6);
  assert.deepEqual(lines(await read(client, 'wayleave:last:fx', 3)), ['4:a', '5:c', '6:b']);
  for (let i = 1; i <= 3; i += 1) await publish(stomp, '/jobs/a', `${i}`);
  await filled(client, 'wayleave:jobs:a', 3, 3);
  await stomp.ask('SUBSCRIBE', { id: 'j', destination: '/jobs/a', ack: 'client-individual' });
  const dealt = [await stomp.next(), await stomp.next(), await stomp.next()];
  await stomp.ask('ACK', { id: dealt[1].headers.ack });
  await filled(client, 'wayleave:jobs:a', 2, 3);
  assert.deepEqual(lines(await read(client, 'wayleave:jobs:a', 2)), ['1:1', '3:3']);
});

test('a transient channel has no stream', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats);
  const client = await clientOf(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  await publish(stomp, '/live/a', 'gone');
  await publish(stomp, '/fx/a', 'kept');
  await filled(client, 'wayleave:fx:a', 1, 1);
  assert.equal(await stateOf(client, 'wayleave:live:a'), undefined);
});

/** What a subscriber of the realm is shown of everything that is stored. */
async function stored(t, realm, destination, count) {
  const stomp = await Stomp.connect(t, realm.port);
  await stomp.ask('SUBSCRIBE', { id: 's', destination, from: 'stored' });
  const events = [];
  while (events.length < count) events.push(await stomp.next());
  return events.map(({ headers, body }) => `${headers.eid}:${body}`);
}

test('a purge empties the stream, and the EIDs go on', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats);
  const client = await clientOf(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  for (let i = 1; i <= 5; i += 1) await publish(stomp, '/fx/a', `${i}`);
  await filled(client, 'wayleave:fx:a', 5, 5);
  const answer = await fetch(`http://localhost:${realm.port}/api/channels/fx/a/purge`, {
    method: 'POST',
  });
  assert.equal(answer.status, 200);
  await filled(client, 'wayleave:fx:a', 0, 5);
  await publish(stomp, '/fx/a', '6');
  await filled(client, 'wayleave:fx:a', 1, 6);
});

test('a stream that somebody has deleted or published to is made again', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats);
  const client = await clientOf(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  for (let i = 1; i <= 5; i += 1) await publish(stomp, '/fx/a', `${i}`);
  await filled(client, 'wayleave:fx:a', 5, 5);
  await client.jsm.streams.delete('wayleave:fx:a');
  await publish(stomp, '/fx/a', '6');
  await filled(client, 'wayleave:fx:a', 6, 6);
  await client.js.publish('wayleave.events.fx.a', 'not a realm');
  await publish(stomp, '/fx/a', '7');
  await realm.program.line(/the stream wayleave:fx:a had messages that no realm had stored/);
  await filled(client, 'wayleave:fx:a', 7, 7);
  assert.deepEqual(
    lines(await read(client, 'wayleave:fx:a', 7)),
    await stored(t, realm, '/fx/a', 7),
  );
});

test("a stream that is somebody else's is left alone, and the realm says so", async (t) => {
  const nats = await Nats.start(t);
  const client = await clientOf(t, nats);
  await client.jsm.streams.add({ name: 'wayleave:fx:a', subjects: ['x'], description: 'mine' });
  await client.jsm.streams.add({ name: 'all', subjects: ['wayleave.events.fx.b'] });
  const realm = await sharing(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  await publish(stomp, '/fx/a', '1');
  await realm.program.line(
    /wayleave:fx:a is not kept up with "\/fx\/a" for now: another one has its name, "mine"/,
  );
  await publish(stomp, '/fx/b', '1');
  await realm.program.line(
    /wayleave:fx:b is not kept up with "\/fx\/b" for now: the server refuses it/,
  );
  assert.equal((await stateOf(client, 'wayleave:fx:a')).messages, 0);
  await publish(stomp, '/fx/c', '1');
  await filled(client, 'wayleave:fx:c', 1, 1);
});

test('any name, any header, any body', async (t) => {
  const nats = await Nats.start(t, { args: [] });
  const realm = await sharing(t, nats, 'EventBytesMax 4m\n');
  const client = await clientOf(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  const name = '/fx/ü.*>//x y/';
  const stream = 'wayleave:fx:=C3=BC=2E=2A=3E:=:x=20y:=';
  await publish(stomp, name, 'a\r\n:b', {
    'Nats-Rollup': 'all',
    'nats-msg-id': '1',
    Status: '100',
    'a\\cb': ' c\\nd ',
    'content-type': 'text/plain',
  });
  await publish(stomp, name, '');
  await publish(stomp, name, 'x'.repeat(1500000));
  await filled(client, stream, 3, 3);
  const [first, second, third] = await read(client, stream, 3);
  assert.equal(first.subject, 'wayleave.events.fx.=C3=BC=2E=2A=3E.=.x=20y.=');
  assert.equal(first.string(), 'a\r\n:b');
  assert.equal(first.headers.get('Event-Nats-Rollup'), 'all');
  assert.equal(first.headers.get('Event-nats-msg-id'), '1');
  assert.equal(first.headers.get('Event-Status'), '100');
  assert.equal(first.headers.get('a\\cb'), '\\sc\\nd\\s');
  assert.equal(first.headers.get('content-type'), 'text/plain');
  assert.equal(second.string(), '');
  assert.equal(third.string(), '');
  assert.ok(Number(third.headers.get('Wayleave-Omitted')) >= 1500000);
});

test('with StoreStreams Off there is the log, and nothing else', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats, 'StoreStreams Off\n');
  const client = await clientOf(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  await publish(stomp, '/fx/a', '1');
  await realm.stop();
  const names = [];
  for await (const { config } of client.jsm.streams.list()) names.push(config.name);
  assert.deepEqual(names.sort(), ['wayleave-log', 'wayleave-snap']);
});

/** Readers and publishers of two queues and a channel, until `count` of each were published. */
async function work(t, realms, count) {
  const lost = [];
  await Promise.all(
    realms.flatMap((realm, which) =>
      ['/jobs/a', '/jobs/b'].map(async (queue) => {
        const reader = await Stomp.connect(t, realm.port);
        await reader.ask('SUBSCRIBE', { id: 'q', destination: queue, ack: 'client-individual' });
        reader.socket.on('message', () => {
          for (const { command, headers } of reader.inbox.splice(0)) {
            if (command === 'MESSAGE' && Number(headers.eid) % 3 !== which) {
              reader.send('ACK', { id: headers.ack });
            }
          }
        });
        lost.push(reader);
      }),
    ),
  );
  const publisher = await Stomp.connect(t, realms.at(-1).port);
  for (let i = 1; i <= count; i += 1) {
    for (const destination of ['/jobs/a', '/jobs/b', '/fx/a']) {
      publisher.send('SEND', { destination, receipt: destination }, `${i}`);
    }
    publisher.send('SEND', { destination: '/last/a', symbol: `${i % 7}`, receipt: 'l' }, `${i}`);
  }
  return publisher;
}

/** The streams come to show just what the realm shows. */
async function agree(t, client, realm) {
  for (const [kind, name, stream] of [
    ['queues', 'jobs/a', 'wayleave:jobs:a'],
    ['queues', 'jobs/b', 'wayleave:jobs:b'],
    ['channels', 'fx/a', 'wayleave:fx:a'],
    ['channels', 'last/a', 'wayleave:last:a'],
  ]) {
    const url = `http://localhost:${realm.port}/api/${kind}/${name}`;
    const shown = async () => await (await fetch(url)).json();
    await until(
      `${stream} is as ${name}`,
      async () => {
        const [{ count }, state] = [await shown(), await stateOf(client, stream)];
        return state !== undefined && state.messages === count;
      },
      { seen: async () => [await shown(), await stateOf(client, stream)] },
    );
    const { events } = await (await fetch(`${url}/events?max=1000`)).json();
    const { messages } = await stateOf(client, stream);
    if (kind === 'channels') {
      assert.deepEqual(
        lines(await read(client, stream, messages)),
        events.map(({ eid, data }) => `${eid}:${data}`),
      );
    }
  }
}

test('when the realm that writes the streams is killed under load, another one goes on', async (t) => {
  const nats = await Nats.start(t);
  const realms = [await sharing(t, nats)];
  await realms[0].program.line(/writes the streams/);
  realms.push(await sharing(t, nats));
  const client = await clientOf(t, nats);
  const publisher = await work(t, realms, 600);
  await until('some receipts', () => publisher.inbox.length > 400);
  await realms[0].kill();
  await until('all receipts', () => publisher.inbox.length === 2400);
  await agree(t, client, realms[1]);
  assert.equal((await stateOf(client, 'wayleave:fx:a')).last_seq, 600);
  await realms[1].program.line(/writes the streams/);
});

test('when the server is killed and comes back under load, the streams come to agree again', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats, 'StoreTimeout 60s\n');
  const publisher = await work(t, [realm], 600);
  for (let round = 1; round <= 2; round += 1) {
    await until('some receipts', () => publisher.inbox.length > round * 500);
    await nats.kill();
    await realm.program.line(/the NATS server is lost/);
    await nats.again();
  }
  await until('all receipts', () => publisher.inbox.length === 2400);
  await agree(t, await clientOf(t, nats), realm);
});

test('a realm that starts again goes on where the streams were', async (t) => {
  const nats = await Nats.start(t);
  const client = await clientOf(t, nats);
  for (let life = 0; life < 3; life += 1) {
    const realm = await sharing(t, nats);
    const stomp = await Stomp.connect(t, realm.port);
    for (let i = 1; i <= 4; i += 1) {
      await publish(stomp, '/fx/a', `${life}${i}`);
      await publish(stomp, '/last/a', `${life}${i}`, { symbol: `${i}` });
    }
    if (life === 1) await realm.kill();
    else await realm.stop();
  }
  const realm = await sharing(t, nats);
  await filled(client, 'wayleave:fx:a', 12, 12);
  await filled(client, 'wayleave:last:a', 4, 12);
  assert.deepEqual(
    lines(await read(client, 'wayleave:fx:a', 12)),
    await stored(t, realm, '/fx/a', 12),
  );
});

/** nats-server 2.9 finds what we expect of a stream by its bytes: publishers could hide it. */
test('what a publisher writes does not undo at which EID an event is stored', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats);
  const client = await clientOf(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  await publish(stomp, '/fx/a', '1');
  await filled(client, 'wayleave:fx:a', 1, 1);
  await client.js.publish('wayleave.events.fx.a', 'not a realm');
  await publish(stomp, '/fx/a', '2', { a: 'Nats-Expected-Last-Sequence' });
  await publish(stomp, '/fx/a', '3', { 'Nats-Expected-Last-Sequence': '1' });
  await filled(client, 'wayleave:fx:a', 3, 3);
  const messages = await read(client, 'wayleave:fx:a', 3);
  assert.deepEqual(lines(messages), ['1:1', '2:2', '3:3']);
  assert.equal(messages[1].headers.get('a'), 'Nats\\-Expected-Last-Sequence');
});

test('a stream that takes nothing is put off, with a line, and the others go on', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats);
  const client = await clientOf(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  await publish(stomp, '/fx/a', '1');
  await filled(client, 'wayleave:fx:a', 1, 1);
  await client.jsm.streams.update('wayleave:fx:a', { sealed: true });
  await publish(stomp, '/fx/a', '2');
  await realm.program.line(
    /wayleave:fx:a is not kept up with "\/fx\/a" for now: the server refuses its messages \(10109\)/,
  );
  await publish(stomp, '/fx/b', '1');
  await filled(client, 'wayleave:fx:b', 1, 1);
});

test('a user that may not ask about streams is told so once', async (t) => {
  const conf = join(scratch(t), 'nats.conf');
  await writeFile(
    conf,
    `no_auth_user: realm
     accounts { A { jetstream: enabled, users: [{ user: realm, password: x, permissions: {
       publish: { allow: ">", deny: ["$JS.API.STREAM.PURGE.*"] } } }] } }`,
  );
  const nats = await Nats.start(t, { args: ['-c', conf] });
  const realm = await sharing(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  await publish(stomp, '/fx/a', '1');
  await publish(stomp, '/fx/b', '1');
  await realm.program.line(/JetStream does not answer about the stream wayleave:fx:[ab]/);
});

test('what the documentation shows reads a channel', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats, 'StoreRealm trading\n');
  const stomp = await Stomp.connect(t, realm.port);
  const client = await clientOf(t, nats);
  for (const body of ['1.2261', '1.2263']) {
    await publish(stomp, '/fx/eurusd', body, { 'content-type': 'text/plain' });
  }
  await filled(client, 'trading:fx:eurusd', 2, 2);
  const page = blocksOf(readFileSync(join(ROOT, 'doc/realm.md'), 'utf8'));
  const { text } = page.find((block) => block.text.startsWith("import { connect } from 'nats'"));
  const reader = new Program(
    process.execPath,
    ['--input-type=module', '-e', text.replace('nats.example:4222', `127.0.0.1:${nats.port}`)],
    { name: 'reader', cwd: ROOT },
  );
  t.after(() => reader.stop({ signal: 'SIGKILL' }));
  await reader.line(/^1 text\/plain 1\.2261$/m, { stream: 'stdout' });
  await reader.line(/^2 text\/plain 1\.2263$/m, { stream: 'stdout' });
  await publish(stomp, '/fx/eurusd', 'later', { 'content-type': 'text/plain' });
  await reader.line(/^3 text\/plain later$/m, { stream: 'stdout' });
});
