// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What doc/datagroups.md promises, with the built realm, our client, and a page in a browser. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Nirvana } from '../../js/client/src/compat/nirvana.js';
import { connect } from '../../js/client/src/index.js';
import { askOnce } from '../lib/ask.mjs';
import { WebSocketDirect } from '../lib/client.mjs';
import { startBrowser, startSite } from '../lib/page.mjs';
import { HASHES } from '../lib/passwords.mjs';
import { startReloadableRealm } from '../lib/reload.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until, within } from '../lib/wait.mjs';
import { runWayleave, scratch, startRealm } from '../lib/wayleave.mjs';

const DESK = `<DataGroup "/desk/*">
    Allow manage *
</DataGroup>
`;
const ALL = `<DataGroup "/notices">
    Members all
    Allow manage *
</DataGroup>
`;

/** Requests with JSON in and out; `status` is checked where it is given. */
function api(t, port, fields) {
  return async (line, { body, status = 200 } = {}) => {
    const [method, path] = line.split(' ');
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await askOnce(t, port, `${method} /api/${path}`, { body: text, fields });
    assert.equal(answer.status, status, `${line}: ${answer.text}`);
    return answer.json();
  };
}

/** A session of our client with its data stream. */
async function opened(t, port, { options = {}, ...stream } = {}) {
  const session = await connect(`ws://localhost:${port}`, {
    WebSocket: WebSocketDirect,
    ...options,
  });
  t.after(() => session.close());
  const data = session.dataStream(stream);
  await within('the data stream', data.ready);
  return { session, data };
}

async function take(data, count) {
  const seen = [];
  while (seen.length < count) {
    const { value } = await within(`event ${seen.length + 1}`, data.next());
    seen.push(`${value.channel} ${value.data}`);
  }
  return seen;
}

const publish = (ask, group, body) => ask(`POST groups/${group}/events`, { body, status: 201 });

test('a server adds a stream to a group and takes it out again; members get, others do not', async (t) => {
  const realm = await startRealm(t, { more: DESK + ALL });
  const ask = api(t, realm.port);
  const { data: one, session } = await opened(t, realm.port, { name: 'desk "7"' });
  const { data: two } = await opened(t, realm.port);
  const { streams } = await ask('GET streams');
  assert.deepEqual(streams, [
    {
      ...{ id: one.id, session: session.id, name: 'desk "7"', user: null },
      ...{ address: '127.0.0.1', groupCount: 1, groups: ['/notices'] },
    },
    { ...streams[1], id: two.id, name: '' },
  ]);

  await ask(`PUT groups/desk/7/streams/${one.id}`);
  await publish(ask, 'desk/7', 'by HTTP');
  await session.channel('/desk/7').publish('by STOMP');
  const url = `ws://localhost:${realm.port}`;
  const { code, stderr } = await runWayleave(['pub', url, '/desk/7', 'from the shell']);
  assert.equal(code, 0, stderr);
  await session.transaction().publish('/desk/7', 'in a transaction').commit();
  await publish(ask, 'notices', 'to all');
  assert.deepEqual(await take(one, 5), [
    '/desk/7 by HTTP',
    '/desk/7 by STOMP',
    '/desk/7 from the shell',
    '/desk/7 in a transaction',
    '/notices to all',
  ]);
  assert.deepEqual(await take(two, 1), ['/notices to all']);

  assert.equal((await ask('GET groups/desk/7')).memberCount, 1);
  await ask(`DELETE groups/desk/7/streams/${one.id}`);
  await publish(ask, 'desk/7', 'nobody hears this');
  await publish(ask, 'notices', 'again');
  assert.deepEqual(await take(one, 1), ['/notices again']);
  assert.deepEqual((await ask('GET groups/desk/7/streams')).streams, []);
  const again = await ask(`DELETE groups/desk/7/streams/${one.id}`, { status: 404 });
  assert.match(again.message, /not in the group/);
});

