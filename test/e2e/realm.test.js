// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The realm as doc/wire.md describes it, asked by plain STOMP frames over somebody else's WebSocket. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import WebSocket from 'ws';
import { OPCODE, frame, openWebSocket } from '../lib/frames.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { exchange, field } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import { DEMO_CHANNELS, RELEASE, startRealm } from '../lib/wayleave.mjs';

test('a session as doc/wire.md describes it', async (t) => {
  const { port } = await startRealm(t, { more: DEMO_CHANNELS });

  await t.test('CONNECTED says version, session, server and heart-beat', async (t) => {
    const { connected } = await Stomp.connect(t, port, { 'heart-beat': '0,0' });
    assert.equal(connected.headers.version, '1.2');
    assert.match(connected.headers.session, /./);
    assert.match(connected.headers.server, /^wayleave\/\d/);
    assert.match(connected.headers['heart-beat'], /^\d+,\d+$/);
  });

  await t.test('an event comes with EID, id and the headers it was sent with', async (t) => {
    const stomp = await Stomp.connect(t, port);
    const destination = '/demo/headers';
    const { epoch, next } = await stomp.ask('SUBSCRIBE', { id: 's', destination });
    assert.ok(epoch);
    assert.equal(next, '1');
    stomp.send('SEND', { destination, colour: 'a\\cb', 'content-type': 'text/plain' }, 'grün');
    const { command, headers, body } = await stomp.next();
    assert.equal(command, 'MESSAGE');
    assert.equal(headers.subscription, 's');
    assert.equal(headers.destination, destination);
    assert.equal(headers.eid, '1');
    assert.equal(headers['message-id'], `${destination}@1`);
    assert.equal(headers.colour, 'a\\cb');
    assert.equal(headers['content-type'], 'text/plain');
    assert.equal(body, 'grün');
  });

  await t.test('a name without a slash is the same channel', async (t) => {
    const stomp = await Stomp.connect(t, port);
    await stomp.ask('SUBSCRIBE', { id: 's', destination: 'demo/slash' });
    stomp.send('SEND', { destination: '/demo/slash' }, 'x');
    assert.equal((await stomp.next()).body, 'x');
  });

  await t.test('from: now, stored, an EID, another life', async (t) => {
    const stomp = await Stomp.connect(t, port);
    const destination = '/demo/from';
    for (const [i, body] of ['a', 'b', 'c'].entries()) {
      const { eid } = await stomp.ask('SEND', { destination }, body);
      assert.equal(eid, String(i + 1));
    }
    const bodies = async (headers, count) => {
      const got = await stomp.ask('SUBSCRIBE', { id: 's', destination, ...headers });
      const found = [];
      for (let i = 0; i < count; i += 1) found.push((await stomp.next()).body);
      await stomp.ask('UNSUBSCRIBE', { id: 's' });
      return { next: got.next, epoch: got.epoch, found: found.join('') };
    };
    const { epoch } = await bodies({}, 0);
    assert.deepEqual(await bodies({}, 0), { epoch, next: '4', found: '' });
    assert.deepEqual(await bodies({ from: 'stored' }, 3), { epoch, next: '1', found: 'abc' });
    assert.deepEqual(await bodies({ from: '2', epoch }, 2), { epoch, next: '2', found: 'bc' });
    const otherLife = await bodies({ from: '3', epoch: 'another' }, 3);
    assert.deepEqual(otherLife, { epoch, next: '1', found: 'abc' });
  });

  await t.test('the same publish-id publishes once', async (t) => {
    const stomp = await Stomp.connect(t, port);
    const headers = { destination: '/demo/once', 'publish-id': 'p1' };
    assert.equal((await stomp.ask('SEND', headers, 'x')).eid, '1');
    assert.equal((await stomp.ask('SEND', headers, 'x')).eid, '1');
    const other = { ...headers, 'publish-id': 'p2' };
    assert.equal((await stomp.ask('SEND', other, 'x')).eid, '2');
  });

  await t.test('after the receipt for UNSUBSCRIBE no more events come', async (t) => {
    const stomp = await Stomp.connect(t, port);
    const destination = '/demo/quiet';
    await stomp.ask('SUBSCRIBE', { id: 's', destination });
    await stomp.ask('UNSUBSCRIBE', { id: 's' });
    await stomp.ask('SEND', { destination }, 'x');
    assert.deepEqual(stomp.inbox, []);
  });

  await t.test('DISCONNECT: the receipt, then 1000', async (t) => {
    const stomp = await Stomp.connect(t, port);
    await stomp.ask('DISCONNECT', {});
    await until('the end', () => stomp.closed !== null);
    assert.equal(stomp.closed, 1000);
  });

  await t.test('a body may hold NUL when content-length says so', async (t) => {
    const stomp = await Stomp.connect(t, port);
    const destination = '/demo/nul';
    await stomp.ask('SUBSCRIBE', { id: 's', destination });
    stomp.send('SEND', { destination, 'content-length': '3' }, 'a\0b');
    assert.equal((await stomp.next()).body, 'a\0b');
  });

  const refused = {
    'a channel that the configuration does not make': [
      /^MissingResourceException/,
      'SUBSCRIBE',
      { id: 's', destination: '/elsewhere' },
    ],
    'a subscription without an id': [/^IllegalArgument/, 'SUBSCRIBE', { destination: '/demo/x' }],
    'an event for nowhere': [/^IllegalArgument/, 'SEND', {}],
    'a from that cannot be meant': [
      /^IllegalArgument/,
      'SUBSCRIBE',
      { id: 's', destination: '/demo/x', from: 'yesterday' },
    ],
    'a transaction that was not begun': [/^IllegalArgument/, 'COMMIT', { transaction: 't' }],
    'an acknowledgement of what a channel sends': [
      /^UnsupportedOperation/,
      'SUBSCRIBE',
      { id: 's', destination: '/demo/x', ack: 'client' },
    ],
  };
  for (const [what, [word, command, headers]] of Object.entries(refused)) {
    await t.test(`${what} is an ERROR and the end`, async (t) => {
      const stomp = await Stomp.connect(t, port);
      stomp.send(command, { ...headers, receipt: 'r' });
      await stomp.isRefused(word);
    });
    await t.test(`${what} is a refused RECEIPT for who asked for that`, async (t) => {
      const stomp = await Stomp.connect(t, port, { errors: 'receipt' });
      const answer = await stomp.ask(command, headers);
      assert.match(answer.refused, word);
      assert.match(answer.message, /\w+ \w+/);
      await stomp.ask('SEND', { destination: '/demo/still-here' }, 'x');
    });
  }

  await t.test('a client that offers another version only is refused', async (t) => {
    const stomp = new Stomp(`ws://localhost:${port}/stomp`);
    t.after(() => stomp.socket.terminate());
    await within('open', new Promise((resolve) => stomp.socket.once('open', resolve)));
    stomp.send('CONNECT', { 'accept-version': '1.3,2.0', host: 'x' });
    await stomp.isRefused(/1\.2, 1\.1 and 1\.0/);
  });

  await t.test('what is no STOMP is refused', async (t) => {
    const stomp = await Stomp.connect(t, port);
    stomp.socket.send('hello\n\n\0');
    await stomp.isRefused(/\w/);
  });
});

