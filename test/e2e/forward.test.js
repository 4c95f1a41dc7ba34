// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What is forwarded arrives whole and clean, both ways; what is malformed does not arrive. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { freePort } from '../../tool/lib/ports.mjs';
import { curlThrough } from '../lib/curl.mjs';
import { chunks, fieldsOf, readResponse, request, response, sha256 } from '../lib/http.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { connect, exchange, field, listen } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import { RELEASE, scratch, startProxy, startProxyFrom } from '../lib/wayleave.mjs';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A client of the proxy that is gone after the test. */
async function client(t, proxy) {
  const peer = await connect(proxy.port);
  t.after(() => peer.destroy());
  return peer;
}

/** One request on a connection of its own, and its response. */
async function ask(t, proxy, bytes, method = 'GET') {
  const peer = await client(t, proxy);
  peer.send(bytes);
  return readResponse(peer, method);
}

function memory(pid, row) {
  const [, kilobytes] = readFileSync(`/proc/${pid}/status`, 'utf8').match(
    new RegExp(`^${row}:\\s+(\\d+) kB$`, 'm'),
  );
  return Number(kilobytes) * KIB;
}

/** What the proxy's memory grows by at most while `work` is done. */
async function growth(proxy, work) {
  writeFileSync(`/proc/${proxy.pid}/clear_refs`, '5'); // the peak begins anew
  const before = memory(proxy.pid, 'VmRSS');
  await work();
  return memory(proxy.pid, 'VmHWM') - before;
}

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

// ---- bodies ----

test('an origin that never reads holds up the client, not the memory of the proxy', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t, { binary: RELEASE });
  const peer = await client(t, proxy);
  const grown = await growth(proxy, async () => {
    const url = `http://127.0.0.1:${server.port}/`;
    peer.send(request('POST', url, { fields: [`Content-Length: ${64 * MIB}`] }));
    const far = await server.accept();
    far.socket.pause();
    const block = Buffer.alloc(MIB, 'x');
    for (let i = 0; i < 64; i += 1) peer.send(block);
    let seen = -1;
    await until('the sender is held up', () => {
      const out = peer.socket.bytesWritten - peer.socket.writableLength;
      const stood = out === seen && out < 64 * MIB;
      seen = out;
      return stood;
    });
  });
  assert.ok(grown < 8 * MIB, `the proxy grew by ${Math.round(grown / KIB)} KiB`);
});

test('64 MiB come down, with a length, chunked and until close, to a slow reader', async (t) => {
  const bytes = randomBytes(64 * MIB);
  const heads = {
    '/length': `Content-Length: ${bytes.length}`,
    '/chunked': 'Transfer-Encoding: chunked',
    '/close': 'Connection: close',
  };
  const origin = await startOrigin(t, {
    answer: ({ target }, peer) => {
      peer.send(`HTTP/1.1 200 OK\r\n${heads[target]}\r\n\r\n`);
      if (target !== '/chunked') peer.send(bytes);
      else
        peer.send(
          chunks(...[0, 1, 2, 3].map((i) => bytes.subarray(i * 16 * MIB, (i + 1) * 16 * MIB))),
        );
      if (target === '/chunked') peer.send('0\r\n\r\n');
      if (target === '/close') peer.end();
    },
  });
  const proxy = await startProxy(t, { binary: RELEASE });
  await ask(t, proxy, request('GET', origin.url('/close')));
  for (const path of Object.keys(heads)) {
    const peer = await client(t, proxy);
    peer.socket.pause();
    const grown = await growth(proxy, async () => {
      peer.send(request('GET', origin.url(path)));
      await until('the answer begins', () => origin.requests.at(-1)?.target === path);
      peer.socket.resume();
      const answer = await readResponse(peer);
      assert.equal(answer.length, bytes.length, path);
      assert.equal(answer.sha256, sha256(bytes), path);
    });
    assert.ok(grown < 8 * MIB, `${path}: the proxy grew by ${Math.round(grown / KIB)} KiB`);
  }
});

