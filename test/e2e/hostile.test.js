// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Clients that mean no good, or are broken: slow, huge, many, silent, deaf. Each ends by a directive
 * with a name, the log or a metric tells of it, memory stays bounded, and others are served meanwhile.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { dice } from '../lib/differential.mjs';
import { serveHttp } from '../lib/served.mjs';
import { connect, echo, field, listen, tunnel } from '../lib/tcp.mjs';
import { startWatched } from '../lib/watched.mjs';
import { until } from '../lib/wait.mjs';
import { RELEASE, startProxy } from '../lib/wayleave.mjs';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Memory in use, in bytes. */
function residentOf(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(kilobytes) * KIB;
}

/** A proxy in front of an echo server; `isServed` is another client who is served at once. */
async function startBesieged(t, more = '', options = {}) {
  const server = await listen(t, { serve: echo });
  const proxy = await startWatched(
    t,
    `Listen 127.0.0.1:0
ProxyRequests On
AllowCONNECT ${server.port}
<Proxy *>
    Require local
</Proxy>
CustomLog /dev/stdout "%>s %{why}x"
${more}`,
    options,
  );
  const target = `127.0.0.1:${server.port}`;
  return Object.assign(proxy, {
    target,
    async isServed() {
      const { status, peer } = await tunnel(proxy.port, target, { from: '127.0.0.9' });
      assert.equal(status, 200, 'another client');
      peer.send('hello');
      assert.equal(String(await peer.read(5)), 'hello');
      peer.destroy();
    },
  });
}

/** Clients that end with the test. */
async function clients(t, port, count) {
  const peers = [];
  t.after(() => peers.forEach((peer) => peer.destroy()));
  while (peers.length < count) {
    const batch = Math.min(100, count - peers.length);
    peers.push(...(await Promise.all(Array.from({ length: batch }, () => connect(port)))));
  }
  return peers;
}

const REQUESTS = 'wayleave_proxy_refused_total{why="request"}';
const OPEN = 'wayleave_proxy_connections';
const SILENT = 'wayleave_proxy_silent_total';

/* ---- slow ---- */

test('a head that comes byte by byte for ever ends by HandshakeTimeout', async (t) => {
  const proxy = await startBesieged(t, 'HandshakeTimeout 1s');
  const [peer] = await clients(t, proxy.port, 1);
  peer.send('GET http://127.0.0.1/ HTTP/1.1\r\n');
  const dribble = setInterval(() => peer.send('X'), 10);
  t.after(() => clearInterval(dribble));
  await proxy.isServed();
  const answer = String(await peer.readUntil('\r\n\r\n'));
  clearInterval(dribble);
  assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.match(field(answer, 'proxy-status'), /\(HandshakeTimeout\)/);
  assert.match(await proxy.accessLine(/^408 /), /HandshakeTimeout/);
  assert.equal(await proxy.metric(REQUESTS), 1);
});

test('half a request and then silence ends by HandshakeTimeout, wherever it stops', async (t) => {
  const proxy = await startBesieged(t, 'HandshakeTimeout 1s');
  const request = `CONNECT ${proxy.target} HTTP/1.1\r\nHost: ${proxy.target}\r\nX: y\r\n\r\n`;
  const ends = [1, 7, 20, request.indexOf('\r\n') + 1, request.length - 2, request.length - 1];
  const peers = await clients(t, proxy.port, ends.length);
  peers.forEach((peer, i) => peer.send(request.slice(0, ends[i])));
  await proxy.isServed();
  for (const peer of peers) assert.match(String(await peer.readToEnd()), /^HTTP\/1\.1 408 /);
  await until(
    'the lines',
    () => proxy.accessLines.filter((line) => /^408 /.test(line)).length === 6,
  );
  assert.equal(await proxy.metric(REQUESTS), ends.length);
});

test('who connects and says nothing is let go by HandshakeTimeout', async (t) => {
  const proxy = await startBesieged(t, 'HandshakeTimeout 1s');
  const peers = await clients(t, proxy.port, 20);
  await proxy.isServed();
  for (const peer of peers) assert.equal(String(await peer.readToEnd()), '');
  await proxy.reaches(OPEN, 0);
  assert.equal(await proxy.metric(SILENT), peers.length);
});

