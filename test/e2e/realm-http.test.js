// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** HTTP/1.1 on the realm's port: files, and channels over HTTP as doc/realm.md describes them. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { askOnce, keptConnection, requestOf } from '../lib/ask.mjs';
import { OPCODE, frame } from '../lib/frames.mjs';
import { chunks, readResponse } from '../lib/http.mjs';
import { startReloadableRealm } from '../lib/reload.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { connect, field } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { DEMO_CHANNELS, scratch, startRealm } from '../lib/wayleave.mjs';

test('the connection and the files', async (t) => {
  const { port } = await startRealm(t, { more: `${DEMO_CHANNELS}KeepAliveTimeout 300ms\n` });

  await t.test('one connection serves request after request', async (t) => {
    const { ask, peer } = await keptConnection(t, port);
    for (const [line, status] of [
      ['GET /health', 200],
      ['HEAD /demo/', 200],
      ['GET /nothing', 404],
      ['DELETE /demo/', 405],
      ['GET /api/channels', 200],
    ]) {
      const answer = await ask(line);
      assert.equal(answer.status, status, line);
      assert.equal(field(answer.head, 'connection'), undefined, line);
    }
    const last = await ask('GET /health', { fields: ['Connection: close'] });
    assert.equal(field(last.head, 'connection'), 'close');
    assert.equal(String(await peer.readToEnd()), '');
  });

  await t.test('pipelined requests are answered in order', async (t) => {
    const { peer } = await keptConnection(t, port);
    const publish = requestOf('POST /api/channels/demo/pipe/events', { body: 'one' });
    const lines = ['GET /health', 'GET /nothing', 'HEAD /health', 'GET /api/channels/demo/pipe'];
    peer.send(Buffer.concat([publish, ...lines.map((line) => requestOf(line))]));
    const statuses = [(await readResponse(peer)).status];
    for (const line of lines) statuses.push((await readResponse(peer, line.split(' ')[0])).status);
    assert.deepEqual(statuses, [201, 200, 404, 200, 200]);
  });

  await t.test('a session may begin on a connection that has served files', async (t) => {
    const { ask, peer } = await keptConnection(t, port);
    assert.equal((await ask('GET /health')).status, 200);
    const fields = [
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: v12.stomp',
    ];
    const early = frame(OPCODE.text, 'CONNECT\naccept-version:1.2\n\n\0');
    peer.send(Buffer.concat([requestOf('GET /stomp', { fields }), early]));
    assert.match(String(await peer.readUntil('\r\n\r\n')), /^HTTP\/1\.1 101 /);
    assert.match(String(await peer.readUntil('\0')), /CONNECTED/);
  });

  await t.test('a connection that asks for nothing more is closed', async (t) => {
    const { ask, peer } = await keptConnection(t, port);
    await ask('GET /health');
    assert.equal(String(await peer.readToEnd()), '');
  });

  await t.test(
    'HTTP/1.0 and a body that nobody reads are the last on their connection',
    async (t) => {
      for (const bytes of [
        'GET /health HTTP/1.0\r\n\r\n',
        requestOf('POST /health', { body: 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n' }),
        'GET /health HTTP/1.1\nHost: a\n\n',
      ]) {
        const peer = await connect(port);
        t.after(() => peer.destroy());
        peer.send(bytes);
        const answers = String(await peer.readToEnd());
        assert.match(answers, /\r\nConnection: close\r\n/);
        assert.equal(answers.split('HTTP/1.1 ').length, 2, answers);
      }
    },
  );

  await t.test('a file is sent once: its tag then says that it is the same', async (t) => {
    const { ask } = await keptConnection(t, port);
    const first = await ask('GET /lib/js/nirvana.js');
    const tag = field(first.head, 'etag');
    assert.match(String(tag), /^"[0-9a-f]{32}"$/);
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const again = await ask('GET /lib/js/nirvana.js', { fields: [`If-None-Match: ${known}`] });
      assert.deepEqual([again.status, again.length], [304, 0], known);
      assert.equal(field(again.head, 'etag'), tag);
    }
    for (const other of ['"other"', 'W/"x"']) {
      const whole = await ask('GET /lib/js/nirvana.js', { fields: [`If-None-Match: ${other}`] });
      assert.deepEqual([whole.status, whole.length], [200, first.length], other);
    }
  });
});

test('channels over HTTP', async (t) => {
  const realm = await startReloadableRealm(t, {
    more: `${DEMO_CHANNELS}EventBytesMax 4k\nAllowOrigin https://app.example\n`,
    isWatched: true,
  });
  const { port } = realm;
  const publish = (path, options) => askOnce(t, port, `POST /api/channels/${path}/events`, options);

  await t.test('what is published over HTTP comes to a session, and the other way', async (t) => {
    const stomp = await Stomp.connect(t, port);
    await stomp.ask('SUBSCRIBE', { id: 's', destination: '/demo/both' });
    const answer = await publish('demo/both', {
      fields: ['Content-Type: text/plain', 'Event-Colour: red', 'Event-x: 1:2'],
      body: 'grün',
    });
    assert.equal(answer.status, 201);
    assert.deepEqual(answer.json(), { eid: 1, repeated: false });
    const { body, headers } = await stomp.next();
    assert.deepEqual(
      [body, headers.eid, headers.colour, headers.x, headers['content-type']],
      ['grün', '1', 'red', '1\\c2', 'text/plain'],
    );
    assert.equal(headers.host, undefined);

    const twice = 'SEND\ndestination:/demo/both\na:b\nttl:60000\na:older\n\nback\0';
    stomp.socket.send(twice); // of a header that comes twice the first one counts
    const back = await stomp.next();
    const location = field(answer.head, 'location');
    assert.equal(location, '/api/channels/demo/both/events?from=1&max=1');
    const first = (await askOnce(t, port, `GET ${location}`)).json();
    const timestamp = Number(headers.timestamp);
    assert.deepEqual(first.events, [
      {
        eid: 1,
        timestamp,
        headers: { 'content-type': 'text/plain', colour: 'red', x: '1:2' },
        data: 'grün',
      },
    ]);
    const page = await askOnce(t, port, `GET /api/channels/demo/both/events?from=${first.next}`);
    const second = page.json();
    const time = Number(back.headers.timestamp);
    assert.deepEqual(second.events, [
      { eid: 2, timestamp: time, expires: time + 60_000, headers: { a: 'b' }, data: 'back' },
    ]);
    assert.doesNotMatch(page.text, /older/); // nor is it there twice
    assert.equal(second.next, 3);
    assert.deepEqual(
      (await askOnce(t, port, 'GET /api/channels/demo/both/events?from=3')).json().events,
      [],
    );
  });

  await t.test('a chunked body, no body, and one that waits for 100 Continue', async (t) => {
    const { ask, peer } = await keptConnection(t, port);
    const line = 'POST /api/channels/demo/forms/events';
    const chunked = {
      fields: ['Transfer-Encoding: chunked'],
      body: Buffer.concat([chunks('a', 'bc'), Buffer.from('0\r\n\r\n')]),
    };
    assert.equal((await ask(line, chunked)).json().eid, 1);
    assert.equal((await ask(line)).json().eid, 2);
    peer.send(requestOf(line, { fields: ['Content-Length: 4', 'Expect: 100-continue'] }));
    assert.equal((await readResponse(peer)).status, 100);
    peer.send('last');
    assert.equal(JSON.parse((await readResponse(peer)).text).eid, 3);
    const { events } = (await ask('GET /api/channels/demo/forms/events')).json();
    assert.deepEqual(
      events.map(({ data }) => data),
      ['abc', '', 'last'],
    );
  });

  await t.test('bytes that are no text come back in base64', async (t) => {
    await publish('demo/bytes', { body: Buffer.from([0xff, 0, 1]) });
    const { events } = (await askOnce(t, port, 'GET /api/channels/demo/bytes/events')).json();
    assert.deepEqual(
      events.map(({ eid, base64, data }) => ({ eid, base64, data })),
      [{ eid: 1, base64: '/wAB', data: undefined }],
    );
  });

  await t.test('an event says how long it is worth delivering', async () => {
    await publish('demo/brief', { fields: ['Ttl: 1'], body: 'gone' });
    await publish('demo/brief', { fields: ['Ttl: 3600000'], body: 'stays' });
    const { events } = await until('the first one is gone', async () => {
      const page = (await askOnce(t, port, 'GET /api/channels/demo/brief/events')).json();
      return page.events.length === 1 && page;
    });
    const [{ data, timestamp, expires }] = events;
    assert.deepEqual([data, expires - timestamp], ['stays', 3_600_000]);
  });

  await t.test('the same Publish-Id publishes once', async () => {
    const options = { fields: ['Publish-Id: p1'], body: 'x' };
    assert.deepEqual((await publish('demo/once', options)).json(), { eid: 1, repeated: false });
    assert.deepEqual((await publish('demo/once', options)).json(), { eid: 1, repeated: true });
  });

  await t.test('a channel tells its attributes, under any spelling of its name', async (t) => {
    await publish('demo/gr%C3%BC%C3%9Fe', { body: 'x' });
    const { ask } = await keptConnection(t, port);
    for (const name of ['demo/gr%C3%BC%C3%9Fe', '%2Fdemo%2fgr%c3%bc%c3%9fe']) {
      const channel = (await ask(`GET /api/channels/${name}`)).json();
      const { epoch, bytes, ...rest } = channel;
      assert.match(epoch, /^[0-9a-f]{16}$/);
      assert.ok(bytes > 0);
      assert.deepEqual(rest, {
        name: '/demo/grüße',
        kind: 'channel',
        type: 'reliable',
        origin: 'use',
        first: 1,
        next: 2,
        count: 1,
        capacity: 1000,
        subscribers: 0,
        storeBytes: 16 * 1024 * 1024,
        memoryBytes: 1024 * 1024,
        ttlMs: 0,
        deadEvents: null,
        slowReader: 'drop',
        publishKey: [],
        join: [],
      });
    }
    await publish('demo/deep%2Fevents', { body: 'of a channel with that name' });
    assert.equal(
      (await ask('GET /api/channels/demo/deep%2Fevents')).json().name,
      '/demo/deep/events',
    );
  });

  await t.test('the list is paged by name', async (t) => {
    const { ask } = await keptConnection(t, port);
    const names = [];
    for (let after = '', pages = 0; after !== null; pages += 1) {
      assert.ok(pages < 10, 'the pages end');
      const page = (await ask(`GET /api/channels?max=2&after=${encodeURIComponent(after)}`)).json();
      names.push(...page.channels.map(({ name }) => name));
      after = page.next;
    }
    assert.deepEqual(names, [...names].sort());
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.includes('/demo/both'));
  });

  await t.test('reading takes max and never makes a channel', async (t) => {
    const { ask } = await keptConnection(t, port);
    const { events, next } = (await ask('GET /api/channels/demo/forms/events?from=2&max=1')).json();
    assert.deepEqual([events.length, next], [1, 3]);
    assert.equal((await ask('GET /api/channels/demo/unborn')).status, 404);
    assert.equal((await ask('GET /api/channels/demo/unborn/events')).status, 404);
    const list = (await ask('GET /api/channels')).json();
    assert.ok(!list.channels.some(({ name }) => name === '/demo/unborn'));
  });

  const refused = {
    'a channel that nobody declared': [
      404,
      'MissingResourceException',
      'POST /api/channels/elsewhere/events',
      { body: 'x' },
    ],
    'a name that is none': [
      400,
      'IllegalArgumentException',
      'POST /api/channels/demo%0A/events',
      { body: 'x' },
    ],
    'half a percent': [400, 'IllegalArgumentException', 'GET /api/channels/demo%2'],
    'an empty name': [400, 'IllegalArgumentException', 'GET /api/channels/%2F'],
    'a from that is no number': [
      400,
      'IllegalArgumentException',
      'GET /api/channels/demo/both/events?from=x',
    ],
    'too many': [400, 'IllegalArgumentException', 'GET /api/channels/demo/both/events?max=1001'],
    'a page of nothing': [400, 'IllegalArgumentException', 'GET /api/channels?max=0'],
    'a header that only the realm gives': [
      400,
      'IllegalArgumentException',
      'POST /api/channels/demo/both/events',
      { fields: ['Event-Eid: 7'], body: 'x' },
    ],
    'more headers than an event may have': [
      400,
      'IllegalArgumentException',
      'POST /api/channels/demo/both/events',
      { fields: Array.from({ length: 40 }, (_, i) => `Event-${i}: x`), body: 'x' },
    ],
    'a body over EventBytesMax': [
      413,
      'LimitException',
      'POST /api/channels/demo/both/events',
      { body: 'x'.repeat(4097) },
    ],
    'a body that is compressed': [
      415,
      'UnsupportedOperationException',
      'POST /api/channels/demo/both/events',
      { fields: ['Content-Encoding: gzip'], body: 'x' },
    ],
    'the same in chunks': [
      413,
      'LimitException',
      'POST /api/channels/demo/both/events',
      { fields: ['Transfer-Encoding: chunked'], body: chunks('x'.repeat(4097)) },
    ],
    'a chunk that is none': [
      400,
      'IllegalArgumentException',
      'POST /api/channels/demo/both/events',
      { fields: ['Transfer-Encoding: chunked'], body: 'zz\r\n' },
    ],
    'a method that is not there': [
      405,
      'UnsupportedOperationException',
      'PATCH /api/channels/demo/both',
    ],
    'a right that was given to nobody': [
      403,
      'SecurityException',
      'DELETE /api/channels/demo/both',
    ],
    'publishing to a channel without events': [
      405,
      'UnsupportedOperationException',
      'POST /api/channels/demo/both',
    ],
    'another path': [404, 'MissingResourceException', 'GET /api/topics'],
    'a foreign page': [
      403,
      'SecurityException',
      'POST /api/channels/demo/both/events',
      { fields: ['Origin: https://evil.example'], body: 'x' },
    ],
    'a foreign page that reads': [
      403,
      'SecurityException',
      'GET /api/channels',
      { fields: ['Origin: https://evil.example'] },
    ],
    'a foreign page that asks first': [
      403,
      'SecurityException',
      'OPTIONS /api/channels',
      { fields: ['Origin: https://evil.example', 'Access-Control-Request-Method: GET'] },
    ],
  };
  for (const [what, [status, error, line, options]] of Object.entries(refused)) {
    await t.test(`refused in JSON: ${what}`, async (t) => {
      const answer = await askOnce(t, port, line, options);
      assert.equal(answer.status, status, answer.text);
      assert.equal(field(answer.head, 'content-type'), 'application/json');
      const { error: word, message } = answer.json();
      assert.equal(word, error);
      assert.match(message, /^[a-z%A-Z].{10,}/);
      assert.equal(field(answer.head, 'access-control-allow-origin'), undefined);
    });
  }

  await t.test('pages that may ask are told so, with credentials', async (t) => {
    const { ask } = await keptConnection(t, port);
    const own = `http://localhost:${port}`;
    for (const origin of ['https://app.example', own]) {
      const fields = [`Host: localhost:${port}`, `Origin: ${origin}`];
      const { head, status } = await ask('GET /api/channels', { fields });
      assert.equal(status, 200);
      assert.equal(field(head, 'access-control-allow-origin'), origin);
      assert.equal(field(head, 'access-control-allow-credentials'), 'true');
      assert.equal(field(head, 'vary'), 'Origin');
    }
    const preflight = await ask('OPTIONS /api/channels/demo/both/events', {
      fields: [
        'Origin: https://app.example',
        'Access-Control-Request-Method: POST',
        'Access-Control-Request-Headers: event-colour, content-type',
      ],
    });
    assert.equal(preflight.status, 204);
    assert.match(String(field(preflight.head, 'access-control-allow-methods')), /POST/);
    assert.equal(
      field(preflight.head, 'access-control-allow-headers'),
      'event-colour, content-type',
    );
    assert.equal(
      field((await ask('GET /api/channels')).head, 'access-control-allow-origin'),
      undefined,
    );
  });

  await t.test('what was refused and published is counted', async () => {
    const refusals = 'wayleave_realm_refused_total{word="SecurityException"}';
    assert.equal(await realm.metric(refusals), 4);
    assert.ok((await realm.metric('wayleave_realm_events_total{direction="in"}')) >= 8);
  });
});

