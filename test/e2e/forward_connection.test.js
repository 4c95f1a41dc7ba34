// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Connections are kept on both sides, and no answer goes to another's request. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { ask, client } from '../lib/forward.mjs';
import { readResponse, request, response } from '../lib/http.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { exchange, field, listen } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { startProxy } from '../lib/wayleave.mjs';

test('several requests on one connection, and the origin is called on one', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  for (let i = 0; i < 5; i += 1) {
    peer.send(
      request(i % 2 ? 'POST' : 'GET', origin.url(`/${i}`), { body: i % 2 ? 'x' : undefined }),
    );
    assert.equal((await readResponse(peer)).text, `${i % 2 ? 'POST' : 'GET'} /${i}`);
  }
  assert.equal(origin.connections, 1);
});

test('another client takes over the connection to the origin', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t, { more: 'Workers 1' });
  for (let i = 0; i < 3; i += 1) {
    const fields = ['Connection: close'];
    await ask(t, proxy, request('GET', origin.url(`/${i}`), { fields }));
  }
  assert.equal(origin.requests.length, 3);
  assert.equal(origin.connections, 1, "the client's close is not the origin's");
});

test('pipelined requests are answered in order, to several origins', async (t) => {
  const make = (name) =>
    startOrigin(t, { answer: ({ target, text }) => response(`${name} ${target} ${text}`) });
  const [a, b] = [await make('a'), await make('b')];
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  const all = Array.from({ length: 40 }, (_, i) => ({ i, origin: i % 3 ? a : b }));
  peer.send(
    Buffer.concat(
      all.map(({ i, origin }) =>
        i % 4 === 1
          ? request('POST', origin.url(`/${i}`), { body: 'x'.repeat(i * 100) })
          : request('GET', origin.url(`/${i}`)),
      ),
    ),
  );
  for (const { i } of all) {
    const wanted = `${i % 3 ? 'a' : 'b'} /${i} ${i % 4 === 1 ? 'x'.repeat(i * 100) : ''}`;
    assert.equal((await readResponse(peer)).text, wanted);
  }
});

test('a pipelined request behind one that is malformed is not read', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t);
  const { body } = await exchange(
    proxy.port,
    Buffer.concat([
      request('GET', origin.url('/good')),
      Buffer.from(`GET ${origin.url('/bad')} HTTP/1.1\r\nHost : x\r\n\r\n`),
      request('GET', origin.url('/never')),
    ]),
  );
  assert.match(body, /^GET \/goodHTTP\/1\.1 400 /);
  assert.deepEqual(
    origin.requests.map(({ target }) => target),
    ['/good'],
  );
});

test('a client that half-closes behind its request is answered', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  peer.send(request('GET', `http://127.0.0.1:${server.port}/`)).end();
  const far = await server.accept();
  await far.readUntil('\r\n\r\n');
  far.send(response('all the same'));
  assert.equal((await readResponse(peer)).text, 'all the same');
  await peer.readToEnd();
});

test('Connection: close of the client ends its connection, and the answer says so', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t);
  const { head, body } = await exchange(
    proxy.port,
    request('GET', origin.url('/'), { fields: ['Connection: close'] }),
  );
  assert.equal(body, 'GET /');
  assert.equal(field(head, 'connection'), 'close');
});

test('Connection: close of the origin ends its connection and not the client’s', async (t) => {
  const origin = await startOrigin(t, {
    answer: () => response('bye', { fields: ['Connection: close'] }),
  });
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  for (let i = 0; i < 2; i += 1) {
    peer.send(request('GET', origin.url('/')));
    const answer = await readResponse(peer);
    assert.equal(answer.text, 'bye');
    assert.equal(field(answer.head, 'connection'), undefined);
  }
  assert.equal(origin.connections, 2);
});

test('answers without a body end where they end: HEAD, 204, 304', async (t) => {
  const origin = await startOrigin(t, {
    answer: ({ method, target }) =>
      method === 'HEAD'
        ? 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'
        : {
            '/204': 'HTTP/1.1 204 No Content\r\n\r\n',
            '/304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: "x"\r\n\r\n',
          }[target],
  });
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  peer.send(request('HEAD', origin.url('/')));
  const head = await readResponse(peer, 'HEAD');
  assert.equal(field(head.head, 'content-length'), '1000');
  peer.send(request('GET', origin.url('/304')));
  assert.equal((await readResponse(peer)).status, 304);
  peer.send(request('GET', origin.url('/204')));
  const empty = await readResponse(peer);
  assert.equal(empty.status, 204);
  assert.equal(field(empty.head, 'content-length'), undefined);
  peer.send(request('HEAD', origin.url('/')));
  assert.equal((await readResponse(peer, 'HEAD')).status, 200);
  assert.deepEqual([origin.connections, peer.unread.length], [1, 0]);
});

test('an origin that closed an idle connection is called again, and nobody notices', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t, { more: 'Workers 1' });
  const peer = await client(t, proxy);
  for (let i = 0; i < 3; i += 1) {
    peer.send(request('GET', origin.url(`/${i}`)));
    assert.equal((await readResponse(peer)).text, `GET /${i}`);
    for (const far of origin.peers) far.end();
    await until('the proxy hung up as well', () => origin.peers.size === 0);
  }
  assert.equal(origin.connections, 3);
});

for (const [method, isTried] of /** @type {[string, boolean][]} */ ([
  ['GET', true],
  ['PUT', true],
  ['POST', false],
])) {
  test(`a kept connection that dies under ${method}: ${isTried ? 'tried again' : 'told, not sent twice'}`, async (t) => {
    // The second request of the first connection is taken and never answered.
    const origin = await startOrigin(t, {
      answer: ({ target, text, connection }, peer) => {
        if (connection === 0 && target === '/second') {
          peer.reset();
          return false;
        }
        return response(`${target} ${text} on ${connection}`);
      },
    });
    const proxy = await startProxy(t, { more: 'Workers 1' });
    const peer = await client(t, proxy);
    peer.send(request('GET', origin.url('/first')));
    assert.equal((await readResponse(peer)).text, '/first  on 0');
    const body = method === 'GET' ? undefined : 'precious';
    peer.send(request(method, origin.url('/second'), { body }));
    const answer = await readResponse(peer);
    if (isTried) assert.equal(answer.text, `/second ${body ?? ''} on 1`);
    else assert.equal(answer.status, 502);
    const count = origin.requests.filter(({ target }) => target === '/second').length;
    assert.equal(count, isTried ? 2 : 1);
  });
}

test('an answer that nobody asked for is never taken for the next one', async (t) => {
  const origin = await startOrigin(t, {
    answer: ({ target }) => response(target) + (target === '/poison' ? response('poisoned') : ''),
  });
  const proxy = await startProxy(t, { more: 'Workers 1' });
  const peer = await client(t, proxy);
  for (const path of ['/poison', '/next', '/poison', '/next']) {
    peer.send(request('GET', origin.url(path)));
    assert.equal((await readResponse(peer)).text, path);
  }
});
