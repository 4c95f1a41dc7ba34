// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** WebSocket as RFC 6455 wants it, asked of /echo by a raw socket and by somebody else's client. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import WebSocket from 'ws';
import {
  OPCODE,
  closeFrame,
  closePayload,
  frame,
  openWebSocket,
  readClose,
  readFrame,
  readMessage,
} from '../lib/frames.mjs';
import { exchange, field } from '../lib/tcp.mjs';
import { within } from '../lib/wait.mjs';
import { startRealm } from '../lib/wayleave.mjs';

const { continuation, text, binary, close, ping, pong } = OPCODE;
const MIB = 1024 * 1024;

test('WebSocket as RFC 6455 wants it', async (t) => {
  const { port } = await startRealm(t, {
    more: 'DiagnosticEndpoints On\nDiagnosticRate 1000\nDiagnosticsMax 1000',
  });

  /** A connection for one subtest. */
  async function open(t, options) {
    const { peer, head } = await openWebSocket(port, '/echo', options);
    t.after(() => peer.destroy());
    return Object.assign(peer, { head });
  }

  /** Sends bytes and expects to be closed with a code, and then the end of the connection. */
  async function isClosedWith(t, code, bytes) {
    const peer = await open(t);
    peer.send(bytes);
    const { code: got, reason } = await readClose(peer);
    assert.equal(got, code, reason);
    peer.send(closeFrame(code)).end();
    await peer.readToEnd();
  }

  async function echoes(peer, opcode, payload) {
    const message = await readMessage(peer);
    assert.equal(message.opcode, opcode);
    assert.ok(message.payload.equals(Buffer.from(payload)), 'the payload is another');
  }

  await t.test('a message comes back as it was sent, whatever its length', async (t) => {
    const peer = await open(t);
    for (const length of [0, 1, 125, 126, 127, 128, 65535, 65536, 65537, MIB]) {
      const payload = randomBytes(length);
      peer.send(frame(binary, payload));
      await echoes(peer, binary, payload);
      const words = 'wörter '.repeat(length / 8);
      peer.send(frame(text, words));
      await echoes(peer, text, words);
    }
  });

  await t.test('a server never masks, and its frames have no reserved bits', async (t) => {
    const peer = await open(t);
    peer.send(frame(text, 'hello'));
    const { isMasked, rsv } = await readFrame(peer);
    assert.deepEqual({ isMasked, rsv }, { isMasked: false, rsv: 0 });
  });

  await t.test('fragments make one message, empty ones too', async (t) => {
    const peer = await open(t);
    peer.send(frame(text, 'one ', { fin: false }));
    peer.send(frame(continuation, '', { fin: false }));
    peer.send(frame(continuation, 'two ', { fin: false }));
    peer.send(frame(continuation, 'three'));
    await echoes(peer, text, 'one two three');
    peer.send(frame(binary, '', { fin: false }));
    peer.send(frame(continuation, ''));
    await echoes(peer, binary, '');
  });

  await t.test('control frames between fragments are answered at once', async (t) => {
    const peer = await open(t);
    peer.send(frame(text, 'begin', { fin: false }));
    peer.send(frame(ping, 'still there?'));
    const answer = await readFrame(peer);
    assert.deepEqual([answer.opcode, String(answer.payload)], [pong, 'still there?']);
    peer.send(frame(pong, 'nobody asked'));
    peer.send(frame(continuation, ' and end'));
    await echoes(peer, text, 'begin and end');
  });

  await t.test('pings are answered with their payload, up to 125 bytes of it', async (t) => {
    const peer = await open(t);
    for (const length of [0, 1, 125]) {
      const payload = randomBytes(length);
      peer.send(frame(ping, payload));
      const answer = await readFrame(peer);
      assert.equal(answer.opcode, pong);
      assert.ok(answer.payload.equals(payload));
    }
  });

  await t.test('a character may be cut by fragments', async (t) => {
    const peer = await open(t);
    const euro = Buffer.from('€');
    peer.send(frame(text, euro.subarray(0, 1), { fin: false }));
    peer.send(frame(continuation, euro.subarray(1, 2), { fin: false }));
    peer.send(frame(continuation, euro.subarray(2)));
    await echoes(peer, text, '€');
  });

  await t.test('invalid UTF-8 is refused at its first wrong byte', async (t) => {
    const peer = await open(t);
    // The frame says 1000 bytes; the connection is closed long before they are sent.
    const start = frame(text, Buffer.from('fine so far \xff', 'latin1'), { length: 1000 });
    peer.send(start);
    assert.equal((await readClose(peer)).code, 1007);
  });

  const notUtf8 = {
    'a lonely continuation byte': [0x80],
    'an overlong slash': [0xc0, 0xaf],
    'an overlong NUL': [0xe0, 0x80, 0x80],
    'a surrogate': [0xed, 0xa0, 0x80],
    'beyond U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
    'a five byte form': [0xf8, 0x88, 0x80, 0x80, 0x80],
    'a character that the message cuts off': [0xe2, 0x82],
  };
  for (const [what, bytes] of Object.entries(notUtf8)) {
    await t.test(`${what} is no UTF-8: 1007`, (t) =>
      isClosedWith(t, 1007, frame(text, Buffer.from(bytes))),
    );
  }

  await t.test('a wrong byte in a later fragment is refused: 1007', (t) =>
    isClosedWith(
      t,
      1007,
      Buffer.concat([
        frame(text, 'good', { fin: false }),
        frame(continuation, Buffer.from([0xff]), { fin: false }),
      ]),
    ),
  );

  await t.test('binary may be any bytes', async (t) => {
    const peer = await open(t);
    peer.send(frame(binary, Buffer.from([0xff, 0xfe, 0xc0])));
    await echoes(peer, binary, [0xff, 0xfe, 0xc0]);
  });

  const breaks = {
    'reserved bit 1': frame(text, 'x', { rsv: 4 }),
    'reserved bit 2': frame(text, 'x', { rsv: 2 }),
    'reserved bit 3': frame(text, 'x', { rsv: 1 }),
    'a reserved bit on a ping': frame(ping, '', { rsv: 4 }),
    'a frame without a mask': frame(text, 'x', { isMasked: false }),
    'a continuation of nothing': frame(continuation, 'x'),
    'a message within a message': Buffer.concat([
      frame(text, 'a', { fin: false }),
      frame(text, 'b'),
    ]),
    'a ping in fragments': frame(ping, 'x', { fin: false }),
    'a ping of 126 bytes': frame(ping, Buffer.alloc(126)),
    'a close of 126 bytes': frame(close, Buffer.alloc(126)),
    'a length in two bytes that fits one': frame(text, 'x', { lengthBytes: 2 }),
    'a length in eight bytes that fits two': frame(binary, Buffer.alloc(300), { lengthBytes: 8 }),
    'a close with half a code': frame(close, Buffer.from([3])),
  };
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    breaks[`reserved opcode ${opcode}`] = frame(opcode, '');
  }
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535]) {
    breaks[`close code ${code}`] = closeFrame(code);
  }
  for (const [what, bytes] of Object.entries(breaks)) {
    await t.test(`${what} breaks the protocol: 1002`, (t) => isClosedWith(t, 1002, bytes));
  }

  await t.test('a length with its highest bit set breaks the protocol: 1002', async (t) => {
    const peer = await open(t);
    const head = frame(binary, '', { length: 0, lengthBytes: 8 });
    head[2] = 0x80;
    peer.send(head);
    assert.equal((await readClose(peer)).code, 1002);
  });

  await t.test('a close is answered with its own code, and the server ends first', async (t) => {
    for (const code of [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4000, 4999]) {
      const peer = await open(t);
      peer.send(closeFrame(code, 'so long'));
      assert.equal((await readClose(peer)).code, code);
      assert.equal((await peer.readToEnd()).length, 0);
    }
  });

  await t.test('a close without a code is answered without one', async (t) => {
    const peer = await open(t);
    peer.send(frame(close));
    assert.equal((await readClose(peer)).code, null);
    await peer.readToEnd();
  });

  await t.test('a close reason must be UTF-8: 1007', (t) =>
    isClosedWith(t, 1007, frame(close, closePayload(1000, Buffer.from([0xff])))),
  );

  await t.test('what follows a close is not read', async (t) => {
    const peer = await open(t);
    peer.send(Buffer.concat([closeFrame(1000), frame(text, 'too late'), frame(ping, 'late')]));
    const answer = await readFrame(peer);
    assert.equal(answer.opcode, close);
    assert.equal((await peer.readToEnd()).length, 0);
  });

  await t.test('frames sent right behind the handshake are not lost', async (t) => {
    const peer = await open(t, { early: frame(text, 'early') });
    await echoes(peer, text, 'early');
  });

  await t.test('a stream may be cut anywhere', async (t) => {
    const peer = await open(t);
    const bytes = Buffer.concat([
      frame(text, 'fra', { fin: false }),
      frame(ping, 'p'),
      frame(continuation, 'gm€nt'),
      frame(binary, randomBytes(300)),
    ]);
    for (const byte of bytes) {
      peer.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await readFrame(peer)).opcode, pong);
    await echoes(peer, text, 'fragm€nt');
    assert.equal((await readMessage(peer)).payload.length, 300);
  });

  await t.test('a message of 16 MiB comes back, one byte more is too big: 1009', async (t) => {
    const payload = randomBytes(16 * MIB);
    const peer = await open(t);
    peer.send(frame(binary, payload));
    await echoes(peer, binary, payload);
    peer.send(frame(binary, Buffer.alloc(0), { length: 16 * MIB + 1 }));
    assert.equal((await readClose(peer)).code, 1009);
  });

  await t.test('fragments together may not exceed the limit either: 1009', async (t) => {
    const peer = await open(t);
    peer.send(frame(binary, Buffer.alloc(16 * MIB), { fin: false }));
    peer.send(frame(continuation, 'x', { fin: false }));
    assert.equal((await readClose(peer)).code, 1009);
  });

  await t.test("somebody else's client is at home here", async () => {
    const socket = new WebSocket(`ws://localhost:${port}/echo`);
    const inbox = [];
    socket.on('message', (data, isBinary) => inbox.push(isBinary ? data : String(data)));
    await within('open', new Promise((resolve) => socket.once('open', resolve)));
    const large = randomBytes(16 * MIB);
    const sent = ['hello', '', 'größer', randomBytes(70_000), large];
    for (const message of sent) socket.send(message);
    socket.ping('p');
    await within('a pong', new Promise((resolve) => socket.once('pong', resolve)));
    socket.send('one', { fin: false });
    socket.send(' two', { fin: true });
    socket.close(4321, 'done');
    const [code] = await within(
      'close',
      new Promise((resolve) => socket.once('close', (...ended) => resolve(ended))),
    );
    assert.equal(code, 4321);
    assert.equal(inbox.length, sent.length + 1);
    for (const [i, message] of [...sent, 'one two'].entries()) {
      assert.ok(Buffer.from(inbox[i]).equals(Buffer.from(message)), `message ${i} is another`);
    }
  });

  const handshakes = {
    'without a key': [400, { 'Sec-WebSocket-Key': null }],
    'with a key that is no base64 of 16 bytes': [400, { 'Sec-WebSocket-Key': 'short' }],
    'with another version': [426, { 'Sec-WebSocket-Version': '8' }],
    'without a version': [[400, 426], { 'Sec-WebSocket-Version': null }],
    'without Connection: Upgrade': [[400, 426], { Connection: 'keep-alive' }],
    'without Host': [400, { Host: null }],
  };
  for (const [what, [statuses, change]] of Object.entries(handshakes)) {
    await t.test(`a handshake ${what} is refused`, async () => {
      const fields = {
        Host: `localhost:${port}`,
        Upgrade: 'websocket',
        Connection: 'Upgrade',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version': '13',
        ...change,
      };
      const lines = Object.entries(fields).flatMap(([k, v]) => (v === null ? [] : `${k}: ${v}`));
      const request = `GET /echo HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
      const { status, head, body } = await exchange(port, request);
      assert.ok([statuses].flat().includes(status), head);
      assert.match(body, /\w+ \w+/, 'and says why');
      // RFC 6455 4.4: with the versions that would do.
      if (status === 426) assert.equal(field(head, 'sec-websocket-version'), '13');
    });
  }
});
