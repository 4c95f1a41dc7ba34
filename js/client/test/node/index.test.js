// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as anywhere from '../../src/index.js';
import * as node from '../../src/node/index.js';
import { serveProxy } from '../lib/loopback.js';
import { serveRealm } from '../lib/served.js';

test('it has everything that the client has elsewhere', () => {
  assert.deepEqual(Object.keys(node).sort(), Object.keys(anywhere).sort());
  assert.ok(node.Session.prototype instanceof anywhere.Session);
});

test('a session by the proxy that is given', async (t) => {
  const { port } = await serveRealm(t);
  const proxy = await serveProxy(t, () => 'HTTP/1.1 200 OK\r\n\r\n');
  const options = { proxy: `http://127.0.0.1:${proxy.port}`, attempts: 1 };
  const session = await node.connect(`ws://127.0.0.1:${port}`, options);
  assert.equal(await session.channel('/fx').publish('x'), 1);
  assert.equal(session.path().inUse?.driver, 'WEBSOCKET');
  await session.close();
  assert.match(proxy.heads[0], new RegExp(`^CONNECT 127\\.0\\.0\\.1:${port} `));
});

test('what the proxy says is in the account and in the error', async (t) => {
  const said = 'HTTP/1.1 403 Not this port\r\nProxy-Status: p; details="AllowCONNECT"\r\n\r\n';
  const proxy = await serveProxy(t, () => said);
  const options = { proxy: `http://127.0.0.1:${proxy.port}`, attempts: 1 };
  await assert.rejects(node.connect('ws://127.0.0.1:7', options), (/** @type {any} */ error) => {
    assert.equal(error.code, 'connect-failed');
    assert.match(
      error.message,
      /answered CONNECT 127\.0\.0\.1:7 with 403 Not this port \(Proxy-Status: p; details="AllowCONNECT"\)\.$/,
    );
    assert.deepEqual(
      error.path.attempts.map((/** @type {any} */ { driver }) => driver),
      ['WEBSOCKET', 'XHR_STREAMING_CORS', 'XHR_LONGPOLL_CORS'],
    );
    return true;
  });
});

test('a proxy that makes no sense is refused at once', async () => {
  await assert.rejects(node.connect('ws://realm', { proxy: 'socks5://p:1' }), {
    code: 'argument',
    message: /option proxy is socks5/,
  });
});
