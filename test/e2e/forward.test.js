// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What is forwarded arrives clean, both ways, as curl and as old clients and origins see it. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { freePort } from '../../tool/lib/ports.mjs';
import { curlThrough } from '../lib/curl.mjs';
import { ask, client } from '../lib/forward.mjs';
import { chunks, fieldsOf, readResponse, request, response, sha256 } from '../lib/http.mjs';
import { growth } from '../lib/memory.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { exchange, field, listen } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import { RELEASE, scratch, startProxy, startProxyFrom } from '../lib/wayleave.mjs';

const KIB = 1024;
const MIB = 1024 * KIB;

// ---- curl ----

test('curl -x: GET, HEAD, POST and PUT are forwarded in origin form', async (t) => {
  const origin = await startOrigin(t, {
    answer: ({ method, target, text }) => {
      const whole = response(`${method} ${target} ${text}`, { fields: ['X-Origin: yes'] });
      return method === 'HEAD' ? whole.slice(0, whole.indexOf('\r\n\r\n') + 4) : whole;
    },
  });
  const proxy = await startProxy(t);
  const curl = async (args) => {
    const { code, out, said } = await curlThrough(proxy.port, args);
    assert.equal(code, 0, said);
    return out;
  };
  assert.equal(await curl([origin.url('/a?b=c')]), 'GET /a?b=c ');
  assert.match(
    await curl(['--head', origin.url('/a')]),
    /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*X-Origin: yes/i,
  );
  assert.equal(await curl(['--data', 'body', origin.url('/p')]), 'POST /p body');
  assert.equal(await curl(['--request', 'PUT', '--data', 'body', origin.url('/p')]), 'PUT /p body');
  assert.equal(await curl(['--http1.0', origin.url('/old')]), 'GET /old ');
  for (const { head } of origin.requests) {
    assert.equal(field(head, 'host'), `127.0.0.1:${origin.port}`);
    assert.equal(field(head, 'proxy-connection'), undefined);
  }
  const line = await proxy.accessLine(/"POST /);
  assert.match(line, new RegExp(`"POST ${origin.url('/p')} HTTP/1.1" 200 12 `));
});

test('curl -x uploads 64 MiB, with a length and chunked, in bounded memory', async (t) => {
  const origin = await startOrigin(t, { answer: ({ sha256 }) => response(sha256) });
  const proxy = await startProxy(t, { binary: RELEASE });
  const file = join(scratch(t), 'upload');
  const bytes = randomBytes(64 * MIB);
  writeFileSync(file, bytes);
  await curlThrough(proxy.port, [origin.url('/warm')]);
  for (const more of [[], ['--header', 'Transfer-Encoding: chunked'], ['--header', 'Expect:']]) {
    const grown = await growth(proxy, async () => {
      const { code, out, said } = await curlThrough(proxy.port, [
        ...['--upload-file', file],
        ...more,
        origin.url('/up'),
      ]);
      assert.equal(code, 0, said);
      assert.equal(out, sha256(bytes));
    });
    assert.ok(grown < 8 * MIB, `the proxy grew by ${Math.round(grown / KIB)} KiB`);
  }
});

test('curl waits for 100 Continue, and gets the one of the origin', async (t) => {
  const order = [];
  const origin = await startOrigin(t, {
    onHead: ({ head }, peer) => {
      order.push(`expect ${field(head, 'expect')}`);
      peer.send('HTTP/1.1 100 Continue\r\n\r\n');
    },
    answer: ({ text }) => response(`took ${text}`),
  });
  const proxy = await startProxy(t);
  const { code, out, said } = await curlThrough(proxy.port, [
    ...['--verbose', '--header', 'Expect: 100-continue', '--expect100-timeout', '60'],
    ...['--data', 'hello', origin.url('/')],
  ]);
  assert.equal(code, 0, said);
  assert.equal(out, 'took hello');
  assert.match(said, /< HTTP\/1\.1 100 Continue/);
  assert.deepEqual(order, ['expect 100-continue']);
});

// ---- old versions ----

test('an HTTP/1.0 client gets no chunks and no 1xx, and its connection ends', async (t) => {
  const origin = await startOrigin(t, {
    answer: (_, peer) => {
      peer.send('HTTP/1.1 103 Early Hints\r\n\r\n');
      return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n';
    },
  });
  const proxy = await startProxy(t);
  const { status, head, body } = await exchange(
    proxy.port,
    request('GET', origin.url('/'), { version: 'HTTP/1.0', fields: ['Connection: keep-alive'] }),
  );
  assert.equal(status, 200);
  assert.equal(body, 'hello');
  assert.equal(field(head, 'transfer-encoding'), undefined);
  assert.match((await origin.request()).line, / HTTP\/1\.1$/, 'on its own leg it is 1.1');
});

test('an HTTP/1.0 origin: until close becomes chunks, and keep-alive goes on', async (t) => {
  const origin = await startOrigin(t, {
    answer: (_, peer) => {
      peer.send('HTTP/1.0 200 OK\r\nServer: old\r\n\r\nall until the end').end();
      return false;
    },
  });
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  for (let i = 0; i < 3; i += 1) {
    peer.send(request('GET', origin.url('/')));
    const answer = await readResponse(peer);
    assert.match(answer.head, /^HTTP\/1\.1 200 /);
    assert.equal(answer.text, 'all until the end');
    assert.equal(field(answer.head, 'transfer-encoding'), 'chunked');
  }
  assert.equal(origin.connections, 3);
});

// ---- fields ----

test('fields of one hop are not passed on, in either direction', async (t) => {
  const origin = await startOrigin(t, {
    answer: () =>
      response('x', {
        fields: [
          'Connection: X-Mine, close',
          'X-Mine: secret',
          'Keep-Alive: timeout=5',
          'Proxy-Authenticate: Basic realm="x"',
          'Upgrade: h2c',
          'X-Kept: yes',
        ],
      }),
  });
  const proxy = await startProxy(t);
  const answer = await ask(
    t,
    proxy,
    request('GET', origin.url('/'), {
      fields: [
        'Host: somebody.else:81',
        'Connection: keep-alive, X-Private',
        'X-Private: secret',
        'Keep-Alive: 300',
        'Proxy-Connection: keep-alive',
        'Proxy-Authorization: Basic c2VjcmV0OnNlY3JldA==',
        'TE: gzip, trailers;q=0.5',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAAQAAP__',
        'X-Kept: yes',
      ],
    }),
  );
  const seen = await origin.request();
  for (const name of [
    'x-private',
    'keep-alive',
    'proxy-connection',
    'proxy-authorization',
    'upgrade',
  ]) {
    assert.equal(field(seen.head, name), undefined, name);
  }
  assert.doesNotMatch(seen.head, /secret|c2VjcmV0|gzip/);
  assert.equal(field(seen.head, 'x-kept'), 'yes');
  assert.deepEqual(fieldsOf(seen.head, 'host'), [`127.0.0.1:${origin.port}`], 'that of the target');
  for (const name of ['x-mine', 'keep-alive', 'proxy-authenticate', 'upgrade', 'connection']) {
    assert.equal(field(answer.head, name), undefined, name);
  }
  assert.equal(field(answer.head, 'x-kept'), 'yes');
  assert.ok(field(answer.head, 'date'), 'a response without one gets one');
});

test('Proxy-Authorization is for the proxy, whoever wants a login', async (t) => {
  const origin = await startOrigin(t);
  const dir = scratch(t);
  writeFileSync(join(dir, 'users'), 'alice:{SHA}BgEahfNVXQdgPZ+TEz74cGKC3Ro=\n');
  const proxy = await startProxyFrom(
    t,
    `Listen 127.0.0.1:0
ProxyRequests On
<Proxy "*">
    AuthType Basic
    AuthName "test"
    AuthUserFile "${dir}/users"
    Require valid-user
</Proxy>
`,
  );
  const refused = await curlThrough(proxy.port, ['--include', origin.url('/')]);
  assert.match(refused.out, /^HTTP\/1\.1 407 /);
  assert.match(refused.out, /\r\nProxy-Authenticate: Basic realm="test"/i);
  const { code, out, said } = await curlThrough(proxy.port, [
    ...['--proxy-user', 'alice:alicealice', '--user', 'me:mine', origin.url('/')],
  ]);
  assert.equal(code, 0, said);
  assert.equal(out, 'GET /');
  const seen = await origin.request();
  assert.equal(field(seen.head, 'proxy-authorization'), undefined);
  assert.equal(field(seen.head, 'authorization'), `Basic ${btoa('me:mine')}`);
  assert.equal(origin.requests.length, 1);
  assert.match(await proxy.accessLine(/ 200 /), /^127\.0\.0\.1 - alice \[/);
});

test('Via by ProxyVia, to the origin and to the client', async (t) => {
  const origin = await startOrigin(t, {
    answer: () => response('x', { fields: ['Via: 1.0 far'] }),
  });
  const seenWith = async (mode) => {
    const more = `ProxyVia ${mode}\nServerName proxy.example`;
    const proxy = await startProxy(t, { more });
    const fields = ['Via: 1.0 near'];
    const answer = await ask(t, proxy, request('GET', origin.url('/'), { fields }));
    const via = (head) => fieldsOf(head, 'via').join(', ');
    return [via(origin.requests.at(-1).head), via(answer.head)];
  };
  assert.deepEqual(await seenWith('Off'), ['1.0 near', '1.0 far']);
  assert.deepEqual(await seenWith('Block'), ['', '']);
  for (const text of await seenWith('On')) {
    assert.match(text, /^1\.0 (near|far), 1\.1 proxy\.example(:\d+)?$/);
  }
  for (const text of await seenWith('Full')) {
    assert.match(text, /^1\.0 (near|far), 1\.1 proxy\.example(:\d+)? \(.*[Ww]ayleave\/\d/);
  }
});

test('Max-Forwards counts down for TRACE and OPTIONS, and ends here at zero', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t);
  const go = (method, path, fields) =>
    ask(t, proxy, request(method, `http://127.0.0.1:${origin.port}${path}`, { fields }));

  await go('TRACE', '/t', ['Max-Forwards: 3']);
  await go('OPTIONS', '', ['Max-Forwards: 1']);
  await go('GET', '/g', ['Max-Forwards: 0']);
  const seen = origin.requests.map(({ line, head }) => [line, field(head, 'max-forwards')]);
  assert.deepEqual(seen, [
    ['TRACE /t HTTP/1.1', '2'],
    ['OPTIONS * HTTP/1.1', '0'],
    ['GET /g HTTP/1.1', '0'],
  ]);

  const traced = await go('TRACE', '/t', ['Max-Forwards: 0', 'X: y', 'Cookie: secret']);
  assert.equal(traced.status, 200);
  assert.equal(field(traced.head, 'content-type'), 'message/http');
  assert.match(traced.text, /^TRACE http:\/\/127\.0\.0\.1:\d+\/t HTTP\/1\.1\r\n(.*\r\n)*X: y\r\n/);
  assert.doesNotMatch(traced.text, /secret/);
  const options = await go('OPTIONS', '/', ['Max-Forwards: 0']);
  assert.equal(options.status, 200);
  assert.match(field(options.head, 'allow') ?? '', /CONNECT/);
  for (const value of ['-1', 'x', '1, 2', '']) {
    assert.equal((await go('TRACE', '/', [`Max-Forwards: ${value}`])).status, 400, value);
  }
  assert.equal(origin.requests.length, 3);
});

// ---- time ----

test('an origin that does not answer in time is 504', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t, { more: 'Timeout 300ms\nProxyTimeout 10s' });
  const answer = await ask(t, proxy, request('GET', `http://127.0.0.1:${server.port}/`));
  assert.equal(answer.status, 504);
  assert.match(field(answer.head, 'proxy-status') ?? '', /error=connection_timeout;/);
  assert.match(answer.text, /did not answer within 300 ms/);
});