test('who says nothing after an answer is let go by KeepAliveTimeout', async (t) => {
  const proxy = await startBesieged(t, 'KeepAliveTimeout 300ms\nHandshakeTimeout 60s');
  const [peer] = await clients(t, proxy.port, 1);
  peer.send('GET /proxy.pac HTTP/1.1\r\nHost: a\r\n\r\n');
  const head = String(await peer.readUntil('\r\n\r\n'));
  assert.match(head, /^HTTP\/1\.1 200 /);
  assert.equal((await peer.readToEnd()).length, Number(field(head, 'content-length')));
  await proxy.reaches(OPEN, 0);
  assert.equal(await proxy.metric(SILENT), 1);
});

/* ---- huge ---- */

for (const [what, bytes, status, directive] of [
  ['a request line without end', `GET http://a/${'a'.repeat(100_000)}`, 414, 'LimitRequestLine'],
  [
    'a field without end',
    `GET http://a/ HTTP/1.1\r\nX: ${'a'.repeat(100_000)}`,
    431,
    'LimitRequestFieldSize',
  ],
  [
    'fields without end',
    `GET http://a/ HTTP/1.1\r\n${'X: y\r\n'.repeat(10_000)}`,
    431,
    'LimitRequestFields',
  ],
]) {
  test(`${what} is refused with ${status}, and ${directive} is named`, async (t) => {
    const proxy = await startBesieged(t);
    const [peer] = await clients(t, proxy.port, 1);
    peer.send(bytes);
    const answer = String(await peer.readToEnd());
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(answer, new RegExp(`see ${directive}\\.\\n$`));
    assert.match(await proxy.accessLine(new RegExp(`^${status} `)), new RegExp(directive));
    await proxy.isServed();
    await proxy.reaches(OPEN, 0);
  });
}

test('a client that goes on sending after its refusal is cut', async (t) => {
  const proxy = await startBesieged(t);
  const [{ socket }] = await clients(t, proxy.port, 1);
  const block = Buffer.alloc(64 * KIB, 'x');
  await until('the proxy cuts it', () => {
    if (!socket.destroyed && socket.writableLength < MIB) socket.write(block);
    return socket.destroyed;
  });
  await proxy.accessLine(/^4\d\d /);
  await proxy.reaches(OPEN, 0);
});

/* ---- garbage ---- */

test('garbage is answered with 400 or let go, and never passed on', async (t) => {
  const proxy = await startBesieged(t, 'HandshakeTimeout 1s');
  const d = dice(4711);
  const random = Array.from({ length: 60 }, () => randomBytes(1 + d.upTo(3000)));
  const known = [
    Buffer.from('16030100c4010000c00303', 'hex'), // TLS
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
    Buffer.from('050100', 'hex'), // SOCKS
    Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n'),
    Buffer.from('HTTP/1.1 200 OK\r\n\r\n'),
    Buffer.from('\r\n\r\n\r\n\r\n'),
    Buffer.from('\0'.repeat(1000)),
    Buffer.from(`CONNECT ${proxy.target} HTTP/9.9\r\n\r\n`),
    Buffer.from(`CONNECT ${proxy.target}\r\n\r\n`),
    Buffer.from('GET http://[::1 HTTP/1.1\r\n\r\n'),
  ];
  const all = [...known, ...random];
  const peers = await clients(t, proxy.port, all.length);
  peers.forEach((peer, i) => peer.send(all[i]));
  await proxy.isServed();
  for (const [i, peer] of peers.entries()) {
    const answer = String(await peer.readToEnd());
    assert.match(answer, /^(HTTP\/1\.1 (4\d\d|505) |$)/, all[i].toString('latin1'));
  }
  await proxy.reaches(OPEN, 0);
  assert.equal(await proxy.metric('wayleave_proxy_tunnels_total'), 1, 'the other client alone');
});

