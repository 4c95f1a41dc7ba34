// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The sentences of SockJS's protocol, 0.3.3, one test for each. What its echo service does there,
 * a STOMP session does here: CONNECT is answered CONNECTED.
 */

import assert from 'node:assert/strict';
import { request } from 'node:https';
import test from 'node:test';
import { keptConnection } from '../lib/ask.mjs';
import { askWhole, CONNECT, SockSession, stompFrame } from '../lib/sockjs.mjs';
import { connect } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { DEMO_CHANNELS, startRealm } from '../lib/wayleave.mjs';

const SITE = 'https://app.example';
const BEFORE = `${DEMO_CHANNELS}AllowOrigin ${SITE}
SockJSScript /lib/js/sockjs.min.js
SockJSStreamBytes 4096
`;
const FROM_SITE = [`Origin: ${SITE}`];

const GREETING = 'Welcome to SockJS!\n';
const AWAY = 'c[3000,"Go away!"]';
const OCCUPIED = 'c[2010,"Another connection still open"]';
const NOT_CACHED = /no-store, no-cache, no-transform, must-revalidate, max-age=0/;

function isNotCached(answer) {
  assert.match(answer.field('cache-control'), NOT_CACHED);
  assert.equal(answer.field('expires'), undefined);
  assert.equal(answer.field('last-modified'), undefined);
}

/** @param {{ field(name: string): string | undefined }} answer */
function isCors(answer) {
  assert.equal(answer.field('access-control-allow-origin'), SITE);
  assert.equal(answer.field('access-control-allow-credentials'), 'true');
}

/** A session that has read its "o". */
async function opened(t, port, options) {
  const session = new SockSession(t, port, options);
  assert.deepEqual(await session.poll(), ['o']);
  return session;
}

/** A session that the realm ends: STOMP's DISCONNECT, or what is no STOMP. */
async function closed(t, port) {
  const session = await opened(t, port);
  await session.say('NONSENSE\n\n\0');
  return session;
}