test('heart-beats come when they were asked for', async (t) => {
  const { port } = await startRealm(t, { more: `${DEMO_CHANNELS}\nHeartBeat 1s` });
  const socket = new WebSocket(`ws://localhost:${port}/stomp`, ['v12.stomp']);
  t.after(() => socket.terminate());
  await within('open', new Promise((resolve) => socket.once('open', resolve)));
  const beat = new Promise((resolve) => {
    socket.on('message', (data) => String(data) === '\n' && resolve(true));
  });
  socket.send('CONNECT\naccept-version:1.2\nhost:x\nheart-beat:0,1000\n\n\0');
  await within('a heart-beat', beat);
});

test('a channel stores as many events as its capacity, and tells of the gap', async (t) => {
  const { port } = await startRealm(t, { more: '<Channel "/small">\nCapacity 3\n</Channel>' });
  const stomp = await Stomp.connect(t, port);
  const destination = '/small';
  for (const body of 'abcde') await stomp.ask('SEND', { destination }, body);
  const { next } = await stomp.ask('SUBSCRIBE', { id: 's', destination, from: 'stored' });
  assert.equal(next, '3');
  const bodies = [await stomp.next(), await stomp.next(), await stomp.next()].map((f) => f.body);
  assert.deepEqual(bodies, ['c', 'd', 'e']);
});