test('without AllowCredentials, and for AllowOrigin *, pages get no credentials', async (t) => {
  for (const more of ['AllowOrigin https://a.example\nAllowCredentials Off\n', 'AllowOrigin *\n']) {
    const { port } = await startRealm(t, { more: DEMO_CHANNELS + more });
    const { head } = await askOnce(t, port, 'GET /api/channels', {
      fields: ['Origin: https://a.example'],
    });
    assert.equal(field(head, 'access-control-allow-origin'), 'https://a.example');
    assert.equal(field(head, 'access-control-allow-credentials'), undefined);
  }
});

/** Channels whose events are on disk. */
function persistent(dir, more = '') {
  return `Store lmdb
StorePath ${dir}
${more}
<Channel "/demo/*">
    Type persistent
    Capacity 0
    StoreBytes 1g
</Channel>
`;
}

test('an event that was answered 201 on a persistent channel is there after a power cut', async (t) => {
  const dir = scratch(t);
  const first = await startRealm(t, { more: persistent(dir) });
  const { ask } = await keptConnection(t, first.port);
  const line = 'POST /api/channels/demo/kept/events';
  for (let i = 1; i <= 20; i += 1) {
    assert.equal((await ask(line, { body: `event ${i}` })).json().eid, i);
  }
  await first.kill();
  const second = await startRealm(t, { more: persistent(dir) });
  const events = (await askOnce(t, second.port, 'GET /api/channels/demo/kept/events')).json();
  assert.deepEqual(
    events.events.map(({ eid, data }) => [eid, data]),
    Array.from({ length: 20 }, (_, i) => [i + 1, `event ${i + 1}`]),
  );
  assert.equal((await askOnce(t, second.port, line, { body: 'x' })).json().eid, 21);
});

