// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The vectors that the realm's codecs pass, too: test/data, test/unit/realm/*_vectors_test.c. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SockJsTransport } from '../src/drivers/sockjs.js';
import { eventSourceDriver } from '../src/drivers/eventsource.js';
import { streamingDriver } from '../src/drivers/streaming.js';
import { readHeartBeat } from '../src/happenings.js';
import { FrameDecoder, OPCODES, encodeFrame as encodeWsFrame } from '../src/node/frames.js';
import { Protocol } from '../src/protocol.js';
import { StompDecoder, encodeFrame } from '../src/stomp.js';

/** @param {string} name @returns {Record<string, any[]>} */
const read = (name) =>
  JSON.parse(readFileSync(new URL(`../../../test/data/${name}`, import.meta.url), 'utf8'));
const [stomp, sockjs, ws] = ['stomp', 'sockjs', 'ws'].map((name) => read(`${name}_vectors.json`));

/** Every part in two, then byte by byte. @param {Uint8Array} bytes @param {(parts: Uint8Array[]) => void} check */
function everyCut(bytes, check) {
  for (let at = 0; at <= bytes.length; at++) check([bytes.slice(0, at), bytes.slice(at)]);
  check([...bytes].map((byte) => Uint8Array.of(byte)));
}

const utf8 = new TextEncoder();

/** @param {import('../src/stomp.js').Frame} frame */
function said({ command, headers, body }) {
  const head = [...headers].map(([name, value]) => `[${name}=${value}]`).join('');
  return `${command} ${head && `${head} `}<${new TextDecoder().decode(body)}>\n`;
}

test('STOMP 1.2: what is readable means what the vectors say, at every cut', () => {
  const own = stomp.readable.filter(({ version }) => version === '1.2');
  assert.ok(own.length > 10);
  for (const { stream, frames } of own) {
    everyCut(utf8.encode(stream), (parts) => {
      const decoder = new StompDecoder();
      const seen = parts.flatMap((part) => decoder.push(part)).map(said);
      assert.equal(seen.join(''), frames);
    });
  }
});

test('STOMP: what breaks 1.2 is refused, at every cut', () => {
  for (const { stream, why } of stomp.refused) {
    everyCut(utf8.encode(stream), (parts) => {
      const decoder = new StompDecoder();
      assert.throws(() => parts.map((part) => decoder.push(part)), { code: 'protocol' }, why);
    });
  }
});

/** @param {string[]} flat @returns {Array<[string, string]>} */
const pairs = (flat) =>
  flat.flatMap((name, at) =>
    at % 2 ? [] : [/** @type {[string, string]} */ ([name, flat[at + 1]])],
  );

test('STOMP: frames are written as the vectors say, in text and in bytes', () => {
  for (const { command, headers, body, text } of stomp.written) {
    assert.equal(encodeFrame(command, pairs(headers), body), text);
    if (body === undefined) continue;
    const bytes = encodeFrame(command, pairs(headers), utf8.encode(body));
    assert.equal(new TextDecoder().decode(/** @type {Uint8Array} */ (bytes)), text);
  }
  for (const { command, headers, why } of stomp.unwritable) {
    assert.throws(() => encodeFrame(command, pairs(headers)), { code: 'argument' }, why);
  }
});

test('STOMP: heart-beats are read and agreed on as the vectors say', () => {
  for (const { header, can, wants } of stomp.heartbeats) {
    assert.deepEqual(readHeartBeat(header), [can, wants]);
  }
  for (const { header } of stomp.no_heartbeats) {
    assert.throws(() => readHeartBeat(header), { code: 'protocol' }, header);
  }
  for (const { ours, theirs, send, hear } of stomp.agreed) {
    const heartbeatMs = Number(ours.split(',')[0]);
    const protocol = new Protocol({ host: 'realm', heartbeatMs });
    assert.match(String(protocol.takeOutgoing()[0]), new RegExp(`\nheart-beat:${ours}\n`));
    const connected = `CONNECTED\nversion:1.2\nheart-beat:${theirs}\n\n\0`;
    const [{ sendMs, expectMs }] = /** @type {any[]} */ ([...protocol.receive(connected)]);
    assert.deepEqual([sendMs, expectMs], [send, hear], theirs);
  }
});

/** What a transport makes of frames that come: messages, and how it closed. */
function listener() {
  /** @type {string[]} */
  const seen = [];
  return {
    seen,
    opened: () => seen.push('opened'),
    message: (/** @type {any} */ data) => seen.push(`message ${data}`),
    closed: (/** @type {string} */ detail) => seen.push(`closed ${detail}`),
  };
}

