// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What the proxy knows about a tunnel that it does not change: log, metrics, TunnelAllow, time. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import tls from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';
import WebSocket from 'ws';
import { OPCODE, acceptOf, closeFrame, closePayload, frame } from '../lib/frames.mjs';
import { serveWebSocket } from '../lib/served.mjs';
import { connect, echo, listen, tunnel } from '../lib/tcp.mjs';
import { startWatched } from '../lib/watched.mjs';
import { until, within } from '../lib/wait.mjs';

const JSON_LOG = 'CustomLog /dev/stdout json';

function startFollowing(t, port, more = '') {
  return startWatched(
    t,
    `Listen 127.0.0.1:0
ProxyRequests On
AllowCONNECT ${port}
<Proxy *>
    Require local
</Proxy>
${JSON_LOG}
${more}`,
  );
}

/** The access line of the only tunnel, or of the latest one, understood. */
async function entry(proxy, pattern = /"method":"CONNECT"/) {
  return JSON.parse(await proxy.accessLine(pattern));
}

/** A tunnel to a server whose end the test holds. */
async function through(t, proxy, server) {
  const { status, peer: near } = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  assert.equal(status, 200);
  const far = await server.accept();
  t.after(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far };
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

function upgrade(path = '/chat?room=1', fields = []) {
  return `${[
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Version: 13',
    ...fields,
  ].join('\r\n')}\r\n\r\n`;
}

function switching(fields = []) {
  return `${[
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(KEY)}`,
    ...fields,
  ].join('\r\n')}\r\n\r\n`;
}

/** Sends, and waits until all of it has arrived unchanged. */
async function pass(from, to, bytes) {
  const sent = Buffer.from(bytes);
  from.send(sent);
  const arrived = await to.read(sent.length);
  assert.ok(arrived.equals(sent), `${arrived} is not ${sent}`);
}

/** Both say they are done. */
async function finish(first, second) {
  first.end();
  await second.readToEnd();
  second.end();
  await first.readToEnd();
}

/* ---- what the log says ---- */

/** A server with the ws package that answers a message with two. */
function startChat(t, options) {
  const talk = (socket) =>
    socket.on('message', (data) => {
      socket.send(`1: ${data}`);
      socket.send(`2: ${data}`);
      if (String(data) === 'bye') socket.close(4001, 'as you wish');
    });
  return serveWebSocket(t, talk, options);
}

/** Says each word and waits for both answers; resolves with the code of the close. */
async function chat(proxy, url, words, { protocols = [], close, ...options } = {}) {
  const agent = new HttpsProxyAgent(`http://127.0.0.1:${proxy.port}`);
  const socket = new WebSocket(url, protocols, { agent, ...options });
  const closed = new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', resolve);
  });
  let left = words.length * 2;
  socket.on('open', () => words.forEach((word) => socket.send(word)));
  socket.on('message', () => {
    left -= 1;
    if (left === 0 && close) socket.close(close);
  });
  return within('the close', closed);
}

test('the line of a WebSocket has path, subprotocol, messages each way, close and closer', async (t) => {
  const port = await startChat(t, { handleProtocols: () => 'v12.stomp' });
  const proxy = await startFollowing(t, port);
  const url = `ws://127.0.0.1:${port}/stomp?room=a%20b`;
  const protocols = ['v11.stomp', 'v12.stomp'];
  await chat(proxy, url, ['a', 'bb', 'c'.repeat(70_000)], {
    protocols,
    close: 1000,
    perMessageDeflate: false,
  });
  const line = await entry(proxy);
  assert.equal(line.status, 200);
  assert.equal(line.tunnel, 'websocket');
  assert.equal(line.ws_path, '/stomp?room=a%20b');
  assert.equal(line.ws_protocol, 'v12.stomp');
  assert.equal(line.ws_messages_up, 3);
  assert.equal(line.ws_messages_down, 6);
  assert.equal(line.ws_bytes_up, 1 + 2 + 70_000);
  assert.equal(line.ws_bytes_down, 2 * (3 + 1 + 3 + 2 + 3 + 70_000));
  assert.equal(line.ws_close, 1000);
  assert.equal(line.ws_closer, 'client');
  assert.equal(line.ws_compression, undefined);
  assert.equal(line.ws_lost, undefined);
  assert.equal(await proxy.metric('wayleave_proxy_websockets_total'), 1);
  assert.equal(await proxy.metric('wayleave_proxy_websocket_messages_total{direction="up"}'), 3);
  assert.equal(await proxy.metric('wayleave_proxy_websocket_messages_total{direction="down"}'), 6);
  assert.equal(await proxy.metric('wayleave_proxy_websockets'), 0);
});

