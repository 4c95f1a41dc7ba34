// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Realms on a NATS server: one that loses it, and several that are one. */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { blocksOf } from '../lib/blocks.mjs';
import { Nats, natsOfVersion } from '../lib/nats.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { AS_ROOT, ROOT, runWayleave, scratch, startRealm } from '../lib/wayleave.mjs';

const SECTIONS = `<Channel "/fx/*">
    Type persistent
    Capacity 0
    StoreBytes 32m
</Channel>
<Channel "/live/*">
</Channel>
<Queue "/jobs/*">
    Type persistent
</Queue>
`;

const BIG = 'x'.repeat(400_000);

/** A realm on that server; with a `dir` its mirror is on the disk. */
function sharing(t, nats, { dir, more = '' } = {}) {
  if (dir) mkdirSync(join(dir, 'mirror'), { recursive: true });
  const path = dir ? `StorePath "${join(dir, 'mirror')}"\n` : '';
  return startRealm(t, { more: `Store ${nats.url}\n${path}StoreSize 64m\n${more}${SECTIONS}` });
}

async function publish(stomp, destination, body, headers = {}) {
  return Number((await stomp.ask('SEND', { destination, ...headers }, body)).eid);
}

async function take(stomp, count) {
  const events = [];
  while (events.length < count) events.push(await stomp.next());
  return events.map(({ headers, body }) => `${headers.eid}:${body}`);
}

test('events come back after kill -9 of the realm, of the server, and of both', async (t) => {
  const nats = await Nats.start(t);
  const expected = [];
  for (const [life, dir] of [undefined, scratch(t), undefined].entries()) {
    for (const whom of ['realm', 'server', 'both']) {
      const realm = await sharing(t, nats, { dir });
      const stomp = await Stomp.connect(t, realm.port);
      for (let i = 0; i < 3; i += 1) {
        const body = `${life}${whom}${i}`;
        expected.push(`${await publish(stomp, '/fx/a', body)}:${body}`);
      }
      await stomp.ask('SUBSCRIBE', { id: 's', destination: '/fx/a', from: 'stored' });
      assert.deepEqual(await take(stomp, expected.length), expected);
      if (whom !== 'realm') await nats.kill();
      await realm.kill();
      if (whom !== 'realm') await nats.again();
    }
  }
  assert.deepEqual(
    expected.map((line) => Number(line.split(':')[0])),
    expected.map((_, i) => i + 1),
  );
});

test('a server that goes and comes back under load costs no acknowledged event, and doubles none', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats, { more: 'StoreTimeout 60s\n' });
  const stomp = await Stomp.connect(t, realm.port);
  const count = 6000;
  for (let i = 0; i < count; i += 1) {
    stomp.send('SEND', { destination: '/fx/a', receipt: `${i}` }, `${i}`);
  }
  for (let round = 1; round <= 3; round += 1) {
    await until('some receipts', () => stomp.inbox.length > (round * count) / 5);
    await nats.kill();
    await realm.program.line(/the NATS server is lost/);
    await nats.again();
  }
  await until('all receipts', () => stomp.inbox.length === count, {
    seen: () => `${stomp.inbox.length} receipts, closed: ${stomp.closed}`,
  });
  await realm.program.line(/the NATS server is back/);
  for (const [i, { command, headers }] of stomp.inbox.entries()) {
    assert.equal(command, 'RECEIPT');
    assert.equal(headers['receipt-id'], `${i}`);
    assert.equal(headers.eid, `${i + 1}`);
  }
  const reader = await Stomp.connect(t, realm.port);
  await reader.ask('SUBSCRIBE', { id: 's', destination: '/fx/a', from: 'stored' });
  const stored = await take(reader, count);
  assert.deepEqual(
    stored,
    stored.map((_, i) => `${i + 1}:${i}`),
  );
});