const random = () => 0.5;

/** By both wrappings. @param {string[]} frames */
function heardBy(frames) {
  const [byStream, byEvents] = [listener(), listener()];
  const streaming = streamingDriver({
    random,
    post: (url, _body, { text }) => {
      if (url.endsWith('/xhr_streaming'))
        queueMicrotask(() => frames.forEach((each) => text(`${each}\n`)));
      return () => {};
    },
  });
  streaming.open('http://realm/sockjs', byStream);
  class EventSource {
    onmessage = (/** @type {{ data: string }} */ _event) => {};
    onerror = () => {};
    constructor() {
      queueMicrotask(() => frames.forEach((data) => this.onmessage({ data })));
    }
    close() {}
  }
  eventSourceDriver({ EventSource, random, post: () => () => {} }).open(
    'http://realm/sockjs',
    byEvents,
  );
  return [byStream.seen, byEvents.seen];
}

test('SockJS: what a realm writes is heard, over streams and event streams', async () => {
  const frames = ['o', ...sockjs.down.map(({ text }) => text)];
  const heard = heardBy(frames);
  await null;
  const expected = ['opened', ...sockjs.down.map(({ message }) => `message ${message}`)];
  for (const seen of heard) assert.deepEqual(seen, expected);
  for (const { sign, code, reason, text } of sockjs.signs) {
    const found = heardBy(['o', text]);
    await null;
    const after = sign === 'close' ? ['opened', `closed ${reason} (code ${code})`] : ['opened'];
    if (sign !== 'open') for (const seen of found) assert.deepEqual(seen, after);
  }
});

test('SockJS: what a client writes is what the realm reads', () => {
  for (const { messages, text } of sockjs.up) {
    /** @type {string[]} */
    const posted = [];
    /** @type {(frame: string) => void} */
    let hear = () => {};
    const transport = new SockJsTransport(
      'http://realm/sockjs',
      (_url, { frame }) => ((hear = frame), () => {}),
      { random, post: (_to, body) => (posted.push(body), () => {}) },
      listener(),
    );
    for (const message of messages) transport.send(message);
    hear('o');
    assert.deepEqual(posted, [text]);
  }
});

/** @type {Record<number, string>} */
const NAMES = { [OPCODES.TEXT]: 'text', [OPCODES.BINARY]: 'binary' };

/** Printable characters as they are, others as \xNN. @param {Buffer} bytes */
const print = (bytes) =>
  bytes
    .toString('latin1')
    .replace(/[^ -~]/g, (c) => `\\x${Buffer.from(c, 'latin1').toString('hex')}`);

/** @param {import('../src/node/frames.js').Message} message */
function transcript({ opcode, payload, code, text }) {
  if (opcode === OPCODES.CLOSE) return `<close:${code}${text && ` ${text}`}>`;
  if (opcode === OPCODES.PING) return `<ping:${print(payload)}>`;
  if (opcode === OPCODES.PONG) return `<pong:${print(payload)}>`;
  assert.equal(text, opcode === OPCODES.TEXT ? payload.toString() : '');
  return `${NAMES[opcode]}(${print(payload)})`;
}

/** @param {string} hex @param {(parts: Uint8Array[]) => void} check */
const cutHex = (hex, check) => everyCut(Buffer.from(hex, 'hex'), check);

/** @param {Uint8Array[]} parts */
function decodeWs(parts) {
  const decoder = new FrameDecoder(1000);
  return parts.flatMap((part) => [...decoder.push(Buffer.from(part))]);
}

test('WebSocket: what a server sends means what the vectors say, at every cut', () => {
  for (const { hex, messages } of ws.down) {
    cutHex(hex, (parts) => assert.equal(decodeWs(parts).map(transcript).join(''), messages));
  }
});

test('WebSocket: what a server must not send is answered with its close code, at every cut', () => {
  for (const { hex, code, why } of ws.refused) {
    cutHex(hex, (parts) => assert.throws(() => decodeWs(parts), { closeCode: code }, why));
  }
});

test('WebSocket: what a client sends is masked', () => {
  for (const { opcode, payload, key, hex } of ws.up) {
    const frame = encodeWsFrame(opcode, Buffer.from(payload, 'hex'), Buffer.from(key, 'hex'));
    assert.equal(frame.toString('hex'), hex);
  }
});