/* ---- deaf ---- */

test('a client that reads no answer ends by Timeout, and the answer waits outside of the proxy', async (t) => {
  const LENGTH = 64 * MIB;
  const { port } = await serveHttp(t, (request, response) => {
    response.setHeader('Content-Length', String(LENGTH));
    response.end(Buffer.alloc(LENGTH));
  });
  const proxy = await startBesieged(t, 'Timeout 2s', { binary: RELEASE });
  await proxy.isServed();
  const before = residentOf(proxy.pid);
  const peers = await clients(t, proxy.port, 8);
  for (const { socket } of peers) {
    socket.pause();
    socket.write(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
  }
  await proxy.isServed();
  await until('all are logged', () => {
    const grown = residentOf(proxy.pid) - before;
    assert.ok(grown < 8 * MIB, `the proxy grew by ${Math.round(grown / KIB)} KiB`);
    return proxy.accessLines.filter((line) => line.includes('(Timeout)')).length === peers.length;
  });
  await proxy.reaches(OPEN, 0);
});

test('a client that pipelines and reads nothing is held up, then let go', async (t) => {
  const proxy = await startBesieged(t, 'HandshakeTimeout 1s', { binary: RELEASE });
  await proxy.isServed();
  const before = residentOf(proxy.pid);
  const [{ socket }] = await clients(t, proxy.port, 1);
  socket.pause();
  const closed = new Promise((resolve) => socket.on('close', resolve));
  const requests = 'GET /proxy.pac HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1000);
  const more = () => {
    while (socket.write(requests));
  };
  socket.on('drain', more);
  more();
  await proxy.isServed();
  await proxy.reaches(OPEN, 0);
  socket.removeAllListeners('drain');
  socket.destroy();
  await closed;
  const grown = residentOf(proxy.pid) - before;
  assert.ok(grown < 8 * MIB, `the proxy grew by ${Math.round(grown / KIB)} KiB`);
});

test('a tunnel whose client reads nothing ends by TunnelIdleTimeout', async (t) => {
  const proxy = await startBesieged(t, 'TunnelIdleTimeout 1s', { binary: RELEASE });
  const { status, peer } = await tunnel(proxy.port, proxy.target);
  t.after(() => peer.destroy());
  assert.equal(status, 200);
  const before = residentOf(proxy.pid);
  peer.socket.pause();
  peer.socket.write(Buffer.alloc(64 * MIB)); // all of which the server would send back
  await proxy.accessLine(/^200 idle, see TunnelIdleTimeout$/);
  const grown = residentOf(proxy.pid) - before;
  assert.ok(grown < 8 * MIB, `the proxy grew by ${Math.round(grown / KIB)} KiB`);
  await proxy.isServed();
});

test('without buffers a slow tunnel is closed, and RelayBuffersMax is named', async (t) => {
  const more = 'Workers 1\nRelayBuffersMax 16';
  const proxy = await startBesieged(t, more);
  const tunnels = await Promise.all(
    Array.from({ length: 20 }, () => tunnel(proxy.port, proxy.target)),
  );
  t.after(() => tunnels.forEach(({ peer }) => peer.destroy()));
  for (const { peer } of tunnels) {
    peer.socket.pause();
    peer.socket.write(Buffer.alloc(16 * MIB));
  }
  await proxy.accessLine(/^200 no buffer left, see RelayBuffersMax$/);
});

/* ---- many ---- */

test('1,000 clients that say half a word take little memory, and each ends by HandshakeTimeout', async (t) => {
  const COUNT = 1000;
  const proxy = await startBesieged(t, 'HandshakeTimeout 5s', { binary: RELEASE });
  await proxy.isServed();
  const before = residentOf(proxy.pid);
  const peers = await clients(t, proxy.port, COUNT);
  for (const peer of peers)
    peer.send(`CONNECT ${proxy.target} HTTP/1.1\r\nHost: ${'a'.repeat(500)}`);
  await proxy.reaches(OPEN, COUNT);
  const each = (residentOf(proxy.pid) - before) / COUNT;
  assert.ok(each < 8 * KIB, `each takes ${Math.round(each)} bytes`);
  await proxy.isServed();
  for (const peer of peers) assert.match(String(await peer.readToEnd()), /^HTTP\/1\.1 408 /);
  await until(
    'each is logged',
    () => proxy.accessLines.filter((line) => /^408 .*HandshakeTimeout/.test(line)).length === COUNT,
  );
  assert.equal(await proxy.metric(REQUESTS), COUNT);
  for (const peer of peers) peer.destroy();
  await proxy.reaches(OPEN, 0);
});

test('1,000 clients that connect and leave, in every way, leave nothing', async (t) => {
  const proxy = await startBesieged(t, '', { binary: RELEASE });
  const request = `CONNECT ${proxy.target} HTTP/1.1\r\nHost: ${proxy.target}\r\n\r\n`;
  const ways = [
    (peer) => peer.reset(),
    (peer) => peer.end(),
    (peer) => peer.send(request.slice(0, 30)).reset(),
    (peer) => peer.send(request.slice(0, 30)).end(),
    (peer) => peer.send(request).reset(),
    (peer) => peer.send(request).end(),
    (peer) => peer.send('CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n').reset(),
  ];
  for (let i = 0; i < 10; i += 1) {
    const peers = await clients(t, proxy.port, 100);
    peers.forEach((peer, n) => ways[n % ways.length](peer));
  }
  await proxy.isServed();
  await proxy.reaches(OPEN, 0);
  await proxy.reaches('wayleave_proxy_tunnels', 0);
});

test('over MaxTunnels there is 503, and far over it clients are turned away', async (t) => {
  const WAITING = 1024; // beyond MaxTunnels, for whoever is to be told
  const proxy = await startBesieged(t, 'Workers 1\nMaxTunnels 2\nHandshakeTimeout 60s');
  const open = () => tunnel(proxy.port, proxy.target);
  const [first, second, third] = [await open(), await open(), await open()];
  t.after(() => [first, second, third].forEach(({ peer }) => peer.destroy()));
  assert.deepEqual([first.status, second.status, third.status], [200, 200, 503]);
  assert.match(third.head, /\(MaxTunnels\)/);
  assert.match(await proxy.accessLine(/^503 /), /MaxTunnels/);
  assert.equal(await proxy.metric('wayleave_proxy_refused_total{why="full"}'), 1);
  third.peer.destroy();
  await proxy.reaches(OPEN, 2);

  const silent = await clients(t, proxy.port, WAITING);
  await proxy.reaches(OPEN, WAITING + 2);
  const [late] = await clients(t, proxy.port, 1);
  await late.readToEnd();
  assert.match(await proxy.program.line(/turned away/), /MaxTunnels/);
  assert.equal(await proxy.metric('wayleave_proxy_turned_away_total'), 1);
  first.peer.send('still served');
  assert.equal(String(await first.peer.read(12)), 'still served');

  for (const peer of silent) peer.destroy();
  first.peer.destroy();
  await proxy.reaches(OPEN, 1);
  await proxy.isServed();
});

test('one client holds as many connections as ConnectionsPerClient says, and no more', async (t) => {
  const proxy = await startProxy(t, { allow: [9000], more: 'ConnectionsPerClient 3' });
  const held = await Promise.all([1, 2, 3].map(() => connect(proxy.port)));
  for (const peer of held) {
    // Who is answered is counted: another worker may otherwise take the fourth before the third.
    peer.send('GET /proxy.pac HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(String(await peer.readUntil('\r\n\r\n')), /^HTTP\/1\.1 200/);
  }
  const fourth = await connect(proxy.port);
  await fourth.readToEnd();
  await until('the log says so', () => /ConnectionsPerClient/.test(proxy.program.stderr));
  held[0].destroy();
  await until('there is room again', async () => {
    const next = await connect(proxy.port);
    next.send('GET /proxy.pac HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const answer = await next.readToEnd().catch(() => '');
    next.destroy();
    return /^HTTP\/1\.1 200/.test(String(answer));
  });
});