test('without the server publishers are told in the end, and readers go on', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats, { more: 'StoreTimeout 1s\n' });
  const stomp = await Stomp.connect(t, realm.port, { errors: 'receipt' });
  await publish(stomp, '/fx/a', 'x');
  await nats.kill();
  const answer = await stomp.ask('SEND', { destination: '/fx/a' }, 'y');
  assert.equal(answer.refused, 'StoreException');
  await stomp.ask('SUBSCRIBE', { id: 's', destination: '/fx/a', from: 'stored' });
  assert.deepEqual(await take(stomp, 1), ['1:x']);
  await stomp.ask('UNSUBSCRIBE', { id: 's' });
  await nats.again();
  await realm.program.line(/the NATS server is back/);
  const { eid } = await until('the store again', async () => {
    const again = await stomp.ask('SEND', { destination: '/fx/a' }, 'z');
    return again.refused ? undefined : again;
  });
  assert.ok(Number(eid) > 1);
});

test('a realm ends while its server stands still, and what it took before is there', async (t) => {
  const nats = await Nats.start(t);
  const realm = await sharing(t, nats);
  const stomp = await Stomp.connect(t, realm.port);
  assert.equal(await publish(stomp, '/fx/a', 'before'), 1);
  nats.program.kill('SIGSTOP');
  for (let i = 0; i < 40; i += 1) stomp.send('SEND', { destination: '/fx/a' }, 'x'.repeat(100_000));
  await realm.stop();
  assert.match(realm.program.stderr, / notice: wayleave realm stops: interrupted\n/);
  nats.program.kill('SIGCONT');
  const again = await Stomp.connect(t, (await sharing(t, nats)).port);
  await again.ask('SUBSCRIBE', { id: 's', destination: '/fx/a', from: 'stored' });
  assert.deepEqual(await take(again, 1), ['1:before']);
});

test('two realms on one server are one to publishers and subscribers', async (t) => {
  const nats = await Nats.start(t);
  const realms = [await sharing(t, nats), await sharing(t, nats, { dir: scratch(t) })];
  const [a, b] = await Promise.all(realms.map(({ port }) => Stomp.connect(t, port)));
  const live = await Stomp.connect(t, realms[1].port);
  const { epoch, next } = await live.ask('SUBSCRIBE', {
    id: 's',
    destination: '/fx/a',
    from: 'stored',
  });
  assert.equal(next, '1');
  const expected = [];
  for (let i = 0; i < 100; i += 1) {
    const body = `from ${i % 3 === 0 ? 'b' : 'a'} ${i}`;
    expected.push(`${await publish(i % 3 === 0 ? b : a, '/fx/a', body)}:${body}`);
  }
  assert.deepEqual(
    expected.map((line) => Number(line.split(':')[0])),
    expected.map((_, i) => i + 1),
  );
  assert.deepEqual(await take(live, 100), expected);
  for (const stomp of [a, b]) {
    const answer = await stomp.ask('SUBSCRIBE', {
      id: 'r',
      destination: '/fx/a',
      from: '51',
      epoch,
    });
    assert.equal(answer.epoch, epoch);
    assert.deepEqual(await take(stomp, 50), expected.slice(50));
  }
});

test('events that are not kept reach the subscribers of the other realm, too', async (t) => {
  const nats = await Nats.start(t);
  const realms = [await sharing(t, nats), await sharing(t, nats)];
  const [a, b] = await Promise.all(realms.map(({ port }) => Stomp.connect(t, port)));
  await b.ask('SUBSCRIBE', { id: 's', destination: '/live/a' });
  const eids = [await publish(a, '/live/a', 'one'), await publish(a, '/live/a', 'two')];
  assert.deepEqual(await take(b, 2), [`${eids[0]}:one`, `${eids[1]}:two`]);
});