test('a session that ends leaves its groups; after a reconnect the stream is a new one', async (t) => {
  const realm = await startReloadableRealm(t, { more: DESK + ALL, isWatched: true });
  const ask = api(t, realm.port);
  const lines = new Set();
  const WebSocket = class extends WebSocketDirect {
    constructor(url, protocols) {
      super(url, protocols);
      lines.add(this);
    }
  };
  const ids = [];
  const { data } = await opened(t, realm.port, {
    options: { WebSocket },
    onOpen: (id) => ids.push(id),
  });
  await ask(`PUT groups/desk/7/streams/${data.id}`);
  lines.forEach((line) => line.terminate());
  await until('another stream', () => ids.length === 2);
  assert.notEqual(ids[0], ids[1]);
  await until('the old one has gone', async () => (await ask('GET streams')).streams.length === 1);
  assert.equal((await ask('GET groups/desk/7')).memberCount, 0);
  const { message } = await ask(`PUT groups/desk/7/streams/${ids[0]}`, { status: 404 });
  assert.equal(message, 'there is no data stream of that id; it may have ended');
  await publish(ask, 'desk/7', 'missed');
  await publish(ask, 'notices', 'a');
  await ask(`PUT groups/desk/7/streams/${ids[1]}`);
  await publish(ask, 'desk/7', 'b');
  assert.deepEqual(await take(data, 2), ['/notices a', '/desk/7 b']);
  assert.equal(await realm.metric('wayleave_realm_data_streams'), 1);
  await data.close();
  await publish(ask, 'notices', 'c');
  assert.equal(await realm.metric('wayleave_realm_data_streams'), 0);
});

test('a group holds others, and a channel feeds one, by joins', async (t) => {
  const realm = await startRealm(t, {
    more: `${DESK}<DataGroup "/floor">
    Join /desk/1
    Join /desk/2 "urgent = 'yes'"
</DataGroup>
<Channel "/fx">
    Join /floor
</Channel>
`,
  });
  const ask = api(t, realm.port);
  const { data: one, session } = await opened(t, realm.port);
  const { data: two } = await opened(t, realm.port);
  await ask(`PUT groups/desk/1/streams/${one.id}`);
  await ask(`PUT groups/desk/2/streams/${two.id}`);
  await session.channel('/fx').publish('calm');
  await session.channel('/floor').publish({ data: 'urgent', dict: { urgent: 'yes' } });
  assert.deepEqual(await take(one, 2), ['/desk/1 calm', '/desk/1 urgent']);
  assert.deepEqual(await take(two, 1), ['/desk/2 urgent']);
});

test('who may not is told so: publish, manage, and have a stream in a group', async (t) => {
  const dir = scratch(t);
  const users = join(dir, 'users');
  const lines = ['alice', 'bob'].map((user) => HASHES.SHA(user, 'secret'));
  writeFileSync(users, `${lines.join('\n')}\n`);
  const realm = await startRealm(t, {
    dir,
    more: `AuthUserFile "${users}"
<DataGroup "/desk">
    Allow publish,manage alice
    Deny subscribe bob
</DataGroup>
<DataGroup "/all">
    Members all
    Deny subscribe bob
</DataGroup>
`,
  });
  const login = (user) => [`Authorization: Basic ${btoa(`${user}:secret`)}`];
  const alice = api(t, realm.port, login('alice'));
  const bob = api(t, realm.port, login('bob'));
  const as = (user) => ({ options: { login: user, passcode: 'secret' } });
  const { data: hers } = await opened(t, realm.port, as('alice'));
  const { data: his, session } = await opened(t, realm.port, as('bob'));

  const says = async (asking, line, options, text) =>
    assert.match((await asking(line, { status: 403, ...options })).message, text);
  await says(
    bob,
    `PUT groups/desk/streams/${his.id}`,
    {},
    /^bob@127\.0\.0\.1 may not manage \/desk$/,
  );
  await says(bob, 'GET streams', {}, /^the data streams are shown to those who may manage/);
  await says(bob, 'GET groups/desk/streams', {}, /may not manage/);
  await says(bob, 'POST groups/desk/events', { body: 'x' }, /may not publish to \/desk/);
  await assert.rejects(session.channel('/desk').publish('x'), {
    code: 'not-allowed',
    message: /^bob@127\.0\.0\.1 may not publish to \/desk$/,
  });
  await says(
    alice,
    `PUT groups/desk/streams/${his.id}`,
    {},
    /^the client of that data stream may not subscribe to \/desk$/,
  );
  const { streams } = await alice('GET streams');
  assert.deepEqual(
    streams.map(({ user, groups }) => [user, groups]),
    [
      ['alice', ['/all']],
      ['bob', []],
    ],
  );
  await alice(`PUT groups/desk/streams/${hers.id}`);
  await publish(alice, 'desk', 'for alice');
  assert.deepEqual(await take(hers, 1), ['/desk for alice']);
});