test('static URLs', async (t) => {
  const { port } = await startRealm(t, { more: BEFORE });
  const ask = (line, options) => askWhole(t, port, line, options);

  await t.test('the greeting is valid', async () => {
    for (const path of ['/sockjs', '/sockjs/']) {
      const answer = await ask(`GET ${path}`);
      assert.equal(answer.status, 200);
      assert.equal(answer.field('content-type'), 'text/plain; charset=UTF-8');
      assert.equal(answer.text, GREETING);
      assert.equal(answer.field('set-cookie'), undefined);
    }
  });

  await t.test('other simple requests return 404', async () => {
    for (const path of ['/a', '/a.html', '//', '///', '/a/a', '/a/a/', '/a', '/a/']) {
      assert.equal((await ask(`GET /sockjs${path}`)).status, 404, path);
    }
    assert.equal((await ask('GET /sockjsx')).status, 404);
  });

  await t.test(
    'the page for frames is there, strongly cacheable, whatever its version',
    async () => {
      const paths = ['iframe.html', 'iframe-a.html', 'iframe-.html', 'iframe-0.1.2.html'];
      for (const path of [...paths, 'iframe-0.1.2abc-dirty.2144.html', 'iframe-a.html?t=1234']) {
        const answer = await ask(`GET /sockjs/${path}`);
        assert.equal(answer.status, 200);
        assert.equal(answer.field('content-type'), 'text/html; charset=UTF-8');
        assert.match(answer.field('cache-control'), /^public, max-age=[1-9][0-9]{6}/);
        assert.ok(answer.field('expires') && answer.field('etag'));
        assert.equal(answer.field('last-modified'), undefined);
        assert.match(
          answer.text,
          /_sockjs_onload = function\(\)\{SockJS\.bootstrap_iframe\(\);\};/,
        );
        assert.match(answer.text, /<script src="\/lib\/js\/sockjs\.min\.js"><\/script>/);
      }
      const tag = (await ask('GET /sockjs/iframe.html')).field('etag');
      const again = await ask('GET /sockjs/iframe-2.html', { fields: [`If-None-Match: ${tag}`] });
      assert.equal(again.status, 304);
      assert.equal(again.field('content-type'), undefined);
      assert.equal(again.text, '');
    },
  );

  await t.test('malformed URLs of it give 404', async () => {
    const paths = ['iframe.htm', 'iframe', 'IFRAME.HTML', 'iframe.HTML', 'iframe.xml'];
    for (const path of [...paths, 'iframe-/.html']) {
      assert.equal((await ask(`GET /sockjs/${path}`)).status, 404, path);
    }
  });

  await t.test('info says what the server can, and is never cached', async () => {
    const answer = await ask('GET /sockjs/info', { fields: FROM_SITE });
    assert.equal(answer.field('content-type'), 'application/json; charset=UTF-8');
    assert.equal(answer.field('set-cookie'), undefined);
    isNotCached(answer);
    isCors(answer);
    const info = answer.json();
    assert.equal(info.websocket, true);
    assert.equal(info.cookie_needed, false);
    assert.deepEqual(info.origins, ['*:*']);
    assert.ok(Number.isInteger(info.entropy) && info.entropy >= 0 && info.entropy < 2 ** 32);
    const next = (await ask('GET /sockjs/info?t=1')).json();
    assert.notEqual(next.entropy, info.entropy);
  });

  await t.test('OPTIONS are answered for a year', async () => {
    const urls = { info: 'GET', 'a/b/xhr': 'POST', 'a/b/xhr_send': 'POST' };
    for (const [path, method] of Object.entries({ ...urls, 'a/b/xhr_streaming': 'POST' })) {
      const fields = [...FROM_SITE, 'Access-Control-Request-Headers: a, b, c'];
      const answer = await ask(`OPTIONS /sockjs/${path}`, { fields });
      assert.equal(answer.status, 204, path);
      assert.match(answer.field('cache-control'), /public, max-age=31536000/);
      assert.ok(answer.field('expires'));
      assert.ok(Number(answer.field('access-control-max-age')) > 1e6);
      assert.equal(answer.field('access-control-allow-methods'), `OPTIONS, ${method}`);
      assert.equal(answer.field('access-control-allow-headers'), 'a, b, c');
      assert.equal(answer.text, '');
      isCors(answer);
    }
  });

  await t.test('pages of other sites may not: without fields for them, and with 403', async () => {
    const fields = ['Origin: https://evil.example'];
    for (const line of [
      'GET /sockjs/info',
      'POST /sockjs/0/x/xhr',
      'GET /sockjs/0/x/eventsource',
    ]) {
      const answer = await ask(line, { fields });
      assert.equal(answer.status, 403, line);
      assert.equal(answer.field('access-control-allow-origin'), undefined);
    }
    const options = await ask('OPTIONS /sockjs/0/x/xhr', { fields });
    assert.equal(options.field('access-control-allow-origin'), undefined);
  });

  await t.test('another method is refused with 405, and nothing else', async () => {
    for (const [line, allow] of [
      ['GET /sockjs/0/x/xhr', 'POST'],
      ['POST /sockjs/info', 'GET'],
      ['POST /sockjs/0/0/websocket', 'GET'],
      ['POST /sockjs/0/0/eventsource', 'GET'],
    ]) {
      const answer = await ask(line);
      assert.equal(answer.status, 405, line);
      assert.equal(answer.field('allow'), allow);
      assert.equal(answer.field('content-type'), undefined);
      assert.equal(answer.text, '');
    }
  });
});

