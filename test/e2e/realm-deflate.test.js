// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** permessage-deflate (RFC 7692) between a realm and clients that offer it. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import WebSocket from 'ws';
import { startBrowser } from '../lib/page.mjs';
import { startReloadableRealm } from '../lib/reload.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until, within } from '../lib/wait.mjs';
import { DEMO_CHANNELS, startRealm } from '../lib/wayleave.mjs';

/** Text that gets much shorter. */
const LONG = JSON.stringify(Array.from({ length: 400 }, (_, i) => ({ symbol: 'EURUSD', bid: i })));

async function open(t, port, { path = '/stomp', deflate = true } = {}) {
  const stomp = new Stomp(`ws://localhost:${port}${path}`, { perMessageDeflate: deflate });
  t.after(() => stomp.socket.terminate());
  await within('open', new Promise((resolve) => stomp.socket.once('open', resolve)));
  stomp.send('CONNECT', { 'accept-version': '1.2', host: 'localhost' });
  assert.equal((await stomp.next()).command, 'CONNECTED');
  return stomp;
}

const bytesRead = (stomp) => stomp.socket._socket.bytesRead;

test('an event is compressed once for all who share it, and fewer bytes travel', async (t) => {
  const realm = await startReloadableRealm(t, { isWatched: true });
  const metric = (name) => realm.metric(`wayleave_realm_deflate_${name}`);
  const packed = await Promise.all(Array.from({ length: 40 }, () => open(t, realm.port)));
  const plain = await Promise.all(
    Array.from({ length: 5 }, () => open(t, realm.port, { deflate: false })),
  );
  assert.match(packed[0].socket.extensions, /^permessage-deflate/);
  assert.equal(plain[0].socket.extensions, '');
  assert.equal(await metric('sessions_total'), 40);
  for (const stomp of [...packed, ...plain]) {
    await stomp.ask('SUBSCRIBE', { id: 's', destination: '/demo/rates' });
  }
  const before = new Map([...packed, ...plain].map((stomp) => [stomp, bytesRead(stomp)]));
  const read = (stomp) => bytesRead(stomp) - before.get(stomp);
  const publisher = await open(t, realm.port);
  publisher.send('SEND', { destination: '/demo/rates' }, LONG); // compressed by the client
  for (const stomp of [...packed, ...plain]) assert.equal((await stomp.next()).body, LONG);

  const [all, short] = [
    await metric('bytes_total{side="before"}'),
    await metric('bytes_total{side="after"}'),
  ];
  assert.ok(all > LONG.length && all < LONG.length + 300, `once, not 40 times: ${all}`);
  assert.ok(short < all / 4, `${short} of ${all}`);
  for (const stomp of packed) assert.ok(read(stomp) < LONG.length / 4, `${read(stomp)} came`);
  for (const stomp of plain) assert.ok(read(stomp) > LONG.length);
});

test('what is already sent compressed can be replayed, and short events stay plain', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const stomp = await open(t, realm.port);
  const bodies = ['short', LONG, '', 'größer'.repeat(100)];
  for (const body of bodies) {
    stomp.send('SEND', { destination: '/demo/x', receipt: 'r' }, body);
    assert.equal((await stomp.next()).command, 'RECEIPT');
  }
  stomp.send('SUBSCRIBE', { id: 's', destination: '/demo/x', from: 'stored' });
  for (const body of bodies) assert.equal((await stomp.next()).body, body);
});

test('it is off by URL, and by configuration', async (t) => {
  const realm = await startRealm(t, {
    more: `${DEMO_CHANNELS}DiagnosticEndpoints On\nDiagnosticRate 1000`,
  });
  const on = await open(t, realm.port);
  assert.match(on.socket.extensions, /^permessage-deflate/);
  await realm.program.line(/session \d+ began: \S+, ws deflate, /);
  const off = await open(t, realm.port, { path: '/stomp?deflate=off' });
  assert.equal(off.socket.extensions, '');
  await realm.program.line(/session \d+ began: \S+, ws, /);
  const never = await startRealm(t, { more: `${DEMO_CHANNELS}PerMessageDeflate Off` });
  assert.equal((await open(t, never.port)).socket.extensions, '');

  for (const [query, extension] of [
    ['', 'permessage-deflate'],
    ['?deflate=off', ''],
  ]) {
    const socket = new WebSocket(`ws://localhost:${realm.port}/echo${query}`);
    t.after(() => socket.terminate());
    await within('open', new Promise((resolve) => socket.once('open', resolve)));
    assert.equal(socket.extensions.split(';')[0], extension);
    const answer = new Promise((resolve) => socket.once('message', resolve));
    socket.send(LONG);
    assert.equal(String(await within('an echo', answer)), LONG);
  }
});

/** A masked text frame that says it is compressed. @param {Buffer} payload */
function compressedFrame(payload) {
  const head = Buffer.alloc(14);
  head[0] = 0xc1;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2); // and a key of zeros
  return Buffer.concat([head, payload]);
}

test('a bomb ends its own session alone, with 1009', async (t) => {
  const realm = await startRealm(t, { more: `${DEMO_CHANNELS}EventBytesMax 64k` });
  const other = await open(t, realm.port);
  await other.ask('SUBSCRIBE', { id: 's', destination: '/demo/x' });
  const hostile = await open(t, realm.port);
  // Heart-beats, which STOMP takes without end: 200 kB that come out as 200 MB.
  const bomb = deflateRawSync(Buffer.alloc(200 << 20, '\n'), {
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  hostile.socket._socket.write(compressedFrame(bomb.subarray(0, -4)));
  await until('the end', () => hostile.closed !== null);
  assert.equal(hostile.closed, 1009);

  const garbled = await open(t, realm.port);
  garbled.socket._socket.write(compressedFrame(Buffer.from('0600ffff', 'hex')));
  await until('the end', () => garbled.closed !== null);
  assert.equal(garbled.closed, 1002);
  other.send('SEND', { destination: '/demo/x' }, LONG);
  assert.equal((await other.next()).body, LONG);
});

test('Chromium, which always offers it', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const browser = await startBrowser(t);
  const page = await browser.newPage();
  await page.goto(`http://localhost:${realm.port}/health`);
  for (const [query, log] of [
    ['', /began: \S+, ws deflate, origin http:\/\/localhost/],
    ['?deflate=off', /began: \S+, ws, origin http:\/\/localhost/],
  ]) {
    const heard = await page.evaluate(
      ([url, body]) =>
        new Promise((resolve, reject) => {
          const socket = new WebSocket(url, ['v12.stomp']);
          socket.onopen = () => {
            socket.send('CONNECT\naccept-version:1.2\nhost:x\n\n\0');
            socket.send('SUBSCRIBE\nid:s\ndestination:/demo/x\n\n\0');
            socket.send(`SEND\ndestination:/demo/x\n\n${body}\0`);
          };
          socket.onclose = () => reject(new Error('closed'));
          socket.onmessage = ({ data }) => {
            if (data.startsWith('MESSAGE')) resolve([data, socket.extensions]);
          };
        }),
      [`ws://localhost:${realm.port}/stomp${query}`, LONG],
    );
    assert.ok(heard[0].includes(LONG));
    assert.equal(heard[1] === '', query !== '');
    await realm.program.line(log);
  }
});
