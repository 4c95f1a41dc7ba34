// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What administrators do over HTTP (doc/realm.md), with the built program and its store. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { askOnce, keptConnection } from '../lib/ask.mjs';
import { HASHES } from '../lib/passwords.mjs';
import { startReloadableRealm } from '../lib/reload.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { scratch, startRealm } from '../lib/wayleave.mjs';

const SECTIONS = `<Channel "/fx/*">
    Type persistent
    Capacity 0
    CreateOnUse Off
    Allow manage,purge *
</Channel>
<Channel "/declared">
    Allow manage,purge *
</Channel>
<Queue "/jobs/*">
    Type persistent
    RedeliveryMax 1
    Allow manage,purge *
</Queue>
<Channel "/mem/*">
    Allow manage,purge *
</Channel>
<Channel "/dead/*">
    Deny publish anonymous
</Channel>
`;

/** A realm with a store; `lives` of it share a directory. */
function storing(t, { dir = scratch(t), sections = SECTIONS, more = '' } = {}) {
  const store = join(dir, 'store');
  mkdirSync(store, { recursive: true });
  return startRealm(t, {
    dir,
    more: `Store lmdb\nStorePath "${store}"\nStoreSize 64m\nEventBytesMax 64k\n${more}${sections}`,
  });
}

/** Requests with JSON in and out; `status` is checked where it is given. */
function api(t, port) {
  return async (line, { body, status, fields } = {}) => {
    const [method, path] = line.split(' ');
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await askOnce(t, port, `${method} /api/${path}`, { body: text, fields });
    const json = answer.json();
    if (status) assert.equal(answer.status, status, JSON.stringify(json));
    return json;
  };
}

const publish = (ask, path, body) =>
  ask(`POST ${path}/events`, { body, status: 201 }).then(({ eid }) => eid);

const bodies = ({ events }) => events.map(({ data }) => data).join(' ');

test('a channel that was made is there after a restart and after kill -9, with its attributes and events', async (t) => {
  const dir = scratch(t);
  let realm = await storing(t, { dir });
  let ask = api(t, realm.port);
  await ask('POST channels/fx/eur/events', { body: 'x', status: 404 });
  const made = await ask('PUT channels/fx/eur', {
    body: { capacity: 3, TTL: '1h', publishKey: [['symbol', 2], 'region'], storeBytes: '1m' },
    status: 201,
  });
  assert.equal(made.origin, 'administrator');
  assert.match(made.madeBy, /^anonymous@127\.0\.0\.1$/);
  for (const body of ['a', 'b', 'c', 'd']) await publish(ask, 'channels/fx/eur', body);
  let epoch;
  for (const end of ['stop', 'kill', 'stop']) {
    const channel = await ask('GET channels/fx/eur', { status: 200 });
    epoch ??= channel.epoch;
    assert.equal(channel.epoch, epoch);
    assert.deepEqual(
      [channel.name, channel.kind, channel.type, channel.capacity, channel.ttlMs, channel.count],
      ['/fx/eur', 'channel', 'persistent', 3, 3_600_000, 3],
    );
    assert.deepEqual([channel.first, channel.next], [2, 5]);
    assert.deepEqual(channel.publishKey, [
      ['symbol', 2],
      ['region', 1],
    ]);
    assert.equal(channel.storeBytes, 1024 * 1024);
    assert.equal(channel.madeAt, made.madeAt);
    assert.equal(bodies(await ask('GET channels/fx/eur/events')), 'b c d');
    const { channels } = await ask('GET channels');
    assert.deepEqual(
      channels.map(({ name, origin }) => [name, origin]),
      [
        ['/declared', 'configuration'],
        ['/fx/eur', 'administrator'],
      ],
    );
    await realm[end]();
    realm = await storing(t, { dir });
    ask = api(t, realm.port);
  }
});