test('a server that closes is the closer, with its own code', async (t) => {
  const port = await startChat(t);
  const proxy = await startFollowing(t, port);
  const code = await chat(proxy, `ws://127.0.0.1:${port}/`, ['bye']);
  assert.equal(code, 4001);
  const line = await entry(proxy);
  assert.deepEqual([line.ws_close, line.ws_closer], [4001, 'server']);
  assert.deepEqual([line.ws_messages_up, line.ws_messages_down], [1, 2]);
});

test('compressed messages are counted as they are on the wire', async (t) => {
  const port = await startChat(t, { perMessageDeflate: { threshold: 0 } });
  const proxy = await startFollowing(t, port);
  const perMessageDeflate = { threshold: 0 };
  const words = Array.from({ length: 5 }, () => 'z'.repeat(100_000));
  await chat(proxy, `ws://127.0.0.1:${port}/`, words, { close: 1000, perMessageDeflate });
  const line = await entry(proxy);
  assert.equal(line.ws_compression, 'permessage-deflate');
  assert.deepEqual([line.ws_messages_up, line.ws_messages_down], [5, 10]);
  assert.ok(line.ws_bytes_up < 100_000, `${line.ws_bytes_up} bytes`);
  assert.deepEqual([line.ws_close, line.ws_closer, line.ws_lost], [1000, 'client', undefined]);
});

test('fragments are one message, pings are none, however the bytes are cut', async (t) => {
  const server = await listen(t);
  const proxy = await startFollowing(t, server.port);
  const { near, far } = await through(t, proxy, server);
  const up = Buffer.concat([
    Buffer.from(upgrade('/cut')),
    frame(OPCODE.text, 'one ', { fin: false }),
    frame(OPCODE.ping, 'in between'),
    frame(OPCODE.continuation, 'message'),
    frame(OPCODE.binary, randomBytes(300)),
    closeFrame(3000),
  ]);
  for (const byte of up) await pass(near, far, [byte]);
  const unmasked = { isMasked: false };
  const down = Buffer.concat([
    Buffer.from(switching()),
    frame(OPCODE.text, '', unmasked),
    frame(OPCODE.close, closePayload(3000), unmasked),
  ]);
  for (const byte of down) await pass(far, near, [byte]);
  await finish(far, near);
  const line = await entry(proxy);
  assert.equal(line.tunnel, 'websocket');
  assert.deepEqual([line.ws_messages_up, line.ws_bytes_up], [2, 11 + 300]);
  assert.deepEqual([line.ws_messages_down, line.ws_bytes_down], [1, 0]);
  assert.deepEqual([line.ws_close, line.ws_closer], [3000, 'client']);
  assert.deepEqual([line.bytes_up, line.bytes_down], [up.length, down.length]);
});

test('a WebSocket that breaks the protocol is passed on unchanged and the line says so', async (t) => {
  const server = await listen(t);
  const proxy = await startFollowing(t, server.port);
  const { near, far } = await through(t, proxy, server);
  await pass(near, far, upgrade('/broken'));
  await pass(far, near, switching());
  await pass(near, far, frame(OPCODE.text, 'good'));
  await pass(near, far, frame(OPCODE.text, 'not masked', { isMasked: false }));
  await pass(near, far, randomBytes(1000));
  await pass(far, near, randomBytes(1000));
  await finish(near, far);
  const line = await entry(proxy);
  assert.equal(line.tunnel, 'websocket');
  assert.equal(line.ws_messages_up, 1);
  assert.match(line.ws_lost, /./);
  assert.equal(line.ws_close, undefined);
});

