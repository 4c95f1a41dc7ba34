// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * WebSocket by each of the three ways that clients ask a proxy for it: CONNECT, `GET http://` and
 * `GET ws://` with Upgrade. The last two are tunnels only behind a 101 that is the right one.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { chromium } from 'playwright-core';
import WebSocket from 'ws';
import { agentFor } from '../lib/client.mjs';
import { OPCODE, closeFrame, frame, readClose, readFrame, readMessage } from '../lib/frames.mjs';
import { fieldsOf, readResponse, response } from '../lib/http.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { DemoPage } from '../lib/page.mjs';
import { connect, field, listen } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import { DEMO_CHANNELS, startProxy, startRealm } from '../lib/wayleave.mjs';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='; // RFC 6455 section 1.3
const STOMP = 'CONNECT\naccept-version:1.2\nhost:localhost\n\n\0';

/** The fields as .NET's ClientWebSocket writes them, and in its order. */
function dotnet(url, port, more = []) {
  return [
    `GET ${url} HTTP/1.1`,
    `Host: localhost:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${KEY}`,
    ...more,
    '',
    '',
  ].join('\r\n');
}

/** A client that has sent a handshake. */
async function handshake(t, proxy, bytes) {
  const peer = await connect(proxy.port);
  t.after(() => peer.destroy());
  peer.send(bytes);
  return peer;
}

function switching(...fields) {
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    ...fields,
    '',
    '',
  ].join('\r\n');
}

// ---- the three forms, against a realm ----

test('CONNECT: the npm package ws with an agent, on /stomp and /echo, ws and wss', async (t) => {
  const realm = await startRealm(t, { more: 'DiagnosticEndpoints On' });
  const proxy = await startProxy(t, { allow: [realm.port, realm.tlsPort] });
  const options = { agent: agentFor(proxy.port), rejectUnauthorized: false };
  for (const base of [`ws://localhost:${realm.port}`, `wss://localhost:${realm.tlsPort}`]) {
    for (const [path, word, wanted] of [
      ['/echo', 'hello', /^hello$/],
      ['/stomp', STOMP, /^CONNECTED\n/],
    ]) {
      const socket = new WebSocket(
        `${base}${path}`,
        path === '/stomp' ? ['v12.stomp'] : [],
        options,
      );
      t.after(() => socket.terminate());
      const heard = new Promise((resolve, reject) => {
        socket.on('error', reject);
        socket.on('open', () => socket.send(word));
        socket.on('message', (data) => resolve(String(data)));
      });
      assert.match(await within('an answer', heard), wanted);
      socket.close(1000);
      await within('the close', new Promise((resolve) => socket.once('close', resolve)));
    }
  }
  const line = await proxy.accessLine(/ws-path="\/echo["?]/);
  assert.match(line, /"CONNECT localhost:\d+ HTTP\/1\.1" 200 /);
  assert.match(await proxy.accessLine(/ws-path="\/stomp"/), /ws-protocol="v12\.stomp"/);
});

for (const scheme of ['http', 'ws', 'HTTP', 'Ws']) {
  test(`GET ${scheme}:// with Upgrade reaches /echo and /stomp of a realm`, async (t) => {
    const realm = await startRealm(t, { more: 'DiagnosticEndpoints On' });
    const proxy = await startProxy(t, { more: 'ProxyVia On\nServerName proxy.example' });
    const url = `${scheme}://localhost:${realm.port}`;

    const echo = await handshake(t, proxy, dotnet(`${url}/echo?a=b`, realm.port));
    const { status, head } = await readResponse(echo);
    assert.equal(status, 101, head);
    assert.deepEqual(fieldsOf(head, 'sec-websocket-accept'), [ACCEPT]);
    assert.deepEqual(fieldsOf(head, 'upgrade'), ['websocket']);
    assert.deepEqual(fieldsOf(head, 'connection'), ['Upgrade']);
    for (const length of [0, 1, 125, 126, 65_536]) {
      const word = 'x'.repeat(length);
      echo.send(frame(OPCODE.text, word));
      assert.equal(String((await readMessage(echo)).payload), word);
    }
    echo.send(closeFrame(1000, 'enough'));
    assert.equal((await readClose(echo)).code, 1000);
    await echo.readToEnd();
    echo.end();

    const fields = ['Sec-WebSocket-Protocol: v9.stomp, v12.stomp, v11.stomp'];
    const stomp = await handshake(t, proxy, dotnet(`${url}/stomp`, realm.port, fields));
    assert.equal(field((await readResponse(stomp)).head, 'sec-websocket-protocol'), 'v12.stomp');
    stomp.send(frame(OPCODE.text, STOMP));
    assert.match(String((await readMessage(stomp)).payload), /^CONNECTED\n/);
    stomp.send(closeFrame(1000));
    await readClose(stomp);
    stomp.end();

    const line = await proxy.accessLine(/ws-path="\/echo["?]/);
    assert.match(line, new RegExp(`"GET ${url}/echo\\?a=b HTTP/1\\.1" 101 `));
    assert.match(line, /tunnel=websocket/);
    assert.match(line, /ws-up=5 /);
    assert.match(line, /ws-down=5 /);
    assert.match(line, /ws-close=1000/);
    assert.match(line, /ws-closer=client/);
    assert.match(await proxy.accessLine(/ws-path="\/stomp"/), /ws-protocol="v12\.stomp"/);
  });
}