test('a subscriber that does not read holds up nobody, and costs bounded memory', async (t) => {
  const COUNT = 4000;
  const BODY = 'x'.repeat(10_000);
  const more = '<Channel "/demo/*">\nCapacity 100\n</Channel>';
  const realm = await startRealm(t, { more, binary: RELEASE });
  const destination = '/demo/fast';

  const { peer } = await openWebSocket(realm.port, '/stomp', {
    fields: ['Sec-WebSocket-Protocol: v12.stomp'],
  });
  t.after(() => peer.destroy());
  peer.socket.pause();
  peer.send(frame(OPCODE.text, 'CONNECT\naccept-version:1.2\nhost:x\n\n\0'));
  peer.send(frame(OPCODE.text, `SUBSCRIBE\nid:s\ndestination:${destination}\n\n\0`));

  const reader = await Stomp.connect(t, realm.port);
  await reader.ask('SUBSCRIBE', { id: 's', destination });
  const writer = await Stomp.connect(t, realm.port);
  const rss = () =>
    Number(readFileSync(`/proc/${realm.pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)?.[1]) / 1024;
  const before = rss();
  for (let i = 0; i < COUNT; i += 1) {
    if (i % 50 === 0) await writer.ask('SEND', { destination }, BODY);
    else writer.send('SEND', { destination }, BODY);
  }
  await until('the reader has them all', () => reader.inbox.length === COUNT, {
    ms: 60_000,
    seen: () => reader.inbox.length,
  });
  const eids = reader.inbox.map(({ headers }) => Number(headers.eid));
  assert.ok(
    eids.every((eid, i) => eid === i + 1),
    'each once, in order',
  );
  const grown = rss() - before;
  assert.ok(grown < 24, `the realm grew by ${Math.round(grown)} MiB for 40 MB of events`);
});

test("who may open a session: the realm's own pages, the listed sites, and what is no browser", async (t) => {
  const realm = await startRealm(t, {
    more: `${DEMO_CHANNELS}\nAllowOrigin https://app.example`,
  });
  const { port, tlsPort } = realm;
  const open = (origin) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://localhost:${port}/stomp`, ['v12.stomp'], { origin });
      socket.on('open', () => {
        socket.close();
        resolve(101);
      });
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode));
      socket.on('error', () => {});
    });
  for (const [origin, status] of [
    [undefined, 101],
    [`http://localhost:${port}`, 101],
    [`https://localhost:${tlsPort}`, 101],
    ['https://app.example', 101],
    ['https://app.example:8443', 403],
    ['http://app.example', 403],
    ['https://evil.example', 403],
    ['https://app.example.evil.example', 403],
    ['null', 403],
    [`http://localhost.evil.example:${port}`, 403],
  ]) {
    assert.equal(await within('an answer', open(origin)), status, `from ${origin}`);
  }
  await realm.program.line(/evil\.example.*AllowOrigin|AllowOrigin.*evil\.example/);
});

test('a page of a name that was pointed at the realm is neither answered nor its own', async (t) => {
  const rebound = (port, path) =>
    exchange(
      port,
      `GET ${path} HTTP/1.1\r\nHost: evil.example:${port}\r\nConnection: close\r\n\r\n`,
    );
  const unnamed = await startRealm(t, { more: DEMO_CHANNELS });
  for (const path of ['/api/channels', '/demo/', '/sockjs/info', '/health']) {
    const { status } = await rebound(unnamed.port, path);
    assert.equal(status, 421, path);
  }
  await unnamed.program.line(/warn.*421, evil\.example is not a name of this realm.*ServerName/i);
  const opening = (port, host) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://localhost:${port}/stomp`, ['v12.stomp'], {
        origin: `http://${host}`,
        headers: { Host: host },
      });
      socket.on('open', () => socket.close());
      socket.on('open', () => resolve(101));
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode));
      socket.on('error', () => {});
    });
  const status = (port, host) => within('an answer', opening(port, host));
  assert.equal(await status(unnamed.port, `evil.example:${unnamed.port}`), 421);
  const named = await startRealm(t, {
    more: `${DEMO_CHANNELS}\nServerName realm.example\nServerAlias *.realms.example`,
  });
  const { port } = named;
  assert.equal(await status(port, `evil.example:${port}`), 421);
  assert.equal(await status(port, `localhost:${port}`), 101);
  assert.equal(await status(port, `Realm.Example:${port}`), 101);
  assert.equal(await status(port, `eu.realms.example:${port}`), 101);
});

test('what the realm serves besides sessions', async (t) => {
  const { port } = await startRealm(t, { more: DEMO_CHANNELS });
  const get = (path, method = 'GET') =>
    exchange(
      port,
      `${method} ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`,
    );
  for (const [path, type] of [
    ['/demo/', /^text\/html/],
    ['/demo/demo.js', /^text\/javascript/],
    ['/demo/demo.css', /^text\/css/],
    ['/lib/js/nirvana.js', /^text\/javascript/],
  ]) {
    const { status, head, body } = await get(path);
    assert.equal(status, 200, path);
    assert.match(field(head, 'content-type') ?? '', type);
    assert.ok(body.length > 500, path);
  }
  assert.match(field((await get('/demo/')).head, 'content-security-policy') ?? '', /default-src/);
  assert.equal((await get('/health')).status, 200);
  for (const path of ['/nothing', '/demo/../etc/passwd', '/demo/%2e%2e/x', '/lib/js/', '/echo']) {
    const { status } = await get(path);
    assert.ok(status === 404 || status === 400, `${path}: ${status}`);
  }
  assert.equal((await get('/demo/', 'POST')).status, 405);
  const head = await get('/demo/', 'HEAD');
  assert.deepEqual([head.status, head.body], [200, '']);
});