test('a chunked upload and a chunked download, with trailers both ways', async (t) => {
  const origin = await startOrigin(t, {
    answer: ({ text }) =>
      Buffer.concat([
        Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Down\r\n\r\n'),
        chunks('you said ', text),
        Buffer.from('0\r\nX-Down: below\r\n\r\n'),
      ]),
  });
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  peer.send(
    request('POST', origin.url('/'), {
      fields: ['Transfer-Encoding: chunked', 'Trailer: X-Up', 'TE: trailers', 'Connection: TE'],
    }),
  );
  peer.send(chunks('hello '));
  await until('the origin was called', () => origin.connections === 1);
  peer.send(Buffer.concat([chunks('world'), Buffer.from('0\r\nX-Up: above\r\n\r\n')]));
  const answer = await readResponse(peer);
  assert.equal(answer.text, 'you said hello world');
  assert.equal(answer.trailers, 'X-Down: below\r\n');
  assert.equal(field(answer.head, 'trailer'), 'X-Down');
  const seen = await origin.request();
  assert.equal(seen.trailers, 'X-Up: above\r\n');
  assert.equal(field(seen.head, 'trailer'), 'X-Up');
  assert.equal(field(seen.head, 'te'), 'trailers');
  assert.equal(field(seen.head, 'content-length'), undefined);
});

test('chunk extensions are dropped, both ways', async (t) => {
  const origin = await startOrigin(t, {
    answer: () =>
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '3;down=1;q="a;b"\r\nabc\r\n0;last\r\n\r\n',
  });
  const proxy = await startProxy(t);
  const bytes = request('POST', origin.url('/'), {
    fields: ['Transfer-Encoding: chunked'],
    body: '4;up=1;x="\\""\r\nwxyz\r\n0;last=yes\r\n\r\n',
  });
  const answer = await ask(t, proxy, bytes);
  assert.equal(answer.text, 'abc');
  assert.deepEqual(
    answer.sizes.filter((size) => !/^[0-9a-f]+$/i.test(size)),
    [],
  );
  const seen = await origin.request();
  assert.equal(seen.text, 'wxyz');
  assert.deepEqual(
    seen.sizes.filter((size) => !/^[0-9a-f]+$/i.test(size)),
    [],
  );
});

test('a body may come byte by byte, framing and all', async (t) => {
  const origin = await startOrigin(t, { answer: ({ text }) => response(text) });
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  const bytes = request('POST', origin.url('/'), {
    fields: ['Transfer-Encoding: chunked'],
    body: '5;e=f\r\nhello\r\n006\r\n world\r\n0\r\nA: b\r\n\r\n',
  });
  for (const byte of bytes) {
    peer.send(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await readResponse(peer)).text, 'hello world');
});

test('100 Continue, 102 and 103 pass, and the body is sent only then', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  const url = `http://127.0.0.1:${server.port}/`;
  const fields = ['Content-Length: 5', 'Expect: 100-continue'];
  peer.send(request('PUT', url, { fields }));
  const far = await server.accept();
  const head = String(await far.readUntil('\r\n\r\n'));
  assert.equal(field(head, 'expect'), '100-continue');
  far.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n');
  assert.match((await readResponse(peer)).head, /^HTTP\/1\.1 103 .*\r\n(.*\r\n)*Link: <\/a\.css>/);
  far.send('HTTP/1.1 100 Continue\r\n\r\n');
  assert.equal((await readResponse(peer)).status, 100);
  peer.send('hello');
  assert.equal(String(await far.read(5)), 'hello');
  far.send('HTTP/1.1 102 Processing\r\n\r\n').send(response('done', { status: '201 Created' }));
  assert.equal((await readResponse(peer)).status, 102);
  const answer = await readResponse(peer);
  assert.deepEqual([answer.status, answer.text], [201, 'done']);
});