test('the log has what a JSON format is for', async (t) => {
  const realm = await startRealm(t, { more: 'DiagnosticEndpoints On' });
  const proxy = await startProxy(t, { more: 'LogFormat json' });
  const url = `ws://localhost:${realm.port}/echo`;
  const peer = await handshake(t, proxy, dotnet(url, realm.port));
  await readResponse(peer);
  peer.send(frame(OPCODE.text, 'hello'));
  await readMessage(peer);
  peer.send(closeFrame(4001, 'mine'));
  await readClose(peer);
  peer.end();
  const entry = JSON.parse(await proxy.accessLine(/^\{/));
  const text = JSON.stringify(entry);
  assert.match(text, /"\/echo"/);
  assert.match(text, /4001/);
  assert.match(text, /websocket/);
});

// ---- the handshake that the origin sees ----

test('the origin sees a clean handshake, its end-to-end fields kept', async (t) => {
  const origin = await startOrigin(t, {
    answer: (_, peer) => {
      peer.send(switching(`Sec-WebSocket-Accept: ${ACCEPT}`, 'Sec-WebSocket-Protocol: b'));
      return false;
    },
  });
  const proxy = await startProxy(t, { more: 'ProxyVia Off' });
  const bytes = [
    `GET ws://127.0.0.1:${origin.port}/path?q=1 HTTP/1.1`,
    'Host: somebody.else',
    'Connection: keep-alive, Upgrade, X-Private',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: Basic c2VjcmV0OnNlY3JldA==',
    'Upgrade: WebSocket',
    'X-Private: secret',
    'Origin: http://page.example',
    'Cookie: a=b',
    'Authorization: Bearer x',
    'User-Agent: test',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: a',
    'Sec-WebSocket-Protocol: b, c',
    'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
    '',
    '',
  ].join('\r\n');
  const peer = await handshake(t, proxy, bytes);
  const { status, head } = await readResponse(peer);
  assert.equal(status, 101, head);
  assert.equal(field(head, 'sec-websocket-protocol'), 'b');
  const seen = await origin.request();
  assert.equal(seen.line, 'GET /path?q=1 HTTP/1.1');
  const once = {
    host: `127.0.0.1:${origin.port}`,
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': KEY,
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'a, b, c',
    'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits',
    origin: 'http://page.example',
    cookie: 'a=b',
    authorization: 'Bearer x',
    'user-agent': 'test',
  };
  for (const [name, value] of Object.entries(once)) {
    assert.deepEqual(fieldsOf(seen.head, name), [value], name);
  }
  for (const name of ['x-private', 'proxy-authorization', 'proxy-connection', 'via']) {
    assert.equal(field(seen.head, name), undefined, name);
  }
});

test('frames right behind the handshake and right behind the 101 are kept', async (t) => {
  const early = frame(OPCODE.text, 'early');
  const greeting = Buffer.from([0x81, 5, ...Buffer.from('hello')]);
  const server = await listen(t);
  const proxy = await startProxy(t);
  const url = `http://localhost:${server.port}/`;
  const bytes = Buffer.concat([Buffer.from(dotnet(url, server.port)), early]);
  const peer = await handshake(t, proxy, bytes);
  const far = await server.accept();
  await far.readUntil('\r\n\r\n');
  const answer = Buffer.from(switching(`Sec-WebSocket-Accept: ${ACCEPT}`));
  far.send(Buffer.concat([answer, greeting]));
  assert.equal((await readResponse(peer)).status, 101);
  const { opcode, payload } = await readFrame(peer);
  assert.deepEqual([opcode, String(payload)], [OPCODE.text, 'hello']);
  assert.ok((await far.read(early.length)).equals(early));
});

test('nothing behind a handshake leaves before the 101 is there', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t);
  const url = `http://localhost:${server.port}/`;
  const peer = await handshake(
    t,
    proxy,
    `${dotnet(url, server.port)}GET /smuggled HTTP/1.1\r\n\r\n`,
  );
  const far = await server.accept();
  await far.readUntil('\r\n\r\n');
  far.send(response('no', { status: '426 Upgrade Required' }));
  assert.equal((await readResponse(peer)).status, 426);
  // What followed is a request to the proxy, and none that it knows.
  assert.match((await readResponse(peer)).head, /^HTTP\/1\.1 4/);
  assert.equal(far.unread.length, 0);
});