test('a queue of two realms deals each event to one reader, and what one leaves the other gets', async (t) => {
  const nats = await Nats.start(t);
  const realms = [await sharing(t, nats), await sharing(t, nats)];
  const destination = '/jobs/a';
  const reading = { id: 's', destination, ack: 'client-individual', window: '4' };
  const writer = await Stomp.connect(t, realms[0].port);
  const readers = await Promise.all(realms.map(({ port }) => Stomp.connect(t, port)));
  for (const reader of readers) await reader.ask('SUBSCRIBE', reading);
  const count = 60;
  for (let i = 0; i < count; i += 1) writer.send('SEND', { destination }, `${i}`);
  const done = [];
  const work = async (reader, share) => {
    for (let i = 0; i < share; i += 1) {
      const { headers, body } = await reader.next();
      done.push(Number(body));
      reader.send('ACK', { id: headers.ack });
    }
  };
  await Promise.all([work(readers[0], 10), work(readers[1], 10)]);
  readers[1].socket.terminate(); // what it holds comes back to the other realm's reader
  await work(readers[0], count - 20);
  assert.deepEqual(
    [...new Set(done)].sort((a, b) => a - b),
    Array.from({ length: count }, (_, i) => i),
  );
  assert.equal(done.length, count);
});

test('the readers of one realm get what another one held that was killed', async (t) => {
  const nats = await Nats.start(t);
  const realms = [await sharing(t, nats), await sharing(t, nats, { dir: scratch(t) })];
  const [a, b] = await Promise.all(realms.map(({ port }) => Stomp.connect(t, port)));
  const reading = { id: 's', destination: '/jobs/a', ack: 'client-individual', window: '10' };
  await b.ask('SUBSCRIBE', reading);
  for (const body of ['one', 'two', 'three']) await publish(a, '/jobs/a', body);
  const held = [await b.next(), await b.next(), await b.next()];
  await b.ask('ACK', { id: held[1].headers.ack });
  await realms[1].kill();
  await a.ask('SUBSCRIBE', reading);
  const again = [await a.next(), await a.next()];
  assert.deepEqual(
    again.map(({ body, headers }) => `${body} ${headers.redelivered}`),
    ['one true', 'three true'],
  );
});

test('a transaction, a durable name and a publish id mean the same in both realms', async (t) => {
  const nats = await Nats.start(t);
  const realms = [await sharing(t, nats), await sharing(t, nats)];
  const [a, b] = await Promise.all(realms.map(({ port }) => Stomp.connect(t, port)));
  const once = { 'publish-id': 'p-1' };
  assert.equal(await publish(a, '/fx/a', 'one', once), 1);
  assert.equal(await publish(b, '/fx/a', 'one', once), 1);

  await a.ask('BEGIN', { transaction: 't' });
  await a.ask('SEND', { destination: '/fx/a', transaction: 't' }, 'two');
  await a.ask('SEND', { destination: '/jobs/a', transaction: 't' }, 'job');
  await a.ask('COMMIT', { transaction: 't', 'commit-id': 'c-1' });
  const asked = await until('the outcome', async () => {
    const { outcome } = await b.ask('COMMIT', { query: 'true', 'commit-id': 'c-1' });
    return outcome === 'committed' && outcome;
  });
  assert.equal(asked, 'committed');
  await b.ask('SUBSCRIBE', { id: 'q', destination: '/jobs/a', ack: 'auto' });
  assert.equal((await b.next()).body, 'job');

  const name = { durable: 'reader', destination: '/fx/a', ack: 'client', from: 'stored' };
  await a.ask('SUBSCRIBE', { id: 'd', ...name });
  const first = await a.next();
  assert.equal(first.body, 'one');
  assert.equal((await a.next()).body, 'two');
  await a.ask('ACK', { id: first.headers.ack });
  await a.ask('UNSUBSCRIBE', { id: 'd' });
  const second = await Stomp.connect(t, realms[1].port, { errors: 'receipt' });
  await until('the name is free', async () => {
    const { refused } = await second.ask('SUBSCRIBE', { id: 'd', ...name });
    return !refused;
  });
  assert.equal((await second.next()).body, 'two');
});

