// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * What a review found that thought as hostile clients and careless administrators do: each of it
 * once ended the realm, lost or doubled events, or told somebody what was not for him.
 */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { askOnce } from '../lib/ask.mjs';
import { OPCODE, closeFrame, frame, openWebSocket, readClose } from '../lib/frames.mjs';
import { HASHES } from '../lib/passwords.mjs';
import { freePort, startReloadableRealm } from '../lib/reload.mjs';
import { SockSession } from '../lib/sockjs.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { DEMO_CHANNELS, runWayleave, scratch, startRealm } from '../lib/wayleave.mjs';

const stompFrame = (command, headers, body = '') =>
  frame(
    OPCODE.text,
    `${command}\n${Object.entries(headers)
      .map(([name, value]) => `${name}:${value}\n`)
      .join('')}\n${body}\0`,
  );

/** A directory with an empty one for the store in it, and the lines that say so. */
function storeIn(t) {
  const dir = scratch(t);
  mkdirSync(join(dir, 'store'));
  return { dir, lines: `Store lmdb\nStorePath "${join(dir, 'store')}"\nStoreSize 20m\n` };
}

test('who says Close while its password is verified is not missed', async (t) => {
  const dir = scratch(t);
  writeFileSync(join(dir, 'users'), `${HASHES.bcrypt('alice', 'ecila', 10)}\n`);
  const { port, program } = await startRealm(t, {
    dir,
    anonymous: false,
    more: `AuthUserFile users\nAuthCacheTimeout 0\n${DEMO_CHANNELS}`,
  });
  const login = { 'accept-version': '1.2', host: 'localhost', login: 'alice' };
  const { peer } = await openWebSocket(port, '/stomp', {
    fields: ['Sec-WebSocket-Protocol: v12.stomp'],
    early: Buffer.concat([
      stompFrame('CONNECT', { ...login, passcode: 'wrong' }),
      closeFrame(1000),
    ]),
  });
  t.after(() => peer.destroy());
  assert.equal((await readClose(peer)).code, 1000);
  await program.line(/user "alice": wrong password/);
  const next = await Stomp.connect(t, port, { login: 'alice', passcode: 'ecila' });
  assert.equal(next.connected.command, 'CONNECTED');
});

test('who never says CONNECT is told so, over WebSocket and where a poll waits', async (t) => {
  const { port, program } = await startRealm(t, {
    more: `HandshakeTimeout 300ms\n${DEMO_CHANNELS}`,
  });
  const { peer } = await openWebSocket(port, '/stomp', {
    fields: ['Sec-WebSocket-Protocol: v12.stomp'],
  });
  t.after(() => peer.destroy());
  const reason = 'no CONNECT came, or was verified, within HandshakeTimeout';
  assert.deepEqual(await readClose(peer), { code: 1008, reason });
  await program.line(new RegExp(`closed by the realm with 1008: ${reason}`));

  const session = new SockSession(t, port);
  assert.deepEqual(await (await session.receive('eventsource')).all(), [
    'data: o',
    'data: c[3000,"Go away!"]',
  ]);
  await program.line(new RegExp(`session [2-9] ended: .* by the realm with 1008: ${reason}$`));
});

test('a channel whose section is gone is not for anybody', async (t) => {
  const secret = '<Channel "/secret">\n    Deny subscribe anonymous\n</Channel>\n';
  const { port, reload } = await startReloadableRealm(t, { more: DEMO_CHANNELS + secret });
  const writer = await Stomp.connect(t, port);
  assert.equal((await writer.ask('SEND', { destination: '/secret' }, 'x')).eid, '1');
  await reload(DEMO_CHANNELS);

  const nosy = await Stomp.connect(t, port);
  nosy.send('SUBSCRIBE', { id: 's', destination: '/secret', from: 'stored' });
  await nosy.isRefused(/^MissingResourceException/);
  for (const path of ['secret', 'secret/events']) {
    assert.equal((await askOnce(t, port, `GET /api/channels/${path}`)).status, 404, path);
  }
  assert.deepEqual((await askOnce(t, port, 'GET /api/channels')).json().channels, []);

  await reload(DEMO_CHANNELS + secret.replace('Deny', 'Allow'));
  const reader = await Stomp.connect(t, port);
  await reader.ask('SUBSCRIBE', { id: 's', destination: '/secret', from: 'stored' });
  assert.equal((await reader.next()).body, 'x');
});

test('an event over HTTP is one that every reader can get', async (t) => {
  const { port } = await startRealm(t, { more: `EventBytesMax 1k\n${DEMO_CHANNELS}` });
  const reader = await Stomp.connect(t, port);
  await reader.ask('SUBSCRIBE', { id: 's', destination: '/demo/a' });
  const post = (fields) =>
    askOnce(t, port, 'POST /api/channels/demo/a/events', { fields, body: 'x' });
  const long = (count) =>
    Array.from({ length: count }, (_, i) => `Event-A${i}: ${':'.repeat(5000)}`);

  assert.equal((await post(long(4))).status, 400);
  for (const forged of ['Join-Channel: /x', 'Dead-Event-Reason: x', 'Ack: 1@s', 'Browser: end']) {
    assert.equal((await post([`Event-${forged}`])).status, 400, forged);
  }
  assert.equal((await post([`Publish-Id: ${'p'.repeat(401)}`])).status, 400);
  assert.equal((await post(long(3))).status, 201);
  const { headers } = await reader.next();
  assert.equal(headers.eid, '1');
  assert.equal(headers.a2, '\\c'.repeat(5000));
  reader.send('SEND', { destination: '/demo/a', 'publish-id': 'p'.repeat(401) });
  await reader.isRefused(/^LimitException\\c publish-id is longer than 400 bytes/);
});