test('a group made over HTTP is there after a restart, and removed only by force while it has members', async (t) => {
  const dir = scratch(t);
  const store = join(dir, 'store');
  mkdirSync(store);
  const more = `Store lmdb\nStorePath "${store}"\nStoreSize 64m\n${DESK}`;
  let realm = await startRealm(t, { dir, more });
  const made = await api(t, realm.port)('PUT groups/desk/all', {
    body: { members: 'all', slowReader: 'skip' },
    status: 201,
  });
  assert.equal(made.members, 'all');
  const refused = await api(t, realm.port)('PUT groups/desk/x', {
    body: { members: 'some' },
    status: 400,
  });
  assert.match(refused.message, /^Members: "some" is neither all nor added$/);
  await realm.stop();

  realm = await startRealm(t, { dir, more });
  const ask = api(t, realm.port);
  const { data } = await opened(t, realm.port);
  const group = await ask('GET groups/desk/all');
  assert.deepEqual(
    [group.kind, group.origin, group.members, group.memberCount, group.slowReader],
    ['group', 'administrator', 'all', 1, 'skip'],
  );
  const { message } = await ask('DELETE groups/desk/all', { status: 409 });
  assert.equal(message, '/desk/all has members (ask with ?force=true, and they get no more of it)');
  await publish(ask, 'desk/all', 'a');
  await ask('DELETE groups/desk/all?force=true');
  await ask('GET groups/desk/all', { status: 404 });
  await ask(`PUT groups/desk/1/streams/${data.id}`);
  await publish(ask, 'desk/1', 'b');
  assert.deepEqual(await take(data, 2), ['/desk/all a', '/desk/1 b']);
});

test('a reload that brings a group for all brings it to the streams that there are', async (t) => {
  const realm = await startReloadableRealm(t, { more: DESK });
  const ask = api(t, realm.port);
  const { data } = await opened(t, realm.port);
  await realm.reload(DESK + ALL);
  await publish(ask, 'notices', 'new');
  assert.deepEqual(await take(data, 1), ['/notices new']);
  await realm.reload(DESK);
  await ask('POST groups/notices/events', { body: 'x', status: 404 });
});

