// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Remembered, targetsOf } from '../src/targets.js';

const MEANS = /** @type {any} */ ({ WebSocket: class {}, fetch: () => {} });

/** @param {string | string[]} realms */
const named = (realms, options = {}) =>
  targetsOf(realms, { ...MEANS, ...options }, () => 0).map(
    ({ url, driver, rank }) => `${rank} ${driver.name} ${url}`,
  );

test('WebSocket as asked, then the secure interface, then the same by the other drivers', () => {
  assert.deepEqual(named('ws://realm:9000'), [
    '0 WEBSOCKET ws://realm:9000/stomp',
    '0 WEBSOCKET wss://realm:9443/stomp',
    '1 XHR_STREAMING_CORS http://realm:9000/sockjs',
    '1 XHR_STREAMING_CORS https://realm:9443/sockjs',
    '2 XHR_LONGPOLL_CORS http://realm:9000/sockjs',
    '2 XHR_LONGPOLL_CORS https://realm:9443/sockjs',
  ]);
});

test('realms in their order, each once, and only the drivers that are wanted', () => {
  const realms = ['wss://b:7', 'ws://a:7', 'https://b:7/'];
  assert.deepEqual(named(realms, { drivers: ['XDR_STREAMING', 'WEBSOCKET'] }), [
    '0 XHR_STREAMING_CORS https://b:7/sockjs',
    '0 XHR_STREAMING_CORS http://a:7/sockjs',
    '1 WEBSOCKET wss://b:7/stomp',
    '1 WEBSOCKET ws://a:7/stomp',
  ]);
});

test('without a realm, or a driver that works here, there is nothing to try', () => {
  assert.throws(() => named([]), { code: 'argument' });
  assert.throws(() => named('ws://a', { drivers: ['CARRIER_PIGEON'] }), { code: 'argument' });
});

const targets = targetsOf('ws://realm:9000', MEANS, () => 0);
const [first, second, , , , last] = targets;

test('what worked here last comes first, and the others keep their order', () => {
  const stored = new Map();
  const storage = {
    getItem: (/** @type {string} */ key) => stored.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => stored.set(key, value),
  };
  let network = 'office';
  const remembered = () => new Remembered(storage, () => network, targets);
  assert.deepEqual(remembered().order(targets), targets);
  remembered().keep(last);
  assert.deepEqual(remembered().order(targets), [last, ...targets.slice(0, -1)]);
  network = 'home';
  assert.deepEqual(remembered().order(targets), targets);
  remembered().keep(second);
  assert.deepEqual(remembered().order(targets)[0], second);
  network = 'office';
  assert.deepEqual(remembered().order(targets)[0], last);
  const others = targetsOf('ws://other:9000', MEANS, () => 0);
  assert.deepEqual(new Remembered(storage, () => network, others).order(others), others);
});

test('a storage that is missing, forbidden, full or full of nonsense harms nobody', () => {
  const forbidden = () => {
    throw new Error('SecurityError');
  };
  for (const storage of [null, undefined, { getItem: forbidden, setItem: forbidden }]) {
    const remembered = new Remembered(storage, () => '', targets);
    assert.deepEqual(remembered.order(targets), targets);
    remembered.keep(last);
    assert.deepEqual(remembered.order(targets)[0], last, 'this session remembers');
  }
  const nonsense = { getItem: () => 'nonsense', setItem: () => {} };
  assert.equal(new Remembered(nonsense, () => '', targets).order(targets)[0], first);
});