for (const [what, up, down, tunnelled] of [
  ['plain HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n', 'http'],
  ['ssh', 'SSH-2.0-OpenSSH_9.2\r\n', 'SSH-2.0-OpenSSH_9.2\r\n', 'other'],
  ['a refused handshake', upgrade(), 'HTTP/1.1 403 Forbidden\r\n\r\n', 'http'],
  ['nothing at all', '', '', 'unknown'],
]) {
  test(`a tunnel with ${what} is told as ${tunnelled}`, async (t) => {
    const server = await listen(t);
    const proxy = await startFollowing(t, server.port);
    const { near, far } = await through(t, proxy, server);
    if (up) await pass(near, far, up);
    if (down) await pass(far, near, down);
    near.reset();
    const line = await entry(proxy);
    assert.equal(line.tunnel, tunnelled);
    assert.equal(line.ws_messages_up ?? 0, 0);
    assert.equal(line.closer, 'client');
    assert.equal(await proxy.metric('wayleave_proxy_websockets'), 0);
    assert.equal(await proxy.metric('wayleave_proxy_tunnels_closed_total{by="client"}'), 1);
  });
}

for (const scheme of ['http', 'ws']) {
  test(`a WebSocket asked for by GET ${scheme}:// has the same line`, async (t) => {
    const server = await listen(t);
    const proxy = await startFollowing(t, server.port);
    const near = await connect(proxy.port);
    const url = `${scheme}://127.0.0.1:${server.port}/chat?room=1`;
    near.send(upgrade(url, ['Sec-WebSocket-Protocol: chat']));
    const far = await server.accept();
    t.after(() => [near, far].forEach((peer) => peer.destroy()));
    const head = String(await far.readUntil('\r\n\r\n'));
    assert.match(head, /^GET \/chat\?room=1 HTTP\/1\.1\r\n/);
    const [, key] = /\r\nSec-WebSocket-Key: (.*)\r\n/i.exec(head);
    far.send(switching(['Sec-WebSocket-Protocol: chat']).replace(acceptOf(KEY), acceptOf(key)));
    assert.match(String(await near.readUntil('\r\n\r\n')), /^HTTP\/1\.1 101 /);
    await pass(near, far, frame(OPCODE.text, 'up'));
    await pass(near, far, closeFrame(1001));
    await finish(far, near);
    const line = await entry(proxy, /"method":"GET"/);
    assert.deepEqual(
      [line.status, line.tunnel, line.ws_path, line.ws_protocol],
      [101, 'websocket', '/chat?room=1', 'chat'],
    );
    assert.deepEqual([line.ws_messages_up, line.ws_close, line.ws_closer], [1, 1001, 'client']);
    assert.equal(await proxy.metric('wayleave_proxy_websockets_total'), 1);
  });
}

test('metrics know a WebSocket while it is open', async (t) => {
  const server = await listen(t);
  const proxy = await startFollowing(t, server.port);
  const { near, far } = await through(t, proxy, server);
  assert.equal(await proxy.metric('wayleave_proxy_websockets'), 0);
  await pass(near, far, upgrade());
  await pass(far, near, switching());
  assert.equal(await proxy.metric('wayleave_proxy_websockets'), 1);
  assert.equal(await proxy.metric('wayleave_proxy_tunnels'), 1);
  near.reset();
  await proxy.reaches('wayleave_proxy_websockets', 0);
  await proxy.reaches('wayleave_proxy_tunnels', 0);
});

/* ---- TunnelAllow ---- */

