// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEvent, encodeEvent } from '../src/event.js';

/**
 * @param {ReturnType<typeof encodeEvent>} encoded
 * @param {Array<[string, string]>} [more]
 */
function travel({ headers, body }, more = []) {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return decodeEvent({
    destination: '/fx',
    eid: 7,
    headers: new Map([['subscription', '/fx'], ['eid', '7'], ...headers, ...more]),
    body: bytes,
  });
}

test('text alone is its own body', () => {
  const encoded = encodeEvent('hello');
  assert.deepEqual(encoded, { headers: [['content-type', 'text/plain']], body: 'hello' });
  const event = travel(encoded);
  assert.deepEqual([event.channel, event.eid, event.data], ['/fx', 7, 'hello']);
  assert.deepEqual([event.dict, event.tag, event.headers], [{}, '', {}]);
});

test('bytes alone are their own body', () => {
  const event = travel(encodeEvent(Uint8Array.of(0, 255)));
  assert.deepEqual([...event.bytes], [0, 255]);
  assert.deepEqual([...travel(encodeEvent('ü')).bytes], [0xc3, 0xbc]);
});

test('a dictionary and a tag travel as the JSON object of doc/wire.md', () => {
  const dict = { symbol: 'EURUSD', price: 1.2261, live: true, legs: [{ n: 1 }] };
  const encoded = encodeEvent({ data: 'free text', dict, tag: 'fx' });
  assert.equal(encoded.headers[0][1], 'application/vnd.wayleave.event+json');
  assert.equal(encoded.body, JSON.stringify({ data: 'free text', dict, tag: 'fx' }));
  const event = travel(encoded);
  assert.deepEqual([event.data, event.dict, event.tag], ['free text', dict, 'fx']);
  assert.equal(encodeEvent({ tag: 'fx' }).body, '{"tag":"fx"}');
});

test('attributes and other headers come back as they were given', () => {
  const given = { attributes: { publisherName: 'a:b\n', allowMerge: true }, headers: { x: 'y' } };
  const event = travel(encodeEvent({ data: 'd', ...given }));
  assert.deepEqual(event.attributes, given.attributes);
  assert.deepEqual(event.headers, { x: 'y' });
});

test("a publisher's headers cannot pass for the frame's own", () => {
  const headers = { destination: '/other', receipt: '1', 'content-type': 'a/b', mine: '1' };
  assert.deepEqual(encodeEvent({ headers }).headers, [
    ['content-type', 'text/plain'],
    ['mine', '1'],
  ]);
});

test('what JSON cannot carry is refused, not mangled', () => {
  for (const value of [NaN, Infinity, 1n]) {
    assert.throws(() => encodeEvent({ dict: { value } }), { code: 'argument' });
  }
  assert.throws(() => encodeEvent({ data: Uint8Array.of(1), tag: 'x' }), { code: 'argument' });
});

test('an event that only says that it is JSON is passed on as it is', () => {
  /** @type {Array<[string, string]>} */
  const headers = [
    ['content-type', 'application/vnd.wayleave.event+json'],
    ['attributes', '{'],
  ];
  assert.equal(travel({ headers, body: '{"data":' }).data, '{"data":');
  assert.deepEqual(travel({ headers, body: '{"data":7,"dict":[1],"tag":null}' }).dict, {});
  assert.equal(travel({ headers, body: 'null' }).data, '');
});

test('the payload can be read as JSON', () => {
  assert.deepEqual(travel(encodeEvent('{"a":1}')).json(), { a: 1 });
});
