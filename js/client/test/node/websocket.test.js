// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { dialer } from '../../src/node/dial.js';
import { webSocketOver } from '../../src/node/websocket.js';
import { serve } from '../lib/loopback.js';

const Socket = webSocketOver(dialer({ environment: {} }));

/** A WebSocket, and what happens to it. @param {number} port @param {string[]} [protocols] */
function open(port, protocols = ['v12.stomp']) {
  const socket = new Socket(`ws://127.0.0.1:${port}/stomp?x=1`, protocols);
  /** @type {any[]} */
  const log = [];
  /** @type {Array<() => void>} */
  const waiting = [];
  const note = (/** @type {any} */ what) => {
    log.push(what);
    waiting.splice(0).forEach((go) => go());
  };
  socket.onopen = () => note('open');
  socket.onmessage = ({ data }) => note(typeof data === 'string' ? data : new Uint8Array(data));
  socket.onerror = ({ message }) => note(`error: ${message}`);
  socket.onclose = ({ code, reason }) => note(`close: ${code} ${reason}`.trim());
  const until = async (/** @type {(line: any) => boolean} */ is) => {
    while (!log.some(is)) await new Promise((resolve) => waiting.push(() => resolve(null)));
  };
  const closed = () => until((line) => String(line).startsWith('close'));
  return { socket, log, until, closed };
}

/** The peer is the npm package ws. @param {any} t @param {(peer: any, request: any) => void} onPeer */
async function peer(t, onPeer, options = {}) {
  const http = createServer();
  const server = new WebSocketServer({ server: http, ...options });
  server.on('connection', onPeer);
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(null)));
  t.after(() => {
    for (const client of server.clients) client.terminate();
    http.close();
  });
  return /** @type {any} */ (http.address()).port;
}

test('it says both kinds of messages, of all sizes, and hears them', async (t) => {
  const port = await peer(t, (socket) =>
    socket.on('message', (/** @type {Buffer} */ data, /** @type {boolean} */ isBinary) =>
      socket.send(data, { binary: isBinary }),
    ),
  );
  const { socket, log, until, closed } = open(port);
  await until((line) => line === 'open');
  assert.equal(socket.protocol, 'v12.stomp');
  const texts = ['', 'ö😀', 'x'.repeat(126), 'y'.repeat(70_000)];
  for (const text of texts) socket.send(text);
  socket.send(Uint8Array.of(0, 255).subarray(1));
  await until((line) => line instanceof Uint8Array);
  assert.deepEqual(log.slice(1), [...texts, Uint8Array.of(255)]);
  socket.close();
  socket.send('too late');
  await closed();
  assert.equal(log.at(-1), 'close: 1000');
});

test('it answers a ping, puts fragments together, and hears why the other side leaves', async (t) => {
  const port = await peer(t, (socket) => {
    socket.on('pong', (/** @type {Buffer} */ data) => {
      socket.send('frag', { fin: false });
      socket.send(`ments ${data}`, { fin: true });
      socket.close(1012, 'restart');
    });
    socket.ping('after a pong');
  });
  const { log, closed } = open(port);
  await closed();
  assert.deepEqual(log, ['open', 'fragments after a pong', 'close: 1012 restart']);
});

test('cut off, it closes with 1006 and once', async (t) => {
  const port = await peer(t, (socket) => socket.terminate());
  const { log, closed } = open(port);
  await closed();
  assert.deepEqual(log, ['open', 'close: 1006']);
});

test('closed before it is open, it never opens', async (t) => {
  const port = await serve(t, () => {});
  const { socket, log, closed } = open(port);
  socket.close();
  await closed();
  assert.deepEqual(log, ['close: 1006']);
});

/** A server by hand: what it says behind a good handshake, or instead of one. */
/** @param {any} t @param {(good: string) => string | Buffer} answer */
const byHand = (t, answer) =>
  serve(t, (socket) =>
    socket.once('data', (bytes) => {
      const [, key] = /Sec-WebSocket-Key: (.*)\r\n/.exec(String(bytes)) ?? [];
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      socket.write(
        answer(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
        ),
        'latin1',
      );
    }),
  );

test('a frame that comes with the 101 is heard', async (t) => {
  const port = await byHand(t, (good) => `${good}\x81\x05hello`);
  const { log, until } = open(port);
  await until((line) => line === 'hello');
  assert.deepEqual(log, ['open', 'hello']);
});

/** @type {Array<[string, (good: string) => string, RegExp]>} */
const WRONG = [
  [
    'another status',
    () => 'HTTP/1.1 502 Bad Gateway\r\nProxy-Status: squid; error=x\r\n\r\n',
    /answered with 502 Bad Gateway \(Proxy-Status: squid; error=x\)/,
  ],
  ['no Upgrade', (good) => good.replace('Upgrade: WebSocket\r\n', ''), /without Upgrade/],
  ['no Connection', (good) => good.replace(/Connection: .*\r\n/, ''), /without Connection/],
  ['a false accept', (good) => good.replace(/Accept: ...../, 'Accept: AAAAA'), /proves nothing/],
  [
    'an extension',
    (good) => good.replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'),
    /extension that nobody/,
  ],
  [
    'a subprotocol',
    (good) => good.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: chat\r\n\r\n'),
    /subprotocol that nobody/,
  ],
];
for (const [name, answer, expected] of WRONG) {
  test(`${name} in the answer: it does not open, and says why`, async (t) => {
    const { log, closed } = open(await byHand(t, answer));
    await closed();
    assert.match(log[0], expected);
    assert.deepEqual(log.slice(1), ['close: 1006']);
  });
}

for (const [name, frame, code] of /** @type {Array<[string, string, number]>} */ ([
  ['garbage', '\xff\xff', 1002],
  ['a text that is not UTF-8', '\x81\x01\xff', 1007],
])) {
  test(`after ${name} it leaves with ${code}`, async (t) => {
    /** @type {(code: number) => void} */
    let hear = () => {};
    const heard = new Promise((resolve) => (hear = resolve));
    const port = await serve(t, (socket) => {
      socket.once('data', (bytes) => {
        const [, key] = /Sec-WebSocket-Key: (.*)\r\n/.exec(String(bytes)) ?? [];
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
        socket.write(
          `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
        );
        socket.write(Buffer.from(frame, 'latin1'));
        socket.once('data', (close) => {
          const masked = close.readUInt16BE(6) ^ close.readUInt16BE(2);
          hear(masked);
        });
      });
    });
    const { log, closed } = open(port);
    assert.equal(await heard, code);
    await closed();
    assert.match(log[1], /^error: /);
  });
}