/** Ended by the proxy, and nothing of what one side sent has reached the other. */
async function isCut(proxy, { near, far }, why, { tunnelled = 'other' } = {}) {
  assert.equal(String(await near.readToEnd()), '');
  assert.equal(String(await far.readToEnd()), '');
  const line = await entry(proxy);
  assert.deepEqual([line.closer, line.tunnel], ['proxy', tunnelled]);
  assert.equal(line.why, why);
  assert.equal(await proxy.metric('wayleave_proxy_refused_total{why="content"}'), 1);
  assert.equal(await proxy.metric('wayleave_proxy_tunnels_closed_total{by="proxy"}'), 1);
}

test('TunnelAllow websocket refuses what begins like ssh', async (t) => {
  const server = await listen(t);
  const proxy = await startFollowing(t, server.port, 'TunnelAllow websocket');
  const ends = await through(t, proxy, server);
  ends.near.send('SSH-2.0-OpenSSH_9.2\r\n');
  await isCut(proxy, ends, 'carried ssh-like bytes, TunnelAllow has websocket');
});

test('TunnelAllow websocket refuses a server that speaks first', async (t) => {
  const server = await listen(t);
  const proxy = await startFollowing(t, server.port, 'TunnelAllow websocket');
  const ends = await through(t, proxy, server);
  ends.far.send('220 mail.example ESMTP\r\n');
  await isCut(
    proxy,
    ends,
    'carried bytes of a server that speaks first, TunnelAllow has websocket',
  );
});

test('TunnelAllow websocket refuses TLS, plain HTTP and garbage', async (t) => {
  for (const [bytes, tunnelled, why] of [
    [Buffer.from('160301002e0100', 'hex'), 'tls', 'TLS'],
    ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'http', 'plain HTTP'],
    ['\0\0\0\0', 'other', 'bytes of an unknown protocol'],
  ]) {
    const server = await listen(t);
    const proxy = await startFollowing(t, server.port, 'TunnelAllow websocket');
    const ends = await through(t, proxy, server);
    ends.near.send(bytes);
    await isCut(proxy, ends, `carried ${why}, TunnelAllow has websocket`, { tunnelled });
  }
});

test('TunnelAllow websocket lets a WebSocket through whole', async (t) => {
  const port = await startChat(t);
  const proxy = await startFollowing(t, port, 'TunnelAllow websocket');
  await chat(proxy, `ws://127.0.0.1:${port}/`, ['a', 'b'], { close: 1000 });
  const line = await entry(proxy);
  assert.deepEqual([line.ws_messages_up, line.ws_messages_down], [2, 4]);
  assert.equal(await proxy.metric('wayleave_proxy_refused_total{why="content"}'), 0);
});

