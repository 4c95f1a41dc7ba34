// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realmUrl, thisPage } from '../src/realms.js';

const PAGE = { protocol: 'https:', host: 'page.example:8443' };

for (const [given, url] of Object.entries({
  'ws://realm:9000': 'ws://realm:9000/stomp',
  'wss://realm:9443/': 'wss://realm:9443/stomp',
  'http://192.168.111.22:11000/': 'ws://192.168.111.22:11000/stomp',
  'https://realm': 'wss://realm/stomp',
  'nsp://realm:9000': 'ws://realm:9000/stomp',
  'nhps://realm:9443': 'wss://realm:9443/stomp',
  'ws://[::1]:9000': 'ws://[::1]:9000/stomp',
  'ws://broker:15674/ws': 'ws://broker:15674/ws',
  'ws://me:secret@realm:9000/#part': 'ws://realm:9000/stomp',
  ' http://realm:9000 ': 'ws://realm:9000/stomp',
  'realm:9000': 'wss://realm:9000/stomp',
  '': 'wss://page.example:8443/stomp',
})) {
  test(`"${given}" is ${url}`, () => assert.equal(realmUrl(given, PAGE), url));
}

test('without a page, a bare host is plain', () => {
  assert.equal(realmUrl('realm:9000'), 'ws://realm:9000/stomp');
});

test('null and undefined mean the page, and without one they are refused', () => {
  assert.equal(realmUrl(null, PAGE), 'wss://page.example:8443/stomp');
  assert.throws(() => realmUrl(undefined), { code: 'argument' });
  assert.equal(thisPage(), undefined);
});

for (const wrong of ['ftp://realm', 'http://', 'ws://a b', 'javascript:alert(1)']) {
  test(`"${wrong}" is refused`, () => assert.throws(() => realmUrl(wrong), { code: 'argument' }));
}
