// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What is below /diag/, as doc/diagnostics.md describes it. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { askOnce, keptConnection, requestOf } from '../lib/ask.mjs';
import {
  OPCODE,
  closeFrame,
  frame,
  openWebSocket,
  readClose,
  readFrame,
  readMessage,
} from '../lib/frames.mjs';
import { chunks, readResponse } from '../lib/http.mjs';
import { connect, field, tunnel } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { DEMO_CHANNELS, startProxy, startRealm } from '../lib/wayleave.mjs';

const ON = `${DEMO_CHANNELS}DiagnosticEndpoints On\nDiagnosticRate 1000\nHeartBeat 1s\n`;
const PATHS = ['headers', 'drip', 'fin', 'glued', 'silence', 'size'];

test('what a realm with diagnostics answers', async (t) => {
  const { port } = await startRealm(t, { more: `${ON}EchoMessageBytesMax 1m\n` });

  await t.test('headers: the head comes back byte for byte', async (t) => {
    const { peer } = await keptConnection(t, port);
    const head =
      'GET /diag/headers?a=%20b HTTP/1.1\r\nhOsT: 127.0.0.9\r\nX-Odd:   spaces\t \r\nX-Odd: twice\r\nVia: 1.1 box\r\n\r\n';
    peer.send(head);
    const answer = await readResponse(peer);
    assert.equal(answer.text, head);
    assert.equal(field(answer.head, 'cache-control'), 'no-store');
    peer.send('GET /diag/headers HTTP/1.1\r\nHost: [::9]\r\n\r\n'); // and the connection goes on
    assert.match((await readResponse(peer)).text, /^GET \/diag\/headers HTTP/);
  });

  await t.test('drip: a letter in each chunk, and the connection goes on', async (t) => {
    const { ask } = await keptConnection(t, port);
    const answer = await ask('GET /diag/drip?count=30&ms=2');
    assert.equal(answer.text, 'abcdefghijklmnopqrstuvwxyzabcd');
    assert.deepEqual(new Set(answer.sizes.slice(0, -1)), new Set(['1']));
    assert.equal(answer.sizes.length, 31);
    assert.equal((await ask('GET /diag/drip?count=0&ms=9')).text, '');
  });

  await t.test('drip: events are numbered', async (t) => {
    const answer = await askOnce(t, port, 'GET /diag/drip?count=3&ms=0&form=events');
    assert.equal(field(answer.head, 'content-type'), 'text/event-stream');
    assert.equal(answer.text, 'data: 1\n\ndata: 2\n\ndata: 3\n\n');
  });

  await t.test('drip: each piece leaves when it is made, not at the end', async (t) => {
    const { peer } = await keptConnection(t, port);
    peer.send(requestOf('GET /diag/drip?count=2&ms=300000'));
    assert.match(String(await peer.readUntil('1\r\na\r\n')), /200 OK/);
    assert.equal(peer.isEnded, false);
  });

  await t.test('size: as many bytes as asked for, both ways', async (t) => {
    const { ask } = await keptConnection(t, port);
    for (const bytes of [0, 1, 65536, 1048576]) {
      const answer = await ask(`GET /diag/size?bytes=${bytes}`);
      assert.deepEqual([answer.status, answer.length], [200, bytes]);
    }
    const sent = await askOnce(t, port, 'POST /diag/size', { body: Buffer.alloc(1048576) });
    assert.equal(sent.json().bytes, 1048576);
    const chunked = {
      fields: ['Transfer-Encoding: chunked'],
      body: Buffer.concat([chunks('ab', 'c'), Buffer.from('0\r\n\r\n')]),
    };
    assert.equal((await askOnce(t, port, 'POST /diag/size', chunked)).json().bytes, 3);
  });

  await t.test(
    'fin: what was sent comes back after the end, directly and through a tunnel',
    async (t) => {
      const proxy = await startProxy(t, { allow: [port] });
      for (const open of [
        () => connect(port),
        async () => (await tunnel(proxy.port, `127.0.0.1:${port}`)).peer,
      ]) {
        const peer = await open();
        t.after(() => peer.destroy());
        peer.send(
          requestOf('GET /diag/fin', { fields: ['Upgrade: wayleave-fin', 'Connection: Upgrade'] }),
        );
        assert.match(
          String(await peer.readUntil('\r\n\r\n')),
          /^HTTP\/1\.1 101 .*Upgrade: wayleave-fin/s,
        );
        peer.send('half ').send('closed');
        peer.end();
        assert.equal(String(await peer.readToEnd()), 'half closed');
      }
    },
  );

  await t.test(
    'fin: nothing comes back before the end, and not more than 64 KiB is taken',
    async (t) => {
      const { peer } = await keptConnection(t, port);
      peer.send(
        requestOf('GET /diag/fin', { fields: ['Upgrade: wayleave-fin', 'Connection: Upgrade'] }),
      );
      await peer.readUntil('\r\n\r\n');
      peer.send(Buffer.alloc(65537));
      assert.equal((await peer.readToEnd()).length, 0);
    },
  );

  await t.test('glued: the first message is in the same bytes as the 101', async (t) => {
    const { peer } = await openWebSocket(port, '/diag/glued');
    t.after(() => peer.destroy());
    assert.equal(String(peer.unread.subarray(2, 7)), 'glued'); // it had come with the head
    assert.equal(String((await readMessage(peer)).payload), 'glued');
    peer.send(frame(OPCODE.text, 'and then it echoes'));
    assert.equal(String((await readMessage(peer)).payload), 'and then it echoes');
  });

  await t.test('silence: nothing for as long as asked, then an answer', async (t) => {
    const { ask } = await keptConnection(t, port);
    assert.deepEqual((await ask('GET /diag/silence?ms=20')).json(), { silentMs: 20 });
    assert.equal((await ask('GET /health')).status, 200);
  });

  await t.test('silence: over WebSocket not even a ping; it echoes and closes', async (t) => {
    const { peer } = await openWebSocket(port, '/diag/silence');
    t.after(() => peer.destroy());
    const { peer: echo } = await openWebSocket(port, '/echo');
    t.after(() => echo.destroy());
    // When the echo that opened later has pinged (HeartBeat), the silent one would have, too.
    assert.equal((await readFrame(echo)).opcode, OPCODE.ping);
    assert.equal(peer.unread.length, 0);
    peer.send(frame(OPCODE.text, 'x'));
    assert.equal(String((await readMessage(peer)).payload), 'x');
    peer.send(closeFrame(1000));
    assert.equal((await readClose(peer)).code, 1000);
  });

  const refused = {
    'a drip that is too long': [400, 'GET /diag/drip?count=601&ms=1000'],
    'a drip of another form': [400, 'GET /diag/drip?form=rain'],
    'too many drops': [400, 'GET /diag/drip?count=100001&ms=0'],
    'more than EchoMessageBytesMax': [400, 'GET /diag/size?bytes=1048577'],
    'the same the other way': [413, 'POST /diag/size', { fields: ['Content-Length: 1048577'] }],
    'the same in chunks': [
      413,
      'POST /diag/size',
      { fields: ['Transfer-Encoding: chunked'], body: chunks(Buffer.alloc(1048577)) },
    ],
    'a silence that is too long': [400, 'GET /diag/silence?ms=600001'],
    'a number that is none': [400, 'GET /diag/silence?ms=-1'],
    'no upgrade to the FIN protocol': [426, 'GET /diag/fin'],
    'no WebSocket where one is': [426, 'GET /diag/glued'],
    'a method that is not there': [405, 'POST /diag/drip', { body: '' }],
    'what is not there': [404, 'GET /diag/nothing'],
    'a foreign page': [403, 'GET /diag/headers', { fields: ['Origin: https://evil.example'] }],
  };
  for (const [what, [status, line, options]] of Object.entries(refused)) {
    await t.test(`refused: ${what}`, async (t) => {
      const answer = await askOnce(t, port, line, options);
      assert.equal(answer.status, status, answer.text);
    });
  }

  await t.test('who speaks into a silence, or leaves it, is let go', async (t) => {
    for (const end of [(peer) => peer.send('x'), (peer) => peer.end()]) {
      const { peer } = await keptConnection(t, port);
      peer.send(requestOf('GET /diag/silence'));
      end(peer);
      assert.equal(String(await peer.readToEnd()), '');
    }
  });
});

