// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEvent, encodeEvent } from '../src/event.js';
import { typed } from '../src/typed.js';

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

test('merge is asked for by a header, and a delta is known by one', () => {
  const encoded = encodeEvent({ dict: { price: 1 }, merge: true });
  assert.deepEqual(encoded.headers.slice(1), [['merge', 'true']]);
  for (const merge of [false, undefined]) {
    assert.deepEqual(encodeEvent({ data: 'x', merge }).headers, [['content-type', 'text/plain']]);
  }
  assert.equal(travel(encoded).isDelta, false);
  assert.equal(travel(encoded, [['delta', 'true']]).isDelta, true);
  assert.equal(travel(encoded, [['delta', 'maybe']]).isDelta, false);
  assert.deepEqual(travel(encoded, [['delta', 'true']]).headers, {});
});

test("a publisher's headers cannot pass for the frame's own", () => {
  const own = { destination: '/other', receipt: '1', 'content-type': 'a/b', delta: 'true' };
  const headers = { ...own, merge: 'true', mine: '1' };
  assert.deepEqual(encodeEvent({ headers }).headers, [
    ['content-type', 'text/plain'],
    ['mine', '1'],
  ]);
});

test('bytes travel with a dictionary, and types with their marks', () => {
  const dict = { l: typed('long', 5), n: NaN, big: 2n ** 60n };
  const encoded = encodeEvent({ data: Uint8Array.of(0, 1), dict, tag: 'x' });
  const marks = '{"l":{"$long":5},"n":{"$double":"NaN"},"big":{"$long":"1152921504606846976"}}';
  assert.equal(encoded.body, `{"data":{"$bytes":"AAE="},"dict":${marks},"tag":"x"}`);
  const event = travel(encoded);
  assert.deepEqual([...event.bytes], [0, 1]);
  assert.deepEqual(event.dict, { l: 5, n: NaN, big: 2n ** 60n });
  assert.equal(event.dictionary.get('l')?.type, 'long');
  assert.equal(encodeEvent({ dict: event.dictionary }).body, `{"dict":${marks}}`);
});

test('what cannot be carried is refused, not mangled', () => {
  for (const value of [2n ** 64n, 'half a pair: \ud800']) {
    assert.throws(() => encodeEvent({ dict: { value } }), { code: 'argument' });
  }
  for (const value of [NaN, 1n]) {
    assert.throws(() => encodeEvent({ attributes: { value } }), { code: 'argument' });
  }
  for (const ttl of [-1, 0.5, /** @type {any} */ ('1')]) {
    assert.throws(() => encodeEvent({ ttl }), { code: 'argument' });
  }
});

test('a time to live is a header of its own', () => {
  assert.deepEqual(encodeEvent({ data: 'x', ttl: 500 }).headers[1], ['ttl', '500']);
});

test('an event says when it was published, if the realm does', () => {
  assert.equal(travel(encodeEvent('x')).timestamp, undefined);
  const event = travel(encodeEvent('x'), [['timestamp', '1763840000000']]);
  assert.deepEqual([event.timestamp, event.headers], [1763840000000, {}]);
  assert.equal(travel(encodeEvent('x'), [['timestamp', 'noon']]).timestamp, undefined);
});

test('from a queue an event says how often it came before', () => {
  const again = (/** @type {Array<[string, string]>} */ more) => {
    const { redelivered, redeliveryCount, headers } = travel(encodeEvent('x'), more);
    return [redelivered, redeliveryCount, headers];
  };
  assert.deepEqual(again([]), [false, 0, {}]);
  const count = ['redelivery-count', '2'];
  assert.deepEqual(again([['redelivered', 'true'], /** @type {any} */ (count)]), [true, 2, {}]);
  assert.deepEqual(again([['redelivered', 'true']]), [true, 1, {}]);
});

test('an event that only says that it is a dictionary is passed on as it is', () => {
  /** @type {Array<[string, string]>} */
  const headers = [
    ['content-type', 'application/vnd.wayleave.event+json'],
    ['attributes', '{'],
  ];
  for (const body of [
    '{"data":',
    'null',
    '{"data":7}',
    '{"dict":[1]}',
    '{"dict":{"v":{"$byte":128}}}',
    '{"dict":{"a":1,"a":2}}',
    '{"tag":null}',
  ]) {
    const { data, dict, tag, attributes } = travel({ headers, body });
    assert.deepEqual([data, dict, tag, attributes], [body, {}, '', {}]);
  }
  assert.equal(travel({ headers: [...headers, ['attributes', '[]']], body: '{}' }).data, '');
});

test('the payload can be read as JSON', () => {
  assert.deepEqual(travel(encodeEvent('{"a":1}')).json(), { a: 1 });
});