test('session URLs, framing and closing over xhr', async (t) => {
  const { port } = await startRealm(t, { more: BEFORE });

  await t.test('the server accepts any value in server and session', async () => {
    for (const [server, id] of [
      ['a', 'a'],
      ['_', '_'],
      ['1', '1'],
      ['abcdefgh_i-j%20', 'abcdefg_i-j%20'],
    ]) {
      await opened(t, port, { server, id });
    }
  });

  await t.test('but not an empty string, dots, or other numbers of parts', async () => {
    for (const path of ['//', '/a./a', '/a/a.', '/./.', '/', '///', `/a/${'x'.repeat(129)}`]) {
      assert.equal((await askWhole(t, port, `POST /sockjs${path}/xhr`)).status, 404, path);
    }
  });

  await t.test('the session alone tells sessions apart, not the server', async () => {
    const session = await opened(t, port);
    await session.say(CONNECT);
    const elsewhere = new SockSession(t, port, { id: session.id, server: '999' });
    assert.match(await elsewhere.pollMessages(), /^CONNECTED\n/);
  });

  await t.test('a message to a session that does not exist is 404', async () => {
    assert.equal((await new SockSession(t, port).post('["x"]')).status, 404);
  });

  await t.test('a poll is JavaScript, not cached, and readable for the site', async () => {
    const session = new SockSession(t, port, { fields: FROM_SITE });
    const receiver = await session.receive('xhr', {
      fields: ['Access-Control-Request-Headers: a, b, c'],
    });
    assert.equal(receiver.field('content-type'), 'application/javascript; charset=UTF-8');
    assert.equal(receiver.field('access-control-allow-headers'), 'a, b, c');
    isCors(receiver);
    isNotCached(receiver);
    assert.deepEqual(await receiver.all(), ['o']);
    const sent = await session.say(CONNECT);
    assert.equal(sent.text, '');
    assert.equal(sent.field('content-type'), 'text/plain; charset=UTF-8');
    isCors(sent);
    isNotCached(sent);
  });

  await t.test('what is no JSON, and what is nothing, change nothing', async () => {
    const session = await opened(t, port);
    for (const [body, text] of [
      ['["x', 'Broken JSON encoding.'],
      ['{"a":1}', 'Broken JSON encoding.'],
      ['[1]', 'Broken JSON encoding.'],
      ['', 'Payload expected.'],
    ]) {
      const answer = await session.post(body);
      assert.equal(answer.status, 500);
      assert.match(answer.text, new RegExp(text));
    }
    await session.say(CONNECT);
    assert.match(await session.pollMessages(), /^CONNECTED\n/);
  });

  await t.test('any content type will do', async () => {
    const session = await opened(t, port);
    const types = ['text/plain', 'T', 'application/json', 'application/xml', '', 'text/xml'];
    for (const type of types) {
      const answer = await session.post('["\\n"]', { fields: [`Content-Type: ${type}`] });
      assert.equal(answer.status, 204);
    }
  });

  await t.test('messages of one request are taken in their order, cut anywhere', async () => {
    const session = await opened(t, port);
    const frames = [0, 1, 2].map((i) => stompFrame('UNSUBSCRIBE', { id: i, receipt: i }));
    const stream = CONNECT + frames.join('');
    await session.say(...stream.match(/[^]{1,7}/g));
    const heard = await session.pollMessages(4);
    assert.deepEqual(heard.match(/^(?:receipt-id:\d|CONNECTED)$/gm), [
      'CONNECTED',
      ...[0, 1, 2].map((i) => `receipt-id:${i}`),
    ]);
  });

  await t.test('a second receiver is told that there is another, the first stays', async () => {
    const session = await opened(t, port);
    const first = await session.receive();
    assert.deepEqual(await session.poll(), [OCCUPIED]);
    const second = await session.receive('xhr_streaming');
    assert.deepEqual(await second.all(), [OCCUPIED]);
    await session.say(CONNECT);
    assert.match(await first.messages(), /^CONNECTED\n/);
  });

  await t.test('until it is forgotten, a closed session says so again and again', async () => {
    const session = await closed(t, port);
    assert.match((await session.poll()).join(''), /a\["ERROR.*c\[3000,"Go away!"\]$/);
    for (let i = 0; i < 2; i++) assert.deepEqual(await session.poll(), [AWAY]);
    const stream = await session.receive('xhr_streaming');
    assert.deepEqual(await stream.all(), [AWAY]);
    assert.equal((await session.post('["x"]')).status, 404);
  });

  await t.test('a session whose receiver broke off is over: 1002', async () => {
    for (const kind of ['xhr', 'xhr_streaming']) {
      const session = await opened(t, port);
      const first = await session.receive(kind);
      assert.deepEqual(await session.poll(), [OCCUPIED]);
      first.peer.destroy();
      const last = await until('another word', async () => {
        const frames = await session.poll();
        return frames[0] !== OCCUPIED && frames;
      });
      assert.deepEqual(last, ['c[1002,"Connection interrupted"]']);
    }
  });

  await t.test('a session keeps the frames that it began with', async () => {
    const session = await opened(t, port);
    assert.equal((await session.receive('eventsource')).status, 404);
  });

  await t.test('characters that get lost on the way are escaped, and all come back', async () => {
    const session = await opened(t, port);
    const killers = [];
    for (let i = 1; i < 0x10000; i++) {
      if (i < 0xd800 || i > 0xdfff) killers.push(String.fromCharCode(i));
    }
    const body = `${killers.join('')}\u{1f600}`;
    const all = { destination: '/demo/x', 'content-length': Buffer.byteLength(body) };
    await session.say(
      CONNECT,
      stompFrame('SUBSCRIBE', { id: 's', destination: '/demo/x' }),
      stompFrame('SEND', all, body),
    );
    assert.ok((await session.pollMessages(2)).includes(`\n\n${body}\0`));
    await session.say(stompFrame('SEND', { destination: '/demo/x' }, '\u200c\u2028\ufff0"\\\t'));
    assert.match((await session.poll())[0], /\\u200c\\u2028\\ufff0\\"\\\\\\t\\u0000"\]$/);
  });
});

test('streams', async (t) => {
  const { port } = await startRealm(t, { more: BEFORE });
  const types = {
    xhr_streaming: 'application/javascript; charset=UTF-8',
    eventsource: 'text/event-stream; charset=UTF-8',
  };
  for (const [kind, type] of Object.entries(types)) {
    await t.test(`${kind}: a prelude, and then frames as they come`, async () => {
      const session = new SockSession(t, port, { fields: FROM_SITE });
      const receiver = await session.receive(kind);
      assert.equal(receiver.field('content-type'), type);
      assert.equal(receiver.field('content-length'), undefined);
      isNotCached(receiver);
      isCors(receiver);
      assert.equal(await receiver.next(), kind === 'eventsource' ? 'data: o' : 'o');
      await session.say(CONNECT);
      assert.match(await receiver.messages(), /^CONNECTED\n/);
    });

    await t.test(`${kind} ends when enough was delivered, and goes on in another`, async () => {
      const session = new SockSession(t, port);
      const first = await session.connect(kind);
      await session.say(stompFrame('SUBSCRIBE', { id: 's', destination: `/demo/${kind}` }));
      let eid = 0;
      const hear = async (receiver) => {
        for (let frame; (frame = await receiver.next()) !== null && eid < 90;) {
          assert.match(frame, new RegExp(`eid:${eid + 1}\\\\n`));
          eid++;
        }
      };
      for (let i = 0; i < 40; i++) {
        const headers = { destination: `/demo/${kind}` };
        await session.say(stompFrame('SEND', headers, 'x'.repeat(200)));
      }
      await hear(first);
      assert.ok(eid > 5 && eid < 30, `${eid} in the first answer`);
      while (eid < 40) await hear(await session.receive(kind));
      assert.equal(eid, 40);
    });

    await t.test(`${kind} in HTTP/1.0 comes without chunks, and ends with the stream`, async () => {
      const session = new SockSession(t, port);
      const receiver = await session.receive(kind, { version: '1.0' });
      assert.equal(receiver.field('transfer-encoding'), undefined);
      assert.equal(receiver.field('content-length'), undefined);
      const frames =
        (await receiver.next()) + (await session.say('NO\n\n\0'), await receiver.all());
      assert.match(frames, /^(data: )?o(data: )?a\["ERROR.*c\[3000,"Go away!"\]$/);
    });
  }

  await t.test('one event longer than the maximum is sent whole', async () => {
    const session = new SockSession(t, port);
    const receiver = await session.connect();
    await session.say(stompFrame('SUBSCRIBE', { id: 's', destination: '/demo/long' }));
    const body = 'long '.repeat(100_000);
    await session.say(stompFrame('SEND', { destination: '/demo/long' }, body));
    assert.ok((await receiver.messages()).endsWith(`\n\n${body}\0`));
    assert.equal(await receiver.next(), null);
  });

  await t.test('requests behind a poll wait for it, and are answered', async () => {
    const { peer, ask } = await keptConnection(t, port);
    const session = new SockSession(t, port);
    await session.poll();
    peer.send(`POST ${session.path}/xhr HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const answer = ask('GET /sockjs'); // strict about what comes first
    await until('the poll is there', async () => (await session.poll())[0] === OCCUPIED);
    await session.say(CONNECT);
    assert.match((await answer).text, /^a\["CONNECTED/);
    assert.equal((await ask('GET /health')).text, GREETING);
  });
});

test('what binary events, cookies and limits do', async (t) => {
  const more = `${BEFORE}SockJSCookie On\nSockJSBodyBytesMax 4096\nSessionsMax 8\nSockJSWebSocket Off\n`;
  const { port, tlsPort } = await startRealm(t, { more });

  await t.test('a cookie is set, and echoed, where one is wanted', async () => {
    const info = await askWhole(t, port, 'GET /sockjs/info');
    assert.equal(info.json().cookie_needed, true);
    assert.equal(info.field('set-cookie'), undefined);
    for (const kind of ['xhr', 'xhr_streaming', 'eventsource']) {
      const receiver = await new SockSession(t, port).receive(kind);
      assert.equal(receiver.field('set-cookie'), 'JSESSIONID=dummy; path=/');
      receiver.peer.destroy();
    }
    const fields = ['Cookie: a=b; JSESSIONID=abcdef; c=d'];
    const receiver = await new SockSession(t, port, { fields }).receive();
    assert.equal(receiver.field('set-cookie'), 'JSESSIONID=abcdef; path=/');
    receiver.peer.destroy();
    const bad = ['Cookie: JSESSIONID="a b"'];
    const other = await new SockSession(t, port, { fields: bad }).receive();
    assert.equal(other.field('set-cookie'), 'JSESSIONID=dummy; path=/');
    other.peer.destroy();
    const [long, longer] = ['c'.repeat(189), 'c'.repeat(190)].map((value) => `JSESSIONID=${value}`);
    for (const [cookie, says] of [
      [long, `${long}; path=/`],
      [longer, 'JSESSIONID=dummy; path=/'],
    ]) {
      const one = await new SockSession(t, port, { fields: [`Cookie: ${cookie}`] }).receive();
      assert.equal(one.field('set-cookie'), says);
      one.peer.destroy();
    }
  });

  await t.test('over TLS it is one that browsers send from pages of other sites, too', async () => {
    const cookies = await new Promise((resolve, reject) => {
      const url = `https://localhost:${tlsPort}/sockjs/000/secure/xhr`;
      const options = { method: 'POST', rejectUnauthorized: false, agent: false };
      request(url, options, (answer) => resolve(answer.resume().headers['set-cookie']))
        .on('error', reject)
        .end();
    });
    assert.deepEqual(cookies, ['JSESSIONID=dummy; path=/; SameSite=None; Secure']);
  });

  await t.test('WebSocket can be switched off', async () => {
    // Connections that asked before may still have their places.
    const info = await until('there is room to ask', async () => {
      const answer = await askWhole(t, port, 'GET /sockjs/info');
      return answer.status === 200 && answer.json();
    });
    assert.equal(info.websocket, false);
    await until('there is room', async () => {
      const { status } = await askWhole(t, port, 'GET /sockjs/0/x/websocket');
      assert.ok(status === 404 || status === 503, String(status));
      return status === 404;
    });
  });

  await t.test('sessions without a connection count, too', async () => {
    await until('the first to be forgotten', async () => {
      const answer = await askWhole(t, port, 'GET /sockjs/info');
      return answer.status === 200;
    });
    const statuses = [];
    for (let i = 0; i < 10; i++) {
      const peer = await connect(port);
      peer.send(
        `POST /sockjs/0/count${i}/xhr HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      statuses.push(String(await peer.readToEnd()).split(' ')[1]);
    }
    assert.ok(statuses.includes('503'), statuses.join());
  });
});

test('a session ends when nobody has waited for it for so long', async (t) => {
  const more = `${DEMO_CHANNELS}SockJSDisconnectDelay 1s\nSockJSHeartBeat 1s\nSockJSBodyBytesMax 4096\n`;
  const realm = await startRealm(t, { more });
  const session = await opened(t, realm.port);
  await realm.program.line(/session \d+ ended: .*the client did not come back/);
  assert.equal((await session.post('["x"]')).status, 404);
  assert.deepEqual(await session.poll(), ['o'], 'a new one of that name');

  const receiver = await session.receive();
  assert.deepEqual(await receiver.all(), ['h'], 'a heart-beat ends a poll');
  const long = await session.post(JSON.stringify(['x'.repeat(5000)]));
  assert.equal(long.status, 413);
});