test('the configuration of doc/realm.md makes two realms one', async (t) => {
  const nats = await Nats.start(t, { args: ['--user', 'realm', '--pass', 'a-word'] });
  const page = blocksOf(readFileSync(join(ROOT, 'doc/realm.md'), 'utf8'));
  const { text } = page.find((block) => block.text.startsWith('# each of the realms'));
  const lines = text.replace('nats.example:4222', `127.0.0.1:${nats.port}`);
  const [a, b] = await Promise.all(
    [1, 2].map(async () => {
      const store = scratch(t);
      const more = lines
        .replace(/^(Interface|Anonymous) .*\n/gm, '')
        .replace('/var/lib/wayleave', store);
      const realm = await startRealm(t, { more, env: { NATS_PASSWORD: 'a-word' } });
      return Stomp.connect(t, realm.port);
    }),
  );
  await b.ask('SUBSCRIBE', { id: 's', destination: '/fx/eurusd' });
  assert.equal(await publish(a, '/fx/eurusd', '1.2262'), 1);
  assert.deepEqual(await take(b, 1), ['1:1.2262']);
});

/** Up to where the server asks whether it may go on: that needs one of them, too. */
test('what doc/realm.md allows to the user is enough', async (t) => {
  const page = readFileSync(join(ROOT, 'doc/realm.md'), 'utf8');
  const [, ...lists] = page.match(/allowed to publish to (.*), and to subscribe to (.*)\.\n/);
  const [publish, subscribe] = lists.map((list) =>
    [...list.matchAll(/`(.*?)`/g)].map(([, s]) => s),
  );
  const users = [{ user: 'realm', password: 'a-word', permissions: { publish, subscribe } }];
  const file = join(scratch(t), 'nats.conf');
  writeFileSync(file, JSON.stringify({ authorization: { users } }));
  const nats = await Nats.start(t, { args: ['-c', file] });
  const url = nats.url.replace('//', '//realm:a-word@');
  const realm = await sharing(t, { url }, { more: 'StoreRealm trading\n' });
  const stomp = await Stomp.connect(t, realm.port);
  for (let i = 1; i <= 60; i += 1) {
    assert.equal(Number((await stomp.ask('SEND', { destination: '/live/a' }, BIG)).eid), i);
  }
});

/** @param {string} lines @returns {string} the name of a file with them */
function configuration(t, lines) {
  const file = join(scratch(t), 'realm.conf');
  writeFileSync(file, `Interface http://127.0.0.1:9\nAnonymous On\n${lines}\n${SECTIONS}`);
  return file;
}

/** @param {string} lines @returns {Promise<string>} what a realm says that does not start */
async function refusal(t, lines) {
  const { code, stderr } = await runWayleave(['realm', '-f', configuration(t, lines), ...AS_ROOT]);
  assert.notEqual(code, 0);
  return stderr;
}