test('under TunnelAllow websocket a refused handshake is answered, and nothing follows it', async (t) => {
  const server = await listen(t);
  const proxy = await startFollowing(t, server.port, 'TunnelAllow websocket');
  const { near, far } = await through(t, proxy, server);
  await pass(near, far, upgrade());
  await pass(far, near, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  near.send('SSH-2.0-OpenSSH_9.2\r\n');
  assert.equal(String(await far.readToEnd()), '');
  await near.readToEnd();
  const line = await entry(proxy);
  assert.deepEqual([line.closer, line.tunnel], ['proxy', 'http']);
  assert.match(line.why, /TunnelAllow has websocket/);
});

test('TunnelAllow websocket tls lets both through and still refuses ssh', async (t) => {
  // A server that only tells that a ClientHello came is enough: an alert is a proper answer.
  const server = await listen(t);
  const proxy = await startFollowing(t, server.port, 'TunnelAllow websocket tls');
  const first = await through(t, proxy, server);
  const client = tls.connect({ socket: first.near.socket, servername: 'localhost' });
  const fault = new Promise((resolve) => client.on('error', resolve));
  const hello = await first.far.read(6);
  assert.deepEqual([hello[0], hello[1], hello[5]], [0x16, 0x03, 0x01]);
  first.far.send(Buffer.from('15030300020228', 'hex')).end(); // fatal, handshake_failure
  assert.match(String(await within('the alert', fault)), /handshake|alert/i);
  client.destroy();
  assert.equal((await entry(proxy)).tunnel, 'tls');

  const second = await through(t, proxy, server);
  await pass(second.near, second.far, upgrade());
  await pass(second.far, second.near, switching());
  second.near.reset();
  assert.equal((await entry(proxy, /"tunnel":"websocket"/)).ws_path, '/chat?room=1');

  const third = await through(t, proxy, server);
  third.near.send('SSH-2.0-x\r\n');
  assert.equal(String(await third.far.readToEnd()), '');
  const line = await entry(proxy, /"tunnel":"other"/);
  assert.equal(line.why, 'carried ssh-like bytes, TunnelAllow has websocket tls');
});

/* ---- time ---- */

/** The proxy ends it, and says by which directive. */
async function isOver(proxy, { near, far }, why, pattern) {
  await near.readToEnd();
  await far.readToEnd();
  const line = await entry(proxy, pattern);
  assert.deepEqual([line.closer, line.why], ['proxy', why]);
}

test('WebSocketIdleTimeout ends a silent WebSocket and no other tunnel', async (t) => {
  const server = await listen(t);
  const proxy = await startFollowing(t, server.port, 'WebSocketIdleTimeout 1s');
  const other = await through(t, proxy, server);
  await pass(other.near, other.far, 'other');
  const ends = await through(t, proxy, server);
  await pass(ends.near, ends.far, upgrade());
  await pass(ends.far, ends.near, switching());
  await isOver(proxy, ends, 'idle, see WebSocketIdleTimeout');
  await pass(other.far, other.near, 'still here');
});

test('TunnelIdleTimeout ends a silent tunnel and no WebSocket', async (t) => {
  const server = await listen(t);
  const proxy = await startFollowing(t, server.port, 'TunnelIdleTimeout 1s');
  const socket = await through(t, proxy, server);
  await pass(socket.near, socket.far, upgrade());
  await pass(socket.far, socket.near, switching());
  const ends = await through(t, proxy, server);
  await pass(ends.near, ends.far, 'other');
  await isOver(proxy, ends, 'idle, see TunnelIdleTimeout');
  await pass(socket.far, socket.near, frame(OPCODE.text, 'still here', { isMasked: false }));
});

test('TunnelLifetime ends a tunnel that is busy', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startFollowing(t, server.port, 'TunnelLifetime 500ms');
  const { peer } = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  let turns = 0;
  while (!peer.isEnded) {
    peer.send('.');
    turns += await peer.read(1).then(
      () => 1,
      () => 0,
    );
  }
  peer.destroy();
  assert.ok(turns > 0);
  const line = await entry(proxy);
  assert.deepEqual(
    [line.closer, line.why],
    ['proxy', 'at the end of its time, see TunnelLifetime'],
  );
});

test('TunnelHandshakeTimeout ends what does not say what it is, where TunnelAllow asks', async (t) => {
  const server = await listen(t);
  const more = 'TunnelHandshakeTimeout 300ms\nTunnelAllow websocket tls';
  const proxy = await startFollowing(t, server.port, more);
  for (const bytes of ['', 'GET / HT', '\x16\x03']) {
    const ends = await through(t, proxy, server);
    if (bytes) ends.near.send(Buffer.from(bytes, 'latin1'));
    await isOver(
      proxy,
      ends,
      'carried too little to be told, TunnelAllow has websocket tls within 300 ms, see ' +
        'TunnelHandshakeTimeout',
    );
  }
  await until('three lines', () => proxy.accessLines.length === 3);
  for (const line of proxy.accessLines) assert.match(line, /TunnelHandshakeTimeout/);
});

test('TunnelHandshakeTimeout ends a WebSocket handshake without an answer', async (t) => {
  const server = await listen(t);
  const proxy = await startFollowing(t, server.port, 'TunnelHandshakeTimeout 300ms');
  const ends = await through(t, proxy, server);
  ends.near.send(upgrade('/unanswered'));
  await isOver(
    proxy,
    ends,
    'no answer to the WebSocket handshake within 300 ms, see TunnelHandshakeTimeout',
  );
  assert.equal((await entry(proxy)).ws_path, '/unanswered');
});