test('without DiagnosticEndpoints there is nothing of it', async (t) => {
  const { port } = await startRealm(t, { more: DEMO_CHANNELS });
  for (const path of PATHS) {
    assert.equal((await askOnce(t, port, `GET /diag/${path}`)).status, 404, path);
  }
});

test('no more of it is answered in a second than DiagnosticRate', async (t) => {
  const { port } = await startRealm(t, {
    more: `${DEMO_CHANNELS}DiagnosticEndpoints On\nDiagnosticRate 3\n`,
  });
  const { peer } = await keptConnection(t, port);
  peer.send(Buffer.concat(Array.from({ length: 7 }, () => requestOf('GET /diag/headers'))));
  const statuses = [];
  for (let i = 0; i < 7; i += 1) {
    const { status, head } = await readResponse(peer);
    statuses.push(status);
    if (status === 429) assert.equal(field(head, 'retry-after'), '1');
  }
  // Seven that come together fall into two seconds at most.
  assert.equal(statuses[0], 200);
  assert.ok(statuses.filter((status) => status === 200).length <= 6, String(statuses));
  assert.ok(statuses.includes(429), String(statuses));
});

test('no more of it runs at once than DiagnosticsMax', async (t) => {
  const { port } = await startRealm(t, { more: `${ON}DiagnosticsMax 2\n` });
  const { peer } = await openWebSocket(port, '/diag/silence');
  const { peer: drip } = await keptConnection(t, port);
  drip.send(requestOf('GET /diag/drip?count=2&ms=300000'));
  await drip.readUntil('1\r\na\r\n');
  assert.equal((await askOnce(t, port, 'GET /diag/silence?ms=1')).status, 503);
  assert.equal((await askOnce(t, port, 'GET /health')).status, 200);
  peer.send(closeFrame(1000));
  await peer.readToEnd();
  peer.destroy();
  const { ask } = await keptConnection(t, port);
  for (let status = 503; status !== 200;) ({ status } = await ask('GET /diag/silence?ms=1'));
  drip.destroy();
});

test('an echo counts as the others do', async (t) => {
  const more = `${DEMO_CHANNELS}DiagnosticEndpoints On\n`;
  const few = await startRealm(t, { more: `${more}DiagnosticsMax 1\n` });
  const { peer } = await openWebSocket(few.port, '/echo');
  assert.equal((await askOnce(t, few.port, 'GET /diag/silence?ms=1')).status, 503);
  await assert.rejects(openWebSocket(few.port, '/echo'), /HTTP\/1\.1 503 /);
  peer.destroy();
  await until('room for another', async () => {
    const again = await openWebSocket(few.port, '/echo').catch(() => null);
    again?.peer.destroy();
    return again !== null;
  });

  const slow = await startRealm(t, { more: `${more}DiagnosticRate 1\n` });
  const asked = await Promise.allSettled(
    Array.from({ length: 8 }, () => openWebSocket(slow.port, '/echo')),
  );
  for (const { value } of asked) value?.peer.destroy();
  const refused = asked.filter(({ status }) => status === 'rejected');
  assert.ok(refused.length >= 4, `${refused.length} of 8`); // whatever the second they came in
  for (const { reason } of refused) assert.match(reason.message, /HTTP\/1\.1 429 /);
});
