// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadReader, describe } from '../../src/node/head.js';

const ANSWER =
  'HTTP/1.1 403 Forbidden\r\nProxy-Status: wayleave; error=http_request_denied\r\nX:  a \r\nx: b\r\n\r\nrest';

test('a head is read at every cut, and what comes behind it is kept', () => {
  for (let at = 0; at <= ANSWER.length; at++) {
    const reader = new HeadReader();
    const early = reader.push(Buffer.from(ANSWER.slice(0, at)));
    const head = early ?? reader.push(Buffer.from(ANSWER.slice(at)));
    assert.deepEqual([head?.status, head?.reason], [403, 'Forbidden']);
    assert.deepEqual(head?.all('x'), ['a', 'b']);
    assert.deepEqual(head?.all('y'), []);
    const rest = String(head?.rest) + (early ? ANSWER.slice(at) : '');
    assert.equal(rest, 'rest');
  }
});

test('it is described with the words of the proxy', () => {
  const head = new HeadReader().push(Buffer.from(ANSWER));
  assert.equal(
    head && describe(head),
    '403 Forbidden (Proxy-Status: wayleave; error=http_request_denied)',
  );
  const bare = new HeadReader().push(Buffer.from('HTTP/1.0 200\r\n\r\n'));
  assert.equal(bare && describe(bare), '200');
});

for (const [wrong, expected] of /** @type {Array<[string, RegExp]>} */ ([
  ['SSH-2.0-x\r\n\r\n', /does not speak HTTP/],
  ['HTTP/2 200\r\n\r\n', /does not speak HTTP/],
  ['HTTP/1.1 200 OK\r\nno field\r\n\r\n', /no field/],
  ['HTTP/1.1 200 OK\r\na b: c\r\n\r\n', /no field/],
  [`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(17_000)}`, /too long/],
  [`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(17_000)}\r\n\r\n`, /too long/],
])) {
  test(`${JSON.stringify(wrong.slice(0, 40))} is refused`, () => {
    assert.throws(() => new HeadReader().push(Buffer.from(wrong)), {
      code: 'protocol',
      message: expected,
    });
  });
}
