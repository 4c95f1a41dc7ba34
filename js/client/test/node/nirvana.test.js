// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Programs of the guides in Node: nothing is handed in, and proxies are gone through. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import '../../src/node/nirvana.js';
import { CERTIFICATE, serveProxy } from '../lib/loopback.js';
import { serveRealm } from '../lib/served.js';

const { Nirvana, NirvanaSession, NirvanaChannel } = /** @type {any} */ (globalThis);
const OK = 'HTTP/1.1 200 OK\r\n\r\n';
const LOGIN = 'HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n';

/** @param {any} resource @param {string} name @returns {Promise<any[]>} */
const told = (resource, name) =>
  new Promise((resolve) => {
    const once = (/** @type {any[]} */ ...given) => {
      resource.removeListener(name, once);
      resolve(given);
    };
    resource.on(name, once);
  });

/** @param {any} session */
async function stopped(session) {
  const stop = told(session, 'STOP');
  session.stop();
  await stop;
}

/** A proxy that wants a login, and the address by which it gets one. @param {any} t */
async function withLogin(t) {
  const { port, heads } = await serveProxy(t, (head) =>
    /\r\nProxy-Authorization: Basic bWU6YUBi\r\n/.test(head) ? OK : LOGIN,
  );
  return { heads, host: `127.0.0.1:${port}`, proxy: `http://me:a%40b@127.0.0.1:${port}` };
}

for (const [how, configured] of /** @type {Array<[string, (proxy: string) => object]>} */ ([
  ['option proxy', (proxy) => ({ proxy })],
  ['the environment', (proxy) => ({ environment: { http_proxy: proxy } })],
])) {
  test(`createSession by ${how}, with a login`, async (t) => {
    const { port } = await serveRealm(t);
    const { heads, proxy } = await withLogin(t);
    const realms = [`http://127.0.0.1:${port}`];
    const session = Nirvana.createSession({ realms, ...configured(proxy) });
    const channel = session.getChannel('/fx');
    const data = told(channel, Nirvana.Observe.DATA);
    session.start();
    channel.subscribe();
    const event = Nirvana.createEvent();
    event.setData('through');
    channel.publish(event);
    assert.equal((await data)[0].getData(), 'through');
    assert.equal(session.getCurrentDriver(), 'WEBSOCKET');
    assert.equal(heads.length, 2);
    assert.match(heads[1], new RegExp(`^CONNECT 127\\.0\\.0\\.1:${port} `));
    await stopped(session);
  });
}

test('by TLS to the proxy, whose authority is given', async (t) => {
  const { port } = await serveRealm(t);
  const { port: proxyPort, heads } = await serveProxy(t, () => OK, { isSecure: true });
  const proxy = `https://localhost:${proxyPort}`;
  const options = { realms: [`http://127.0.0.1:${port}`], proxy, webSocketAttempts: 1 };
  const session = Nirvana.createSession({ ...options, ca: CERTIFICATE });
  const start = told(session, 'START');
  session.start();
  await start;
  assert.match(heads[0], /^CONNECT /);
  await stopped(session);
  const wary = Nirvana.createSession(options);
  const error = told(wary, Nirvana.Observe.ERROR);
  wary.start();
  assert.match((await error)[1].message, /cannot be reached: its certificate is not trusted/);
});

test('the generation before goes the same way', async (t) => {
  const { realm, port } = await serveRealm(t);
  realm.publish('/fx', 'stored');
  const { heads, proxy } = await withLogin(t);
  const channel = new NirvanaChannel('/fx');
  const came = new Promise((resolve) => (channel.onData = resolve));
  NirvanaSession.start({ realmHosts: ['127.0.0.1'], webSocketPort: port, proxy });
  channel.subscribe();
  assert.equal((await came).getData(), 'stored');
  assert.equal(heads.length, 2);
  await stopped(NirvanaSession);
});

test('what the proxy says is in the message of the exception', async (t) => {
  const { host } = await withLogin(t);
  const options = { realms: ['http://127.0.0.1:7'], proxy: `http://${host}` };
  const session = Nirvana.createSession({ ...options, webSocketAttempts: 1 });
  const error = told(session, Nirvana.Observe.ERROR);
  session.start();
  const [resource, exception] = await error;
  assert.equal(resource, session);
  assert.equal(exception.name, 'SessionNotConnectedException');
  assert.match(exception.message, /407 Who are you: give it a login/);
});

test('a proxy that makes no sense is an ERROR of the session', async () => {
  const session = Nirvana.createSession({ realms: ['http://realm'], proxy: 'socks5://p:1' });
  const error = told(session, Nirvana.Observe.ERROR);
  session.start();
  const [, { name, message }] = await error;
  assert.equal(name, 'IllegalArgumentException');
  assert.match(message, /option proxy is socks5/);
});

test('a WebSocket that is handed in is the one that is used', async () => {
  /** @type {string[]} */
  const asked = [];
  const WebSocket = class {
    /** @param {string} url */
    constructor(url) {
      asked.push(url);
    }
    close() {}
  };
  const realms = ['http://127.0.0.1:7'];
  const session = Nirvana.createSession({ realms, WebSocket, drivers: 'WEBSOCKET' });
  session.start();
  assert.deepEqual(asked, ['ws://127.0.0.1:7/stomp']);
  await stopped(session);
});