test('a client that stops in the middle of its upload is 408', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t, { more: 'Timeout 300ms\nProxyTimeout 10s' });
  const fields = ['Content-Length: 1000'];
  const bytes = request('POST', `http://127.0.0.1:${server.port}/`, { fields, body: 'half' });
  const answer = await ask(t, proxy, bytes);
  assert.equal(answer.status, 408);
  assert.match(answer.text, /client/);
  assert.equal(field(answer.head, 'connection'), 'close');
});

test('an origin that stops in the middle of its answer is a cut', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t, { more: 'Timeout 300ms\nProxyTimeout 10s' });
  const peer = await client(t, proxy);
  peer.send(request('GET', `http://127.0.0.1:${server.port}/`));
  (await server.accept()).send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf');
  const fault = await within('the end', peer.closed);
  assert.equal(fault?.code, 'ECONNRESET');
});

test('a client that sends half a head gets 408, and an idle one is let go', async (t) => {
  const origin = await startOrigin(t);
  const more = 'HandshakeTimeout 300ms\nKeepAliveTimeout 300ms';
  const proxy = await startProxy(t, { more });
  const half = await client(t, proxy);
  half.send(`GET ${origin.url('/')} HTTP/1.1\r\nHost:`);
  assert.equal((await readResponse(half)).status, 408);
  const idle = await client(t, proxy);
  idle.send(request('GET', origin.url('/')));
  assert.equal((await readResponse(idle)).status, 200);
  assert.equal(String(await idle.readToEnd()), '');
});

test('an origin that nobody is at is 502, a https:// URL is 501, and both say why', async (t) => {
  const proxy = await startProxy(t);
  const port = await freePort();
  const gone = await ask(t, proxy, request('GET', `http://127.0.0.1:${port}/`));
  assert.equal(gone.status, 502);
  assert.match(gone.text, /refused/i);
  const tls = await ask(t, proxy, request('GET', `https://127.0.0.1:${port}/`));
  assert.equal(tls.status, 501);
  assert.match(tls.text, /CONNECT/);
});