test('what was consumed is not delivered again after a restart', async (t) => {
  const { dir, lines } = storeIn(t);
  const more = `${lines}<Queue "/jobs">\n    Type persistent\n</Queue>\n`;
  const first = await startRealm(t, { dir, more });
  const reader = await Stomp.connect(t, first.port);
  for (const body of ['a', 'b']) await reader.ask('SEND', { destination: '/jobs' }, body);
  reader.send('SUBSCRIBE', { id: 's', destination: '/jobs' });
  assert.equal((await reader.next()).body, 'a');
  assert.equal((await reader.next()).body, 'b');
  await first.stop();

  const again = await Stomp.connect(t, (await startRealm(t, { dir, more })).port);
  await again.ask('SUBSCRIBE', { id: 's', destination: '/jobs' });
  await again.ask('SEND', { destination: '/jobs' }, 'c');
  assert.equal((await again.next()).body, 'c');
});

test('limits that are less than what the store has', async (t) => {
  const { dir, lines } = storeIn(t);
  const more = (limits) =>
    `${lines}${limits}<Channel "/kept/*">\n    Type persistent\n</Channel>\n`;
  const first = await startRealm(t, { dir, more: more('') });
  const writer = await Stomp.connect(t, first.port);
  await writer.ask('SEND', { destination: '/kept/a' }, 'x'.repeat(100000));
  for (const durable of ['d', 'e']) {
    await writer.ask('SUBSCRIBE', { id: durable, destination: '/kept/a', durable });
  }
  await first.stop();

  await t.test('an event that is longer than EventBytesMax now is delivered', async (t) => {
    const { port } = await startRealm(t, { dir, more: more('EventBytesMax 1k\n') });
    const reader = await Stomp.connect(t, port);
    await reader.ask('SUBSCRIBE', { id: 's', destination: '/kept/a', from: 'stored' });
    assert.equal((await reader.next()).body.length, 100000);
  });

  await t.test('DurablesMax: the sentence says which line', async () => {
    const file = join(dir, 'less.conf');
    writeFileSync(
      file,
      `Interface http://127.0.0.1:${await freePort()}\nAnonymous On\n${more('DurablesMax 1\n')}`,
    );
    const { code, stderr } = await runWayleave(['realm', '-f', file, '-u', 'root']);
    assert.equal(code, 1);
    assert.match(stderr, /DurablesMax: the store has more durable subscriptions than that/);
  });
});

test('ChannelsMax is named when it is too small for the sections', async (t) => {
  const one = 'ChannelsMax 1\n<Channel "/a">\n</Channel>\n';
  const two = `${one}<Channel "/b">\n</Channel>\n`;
  const realm = await startReloadableRealm(t, { more: one });
  await realm.reload(two);
  await realm.program.line(/error: ChannelsMax: not every channel/);

  const file = join(scratch(t), 'two.conf');
  writeFileSync(file, `Interface http://127.0.0.1:${await freePort()}\nAnonymous On\n${two}`);
  const { code, stderr } = await runWayleave(['realm', '-f', file, '-u', 'root']);
  assert.equal(code, 1);
  assert.match(stderr, /ChannelsMax: there are more <Channel>, <Queue> and <DataGroup> sections/);
});

test('a section that another one covers counts for nothing, and that is said', async (t) => {
  const { port, program } = await startRealm(t, {
    more: `<Channel "/*">
    Capacity 7
</Channel>
<Channel "/a">
    Capacity 5
    Deny all *
</Channel>
`,
  });
  await program.line(/warning: <Channel "\/a"> counts for nothing/);
  // Not one half of it: its capacity, but not who may.
  assert.equal((await askOnce(t, port, 'GET /api/channels/a')).json().capacity, 7);
});

test('asking for names makes no channels', async (t) => {
  const { dir, lines } = storeIn(t);
  const more = `${lines}ChannelsMax 3\n<Channel "/kept/*">\n    Type persistent\n</Channel>\n`;
  const first = await startRealm(t, { dir, more });
  const status = async ({ port }, name) =>
    (await askOnce(t, port, `GET /api/channels/kept/${name}`)).status;
  for (let i = 0; i < 5; i += 1) assert.equal(await status(first, i), 404);
  const writer = await Stomp.connect(t, first.port);
  assert.equal((await writer.ask('SEND', { destination: '/kept/a' }, 'x')).eid, '1');
  await first.stop();

  const again = await startRealm(t, { dir, more });
  assert.equal(await status(again, 'b'), 404);
  assert.equal(await status(again, 'a'), 200);
});
