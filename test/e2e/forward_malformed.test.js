// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What is malformed does not arrive, from clients and from origins. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { ask, client } from '../lib/forward.mjs';
import { chunks, readResponse, request } from '../lib/http.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { exchange, field, listen } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import { startProxy } from '../lib/wayleave.mjs';

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
