// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataStreamOf, hostRealmsOf, optionsOf, realmsOf } from '../../src/compat/options.js';

const PAGE = { protocol: 'http:', host: 'page.example:8080' };

test('realms may be a list, one text, nothing, or hold nothing', () => {
  assert.deepEqual(realmsOf({ realms: ['http://a', 'http://b/'] }), ['http://a', 'http://b/']);
  assert.deepEqual(realmsOf({ realms: 'http://a' }), ['http://a']);
  for (const realms of [undefined, null, [], [''], [null]]) {
    assert.deepEqual(realmsOf({ realms }), ['']);
  }
});

for (const [config, realm] of /** @type {Array<[any, string]>} */ ([
  [{ webSocketPort: 9000 }, 'http://page.example:9000'],
  [{ webSocketPort: '9443', secure: true }, 'https://page.example:9443'],
  [{ secure: 'true' }, 'https://page.example:8080'],
  [{ secure: 'false' }, 'http://page.example:8080'],
  [{}, 'http://page.example:8080'],
  [{ webSocketPort: 9000, realmHosts: ['other'] }, 'http://other:9000'],
  [{ webSocketPort: 9000, realmHosts: 'other:1' }, 'http://other:9000'],
  [{ realmHosts: ['wss://other:1/x'] }, 'wss://other:1/x'],
])) {
  test(`start(${JSON.stringify(config)}) goes to ${realm}`, () => {
    assert.deepEqual(hostRealmsOf(config, PAGE), [realm]);
  });
}

test('the host of a page may be an IPv6 address', () => {
  const page = { protocol: 'https:', host: '[::1]:9443' };
  assert.deepEqual(hostRealmsOf({ webSocketPort: 9000 }, page), ['https://[::1]:9000']);
  assert.deepEqual(hostRealmsOf({}, { protocol: 'http:', host: '[::1]' }), ['http://[::1]']);
});

test('time-outs, attempts and names mean what they can only mean', () => {
  const options = optionsOf({
    sessionTimeoutMs: '5000',
    webSocketAttempts: 3,
    username: 'me\nreceipt:1',
    password: 7,
    whatever: {},
  });
  assert.equal(options.connectTimeoutMs, 5000);
  assert.equal(options.attempts, 3);
  assert.equal(options.login, 'me receipt:1');
  assert.equal(options.passcode, '7');
  assert.equal(optionsOf({ sessionTimeoutMs: 'soon' }).connectTimeoutMs, undefined);
});

test('drivers by name, in order; who names none that is known gets all', (t) => {
  const { mock } = t.mock.method(console, 'warn', () => {});
  const named = (/** @type {any} */ config) => optionsOf(config).drivers;
  assert.deepEqual(named({ drivers: 'WEBSOCKET' }), ['WEBSOCKET']);
  const sloppy = [undefined, 'XDR_STREAMING', 'CARRIER_PIGEON', 'WEBSOCKET'];
  assert.deepEqual(named({ drivers: sloppy }), ['XDR_STREAMING', 'WEBSOCKET']);
  const older = ['websocket', 'streamingcomet', 'longpollcomet'];
  assert.deepEqual(named({ protocolSelection: older }), older);
  for (const none of [undefined, null, []]) assert.equal(named({ drivers: none }), undefined);
  assert.equal(mock.callCount(), 0);
  assert.equal(named({ drivers: ['CARRIER_PIGEON'] }), undefined);
  assert.match(mock.calls[0].arguments[0], /no driver is called CARRIER_PIGEON/);
});

test('a data stream is what is asked for by name; who says false means it', () => {
  const named = (/** @type {any} */ config) => dataStreamOf(config);
  assert.equal(named({}), undefined);
  for (const enableDataStreams of [false, 'false', 0, null]) {
    assert.equal(named({ enableDataStreams, sessionName: 's' }), undefined);
  }
  assert.deepEqual(named({ enableDataStreams: true }), { name: undefined });
  assert.deepEqual(named({ enableDataStreams: 'true', sessionName: 7 }), { name: '7' });
  const long = named({ enableDataStreams: 1, sessionName: '\u20ac'.repeat(500) });
  assert.equal(new TextEncoder().encode(long?.name).length, 255);
});
