// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameDecoder, closePayload, encodeFrame } from '../../src/node/frames.js';

/** @param {string} text */
const hex = (text) => Buffer.from(text.replace(/\s/g, ''), 'hex');

/** @param {Buffer[]} pieces @param {number} [max] */
function decode(pieces, max) {
  const decoder = new FrameDecoder(max);
  return pieces.flatMap((piece) =>
    [...decoder.push(piece)].map(
      ({ opcode, payload }) => `${opcode} ${payload.toString('latin1')}`,
    ),
  );
}

/** RFC 6455 section 5.7, as a server sends them. @type {Array<[string, string, string[]]>} */
const EXAMPLES = [
  ['a text', '81 05 48656c6c6f', ['1 Hello']],
  ['fragments', '01 03 48656c 80 02 6c6f', ['1 Hello']],
  ['a ping', '89 05 48656c6c6f', ['9 Hello']],
  ['a ping between fragments', '01 03 48656c 89 00 80 02 6c6f', ['9 ', '1 Hello']],
  ['an empty text, an empty close', '81 00 88 00', ['1 ', '8 ']],
  ['fragments, some empty', `01 00 ${'00 00'.repeat(20)} 00 02 6869 80 00`, ['1 hi']],
  ['256 bytes', `82 7e 0100 ${'61'.repeat(256)}`, [`2 ${'a'.repeat(256)}`]],
  ['65,536 bytes', `82 7f 0000000000010000 ${'61'.repeat(65_536)}`, [`2 ${'a'.repeat(65_536)}`]],
];
for (const [name, bytes, messages] of EXAMPLES) {
  test(`${name}, at every cut`, () => {
    const all = hex(bytes);
    const last = Math.min(all.length, 300);
    for (let at = 0; at <= last; at++) {
      assert.deepEqual(decode([all.subarray(0, at), all.subarray(at)]), messages);
    }
    const single = Array.from(all.subarray(0, 400), (byte) => Buffer.of(byte));
    assert.deepEqual(decode([...single, all.subarray(400)]), messages);
  });
}

/** @type {Array<[string, string, number]>} */
const FAULTS = [
  ['reserved bits', 'c1 00', 1002],
  ['a mask', '81 80 00000000', 1002],
  ['an opcode that is none', '83 00', 1002],
  ['a control opcode that is none', '8b 00', 1002],
  ['a control frame in fragments', '09 00', 1002],
  ['a long control frame', `89 7e 007e ${'00'.repeat(126)}`, 1002],
  ['half a close code', '88 01 03', 1002],
  ['a continuation of nothing', '80 00', 1002],
  ['a text within a text', '01 00 81 00', 1002],
  ['a message beyond the limit', `81 7e 03e9 ${'61'.repeat(1001)}`, 1009],
  [
    'fragments beyond the limit',
    `01 7e 01f4 ${'61'.repeat(500)} 80 7e 01f5 ${'61'.repeat(501)}`,
    1009,
  ],
  ['a length that nobody has', '82 7f 7fffffffffffffff', 1009],
];
for (const [name, bytes, closeCode] of FAULTS) {
  test(`${name}: ${closeCode}`, () => {
    assert.throws(() => decode([hex(bytes)], 1000), { closeCode, code: 'protocol' });
  });
}

test('what the client sends is masked: the example of RFC 6455', () => {
  const frame = encodeFrame(1, Buffer.from('Hello'), hex('37fa213d'));
  assert.equal(frame.toString('hex'), '818537fa213d7f9f4d5158');
});

test('lengths take as few bytes as they can', () => {
  const heads = [125, 126, 65_535, 65_536].map((length) =>
    encodeFrame(2, new Uint8Array(length), new Uint8Array(4)).subarray(0, 10).toString('hex'),
  );
  assert.deepEqual(
    heads.map((head) => head.slice(2)),
    ['fd0000000000000000', 'fe007e000000000000', 'feffff000000000000', 'ff0000000000010000'],
  );
});

test('a close has its code, and a reason that fits', () => {
  assert.equal(closePayload(1000).toString('hex'), '03e8');
  assert.equal(closePayload(1002, 'x'.repeat(200)).length, 125);
});
