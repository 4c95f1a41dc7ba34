// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Queues as doc/queues.md describes them, read by stock clients, directly and through the proxy. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import WebSocket from 'ws';
import { agentFor } from '../lib/client.mjs';
import { STOCK, Stompjs } from '../lib/stock.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until, within } from '../lib/wait.mjs';
import { runWayleave, scratch, startProxy, startRealm, wayleave } from '../lib/wayleave.mjs';

const QUEUES = `<Queue "/jobs/*">
    RedeliveryMax 2
    DeadEvents /dead
</Queue>
<Queue "/dead">
</Queue>
<Channel "/news/*">
</Channel>
`;

const bodies = (client) => client.inbox.map(({ body }) => body).join('');

/** Waits until it has got these bodies, in this order, and no others. */
const gets = (client, expected) =>
  until(`"${expected}"`, () => bodies(client).length >= expected.length, {
    seen: () => bodies(client),
  }).then(() => assert.equal(bodies(client), expected));

async function publish(client, destination, texts) {
  for (const body of texts) {
    await client.receipt((receipt) => client.send(destination, body, { receipt }));
  }
}

const VERSIONS = { '@stomp/stompjs': ['1.2', '1.1', '1.0'], 'webstomp-client': ['1.2', '1.1'] };

for (const [name, Stock] of Object.entries(STOCK)) {
  for (const way of ['directly', 'through the proxy']) {
    test(`${name}, ${way}`, async (t) => {
      const realm = await startRealm(t, { more: QUEUES });
      const proxy = await startProxy(t, { allow: [realm.port] });
      const agent = way === 'directly' ? undefined : agentFor(proxy.port);
      const url = `ws://localhost:${realm.port}/stomp`;
      const connect = (t, options) => Stock.connect(t, url, { agent, ...options });

      for (const version of VERSIONS[name]) {
        await t.test(`STOMP ${version}: each event to one reader, acknowledged`, async (t) => {
          const destination = `/jobs/${version}`;
          const options = { versions: [version] };
          const [writer, a, b] = await Promise.all([1, 2, 3].map(() => connect(t, options)));
          assert.equal(a.version, version);
          for (const reader of [a, b]) {
            await reader.receipt((receipt) =>
              reader.subscribe(destination, { ack: 'client', window: '2', receipt }),
            );
          }
          await publish(writer, destination, 'abcdef');
          await gets(a, 'ac');
          await gets(b, 'bd');
          a.inbox[1].ack(); // client: "a", too
          await gets(a, 'acef');
          a.drop();
          b.inbox[1].ack();
          await gets(b, 'bdef');
          assert.equal(b.inbox[2].headers.redelivered, 'true');
          await b.receipt((receipt) => b.inbox[3].ack({ receipt }));
          assert.deepEqual([...a.errors, ...b.errors], []);
        });
      }

      await t.test('roll-back brings an event again, and at last it is dead', async (t) => {
        const [writer, reader, undertaker] = await Promise.all([1, 2, 3].map(() => connect(t)));
        reader.subscribe('/jobs/bad', { ack: 'client-individual' });
        undertaker.subscribe('/dead', { ack: 'auto' });
        await publish(writer, '/jobs/bad', 'x');
        for (let times = 1; times <= 3; times += 1) {
          await gets(reader, 'x'.repeat(times));
          const { headers } = reader.inbox[times - 1];
          assert.equal(headers['redelivery-count'], times > 1 ? String(times - 1) : undefined);
          reader.inbox[times - 1].nack();
        }
        await gets(undertaker, 'x');
        const { headers } = undertaker.inbox[0];
        assert.equal(headers['dead-event-channel'], '/jobs/bad');
        assert.equal(headers['dead-event-reason'], 'redelivered');
        assert.equal(bodies(reader), 'xxx');
      });

      await t.test('a selector chooses, a look takes nothing', async (t) => {
        const [writer, reader, looker] = await Promise.all([1, 2, 3].map(() => connect(t)));
        for (const [body, colour] of ['ared', 'bblue', 'cred'].map((w) => [w[0], w.slice(1)])) {
          await writer.receipt((receipt) => writer.send('/jobs/sel', body, { colour, receipt }));
        }
        looker.subscribe('/jobs/sel', { browse: 'true' });
        await gets(looker, 'abc');
        await until('the end', () => looker.inbox.at(-1)?.headers.browser === 'end');
        reader.subscribe('/jobs/sel', { ack: 'client', selector: "colour = 'red'" });
        await gets(reader, 'ac');
      });
    });
  }
}