// ---- answers that are none ----

const WRONG_ANSWERS = {
  'a wrong Sec-WebSocket-Accept': [
    switching('Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA='),
    /wrong Sec-WebSocket-Accept/,
  ],
  'no Sec-WebSocket-Accept': [switching(), /wrong Sec-WebSocket-Accept/],
  'an accept in another case': [
    switching(`Sec-WebSocket-Accept: ${ACCEPT.toLowerCase()}`),
    /wrong Sec-WebSocket-Accept/,
  ],
  'two accepts': [
    switching(`Sec-WebSocket-Accept: ${ACCEPT}`, `Sec-WebSocket-Accept: ${ACCEPT}`),
    /wrong Sec-WebSocket-Accept/,
  ],
  'an extension that was not offered': [
    switching(`Sec-WebSocket-Accept: ${ACCEPT}`, 'Sec-WebSocket-Extensions: permessage-deflate'),
    /extension that was not offered/,
  ],
  'a subprotocol that was not offered': [
    switching(`Sec-WebSocket-Accept: ${ACCEPT}`, 'Sec-WebSocket-Protocol: chat'),
    /subprotocol that was not offered/,
  ],
  'another protocol': [
    `HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    /does not switch to websocket/,
  ],
  'no Upgrade': [
    `HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    /does not switch to websocket/,
  ],
  'HTTP/1.0': [
    switching(`Sec-WebSocket-Accept: ${ACCEPT}`).replace('HTTP/1.1', 'HTTP/1.0'),
    /HTTP\/1\.0/,
  ],
};