test('an expectation that the origin refuses: the client learns it before it sends', async (t) => {
  const origin = await startOrigin(t, {
    onHead: (_, peer) => {
      peer.send(response('too large', { status: '413 Content Too Large' }));
      return false;
    },
  });
  const proxy = await startProxy(t);
  const fields = ['Content-Length: 500000', 'Expect: 100-continue'];
  const answer = await ask(t, proxy, request('PUT', origin.url('/'), { fields }));
  assert.deepEqual([answer.status, answer.text], [413, 'too large']);
  assert.equal(field(answer.head, 'connection'), 'close', 'nobody knows whether the body comes');
});

test('an expectation that nobody knows is 417', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t);
  const fields = ['Expect: a-miracle'];
  const answer = await ask(t, proxy, request('PUT', origin.url('/'), { fields, body: 'x' }));
  assert.equal(answer.status, 417);
  assert.equal(origin.connections, 0);
});

test('an early answer to a large upload is read whole by a client that writes first', async (t) => {
  const origin = await startOrigin(t, {
    onHead: (_, peer) => {
      peer.send(response('no room', { status: '507 Full', fields: ['Connection: close'] })).end();
      return false;
    },
  });
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  peer.send(request('POST', origin.url('/'), { fields: [`Content-Length: ${64 * MIB}`] }));
  peer.send(Buffer.alloc(256 * KIB));
  const answer = await readResponse(peer);
  assert.deepEqual([answer.status, answer.text], [507, 'no room']);
  assert.equal(field(answer.head, 'connection'), 'close');
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

// ---- persistence ----

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

// ---- what is malformed ----

const CHUNKED = 'Transfer-Encoding: chunked';
const NEXT = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

/** Heads that somebody might read otherwise than somebody else: request line and fields. */
const MALFORMED_HEADS = {
  'Content-Length and Transfer-Encoding': ['Content-Length: 4', CHUNKED],
  'Transfer-Encoding and Content-Length': [CHUNKED, 'Content-Length: 4'],
  'two lengths': ['Content-Length: 4', 'Content-Length: 5'],
  'two lengths in one field': ['Content-Length: 4, 5'],
  'the same length twice': ['Content-Length: 4', 'Content-Length: 4'],
  'the same length twice in one field': ['Content-Length: 4, 4'],
  'a length with a plus': ['Content-Length: +5'],
  'a length with a minus': ['Content-Length: -5'],
  'a length in hex': ['Content-Length: 0x5'],
  'a length with a blank': ['Content-Length: 1 0'],
  'a length with a fraction': ['Content-Length: 5.0'],
  'a length with a letter': ['Content-Length: 5a'],
  'an empty length': ['Content-Length:'],
  'a length that overflows': ['Content-Length: 18446744073709551621'],
  'a length with a form feed': ['Content-Length: \f5'],
  'obs-fold in a length': ['Content-Length: 4\r\n 5'],
  'obs-fold': ['X: y\r\n z'],
  'obs-fold with a tab': ['X: y\r\n\tz'],
  'obs-fold in the first field': [' X: y'],
  'a bare CR in a field': ['X: y\rContent-Length: 5'],
  'a bare CR in a name': ['X\rY: z'],
  'a bare LF in a field': ['X: y\nContent-Length: 5'],
  'a bare LF as an end': ['X: y\n\nGET /smuggled HTTP/1.1'],
  'a NUL in a field': ['X: y\0z'],
  'a NUL in a name': ['X\0: y'],
  'a control byte in a field': ['X: \x01'],
  'DEL in a field': ['X: \x7f'],
  'a space before the colon': ['Content-Length : 5'],
  'a tab before the colon': ['Transfer-Encoding\t: chunked'],
  'a space in a name': ['Content Length: 5'],
  'a name that is empty': [': 5'],
  'a field without a colon': ['Content-Length'],
  'a name with a control byte': ['\x0bTransfer-Encoding: chunked'],
  'a name with 8-bit letters': ['Transfer-Encodin\xc4\x9f: chunked'],
  xchunked: ['Transfer-Encoding: xchunked'],
  'chunked in quotes': ['Transfer-Encoding: "chunked"'],
  'chunked with a vertical tab': ['Transfer-Encoding: \x0bchunked'],
  'chunked twice': ['Transfer-Encoding: chunked, chunked'],
  'chunked twice, in two fields': [CHUNKED, CHUNKED],
  'chunked before another coding': ['Transfer-Encoding: chunked, identity'],
  'chunked with a parameter': ['Transfer-Encoding: chunked;x=y'],
  identity: ['Transfer-Encoding: identity'],
  'an empty coding': ['Transfer-Encoding:'],
  'two Hosts': ['Host: y'],
};

for (const [what, fields] of Object.entries(MALFORMED_HEADS)) {
  test(`${what}: 400 and the origin hears nothing`, async (t) => {
    const origin = await startOrigin(t);
    const proxy = await startProxy(t);
    const lines = [`POST ${origin.url('/')} HTTP/1.1`, 'Host: x', ...fields].join('\r\n');
    const bytes = Buffer.from(`${lines}\r\n\r\n0\r\n\r\n${NEXT}`, 'latin1');
    const { status, head, body } = await exchange(proxy.port, bytes);
    assert.equal(status, 400, head + body);
    assert.match(field(head, 'proxy-status') ?? '', /error=http_request_error;/);
    assert.equal(field(head, 'connection'), 'close');
    assert.match(body, /^wayleave: [^\n]*\.\n$/, 'one sentence, one answer');
    assert.equal(origin.connections, 0);
    await proxy.accessLine(/ 400 /);
  });
}

test('request lines that two could read in two ways are 400', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t);
  const url = origin.url('/');
  const lines = [
    `GET  ${url} HTTP/1.1`,
    `GET ${url}  HTTP/1.1`,
    `GET\t${url} HTTP/1.1`,
    ` GET ${url} HTTP/1.1`,
    `GET ${url} HTTP/1.1 `,
    `GET ${url} HTTP/1.1 HTTP/1.1`,
    `GET ${url}a b HTTP/1.1`,
    `GET ${url}\x00 HTTP/1.1`,
    `GET ${url}\r HTTP/1.1`,
    `GET ${url} http/1.1`,
    `GET ${url} HTTP/1.10`,
    `GET ${url}`,
    `G(T ${url} HTTP/1.1`,
    `GET http://me:mine@127.0.0.1:${origin.port}/ HTTP/1.1`,
    `GET http://:${origin.port}/ HTTP/1.1`,
    `GET http:///smuggled HTTP/1.1`,
    `GET http://127.0.0.1:+${origin.port}/ HTTP/1.1`,
    `GET http://127.0.0.1:${origin.port + 65536}/ HTTP/1.1`,
    `GET http://127.0.0.1:${origin.port}\\@x/ HTTP/1.1`,
    `GET ${url}#fragment HTTP/1.1`,
  ];
  for (const line of lines) {
    const bytes = Buffer.from(`${line}\r\nHost: x\r\n\r\n${NEXT}`, 'latin1');
    const { status, body } = await exchange(proxy.port, bytes);
    assert.equal(status, 400, `${JSON.stringify(line)}: ${body}`);
    assert.match(body, /^wayleave: [^\n]*\.\n$/, 'one answer');
  }
  assert.equal(origin.connections, 0);
});