test('STOMP in binary WebSocket messages', async (t) => {
  const realm = await startRealm(t, { more: QUEUES });
  const client = await Stompjs.connect(t, `ws://localhost:${realm.port}/stomp`, { binary: true });
  client.subscribe('/jobs/x', { ack: 'client' });
  await publish(client, '/jobs/x', 'ab');
  await gets(client, 'ab');
});

test('a client of STOMP 1.0 that knows no subprotocol list and no ids', async (t) => {
  const realm = await startRealm(t, { more: QUEUES });
  const socket = new WebSocket(`ws://localhost:${realm.port}/stomp`, ['v10.stomp']);
  t.after(() => socket.terminate());
  /** @type {string[]} */
  const heard = [];
  socket.on('message', (data) => heard.push(String(data)));
  await within('open', new Promise((resolve) => socket.once('open', resolve)));
  const ask = async (frame, pattern) => {
    socket.send(`${frame}\0`);
    const answer = await until(`an answer to ${frame}`, () => heard.shift(), {});
    assert.match(answer, pattern);
    return answer;
  };
  assert.equal(socket.protocol, 'v10.stomp');
  const connected = await ask('CONNECT\nlogin: me\npasscode: x\n\n', /^CONNECTED\nversion:1\.0\n/);
  assert.doesNotMatch(connected, /heart-beat/);
  await ask('SUBSCRIBE\ndestination: /jobs/old\nack: client\nreceipt: 1\n\n', /receipt-id:1\n/);
  socket.send('SEND\ndestination: /jobs/old\npath: a\\nb\n\nhello\0');
  const message = await until('the event', () => heard.shift(), {});
  assert.match(message, /\npath:a\\nb\n/, 'no escapes in 1.0');
  const [, id] = message.match(/message-id:(.*)\n/) ?? [];
  await ask(`ACK\nmessage-id: ${id}\nreceipt: 2\n\n`, /receipt-id:2\n/);
  await ask('UNSUBSCRIBE\ndestination: /jobs/old\nreceipt: 3\n\n', /receipt-id:3\n/);
  await ask('NACK\nmessage-id:x@1\n\n', /^ERROR\n.*\nmessage:UnsupportedOperationException/);
});

test('out-of-order commands are refused with a reason, and the session goes on', async (t) => {
  const realm = await startRealm(t, { more: QUEUES });
  const stomp = await Stomp.connect(t, realm.port, { errors: 'receipt' });
  for (const [command, headers] of Object.entries({
    ACK: { id: '1@nobody' },
    NACK: { id: 'what' },
    COMMIT: { transaction: 'none' },
    ABORT: { transaction: 'none' },
  })) {
    const { refused, message } = await stomp.ask(command, headers);
    assert.equal(refused, 'IllegalArgumentException', command);
    assert.match(message, /\w+ \w+/);
  }
  await stomp.ask('SUBSCRIBE', { id: 's', destination: '/jobs/x', ack: 'client' });
});

test('from the shell: pub fills a queue, sub consumes from it', async (t) => {
  const realm = await startRealm(t, { more: QUEUES });
  const url = `ws://localhost:${realm.port}`;
  for (const text of ['one', 'two']) {
    const { code, stderr } = await runWayleave(['pub', url, '/jobs/shell', text]);
    assert.equal(code, 0, stderr);
  }
  const sub = wayleave(['sub', '--count', '1', url, '/jobs/shell']);
  assert.deepEqual(await within('sub leaves', sub.exit), { code: 0, signal: null }, sub.stderr);
  assert.match(sub.stdout, /one\n$/);
});

