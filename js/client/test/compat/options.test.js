// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostRealmsOf, optionsOf, realmsOf } from '../../src/compat/options.js';

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

test('drivers that are not built are skipped, and where none is left it is said', (t) => {
  const { mock } = t.mock.method(console, 'warn', () => {});
  optionsOf({ drivers: 'WEBSOCKET' });
  optionsOf({ drivers: [undefined, 'XDR_STREAMING', 'WEBSOCKET'] });
  optionsOf({ protocolSelection: ['websocket', 'streamingcomet'] });
  assert.equal(mock.callCount(), 0);
  optionsOf({ drivers: ['JSONP_LONGPOLL'] });
  assert.match(mock.calls[0].arguments[0], /WEBSOCKET is used instead/);
  optionsOf({ enableDataStreams: true });
  assert.match(mock.calls[1].arguments[0], /data streams are not built/);
});