test('a realm that cannot use its server says why, and no password', async (t) => {
  const nats = await Nats.start(t, { args: ['--user', 'realm', '--pass', 'right-word'] });
  const bare = await Nats.start(t, { jetStream: false });
  const at = (who) => nats.url.replace('//', `//${who}@`);
  assert.match(
    await refusal(t, 'Store nats://127.0.0.1:1'),
    /^\S+ Store: no NATS server answers at 127.0.0.1:1: .* \(start it, or correct the URL\)\n$/,
  );
  const wrong = await refusal(t, `Store ${at('realm:wrong-word')}`);
  assert.match(wrong, /does not accept the user and the password of the URL/);
  assert.doesNotMatch(wrong, /wrong-word/);
  assert.match(await refusal(t, `Store ${bare.url}`), /has no JetStream \(start it with -js/);
  assert.match(
    await refusal(t, 'Store nats://realm@host'),
    /realm.conf:3: Store: the URL has no user or no password before the @/,
  );
  assert.match(
    await refusal(t, `Store ${nats.url}\nStoreRealm a.b`),
    /StoreRealm: "a.b" is no name \(write letters, digits, _ and -\)/,
  );
  assert.match(
    await refusal(t, `Store ${at('realm:right-word')}\nStoreReplicas 3`),
    /has not as many servers in its cluster as StoreReplicas says \(set StoreReplicas 1/,
  );
  const realm = await sharing(t, { url: at('realm:right-word') });
  await realm.stop();
  assert.match(
    await refusal(t, `Store ${at('realm:right-word')}\nStoreReplicas 3`),
    /has 1 replicas, and StoreReplicas is 3/,
  );
});

test('a server that is too old is refused at the start', async (t) => {
  const old = /^\S+ Store: the NATS server is too old \(2.9 or newer is needed\)\n$/;
  const others = { '2.1.9': { headers: false }, '2.2.0': {}, '2.8.4': {}, '1.10.0': {} };
  for (const [version, info] of Object.entries(others)) {
    const url = await natsOfVersion(t, version, info);
    assert.match(await refusal(t, `Store ${url}`), old, version);
  }
  for (const version of ['2.9.0', '2.10.4', '3.0.0']) {
    const url = await natsOfVersion(t, version);
    assert.match(await refusal(t, `Store ${url}`), /has no JetStream/, version);
  }
});

test('a copy of another log is made again, and that is said', async (t) => {
  const dir = scratch(t);
  for (const life of ['first', 'second']) {
    const realm = await sharing(t, await Nats.start(t), { dir });
    const stomp = await Stomp.connect(t, realm.port);
    assert.equal(await publish(stomp, '/fx/a', life), 1);
    await stomp.ask('SUBSCRIBE', { id: 's', destination: '/fx/a', from: 'stored' });
    assert.deepEqual(await take(stomp, 1), [`1:${life}`]);
    await realm.stop();
    const again = /the copy in "\S+" is made again from the NATS server: it is of another log/;
    assert.equal(again.test(realm.program.stderr), life === 'second');
  }
});

test('a configuration that is shown has no password of a store', async (t) => {
  const file = configuration(t, 'Store nats://realm:a-word@host:4222');
  const { stdout, stderr } = await runWayleave(['config', '--realm', file]);
  assert.match(stdout, /^Store nats:\/\/realm:\*\*\*@host:4222$/m);
  assert.doesNotMatch(stdout + stderr, /a-word/);
});

test('why nothing more is stored stands in the log, once, and that it is over', async (t) => {
  const dir = scratch(t);
  const file = join(dir, 'nats.conf');
  const js = `store_dir: ${JSON.stringify(join(dir, 'js'))}, max_file_store: 4MB`;
  writeFileSync(file, `jetstream { ${js} }\n`);
  const nats = await Nats.start(t, { args: ['-c', file], jetStream: false });
  const body = 'x'.repeat(300_000);
  const more = `Store ${nats.url}\nStoreStreams Off\nStoreSize 1m\n${SECTIONS.replace('32m', '64m')}`;
  const realm = await startRealm(t, { more });
  const api = `http://localhost:${realm.port}/api/channels/fx/a`;
  const send = async () => (await fetch(`${api}/events`, { method: 'POST', body })).status;
  const statuses = [];
  for (let i = 0; i < 6; i += 1) statuses.push(await send());
  assert.deepEqual(statuses, [201, 201, 201, 500, 500, 500]);
  await realm.program.line(/warn: store: it is full \(StoreSize\): what is published is refused/);
  assert.equal((await fetch(`${api}/events`, { method: 'POST', body: 'small' })).status, 201);
  await realm.program.line(/store: what is published is stored again/);
  await realm.stop();
  assert.equal(realm.program.stderr.match(/it is full/g).length, 1);

  const wide = await startRealm(t, { more: more.replace('StoreSize 1m', 'StoreSize 64m') });
  let status = 201;
  while (status === 201) {
    const url = `http://localhost:${wide.port}/api/channels/fx/a/events`;
    status = (await fetch(url, { method: 'POST', body })).status;
  }
  assert.equal(status, 500);
  await wide.program.line(/warn: store: the NATS server is full \(JetStream's error 10023\)/);
});