/** Bodies behind `Transfer-Encoding: chunked`; none is one. */
const MALFORMED_BODIES = {
  'a size that is no number': 'zz\r\nabc\r\n0\r\n\r\n',
  'an empty size': '\r\nabc\r\n0\r\n\r\n',
  'a size with a plus': '+3\r\nabc\r\n0\r\n\r\n',
  'a size with a minus': '-3\r\nabc\r\n0\r\n\r\n',
  'a size with 0x': '0x3\r\nabc\r\n0\r\n\r\n',
  'a size with a blank before it': ' 3\r\nabc\r\n0\r\n\r\n',
  'a size with an underline': '0_3\r\nabc\r\n0\r\n\r\n',
  'a size that overflows 64 bits': '10000000000000003\r\nabc\r\n0\r\n\r\n',
  'a size that overflows 32 bits': `100000000000000000000000003\r\nabc\r\n0\r\n\r\n`,
  'a size with a bare LF': '3\nabc\r\n0\r\n\r\n',
  'a size with a bare CR': '3\rabc\r\n0\r\n\r\n',
  'a chunk longer than its size': '3\r\nabcd\r\n0\r\n\r\n',
  'a chunk that ends with a bare LF': '3\r\nabc\n0\r\n\r\n',
  'an extension with a bare LF': '3;a\nb\r\nabc\r\n0\r\n\r\n',
  'an extension with a bare CR': '3;a\rb\r\nabc\r\n0\r\n\r\n',
  'an extension with a NUL': '3;\0\r\nabc\r\n0\r\n\r\n',
  'a last chunk that ends with a bare LF': '0\n\r\n',
  'a trailer with a space before the colon': '0\r\nX : y\r\n\r\n',
  'a trailer that is folded': '0\r\nX: y\r\n z\r\n\r\n',
  'a trailer with a bare LF': '0\r\nX: y\n\r\n\r\n',
};