test('what was removed stays removed, its events too, and EIDs go on if the name comes back', async (t) => {
  const dir = scratch(t);
  let realm = await storing(t, { dir });
  let ask = api(t, realm.port);
  await ask('PUT channels/fx/gone', { status: 201 });
  for (const body of ['a', 'b']) await publish(ask, 'channels/fx/gone', body);
  assert.deepEqual(await ask('DELETE channels/fx/gone', { status: 200 }), { removed: '/fx/gone' });
  await realm.kill();
  realm = await storing(t, { dir });
  ask = api(t, realm.port);
  assert.deepEqual(
    (await ask('GET channels')).channels.map(({ name }) => name),
    ['/declared'],
  );
  await ask('POST channels/fx/gone/events', { body: 'x', status: 404 });
  await ask('DELETE channels/fx/nothing', { status: 404 });
  await ask('PUT channels/fx/gone', { body: { capacity: 7 }, status: 201 });
  assert.equal(bodies(await ask('GET channels/fx/gone/events')), '');
  assert.equal(await publish(ask, 'channels/fx/gone', 'c'), 3);
});

test('the same again is the same; anything else is refused with a sentence', async (t) => {
  const { port } = await storing(t);
  const ask = api(t, port);
  await ask('PUT channels/fx/a', { body: { capacity: 5 }, status: 201 });
  await ask('PUT channels/fx/a', { body: '{ "capacity" : 5 }', status: 200 });
  await ask('PUT queues/jobs/a', { body: {}, status: 201 });
  await publish(ask, 'channels/mem/used', 'x');
  for (const [line, body, status, message] of [
    ['PUT channels/fx/a', { capacity: 6 }, 409, /was made already, with other attributes/],
    ['PUT channels/declared', {}, 409, /declared in the configuration \(change it there\)/],
    ['DELETE channels/declared', undefined, 409, /declared in the configuration \(remove it/],
    ['PUT queues/fx/b', {}, 409, /\/fx\/b cannot be a queue: a <Channel> section covers it/],
    ['PUT channels/mem/used', {}, 409, /is there already, made by its first use/],
    ['PUT channels/fx/b', { capacity: 'many' }, 400, /Capacity: "many" is not a number/],
    ['PUT channels/fx/b', { capacity: -1 }, 400, /Capacity: -1 is not a number/],
    ['PUT channels/fx/b', { capacity: 1.5 }, 400, /capacity: write a string, a whole number/],
    ['PUT channels/fx/b', { capacity: 1, Capacity: 2 }, 400, /Capacity is already 1/],
    ['PUT channels/fx/b', { nonsense: 1 }, 400, /nonsense/],
    ['PUT channels/fx/b', { redeliveryMax: 1 }, 400, /[rR]edeliveryMax/],
    ['PUT channels/fx/b', { allow: 'all *' }, 400, /Allow cannot be said here/],
    ['PUT channels/fx/b', { join: '/mem/x' }, 400, /Join cannot be said here/],
    ['PUT channels/fx/b', { type: 'durable' }, 400, /Type: "durable"/],
    ['PUT channels/fx/b', { storeBytes: 4096 }, 400, /StoreBytes 4096 is less than twice/],
    ['PUT channels/fx/b', { deadEvents: '/nowhere' }, 400, /no section covers \/nowhere/],
    ['PUT channels/fx/b', { deadEvents: '/fx/b' }, 400, /events of \/fx\/b would come back to it/],
    ['PUT channels/fx/b', { deadEvents: '/dead/b' }, 403, /may not publish to \/dead\/b/],
    ['PUT channels/fx/b', '[1]', 400, /not a JSON object: at byte 0/],
    ['PUT channels/fx/b', '{"capacity": 1', 400, /not a JSON object: at byte 14/],
    ['PUT channels/fx/%0a', {}, 400, /is no name/],
    ['PUT channels/fx/x*', {}, 400, /a name without \*/],
    ['PUT channels/fx/b', ' '.repeat(9000), 413, /longer than attributes may be/],
    ['PUT channels/other', {}, 403, /may not manage \/other/],
    ['POST channels/fx/none/purge', undefined, 404, /nothing of that kind/],
    ['POST channels/fx/a/purge?to=x', undefined, 400, /write \?to=EID/],
    ['POST channels/dead/a/purge', undefined, 403, /may not purge \/dead\/a/],
    ['PUT channels/fx/a/purge', {}, 405, /only POST, OPTIONS/],
    ['DELETE channels/fx/a/durables/x', undefined, 404, /no durable subscription/],
  ]) {
    const { error, message: said } = await ask(line, { body, status });
    assert.match(said, message, line);
    assert.match(error, /Exception$/);
  }
  const names = (await ask('GET channels')).channels.map(({ name }) => name);
  assert.deepEqual(names, ['/declared', '/fx/a', '/mem/used']);
});

test('ChannelsMax bounds them, and a removed one makes room', async (t) => {
  const { port } = await storing(t, { more: 'ChannelsMax 3\n' });
  const ask = api(t, port);
  for (let i = 0; i < 20; i += 1) {
    await ask(`PUT channels/fx/${i}`, { status: 201 });
    await ask(`PUT channels/fx/${i}-b`, { status: 201 });
    const { message } = await ask('PUT channels/fx/more', { status: 503 });
    assert.match(message, /ChannelsMax/);
    await ask(`DELETE channels/fx/${i}`, { status: 200 });
    await ask(`DELETE channels/fx/${i}-b`, { status: 200 });
  }
});

test('a channel with subscribers goes only by force, and says so to them', async (t) => {
  const { port } = await storing(t);
  const ask = api(t, port);
  await ask('PUT channels/fx/a', { status: 201 });
  await ask('PUT queues/jobs/a', { status: 201 });
  const subscriber = await Stomp.connect(t, port);
  const reader = await Stomp.connect(t, port);
  const bystander = await Stomp.connect(t, port);
  await subscriber.ask('SUBSCRIBE', { id: 's', destination: '/fx/a', durable: 'd' });
  await reader.ask('SUBSCRIBE', { id: 's', destination: '/jobs/a', ack: 'client' });
  await bystander.ask('SUBSCRIBE', { id: 's', destination: '/declared' });
  await bystander.ask('BEGIN', { transaction: 't' });
  await bystander.ask('SEND', { transaction: 't', destination: '/fx/a' }, 'late');
  await publish(ask, 'queues/jobs/a', 'held');
  assert.equal((await reader.next()).body, 'held');
  for (const path of ['channels/fx/a', 'queues/jobs/a']) {
    const { message } = await ask(`DELETE ${path}`, { status: 409 });
    assert.match(message, /has subscribers \(ask with \?force=true/);
    await ask(`DELETE ${path}?force=true`, { status: 200 });
  }
  await subscriber.isRefused(/^MissingResourceException.* an administrator has removed \/fx\/a$/);
  await reader.isRefused(/an administrator has removed \/jobs\/a$/);
  bystander.send('COMMIT', { transaction: 't', receipt: 'c' });
  await bystander.isRefused(/a channel or queue of it was removed/);
  await ask('PUT channels/fx/a', { status: 201 });
  assert.deepEqual(await ask('GET channels/fx/a/durables'), { durables: [] });
});

test('a purge removes all events or those up to an EID, for good', async (t) => {
  const dir = scratch(t);
  let realm = await storing(t, { dir });
  let ask = api(t, realm.port);
  await ask('PUT channels/fx/p', { status: 201 });
  for (const body of ['a', 'b', 'c', 'd']) await publish(ask, 'channels/fx/p', body);
  assert.deepEqual(await ask('POST channels/fx/p/purge?to=2', { status: 200 }), { purged: 2 });
  assert.equal(bodies(await ask('GET channels/fx/p/events')), 'c d');
  await publish(ask, 'channels/declared', 'x');
  assert.deepEqual(await ask('POST channels/declared/purge', { status: 200 }), { purged: 1 });
  await realm.kill();
  realm = await storing(t, { dir });
  ask = api(t, realm.port);
  assert.equal(bodies(await ask('GET channels/fx/p/events')), 'c d');
  assert.deepEqual(await ask('POST channels/fx/p/purge', { status: 200 }), { purged: 2 });
  await realm.kill();
  realm = await storing(t, { dir });
  ask = api(t, realm.port);
  const { first, next, count } = await ask('GET channels/fx/p');
  assert.deepEqual([first, next, count], [5, 5, 0]);
});

test('a purge of more events than the store is told of one by one survives kill -9', async (t) => {
  const dir = scratch(t);
  let realm = await storing(t, { dir });
  let ask = api(t, realm.port);
  await ask('PUT channels/fx/many', { body: { storeBytes: '32m' }, status: 201 });
  const stomp = await Stomp.connect(t, realm.port);
  for (let i = 1; i < 20_000; i += 1) stomp.send('SEND', { destination: '/fx/many' }, `${i}`);
  await stomp.ask('SEND', { destination: '/fx/many' }, 'last');
  assert.deepEqual(await ask('POST channels/fx/many/purge', { status: 200 }), { purged: 20_000 });
  await realm.kill();
  realm = await storing(t, { dir });
  ask = api(t, realm.port);
  assert.equal((await ask('GET channels/fx/many')).count, 0);
});

test('queues over HTTP: publish, look, state, purge', async (t) => {
  const { port } = await storing(t);
  const ask = api(t, port);
  await ask('PUT queues/jobs/q', { status: 201 });
  for (const body of ['a', 'b', 'c']) await publish(ask, 'queues/jobs/q', body);
  const id = { body: 'once', fields: ['Publish-Id: 7'] };
  const first = await ask('POST queues/jobs/q/events', { ...id, status: 201 });
  assert.deepEqual(first, { eid: 4, repeated: false });
  assert.deepEqual(await ask('POST queues/jobs/q/events', id), { eid: 4, repeated: true });
  assert.equal(bodies(await ask('GET queues/jobs/q/events?max=2')), 'a b');
  const reader = await Stomp.connect(t, port);
  const options = { id: 's', destination: '/jobs/q', ack: 'client-individual', window: '2' };
  await reader.ask('SUBSCRIBE', options);
  const [a, b] = [await reader.next(), await reader.next()];
  assert.deepEqual([a.body, b.body], ['a', 'b']);
  const state = async () => {
    const { readers, waiting, inWindows, redelivered, dead } = await ask('GET queues/jobs/q');
    return { readers, waiting, inWindows, redelivered, dead };
  };
  assert.deepEqual(await state(), {
    readers: 1,
    waiting: 2,
    inWindows: 2,
    redelivered: 0,
    dead: 0,
  });
  assert.equal(bodies(await ask('GET queues/jobs/q/events')), 'c once');
  await reader.ask('NACK', { id: a.headers.ack });
  const again = await reader.next();
  assert.deepEqual([again.body, again.headers['redelivery-count']], ['a', '1']);
  await reader.ask('NACK', { id: again.headers.ack }); // more than RedeliveryMax: dead
  assert.equal((await reader.next()).body, 'c');
  assert.deepEqual(await state(), {
    readers: 1,
    waiting: 1,
    inWindows: 2,
    redelivered: 2,
    dead: 1,
  });
  assert.deepEqual(await ask('POST queues/jobs/q/purge', { status: 200 }), { purged: 3 });
  assert.equal((await state()).waiting, 0);
  await reader.ask('ACK', { id: b.headers.ack }); // what a reader held stayed with it
  assert.deepEqual(
    (await ask('GET queues')).queues.map(({ name }) => name),
    ['/jobs/q'],
  );
  await ask('GET channels/jobs/q', { status: 404 });
});

test('durable subscriptions are listed and forgotten', async (t) => {
  const dir = scratch(t);
  let realm = await storing(t, { dir });
  let ask = api(t, realm.port);
  await ask('PUT channels/fx/d', { status: 201 });
  const stomp = await Stomp.connect(t, realm.port);
  for (const durable of ['one', 'with/slash']) {
    await stomp.ask('SUBSCRIBE', { id: durable, destination: '/fx/d', durable });
  }
  await publish(ask, 'channels/fx/d', 'x');
  await until('both places', async () => {
    const { durables } = await ask('GET channels/fx/d/durables');
    return durables.length === 2 && durables.every(({ next, active }) => next === 2 && active);
  });
  const { message } = await ask('DELETE channels/fx/d/durables/one', { status: 409 });
  assert.match(message, /it has a reader/);
  stomp.socket.terminate();
  await until('it to be free', async () => {
    const { durables } = await ask('GET channels/fx/d/durables');
    return durables.every(({ active }) => !active);
  });
  assert.deepEqual(await ask('DELETE channels/fx/d/durables/with%2fslash', { status: 200 }), {
    forgotten: 'with/slash',
  });
  await realm.stop();
  realm = await storing(t, { dir });
  ask = api(t, realm.port);
  const { durables } = await ask('GET channels/fx/d/durables');
  assert.deepEqual(
    durables.map(({ name, next, active }) => [name, next, active]),
    [['one', 2, false]],
  );
});

test('who has no right changes nothing', async (t) => {
  const dir = scratch(t);
  writeFileSync(join(dir, 'users'), `${HASHES.bcrypt('alice', 'ecila', 4)}\n`);
  const sections = `AuthUserFile users
<Channel "/fx/*">
    Allow manage alice
    Allow purge nobody
</Channel>
`;
  const { port } = await storing(t, { dir, sections });
  const ask = api(t, port);
  const alice = [`Authorization: Basic ${Buffer.from('alice:ecila').toString('base64')}`];
  await ask('PUT channels/fx/a', { status: 401 });
  await ask('PUT channels/fx/a', { fields: alice, status: 201 });
  assert.match((await ask('GET channels/fx/a')).madeBy, /^alice@127/);
  await ask('DELETE channels/fx/a', { status: 401 });
  await ask('GET channels/fx/a/durables', { status: 401 });
  await ask('DELETE channels/fx/a/durables/x', { status: 401 });
  await ask('POST channels/fx/a/purge', { fields: alice, status: 403 });
  await ask('DELETE channels/fx/a', { fields: alice, status: 200 });
  await ask('PUT channels/fx/b', {
    fields: [...alice, 'Origin: https://evil.example'],
    status: 403,
  });
});

test('a reload takes over what was made, says what it cannot use, and gives it back', async (t) => {
  const section = (lines) => `<Channel "/mem/*">\nAllow manage *\n${lines}</Channel>\n`;
  const realm = await startReloadableRealm(t, { more: section('Capacity 9\n') });
  const ask = api(t, realm.port);
  await ask('PUT channels/mem/a', { body: { ttl: '1m' }, status: 201 });
  const kept = await realm.reload(section('CreateOnUse Off\n'));
  assert.doesNotMatch(kept, /is not used now/);
  await realm.reload('<Queue "/mem/*">\nAllow manage *\n</Queue>\n');
  const said = await realm.program.line(/is not used now/);
  assert.match(said, /\/mem\/a, which anonymous@127\.0\.0\.1 has made, is not used now: .*<Queue/);
  await realm.reload(section(''));
  assert.equal((await ask('GET channels/mem/a')).ttlMs, 60_000);
  await ask('DELETE channels/mem/a', { status: 200 });
});

test('copies that could not be made are counted, and the first are in the log', async (t) => {
  const realm = await startReloadableRealm(t, {
    more: `<Channel "/src">
    Join /closed/a
    Allow manage *
</Channel>
<Channel "/closed/*">
    CreateOnUse Off
    Allow manage *
</Channel>
`,
    isWatched: true,
  });
  const ask = api(t, realm.port);
  await publish(ask, 'channels/src', 'x');
  const name = 'wayleave_realm_uncopied_events_total';
  await until('one', async () => (await realm.metric(name)) === 1);
  const line = await realm.program.line(/warn: \/src: an event is not passed on/);
  assert.match(line, /to \/closed\/a \(Join\): it is not there, .*CreateOnUse On\); 1 so far$/);
  await ask('PUT channels/closed/a', { status: 201 }); // with Store memory as long as it runs
  await publish(ask, 'channels/src', 'y');
  assert.equal(bodies(await ask('GET channels/closed/a/events')), 'y');
  assert.equal(await realm.metric(name), 1);
  await ask('DELETE channels/closed/a', { status: 200 });
  for (let i = 0; i < 10; i += 1) await publish(ask, 'channels/src', 'z');
  await until('all', async () => (await realm.metric(name)) === 11);
  const lines = realm.program.stderr.match(/an event is not passed on/g)?.length ?? 0;
  assert.ok(lines < 11, `${lines}`); // five at once, and then one in a minute
});

test('requests of administrators keep their connection', async (t) => {
  const { port } = await storing(t);
  const { ask } = await keptConnection(t, port);
  const statuses = [];
  for (const [line, body] of [
    ['PUT /api/channels/fx/k', '{}'],
    ['POST /api/channels/fx/k/events', 'x'],
    ['POST /api/channels/fx/k/purge', undefined],
    ['DELETE /api/channels/fx/k', undefined],
    ['GET /api/health', undefined],
  ]) {
    statuses.push((await ask(line, { body })).status);
  }
  assert.deepEqual(statuses, [201, 201, 200, 200, 200]);
});
