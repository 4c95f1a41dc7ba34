// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StompDecoder, encodeFrame } from '../src/stomp.js';

const utf8 = new TextEncoder();

/** @param {string | Uint8Array} frame */
const bytesOf = (frame) => (typeof frame === 'string' ? utf8.encode(frame) : frame);

/** @param {import('../src/stomp.js').Frame} frame */
const plain = ({ command, headers, body }) => [command, [...headers], [...body]];

/**
 * The frames of a stream, however it is cut in two; and one byte at a time.
 * @param {string | Uint8Array} stream
 */
function everyCut(stream) {
  const bytes = bytesOf(stream);
  const whole = new StompDecoder().push(bytes).map(plain);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const decoder = new StompDecoder();
    const frames = [...decoder.push(bytes.slice(0, cut)), ...decoder.push(bytes.slice(cut))];
    assert.deepEqual(frames.map(plain), whole, `cut at ${cut}`);
  }
  const decoder = new StompDecoder();
  const single = [...bytes].flatMap((byte) => decoder.push(Uint8Array.of(byte)));
  assert.deepEqual(single.map(plain), whole, 'byte by byte');
  return whole;
}

test('frames, heart-beats and both line ends survive every cut', () => {
  const stream =
    '\n\r\nCONNECTED\nversion:1.2\nsession:a:b\\n\n\n\0\n\n' +
    'MESSAGE\r\nsubscription:/fx\r\ncontent-length:5\r\n\r\na\0b\nc\0\r\n' +
    'RECEIPT\nreceipt-id:ü-1\n\n\0' +
    'ERROR\nmessage:no\n\nwithout a length\0\n';
  assert.deepEqual(everyCut(stream), [
    [
      'CONNECTED',
      [
        ['version', '1.2'],
        ['session', 'a:b\\n'],
      ],
      [],
    ],
    [
      'MESSAGE',
      [
        ['subscription', '/fx'],
        ['content-length', '5'],
      ],
      [97, 0, 98, 10, 99],
    ],
    ['RECEIPT', [['receipt-id', 'ü-1']], []],
    ['ERROR', [['message', 'no']], [...utf8.encode('without a length')]],
  ]);
});

test('what is encoded is decoded again, with any text in names and values', () => {
  /** @type {Array<[string, string]>} */
  const headers = [
    ['a:b\\c', 'line\nend\r\\n:'],
    ['empty', ''],
    ['ключ', '値 😀'],
  ];
  const [[command, decoded, body]] = everyCut(encodeFrame('SEND', headers, 'x\0y'));
  assert.equal(command, 'SEND');
  assert.deepEqual(decoded, [...headers, ['content-length', '3']]);
  assert.deepEqual(body, [120, 0, 121]);
});

test('a text body travels as text and bytes as bytes, with the length in bytes', () => {
  assert.equal(encodeFrame('SEND', [], 'ü'), 'SEND\ncontent-length:2\n\nü\0');
  const binary = encodeFrame('SEND', [], Uint8Array.of(255, 0));
  assert.deepEqual([...bytesOf(binary).slice(-4)], [10, 255, 0, 0]);
  assert.equal(encodeFrame('DISCONNECT', [['receipt', 1]]), 'DISCONNECT\nreceipt:1\n\n\0');
});

test('CONNECT knows no escapes: a line end in it is refused, a colon is not', () => {
  assert.equal(encodeFrame('CONNECT', [['host', 'a:b\\']]), 'CONNECT\nhost:a:b\\\n\n\0');
  assert.throws(() => encodeFrame('CONNECT', [['login', 'a\nb:c']]), { code: 'argument' });
});

test('a NUL in a header is refused before it is sent', () => {
  assert.throws(() => encodeFrame('SEND', [['a', 'b\0c']]), { code: 'argument' });
});

test('of a repeated header the first one stands', () => {
  const [[, headers]] = everyCut('MESSAGE\nfoo:World\nfoo:Hello\n\n\0');
  assert.deepEqual(headers, [['foo', 'World']]);
});

for (const [what, stream] of Object.entries({
  'an unknown escape': 'MESSAGE\na:b\\t\n\n\0',
  'an escape that ends too early': 'MESSAGE\na:b\\\n\n\0',
  'a header without a colon': 'MESSAGE\nab\n\n\0',
  'a header without a name': 'MESSAGE\n:ab\n\n\0',
  'a CR inside a header': 'MESSAGE\na:b\rc\n\n\0',
  'a NUL inside the head': 'MESSAGE\na:b\0\n\n\0',
  'a command in small letters': 'message\n\n\0',
  'no command': ' \n\n\0',
  'a length that is no number': 'MESSAGE\ncontent-length:-1\n\n\0',
  'a length beyond the bound': 'MESSAGE\ncontent-length:9999999999\n\n\0',
  'no NUL where the length ends': 'MESSAGE\ncontent-length:1\n\nab\0',
  'a CR alone between frames': '\rMESSAGE\n\n\0',
})) {
  test(`${what} is a protocol error at every cut`, () => {
    const bytes = utf8.encode(stream);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const decoder = new StompDecoder();
      const push = () => [...decoder.push(bytes.slice(0, cut)), ...decoder.push(bytes.slice(cut))];
      assert.throws(push, { code: 'protocol' }, `cut at ${cut}`);
    }
  });
}

test('a head that is not UTF-8 is a protocol error', () => {
  const bytes = [...utf8.encode('MESSAGE\na:'), 0xff, 10, 10, 0];
  assert.throws(() => new StompDecoder().push(Uint8Array.from(bytes)), { code: 'protocol' });
});

test('a head may be as long as its bound and not longer, also when its end never comes', () => {
  const head = (/** @type {number} */ length) => `MESSAGE\na:${'x'.repeat(length - 12)}\n\n\0`;
  assert.equal(new StompDecoder({ maxHead: 64 }).push(head(64)).length, 1);
  assert.throws(() => new StompDecoder({ maxHead: 64 }).push(head(65)), { code: 'protocol' });
  const decoder = new StompDecoder({ maxHead: 64 });
  decoder.push('M'.repeat(64));
  assert.throws(() => decoder.push('M'), { code: 'protocol' });
});

test('a body without a length is bounded too', () => {
  const decoder = new StompDecoder({ maxBody: 8 });
  decoder.push('MESSAGE\n\n12345678');
  assert.throws(() => decoder.push('9'), { code: 'protocol' });
  assert.equal(new StompDecoder({ maxBody: 8 }).push('MESSAGE\n\n12345678\0').length, 1);
});