for (const [what, [bytes, says]] of Object.entries(WRONG_ANSWERS)) {
  test(`a 101 with ${what} is 502, and no tunnel`, async (t) => {
    const server = await listen(t);
    const proxy = await startProxy(t);
    const peer = await handshake(t, proxy, dotnet(`ws://localhost:${server.port}/`, server.port));
    const far = await server.accept();
    await far.readUntil('\r\n\r\n');
    far.send(`${bytes}secret`);
    const { status, text } = await readResponse(peer);
    assert.equal(status, 502);
    assert.match(text, says);
    assert.doesNotMatch(text, /secret/);
    await within('the origin is left', far.readToEnd());
    assert.match(await proxy.accessLine(/"GET ws:/), / 502 /);
  });
}

test('an ordinary answer to a handshake is passed on, and the next request is read', async (t) => {
  const answers = ['200 OK', '403 Forbidden', '426 Upgrade Required', '302 Found'];
  const origin = await startOrigin(t, {
    answer: ({ target }) =>
      response(`this is ${target}`, {
        status: answers[Number(target.slice(1))],
        fields: ['Sec-WebSocket-Version: 13'],
      }),
  });
  const proxy = await startProxy(t);
  const peer = await connect(proxy.port);
  t.after(() => peer.destroy());
  for (let i = 0; i < answers.length; i += 1) {
    peer.send(dotnet(origin.url(`/${i}`), origin.port));
    const { head, text } = await readResponse(peer);
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${answers[i]}\r\n`));
    assert.equal(text, `this is /${i}`);
    assert.equal(field(head, 'sec-websocket-version'), '13');
  }
});

// ---- handshakes that are none ----

test('handshakes that cannot be are refused, and the origin is not called', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t);
  const url = `//localhost:${origin.port}/`;
  const good = dotnet(`ws:${url}`, origin.port);
  const cases = [
    ['wss://', 400, /CONNECT/, dotnet(`wss:${url}`, origin.port)],
    ['ws:// without Upgrade', 426, /Upgrade/, good.replace('Upgrade: websocket\r\n', '')],
    ['ws:// with POST', 426, /Upgrade/, good.replace('GET', 'POST')],
    ['no Connection', 400, /Connection/i, good.replace('Connection: Upgrade\r\n', '')],
    ['no key', 400, /Key/, good.replace(/Sec-WebSocket-Key:.*\r\n/, '')],
    ['a short key', 400, /Key/, good.replace(KEY, 'c2hvcnQ=')],
    ['version 8', 426, /[Vv]ersion/, good.replace('Version: 13', 'Version: 8')],
    ['a body', 400, /body/, good.replace('\r\n\r\n', '\r\nContent-Length: 3\r\n\r\nabc')],
    ['HTTP/1.0', 426, /Upgrade/, good.replace('HTTP/1.1', 'HTTP/1.0')],
  ];
  for (const [what, status, says, bytes] of cases) {
    const peer = await handshake(t, proxy, bytes);
    const answer = await readResponse(peer);
    assert.equal(answer.status, status, `${what}: ${answer.text}`);
    assert.match(answer.text, /** @type {RegExp} */ (says), String(what));
    assert.match(answer.text, /^wayleave: .*\.\n$/);
  }
  assert.equal(origin.connections, 0);
});

test('an upgrade to something else is left out, and the rest is forwarded', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t);
  const bytes = dotnet(origin.url('/'), origin.port).replace('websocket', 'h2c');
  const peer = await handshake(t, proxy, bytes);
  assert.equal((await readResponse(peer)).status, 200);
  assert.equal(field((await origin.request()).head, 'upgrade'), undefined);
});

test('a tunnel by Upgrade counts for MaxTunnels, and its end makes room', async (t) => {
  const realm = await startRealm(t, { more: 'DiagnosticEndpoints On' });
  const proxy = await startProxy(t, { more: 'MaxTunnels 1' });
  const bytes = dotnet(`ws://localhost:${realm.port}/echo`, realm.port);
  const first = await handshake(t, proxy, bytes);
  assert.equal((await readResponse(first)).status, 101);
  const second = await handshake(t, proxy, bytes);
  assert.equal((await readResponse(second)).status, 503);
  first.reset();
  await until('there is room again', async () => {
    const peer = await handshake(t, proxy, bytes);
    return (await readResponse(peer)).status === 101;
  });
});

test('the accept key of the tests is that of the RFC', () => {
  const hash = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  assert.equal(hash.digest('base64'), ACCEPT);
});

// ---- a browser ----

test('Chromium with one proxy for all schemes: page, ws and wss', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [realm.port, realm.tlsPort] });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      '--ignore-certificate-errors',
      `--proxy-server=127.0.0.1:${proxy.port}`,
      '--proxy-bypass-list=<-loopback>',
    ],
  });
  t.after(() => browser.close());
  const plain = await DemoPage.open(browser, realm.port);
  const secure = await DemoPage.open(browser, realm.port, { secure: 1, port: realm.tlsPort });
  for (const page of [plain, secure]) await page.state('connected');
  await plain.say('through one proxy');
  await secure.hears('through one proxy');
  await secure.say('and back');
  await plain.hears('and back');
  for (const page of [plain, secure]) {
    assert.deepEqual(page.faults, []);
    await page.close();
  }
  // The page and its scripts were forwarded, the sessions went through tunnels.
  const base = `http://localhost:${realm.port}`;
  await proxy.accessLine(new RegExp(`"GET ${base}/demo/\\S* HTTP/1\\.1" 200 `));
  await proxy.accessLine(new RegExp(`"GET ${base}/\\S+\\.js HTTP/1\\.1" (200|304) `));
  const ws = await proxy.accessLine(
    new RegExp(`"CONNECT localhost:${realm.port} .*ws-path="/stomp"`),
  );
  assert.match(ws, / 200 .*ws-protocol="v12\.stomp"/);
  await proxy.accessLine(new RegExp(`"CONNECT localhost:${realm.tlsPort} HTTP/1\\.1" 200 `));
});