test('a full store is said to the publisher, and what it was told before stays', async (t) => {
  const { port } = await startRealm(t, { more: persistent(scratch(t), 'StoreSize 1m') });
  const { ask } = await keptConnection(t, port);
  const line = 'POST /api/channels/demo/full/events';
  const body = 'x'.repeat(60_000);
  let stored = 0;
  for (let answer; stored < 100; stored += 1) {
    answer = await ask(line, { body });
    if (answer.status === 201) continue;
    assert.equal(answer.status, 500, answer.text);
    assert.equal(answer.json().error, 'StoreException');
    break;
  }
  assert.ok(stored > 0 && stored < 100, `${stored} were stored`);
  const channel = (await ask('GET /api/channels/demo/full')).json();
  assert.equal(channel.count, stored);
});

test('a client that leaves before its event is stored harms nobody', async (t) => {
  const { port } = await startRealm(t, { more: persistent(scratch(t)) });
  for (let i = 0; i < 20; i += 1) {
    const { peer } = await keptConnection(t, port);
    peer.send(requestOf('POST /api/channels/demo/left/events', { body: 'x' }));
    peer.reset();
  }
  const answer = await askOnce(t, port, 'POST /api/channels/demo/left/events', { body: 'last' });
  assert.equal(answer.status, 201);
});

test('who does not go on with a request is told so, and the log says it', async (t) => {
  const { port, program } = await startRealm(t, {
    more: `HandshakeTimeout 300ms\n${DEMO_CHANNELS}`,
  });
  const request = 'POST /api/channels/demo/late/events HTTP/1.1\r\nHost: localhost\r\n';
  for (const [sent, says, type] of [
    [request, 'the head of the request did not come whole within HandshakeTimeout', /plain/],
    [
      `${request}Content-Length: 9\r\n\r\nx`,
      'the body came more slowly than 1 KiB in a second',
      /json/,
    ],
  ]) {
    const peer = await connect(port);
    t.after(() => peer.destroy());
    peer.send(sent);
    await until('the end', () => peer.isEnded);
    const answer = String(peer.unread);
    assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.match(field(answer, 'content-type'), type);
    assert.equal(field(answer, 'connection'), 'close');
    assert.ok(answer.includes(says), answer);
    await program.line(new RegExp(`info: client \\S+: .*: 408, ${says}$`));
  }
  const silent = await connect(port); // as browsers do beforehand: nobody to tell anything
  await until('the end', () => silent.isEnded);
  assert.equal(silent.unread.length, 0);
});
