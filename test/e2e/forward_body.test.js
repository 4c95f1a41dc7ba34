// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Bodies arrive whole, both ways, whatever their size, in bounded memory. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { ask, client } from '../lib/forward.mjs';
import { chunks, readResponse, request, response, sha256 } from '../lib/http.mjs';
import { growth } from '../lib/memory.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { field, listen } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { RELEASE, startProxy } from '../lib/wayleave.mjs';

const KIB = 1024;
const MIB = 1024 * KIB;

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