for (const [what, body] of Object.entries(MALFORMED_BODIES)) {
  test(`${what}: 400, and no whole request reaches the origin`, async (t) => {
    const origin = await startOrigin(t);
    const proxy = await startProxy(t, { more: 'UpstreamIdlePerHost 0' });
    for (const isApart of [false, true]) {
      const peer = await client(t, proxy);
      peer.send(request('POST', origin.url('/'), { fields: [CHUNKED] }));
      if (isApart) {
        peer.send('1\r\na\r\n');
        await until('the origin hears of it', () => /\r\n1\r\na/.test(origin.heard));
      }
      peer.send(`${body}${NEXT}`);
      const answer = await readResponse(peer);
      assert.equal(answer.status, 400, answer.text);
      assert.equal(field(answer.head, 'connection'), 'close');
      await peer.readToEnd();
    }
    await until('the origin is left', () => origin.peers.size === 0);
    assert.deepEqual(origin.requests, []);
    assert.doesNotMatch(origin.heard, /smuggled/);
  });
}

test('trailers that would frame or route a message are dropped, and others pass', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t);
  const banned = ['Content-Length: 5', 'Transfer-Encoding: x', 'Host: y', 'Authorization: z'];
  const body = `0\r\n${banned.join('\r\n')}\r\nX-Sum: 1\r\n\r\n`;
  await ask(t, proxy, request('POST', origin.url('/'), { fields: [CHUNKED], body }));
  assert.equal((await origin.request()).trailers, 'X-Sum: 1\r\n');
});

// ---- origins that misbehave ----

/** Before anything of an answer could be passed on. */
const BROKEN_ANSWERS = {
  garbage: '\x16\x03\x01 what do you want\r\n\r\n',
  'no HTTP': 'SSH-2.0-OpenSSH_9.2\r\n',
  'another version': 'HTTP/2.0 200 OK\r\n\r\n',
  'no status': 'HTTP/1.1 OK\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
  'a status under 100': 'HTTP/1.1 099 OK\r\n\r\n',
  'half a head': 'HTTP/1.1 200 OK\r\nConte',
  'a 1xx and no more': 'HTTP/1.1 100 Continue\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
  'a length and a coding': `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${CHUNKED}\r\n\r\n0\r\n\r\n`,
  'a length with a plus': 'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na',
  'a space before a colon': 'HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\na',
  'a bare CR': 'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n',
  'a NUL': 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n',
  'a 101 that nobody asked for': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
};