test('a persistent queue survives kill -9: what was acknowledged is gone, the rest is there', async (t) => {
  const dir = scratch(t);
  mkdirSync(join(dir, 'store'));
  const more = `Store lmdb
StorePath "${join(dir, 'store')}"
<Queue "/safe">
    Type persistent
</Queue>
`;
  const first = await startRealm(t, { more, dir });
  const url = `ws://localhost:${first.port}/stomp`;
  const writer = await Stompjs.connect(t, url);
  await publish(writer, '/safe', 'abcdef');
  const reader = await Stomp.connect(t, first.port);
  const headers = { id: 's', destination: '/safe', ack: 'client-individual', window: '3' };
  await reader.ask('SUBSCRIBE', headers);
  const events = [await reader.next(), await reader.next(), await reader.next()];
  const [, b, c] = events.map((frame) => ({ id: frame.headers.ack }));
  assert.equal(events.map(({ body }) => body).join(''), 'abc');
  await reader.ask('BEGIN', { transaction: 't' });
  await reader.ask('ACK', { ...c, transaction: 't' });
  await reader.ask('SEND', { destination: '/safe', transaction: 't' }, 'g');
  reader.send('ACK', { ...b, receipt: 'b' });
  reader.send('COMMIT', { transaction: 't', receipt: 'c', 'commit-id': 'once' });
  const receipts = () => reader.inbox.filter(({ command }) => command === 'RECEIPT');
  await until('both receipts', () => receipts().length === 2);
  assert.equal(receipts()[1].headers.outcome, 'committed');
  await first.kill();

  const second = await startRealm(t, { more, dir, port: first.port, tlsPort: first.tlsPort });
  const after = await Stompjs.connect(t, `ws://localhost:${second.port}/stomp`);
  after.subscribe('/safe', { ack: 'client', window: '10' });
  await gets(after, 'adefg');
  const asking = await Stomp.connect(t, second.port);
  const { outcome } = await asking.ask('COMMIT', { query: 'true', 'commit-id': 'once' });
  assert.equal(outcome, 'committed');
});

test('DISCONNECT is answered behind all that is still being stored', async (t) => {
  const dir = scratch(t);
  mkdirSync(join(dir, 'store'));
  const more = `Store lmdb
StorePath "${join(dir, 'store')}"
<Queue "/safe">
    Type persistent
</Queue>
`;
  const realm = await startRealm(t, { more, dir });
  const stomp = await Stomp.connect(t, realm.port);
  for (const receipt of 'abc') stomp.send('SEND', { destination: '/safe', receipt }, receipt);
  stomp.send('DISCONNECT', { receipt: 'd' });
  stomp.send('SEND', { destination: '/safe', receipt: 'e' }, 'too late');
  await until('the end', () => stomp.closed !== null);
  assert.equal(stomp.closed, 1000);
  assert.equal(stomp.inbox.map(({ headers }) => headers['receipt-id']).join(''), 'abcd');
});

test('a full store kills no event, and one that is dead waits for its grave', async (t) => {
  const dir = scratch(t);
  mkdirSync(join(dir, 'store'));
  const { port } = await startRealm(t, {
    dir,
    more: `Store lmdb
StorePath "${join(dir, 'store')}"
StoreSize 1m
EventBytesMax 64k
<Queue "/jobs">
    Type persistent
    RedeliveryMax 1
    DeadEvents /dead
</Queue>
<Queue "/dead">
    Type persistent
</Queue>
<Channel "/fill">
    Type persistent
    Allow purge *
</Channel>
`,
  });
  const stomp = await Stomp.connect(t, port, { errors: 'receipt' });
  await stomp.ask('SEND', { destination: '/jobs' }, 'x'.repeat(9000));
  for (const bytes of [30_000, 3000]) {
    const fill = () => stomp.ask('SEND', { destination: '/fill' }, 'x'.repeat(bytes));
    while (!(await fill()).refused);
  }
  await stomp.ask('SUBSCRIBE', { id: 's', destination: '/jobs', ack: 'client' });
  for (let i = 0; i < 4; i += 1) {
    const { headers } = await stomp.next();
    assert.equal(headers['redelivery-count'], i ? '1' : undefined);
    await stomp.ask('BEGIN', { transaction: 't' });
    await stomp.ask('ACK', { transaction: 't', id: headers.ack });
    await stomp.ask('SEND', { transaction: 't', destination: '/fill' }, 'x'.repeat(30_000));
    const { refused } = await stomp.ask('COMMIT', { transaction: 't' });
    assert.equal(refused, 'StoreException');
  }
  await stomp.ask('NACK', { id: (await stomp.next()).headers.ack });
  const about = async (queue) =>
    (await fetch(`http://localhost:${port}/api/queues/${queue}`)).json();
  assert.deepEqual([(await about('jobs')).count, (await about('dead')).count], [1, 0]);

  await fetch(`http://localhost:${port}/api/channels/fill/purge`, { method: 'POST' });
  await until('it is buried', async () => (await about('dead')).count === 1);
  await until('it is gone', async () => (await about('jobs')).count === 0);
  assert.deepEqual(stomp.inbox, []); // nobody got it meanwhile
});
