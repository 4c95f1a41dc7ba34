// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** SockJS over WebSocket, and what a session of it is to the realm: logins, limits, the end. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import WebSocket from 'ws';
import { get, startReloadableRealm } from '../lib/reload.mjs';
import { askWhole, CONNECT, SockSession, stompFrame } from '../lib/sockjs.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until, within } from '../lib/wait.mjs';
import { DEMO_CHANNELS, scratch, startRealm } from '../lib/wayleave.mjs';

/** Text messages of a WebSocket, one after the other. */
class Inbox {
  texts = [];
  /** @type {number | null} */
  code = null;

  constructor(t, url, protocols = []) {
    this.socket = new WebSocket(url, protocols);
    t.after(() => this.socket.terminate());
    this.socket.on('message', (data, isBinary) => {
      this.texts.push(isBinary ? data : String(data));
    });
    this.socket.on('close', (code) => (this.code = code));
    this.socket.on('error', () => {});
  }

  next() {
    return until('a message', () => this.texts.shift(), { seen: () => `closed: ${this.code}` });
  }

  async ended() {
    await until('the end', () => this.code !== null);
    return this.code;
  }
}

const say = (inbox, ...messages) => inbox.socket.send(JSON.stringify(messages));

test('SockJS over WebSocket', async (t) => {
  const realm = await startRealm(t, { more: `${DEMO_CHANNELS}SockJSHeartBeat 1s\n` });
  const url = `ws://localhost:${realm.port}/sockjs`;
  const open = async (path = '/0/x/websocket') => {
    const inbox = new Inbox(t, url + path);
    assert.equal(await inbox.next(), 'o');
    return inbox;
  };

  await t.test('begins with an o; arrays and single strings come in, arrays go out', async () => {
    const inbox = await open();
    inbox.socket.send(JSON.stringify(CONNECT));
    assert.match(await inbox.next(), /^a\["CONNECTED\\n/);
    say(inbox, stompFrame('SUBSCRIBE', { id: 's', destination: '/demo/ws' }));
    say(inbox, 'SEND\ndesti', 'nation:/demo/ws\n\nhel', 'lo\0');
    assert.match(await inbox.next(), /^a\["MESSAGE\\n.*\\n\\nhello\\u0000"\]$/);
  });

  await t.test('empty messages are ignored', async () => {
    const inbox = await open();
    inbox.socket.send('');
    say(inbox);
    say(inbox, '');
    say(inbox, CONNECT);
    assert.match(await inbox.next(), /^a\["CONNECTED/);
  });

  await t.test('broken JSON ends the connection abruptly', async () => {
    for (const broken of ['["a', '{}', '["a"]x', '[1]']) {
      const inbox = await open();
      inbox.socket.send(broken);
      assert.equal(await inbox.ended(), 1007);
      assert.deepEqual(inbox.texts, []);
    }
  });

  await t.test('what STOMP ends ends with a c, and then a Close', async () => {
    const inbox = await open();
    say(inbox, CONNECT, stompFrame('DISCONNECT', { receipt: 'bye' }));
    assert.match(await inbox.next(), /^a\["CONNECTED/);
    assert.match(await inbox.next(), /^a\["RECEIPT\\nreceipt-id:bye/);
    assert.equal(await inbox.next(), 'c[3000,"Go away!"]');
    assert.equal(await inbox.ended(), 1000);
  });

  await t.test('its name may be used twice, and is no name over HTTP', async () => {
    const [one, two] = [await open(), await open()];
    say(one, CONNECT);
    say(two, CONNECT);
    for (const inbox of [one, two]) assert.match(await inbox.next(), /^a\["CONNECTED/);
    assert.equal((await new SockSession(t, realm.port, { id: 'x' }).post('["a"]')).status, 404);
  });

  await t.test('an h comes when there was nothing else', async () => {
    const inbox = await open();
    assert.equal(await inbox.next(), 'h');
  });

  await t.test('no more is taken at once than SockJSBodyBytesMax', async () => {
    const inbox = await open();
    say(inbox, 'x'.repeat(5 << 20));
    assert.equal(await inbox.ended(), 1009);
  });

  await t.test('raw: STOMP as it is, with a subprotocol or without', async () => {
    for (const protocols of [[], ['v12.stomp']]) {
      const inbox = new Inbox(t, `${url}/websocket`, protocols);
      await within('open', new Promise((resolve) => inbox.socket.once('open', resolve)));
      assert.equal(inbox.socket.protocol, protocols[0] ?? '');
      inbox.socket.send(CONNECT);
      assert.match(await inbox.next(), /^CONNECTED\n/);
    }
  });

  await t.test('what is no WebSocket is told so', async () => {
    const plain = await askWhole(t, realm.port, 'GET /sockjs/0/0/websocket');
    assert.equal(plain.status, 400);
    assert.match(plain.text, /Can "Upgrade" only to "WebSocket"\./);
    const fields = ['Upgrade: WebSocket', 'Connection: close'];
    const half = await askWhole(t, realm.port, 'GET /sockjs/0/0/websocket', { fields });
    assert.equal(half.status, 400);
    assert.match(half.text, /"Connection" must be "Upgrade"\./);
  });
});

test('an event that is no text goes as base64, and only there', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const session = new SockSession(t, realm.port);
  const receiver = await session.connect();
  await session.say(stompFrame('SUBSCRIBE', { id: 's', destination: '/demo/bytes' }));
  const plain = new Inbox(t, `ws://localhost:${realm.port}/stomp`, ['v12.stomp']);
  await within('open', new Promise((resolve) => plain.socket.once('open', resolve)));
  plain.socket.send(CONNECT + stompFrame('SUBSCRIBE', { id: 's', destination: '/demo/bytes' }));
  await plain.next();
  const bytes = Buffer.from([0xff, 0, 0xfe, 1, 2]);
  const head = `SEND\ndestination:/demo/bytes\ncontent-length:${bytes.length}\n\n`;
  plain.socket.send(Buffer.concat([Buffer.from(head), bytes, Buffer.from([0])]));
  const heard = await receiver.messages();
  assert.match(heard, /\ncontent-transfer-encoding:base64\n/);
  assert.ok(heard.endsWith(`\ncontent-length:8\n\n${bytes.toString('base64')}\0`));
  const there = await plain.next();
  assert.ok(there.includes(bytes) && !there.includes('base64'));
});

test('one event for sessions of every kind, and what they are counted as', async (t) => {
  const realm = await startReloadableRealm(t, { isWatched: true });
  const sessions = [];
  const receivers = [];
  for (const kind of ['xhr_streaming', 'xhr_streaming', 'eventsource']) {
    sessions.push(new SockSession(t, realm.port));
    receivers.push(await sessions.at(-1).connect(kind));
    await sessions.at(-1).say(stompFrame('SUBSCRIBE', { id: 's', destination: '/demo/all' }));
  }
  const stomp = await Stomp.connect(t, realm.port);
  await stomp.ask('SUBSCRIBE', { id: 's', destination: '/demo/all' });
  stomp.send('SEND', { destination: '/demo/all' }, 'to all');
  for (const receiver of receivers) assert.match(await receiver.messages(), /\n\nto all\0$/);
  assert.equal((await stomp.next()).body, 'to all');
  assert.equal(await realm.metric('wayleave_realm_sessions'), 4);
  assert.equal(await realm.metric('wayleave_realm_sockjs_sessions_total'), 3);
  assert.equal(await realm.metric('wayleave_realm_events_total{direction="out"}'), 4);
  await sessions[0].say(stompFrame('SEND', { destination: '/demo/all' }, 'from one'));
  assert.equal((await stomp.next()).body, 'from one');
  assert.equal(await realm.metric('wayleave_realm_events_total{direction="in"}'), 2);
  const { body } = await get(realm.admin, '/status');
  const carriers = JSON.parse(body).sessions.map(({ carrier, eventsOut }) => [carrier, eventsOut]);
  assert.deepEqual(carriers, [
    ['http sockjs xhr', 2],
    ['http sockjs xhr', 2],
    ['http sockjs eventsource', 2],
    ['ws', 2],
  ]);
  await sessions[2].say(stompFrame('DISCONNECT'));
  await until('the gauge', async () => (await realm.metric('wayleave_realm_sessions')) === 3);
});

test('events of a queue go back when the receiver breaks off', async (t) => {
  const realm = await startRealm(t, { more: '<Queue "/jobs/*">\n</Queue>\n' });
  const session = new SockSession(t, realm.port);
  const receiver = await session.connect();
  const wanted = { id: 'q', destination: '/jobs/a', ack: 'client' };
  await session.say(stompFrame('SUBSCRIBE', wanted));
  const stomp = await Stomp.connect(t, realm.port);
  stomp.send('SEND', { destination: '/jobs/a' }, 'work');
  assert.match(await receiver.messages(), /\n\nwork\0$/);
  stomp.send('SUBSCRIBE', wanted);
  receiver.peer.reset();
  const again = await stomp.next();
  assert.equal(again.body, 'work');
  assert.equal(again.headers.redelivered, 'true');
});

test('who may come in is asked as everywhere', async (t) => {
  const dir = scratch(t);
  writeFileSync(join(dir, 'users'), 'ada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n'); // "password"
  const more = `AuthUserFile "${join(dir, 'users')}"\n<Channel "/demo/*">\n</Channel>\n`;
  const realm = await startRealm(t, { anonymous: false, more });
  const login = (passcode) =>
    stompFrame('CONNECT', { 'accept-version': '1.2', host: 'x', login: 'ada', passcode });

  const stranger = new SockSession(t, realm.port);
  await stranger.poll();
  await stranger.say(CONNECT);
  assert.match((await stranger.poll()).join(''), /ERROR.*SecurityException.*c\[3000/);

  const ada = new SockSession(t, realm.port);
  await ada.poll();
  await ada.say(login('password'));
  assert.match(await ada.pollMessages(), /^CONNECTED\n/);

  const liar = new SockSession(t, realm.port);
  await liar.poll();
  await liar.say(login('wrong'));
  assert.match((await liar.poll()).join(''), /ERROR.*SecurityException/);

  const fields = [`Authorization: Basic ${Buffer.from('ada:password').toString('base64')}`];
  const basic = new SockSession(t, realm.port, { fields });
  assert.deepEqual(await basic.poll(), ['o']);
  await basic.say(CONNECT);
  assert.match(await basic.pollMessages(), /^CONNECTED\n/);
  const wrong = [`Authorization: Basic ${Buffer.from('ada:no').toString('base64')}`];
  const refused = new SockSession(t, realm.port, { fields: wrong });
  assert.equal((await refused.receive()).status, 401);
});

test('the realm stops: receivers are told, and nothing is left over', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const stream = await new SockSession(t, realm.port).connect();
  const idle = new SockSession(t, realm.port);
  await idle.poll();
  const socket = new Inbox(t, `ws://localhost:${realm.port}/sockjs/0/x/websocket`);
  assert.equal(await socket.next(), 'o');
  process.kill(realm.pid, 'SIGTERM');
  assert.deepEqual(await stream.all(), ['c[3000,"Go away!"]']);
  assert.equal(await socket.next(), 'c[3000,"Go away!"]');
  assert.equal(await socket.ended(), 1012);
  await within('its end', realm.program.exit);
  assert.match(realm.program.stderr, /session \d+ ended: [^\n]*, closed by the realm with 1012/);
});

test('a slow receiver is bounded, and costs the others nothing', async (t) => {
  const more = '<Channel "/demo/*">\nCapacity 20\n</Channel>\nSockJSStreamBytes 512m\n';
  const realm = await startRealm(t, { more });
  const session = new SockSession(t, realm.port);
  const receiver = await session.connect();
  await session.say(stompFrame('SUBSCRIBE', { id: 's', destination: '/demo/fast' }));
  receiver.peer.socket.pause();
  const stomp = await Stomp.connect(t, realm.port);
  const body = 'y'.repeat(200_000);
  for (let i = 0; i < 200; i++) {
    await stomp.ask('SEND', { destination: '/demo/fast' }, body);
  }
  receiver.peer.socket.resume();
  await realm.program.line(
    /session \d+ ended: .*so slow that events it needs of \S+ are not stored/,
  );
});