test('a member who does not read is dropped, or left out where the group skips', async (t) => {
  const section = (name, policy) =>
    `<DataGroup "${name}">\nAllow manage *\nCapacity 3\nStoreBytes 8m\nSlowReader ${policy}\n</DataGroup>\n`;
  const realm = await startReloadableRealm(t, {
    more: `${section('/strict', 'drop')}${section('/kind', 'skip')}ViewBytesMax 64k\nPerMessageDeflate Off\n`,
    isWatched: true,
  });
  const ask = api(t, realm.port);
  const member = async (group) => {
    const stomp = await Stomp.connect(t, realm.port, { errors: 'receipt' });
    const { stream } = await stomp.ask('SUBSCRIBE', { id: 's', destination: '/$data' });
    await ask(`PUT groups/${group}/streams/${stream}`);
    stomp.socket.pause();
    return stomp;
  };
  const [dropped, skipped] = [await member('strict'), await member('kind')];
  const body = 'x'.repeat(500_000);
  for (let n = 0; n < 20; n++) {
    for (const group of ['strict', 'kind']) await publish(ask, group, body);
  }
  dropped.socket.resume();
  skipped.socket.resume();
  await until('the one is dropped', () => dropped.closed !== null);
  assert.equal(await realm.metric('wayleave_realm_slow_readers_total'), 1);
  await until('the other has what is newest', () => skipped.inbox.at(-1)?.headers.eid === '20');
  assert.ok(skipped.inbox.length < 20, `${skipped.inbox.length} came`);
  assert.equal(skipped.closed, null);
  assert.equal((await ask('GET groups/strict')).memberCount, 0);
});

test('pages of streams follow each other', async (t) => {
  const realm = await startRealm(t, { more: ALL });
  const ask = api(t, realm.port);
  const ids = [];
  for (let n = 0; n < 5; n++) ids.push((await opened(t, realm.port)).data.id);
  for (const path of ['streams', 'groups/notices/streams']) {
    const seen = [];
    let next = '';
    do {
      const page = await ask(`GET ${path}?max=2&after=${next}`);
      seen.push(...page.streams.map(({ id }) => id));
      next = page.next;
    } while (next !== null);
    assert.deepEqual(seen, ids);
  }
});

test('over SockJS, and with the compatible face, which dispatches by tag', async (t) => {
  const realm = await startRealm(t, { more: ALL });
  const { data, session } = await opened(t, realm.port, {
    options: { drivers: ['polling'], fetch },
  });
  const seen = [];
  const compat = Nirvana.createSession({
    realms: [`http://localhost:${realm.port}`],
    enableDataStreams: true,
    sessionName: 'old',
    WebSocket: WebSocketDirect,
  });
  t.after(() => compat.stop());
  compat.on(Nirvana.Observe.DATA, (event) => seen.push([event.getTag(), event.getData()]));
  compat.start();
  const ask = api(t, realm.port);
  await until('both are there', async () => {
    const { streams } = await ask('GET streams');
    return streams.some(({ name }) => name === 'old') && streams.length === 2;
  });
  await session.channel('/notices').publish({ tag: 'price', data: 'a' });
  assert.deepEqual(await take(data, 1), ['/notices a']);
  await until('the event', () => seen.length === 1);
  assert.deepEqual(seen, [['price', 'a']]);
  assert.match(session.path().inUse?.driver ?? '', /LONGPOLL/);
});

test('a page in Chromium gets what comes for its group', async (t) => {
  const site = await startSite(t);
  const realm = await startRealm(t, { more: `AllowOrigin ${site.origin}\n${DESK}` });
  const ask = api(t, realm.port);
  const browser = await startBrowser(t);
  const page = await site.open(browser, realm.port);
  await page.evaluate((port) => {
    const { NirvanaSession } = globalThis;
    globalThis.seen = new Promise((resolve) => {
      NirvanaSession.onData = (event) => resolve([event.getTag(), event.getDictionary().get('n')]);
    });
    NirvanaSession.start({ webSocketPort: port, enableDataStreams: true, sessionName: 'page' });
  }, realm.port);
  const stream = await until('its stream', async () => {
    const { streams } = await ask('GET streams');
    return streams.find(({ name }) => name === 'page');
  });
  await ask(`PUT groups/desk/1/streams/${stream.id}`);
  const { session } = await opened(t, realm.port);
  await session.channel('/desk/1').publish({ tag: 'price', dict: { n: 7 } });
  assert.deepEqual(await page.evaluate(() => globalThis.seen), ['price', 7]);
  await page.close();
});
