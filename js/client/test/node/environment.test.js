// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyFor } from '../../src/node/environment.js';

/** @typedef {import('../../src/node/environment.js').Environment} Environment */

/** @param {string} url @param {Environment} environment @param {string | false} [option] */
const proxyOf = (url, environment, option) =>
  proxyFor(new URL(url), environment, option)?.url.href ?? null;

/** @type {Array<[string, string, Environment, string | null]>} */
const CHOICES = [
  ['nothing is set', 'ws://realm/', {}, null],
  [
    'ws has its own',
    'ws://realm/',
    { ws_proxy: 'http://a:1', http_proxy: 'http://b:2' },
    'http://a:1/',
  ],
  [
    'ws is as http',
    'ws://realm/',
    { http_proxy: 'http://b:2', https_proxy: 'http://c:3' },
    'http://b:2/',
  ],
  [
    'wss is as https',
    'wss://realm/',
    { http_proxy: 'http://b:2', https_proxy: 'http://c:3' },
    'http://c:3/',
  ],
  ['http', 'http://realm/', { ws_proxy: 'http://a:1', http_proxy: 'http://b:2' }, 'http://b:2/'],
  [
    'https',
    'https://realm/',
    { wss_proxy: 'http://a:1', HTTPS_PROXY: 'http://c:3' },
    'http://c:3/',
  ],
  [
    'lower case first',
    'wss://realm/',
    { https_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:2' },
    'http://a:1/',
  ],
  ['all', 'wss://realm/', { http_proxy: 'http://b:2', all_proxy: 'http://d:4' }, 'http://d:4/'],
  ['ALL', 'ws://realm/', { ALL_PROXY: 'http://d:4' }, 'http://d:4/'],
  ['HTTP_PROXY', 'ws://realm/', { HTTP_PROXY: 'http://b:2' }, 'http://b:2/'],
  ['HTTP_PROXY in CGI', 'ws://realm/', { HTTP_PROXY: 'http://b:2', REQUEST_METHOD: 'GET' }, null],
  ['an empty one', 'ws://realm/', { http_proxy: '', all_proxy: 'http://d:4' }, null],
  ['without a scheme', 'ws://realm/', { http_proxy: 'b:2' }, 'http://b:2/'],
  ['without a port', 'ws://realm/', { http_proxy: 'http://b' }, 'http://b:1080/'],
  ['port 80', 'ws://realm/', { http_proxy: 'http://b:80/' }, 'http://b/'],
  ['TLS to the proxy', 'ws://realm/', { http_proxy: 'https://b' }, 'https://b/'],
  ['a login', 'ws://realm/', { http_proxy: 'http://u:p%40@b:2' }, 'http://u:p%40@b:2/'],
];
for (const [name, url, environment, expected] of CHOICES) {
  test(`${name}: ${url} by ${expected ?? 'none'}`, () => {
    assert.equal(proxyOf(url, environment), expected);
  });
}

/** @type {Array<[string, string, boolean]>} */
const EXCEPTIONS = [
  ['*', 'ws://realm.example/', true],
  ['realm.example', 'ws://realm.example:9000/', true],
  ['REALM.example', 'ws://realm.Example/', true],
  ['example', 'ws://realm.example/', true],
  ['.example', 'ws://realm.example/', true],
  ['.realm.example', 'ws://realm.example/', true],
  ['example.', 'ws://realm.example./', true],
  ['alm.example', 'ws://realm.example/', false],
  ['other, realm.example', 'ws://realm.example/', true],
  ['other realm.example', 'ws://realm.example/', true],
  ['other,,', 'ws://realm.example/', false],
  ['.', 'ws://realm.example/', false],
  ['*.example', 'ws://realm.example/', true],
  ['*.example', 'ws://realm.other/', false],
  ['realm.example:9000', 'ws://realm.example:9000/', true],
  ['realm.example:9000', 'ws://realm.example:9001/', false],
  ['realm.example:443', 'wss://realm.example/', true],
  ['realm.example:80', 'ws://realm.example/', true],
  ['[::1]:9000', 'ws://[::1]:9000/', true],
  ['[::1]:9000', 'ws://[::1]:9001/', false],
  ['127.0.0.1', 'ws://127.0.0.1:9000/', true],
  ['10.0.0.0/8', 'ws://10.1.2.3/', true],
  ['10.0.0.0/8', 'ws://11.1.2.3/', false],
  ['10.0.0.0/99', 'ws://10.0.0.0/', false],
  ['10.0.0.0/x', 'ws://10.0.0.0/', false],
  ['0.0.1', 'ws://127.0.0.1/', false],
  ['::1', 'ws://[::1]:9000/', true],
  ['[::1]', 'ws://[::1]:9000/', true],
  ['fd00::/8', 'ws://[fd00::7]/', true],
  ['10.0.0.0/8', 'ws://[fd00::7]/', false],
  ['', 'ws://realm.example/', false],
];
for (const [list, url, isDirect] of EXCEPTIONS) {
  test(`no_proxy "${list}" and ${url}: ${isDirect ? 'direct' : 'by the proxy'}`, () => {
    for (const name of ['no_proxy', 'NO_PROXY']) {
      const found = proxyOf(url, { http_proxy: 'http://p:1', [name]: list });
      assert.equal(found, isDirect ? null : 'http://p:1/');
    }
  });
}

test('the option decides alone', () => {
  const environment = { http_proxy: 'http://b:2', no_proxy: '*' };
  assert.equal(proxyOf('ws://realm/', environment, 'http://own:5'), 'http://own:5/');
  assert.equal(proxyOf('ws://realm/', { http_proxy: 'http://b:2' }, false), null);
});

for (const wrong of ['socks5://b:2', 'http://', 'http://b:99999', 'ftp://u:secret@b']) {
  test(`${wrong} is refused, and nobody's password is told`, () => {
    assert.throws(
      () => proxyOf('ws://realm/', { http_proxy: wrong }),
      (/** @type {any} */ error) => {
        assert.equal(error.code, 'argument');
        assert.match(error.message, /^http_proxy is .*: write http:\/\/host:port/);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  });
}
