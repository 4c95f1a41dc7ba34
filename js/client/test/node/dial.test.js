// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { dialer } from '../../src/node/dial.js';
import { CERTIFICATE, serve, serveProxy } from '../lib/loopback.js';

const OK = () => 'HTTP/1.1 200 Connection established\r\n\r\n';
const { signal } = new AbortController();

/** @param {import('../lib/loopback.js').Test} t @param {boolean} [isSecure] */
const serveEcho = (t, isSecure) => serve(t, (socket) => socket.pipe(socket), { isSecure });

/** @param {import('node:net').Socket} socket @param {string} words */
async function echoes(socket, words) {
  socket.write(words);
  let heard = '';
  while (heard.length < words.length) heard += (await once(socket.resume(), 'data'))[0];
  socket.destroy();
  return heard;
}

/** @param {string} proxy @param {object} [options] */
const through = (proxy, options) => dialer({ proxy, ...options, environment: {} });

test('without a proxy it goes straight', async (t) => {
  const port = await serveEcho(t);
  const socket = await dialer({ environment: {} })(`ws://127.0.0.1:${port}/x`, signal);
  assert.equal(await echoes(socket, 'hello'), 'hello');
});

test('ws and wss, to a plain proxy and to one that speaks TLS, all by CONNECT', async (t) => {
  for (const toProxy of [false, true]) {
    const { port, heads } = await serveProxy(t, OK, { isSecure: toProxy });
    for (const toTarget of [false, true]) {
      const target = await serveEcho(t, toTarget);
      const proxy = `${toProxy ? 'https' : 'http'}://localhost:${port}`;
      const url = `${toTarget ? 'wss' : 'ws'}://127.0.0.1:${target}/x`;
      const socket = await through(proxy, { ca: CERTIFICATE })(url, signal);
      assert.equal(await echoes(socket, 'hello'), 'hello');
      const authority = `127.0.0.1:${target}`;
      assert.equal(heads.pop(), `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    }
  }
});

test('a certificate that nobody vouches for is refused, unless any will do', async (t) => {
  const url = `wss://127.0.0.1:${await serveEcho(t, true)}/`;
  await assert.rejects(through('')(url, signal), /certificate/);
  const socket = await through('', { rejectUnauthorized: false })(url, signal);
  assert.equal(await echoes(socket, 'hello'), 'hello');
  const { port } = await serveProxy(t, OK, { isSecure: true });
  await assert.rejects(through(`https://localhost:${port}`)(url, signal), {
    code: 'proxy-unreachable',
    message:
      /the proxy localhost:\d+ \(option proxy\) cannot be reached: .*certificate .*option ca/,
  });
});

test('what comes with the answer of the proxy is not lost', async (t) => {
  const { port } = await serveProxy(t, OK, { early: 'early words' });
  const socket = await through(`http://127.0.0.1:${port}`)(
    `ws://127.0.0.1:${await serveEcho(t)}`,
    signal,
  );
  assert.equal(await echoes(socket, ''), '');
  const again = await through(`http://127.0.0.1:${port}`)(
    `ws://127.0.0.1:${await serveEcho(t)}`,
    signal,
  );
  const [bytes] = await once(again.resume(), 'data');
  assert.equal(String(bytes), 'early words');
  again.destroy();
});

test('a refusal has the status, the reason and the Proxy-Status of the proxy', async (t) => {
  const status = 'wayleave; error=http_request_denied; details="port 9000: AllowCONNECT"';
  const { port } = await serveProxy(
    t,
    () => `HTTP/1.1 403 Not that port\r\nProxy-Status: ${status}\r\nContent-Length: 0\r\n\r\n`,
  );
  await assert.rejects(through(`http://127.0.0.1:${port}`)('ws://realm.invalid:9000/', signal), {
    name: 'ProxyError',
    code: 'proxy-refused',
    status: 403,
    reason: 'Not that port',
    proxyStatus: status,
    message: `the proxy 127.0.0.1:${port} answered CONNECT realm.invalid:9000 with 403 Not that port (Proxy-Status: ${status})`,
  });
});

/** A proxy that wants to be asked as `says` says. @param {any} t @param {RegExp} says @param {string} challenge */
const withLogin = (t, says, challenge) =>
  serveProxy(t, (head) =>
    says.test(head)
      ? OK()
      : `HTTP/1.1 407 Login please\r\nProxy-Authenticate: ${challenge}\r\n\r\n<p>a page</p>`,
  );

test('logins: Basic and Digest, said when they are asked for', async (t) => {
  const url = `ws://127.0.0.1:${await serveEcho(t)}`;
  const basic = await withLogin(
    t,
    /\r\nProxy-Authorization: Basic bWU6YUBi\r\n/,
    'Basic realm="x"',
  );
  const socket = await through(`http://me:a%40b@127.0.0.1:${basic.port}`)(url, signal);
  assert.equal(await echoes(socket, 'hello'), 'hello');
  assert.equal(basic.heads.length, 2);
  assert.doesNotMatch(basic.heads[0], /Authorization/);
  const digest = await withLogin(
    t,
    /\r\nProxy-Authorization: Digest username="me", .*uri="127\.0\.0\.1:\d+"/,
    'Digest realm="x", nonce="n", qop="auth", algorithm=SHA-256',
  );
  const other = await through(`http://me:secret@127.0.0.1:${digest.port}`)(url, signal);
  assert.equal(await echoes(other, 'hello'), 'hello');
});

test('a nonce that has gone stale is replaced', async (t) => {
  const url = `ws://127.0.0.1:${await serveEcho(t)}`;
  let n = 0;
  const { port, heads } = await serveProxy(t, (head) =>
    head.includes('nonce="n2"')
      ? OK()
      : `HTTP/1.1 407 Login\r\nProxy-Authenticate: Digest realm="x", nonce="n${++n}", stale=true\r\n\r\n`,
  );
  const socket = await through(`http://me:x@127.0.0.1:${port}`)(url, signal);
  socket.destroy();
  assert.equal(heads.length, 3);
});

for (const [name, login, challenge, expected] of [
  ['no login is given', '', 'Basic realm="x"', /give it a login/],
  ['the login is wrong', 'me:x@', 'Basic realm="x"', /does not know this login/],
  ['only others are offered', 'me:x@', 'NTLM, Negotiate', /offers ntlm, negotiate, of which/],
  ['nothing is offered', 'me:x@', '', /offers nothing/],
]) {
  test(`407, and ${name}`, async (t) => {
    const { port } = await withLogin(t, /^never/, String(challenge));
    await assert.rejects(through(`http://${login}127.0.0.1:${port}`)('ws://realm:9000/', signal), {
      code: 'proxy-login',
      status: 407,
      reason: 'Login please',
      message: expected,
    });
  });
}

for (const [name, answer, expected] of [
  ['closes', '', /did not answer CONNECT realm:9000: the connection was closed/],
  [
    'speaks something else',
    'SSH-2.0\r\n\r\n',
    /did not answer CONNECT realm:9000: it does not speak HTTP/,
  ],
]) {
  test(`a proxy that ${name} is named`, async (t) => {
    const port = await serve(t, (socket) => socket.once('data', () => socket.end(String(answer))));
    await assert.rejects(through(`http://127.0.0.1:${port}`)('ws://realm:9000/', signal), {
      code: 'proxy-refused',
      message: expected,
    });
  });
}

for (const [status, expected] of /** @type {Array<[string, RegExp]>} */ ([
  ['403 Forbidden', /with 403 Forbidden: it does not allow CONNECT to this host or port/],
  ['405 Method Not Allowed', /with 405 Method Not Allowed: it knows no CONNECT/],
  ['503 Service Unavailable', /with 503 Service Unavailable: it found no way/],
  ['429 Slow down', /with 429 Slow down$/],
])) {
  test(`a proxy that answers ${status} and no more: what that means`, async (t) => {
    const { port } = await serveProxy(t, () => `HTTP/1.1 ${status}\r\n\r\n`);
    await assert.rejects(through(`http://127.0.0.1:${port}`)('ws://realm:9000/', signal), {
      code: 'proxy-refused',
      message: expected,
    });
  });
}

test('a percent sign in a password need not be escaped', async (t) => {
  const url = `ws://127.0.0.1:${await serveEcho(t)}`;
  const says = new RegExp(`Basic ${Buffer.from('me:100%').toString('base64')}\r\n`);
  const { port } = await withLogin(t, says, 'Basic realm="x"');
  const socket = await through(`http://me:100%@127.0.0.1:${port}`)(url, signal);
  assert.equal(await echoes(socket, 'hello'), 'hello');
});

test('an authority that is none is refused at once', () => {
  for (const ca of ['nonsense', [CERTIFICATE, 'x'], Buffer.from('x')]) {
    assert.throws(() => dialer({ ca }), { code: 'argument' });
  }
});

test('a proxy that is not there is named', async () => {
  /** @type {Array<() => void>} */
  const ends = [];
  const port = await serve({ after: (end) => ends.push(end) }, () => {});
  for (const end of ends) end();
  await assert.rejects(through(`http://127.0.0.1:${port}`)('ws://realm:9000/', signal), {
    code: 'proxy-unreachable',
    message:
      /the proxy 127\.0\.0\.1:\d+ \(option proxy\) cannot be reached: nothing listens .*ECONNREFUSED/,
  });
});

test('given up, the connection to the proxy is gone', async (t) => {
  /** @type {() => void} */
  let isAsked = () => {};
  const asked = new Promise((resolve) => (isAsked = () => resolve(null)));
  /** @type {() => void} */
  let isGone = () => {};
  const gone = new Promise((resolve) => (isGone = () => resolve(null)));
  const port = await serve(t, (socket) => socket.once('data', isAsked).once('close', isGone));
  const abort = new AbortController();
  const dialled = through(`http://127.0.0.1:${port}`)('ws://realm:9000/', abort.signal);
  await asked;
  abort.abort();
  await assert.rejects(dialled, /given up/);
  await gone;
  await assert.rejects(
    through(`http://127.0.0.1:${port}`)('ws://realm:9000/', abort.signal),
    /given up/,
  );
});
