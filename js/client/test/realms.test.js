// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realmUrl, secureSibling, sockJsUrl, thisPage } from '../src/realms.js';

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

for (const [webSocket, sockJs] of Object.entries({
  'ws://realm:9000/stomp': 'http://realm:9000/sockjs',
  'wss://realm/stomp': 'https://realm/sockjs',
  'wss://gate/um/stomp?x=1': 'https://gate/um/sockjs',
  'ws://broker:15674/ws': 'http://broker:15674/ws/sockjs',
})) {
  test(`the SockJS end of ${webSocket} is ${sockJs}`, () => {
    assert.equal(sockJsUrl(webSocket), sockJs);
  });
}

for (const [plain, secure] of /** @type {Array<[string, string[]]>} */ ([
  ['ws://realm:9000/stomp', ['wss://realm:9443/stomp']],
  ['ws://realm/stomp', ['wss://realm/stomp']],
  ['ws://realm:8000/stomp', []],
  ['wss://realm:9443/stomp', []],
])) {
  test(`the secure interface beside ${plain} is ${secure[0] ?? 'not known'}`, () => {
    assert.deepEqual(secureSibling(plain, [plain]), secure);
  });
}

test('the secure interface that is named is the one', () => {
  const plain = 'ws://realm:9000/stomp';
  assert.deepEqual(secureSibling(plain, [plain, 'wss://realm:7443/stomp']), []);
  assert.equal(secureSibling(plain, [plain, 'wss://other/stomp']).length, 1);
});