for (const [what, bytes] of Object.entries(BROKEN_ANSWERS)) {
  test(`an origin that answers with ${what}: 502`, async (t) => {
    const origin = await startOrigin(t, {
      answer: (_, peer) => {
        peer.send(Buffer.from(bytes, 'latin1')).end();
        return false;
      },
    });
    const proxy = await startProxy(t);
    const peer = await client(t, proxy);
    peer.send(request('GET', origin.url('/')));
    let answer = await readResponse(peer);
    if (answer.status === 100) answer = await readResponse(peer);
    assert.equal(answer.status, 502, answer.head);
    assert.match(field(answer.head, 'proxy-status') ?? '', /^wayleave; error=/);
    assert.match(answer.text, /^wayleave: .*\bserver\b.*\.\n$/);
    assert.equal(origin.requests.length, 1, 'not asked again');
    await proxy.accessLine(/ 502 /);
  });
}

test('an origin that closes or resets without a word: 502', async (t) => {
  const proxy = await startProxy(t);
  for (const end of ['end', 'reset']) {
    const origin = await startOrigin(t, {
      answer: (_, peer) => {
        peer[end]();
        return false;
      },
    });
    const answer = await ask(t, proxy, request('GET', origin.url('/')));
    assert.equal(answer.status, 502, end);
    assert.match(answer.text, /closed the connection without an answer/);
  }
});

const CUT_HEADS = {
  'a length': 'Content-Length: 1000',
  chunks: CHUNKED,
  'its close as the end': 'Connection: close',
};

for (const [framing, line] of Object.entries(CUT_HEADS)) {
  for (const how of framing === 'its close as the end' ? ['reset'] : ['end', 'reset']) {
    for (const version of ['HTTP/1.1', 'HTTP/1.0']) {
      test(`a body with ${framing} that is cut by ${how}: the ${version} client sees a cut`, async (t) => {
        const server = await listen(t);
        const proxy = await startProxy(t);
        const peer = await client(t, proxy);
        const url = `http://127.0.0.1:${server.port}/`;
        peer.send(request('GET', url, { version }));
        const far = await server.accept();
        await far.readUntil('\r\n\r\n');
        const part = framing === 'chunks' ? chunks('first') : Buffer.from('first');
        far.send(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${line}\r\n\r\n`), part]));
        await peer.readUntil('first');
        far[how]();
        const fault = await within('the end', peer.closed);
        assert.equal(fault?.code, 'ECONNRESET', 'no clean end');
        assert.doesNotMatch(String(peer.unread), /(^|\n)0\r\n\r\n/, 'no last chunk');
        assert.match(await proxy.accessLine(/"GET /), / 200 /);
      });
    }
  }
}

test('a client that leaves in mid-download ends the call to the origin', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t);
  const peer = await client(t, proxy);
  peer.send(request('GET', `http://127.0.0.1:${server.port}/`));
  const far = await server.accept();
  await far.readUntil('\r\n\r\n');
  far.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nfirst');
  await peer.readUntil('first');
  peer.reset();
  await within('the origin is left', far.readToEnd());
  assert.match(await proxy.accessLine(/"GET /), /closed-by=client/);
});

test('a client that leaves in mid-upload is not taken for one that has said all', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t, { more: 'UpstreamIdlePerHost 0' });
  for (const fields of [['Content-Length: 1000'], [CHUNKED]]) {
    const peer = await client(t, proxy);
    peer.send(request('POST', origin.url('/'), { fields }));
    peer.send(fields[0] === CHUNKED ? chunks('half') : 'half').end();
    await peer.readToEnd();
    await until('the origin is left', () => origin.peers.size === 0);
  }
  assert.deepEqual(origin.requests, []);
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
