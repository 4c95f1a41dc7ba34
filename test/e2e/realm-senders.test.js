// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A realm whose one loop has several threads that write: `Workers`. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { Load } from '../lib/load.mjs';
import { get, portIn } from '../lib/reload.mjs';
import { SockSession, stompFrame } from '../lib/sockjs.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until, within } from '../lib/wait.mjs';
import { DEMO_CHANNELS, startRealm } from '../lib/wayleave.mjs';

const EVENTS = 300;
const ALL = Array.from({ length: EVENTS }, (_, i) => i);
const CHANNEL = '/demo/all';
/** Events of a megabyte. */
const HEAVY = 12;

const many = (count, make) => Promise.all(Array.from({ length: count }, make));

/** realm_load numbers its events. */
const numbersIn = (text) => [...text.matchAll(/(?<=\n\n)\d{16}(?= )/g)].map(([all]) => Number(all));

/** @param {object} [options] of ws */
async function subscriber(t, port, { secure = false, ...options } = {}) {
  const stomp = new Stomp(`${secure ? 'wss' : 'ws'}://localhost:${port}/stomp`, {
    rejectUnauthorized: false,
    ...options,
  });
  t.after(() => stomp.socket.terminate());
  await within('open', new Promise((resolve) => stomp.socket.once('open', resolve)));
  stomp.send('CONNECT', { 'accept-version': '1.2', host: 'localhost' });
  assert.equal((await stomp.next()).command, 'CONNECTED');
  await stomp.ask('SUBSCRIBE', { id: 's', destination: CHANNEL });
  return stomp;
}

const numbersOf = (stomp) =>
  stomp.inbox
    .filter(({ headers }) => headers.destination === CHANNEL)
    .map(({ body }) => parseInt(body));

async function hasAll(stomp) {
  const seen = () => `${stomp.inbox.length} frames, closed ${stomp.closed}`;
  await until('all events', () => numbersOf(stomp).length >= EVENTS, { seen });
  assert.deepEqual(numbersOf(stomp), ALL);
}

/** What a session of SockJS is told, by as many requests as it takes. */
async function sockReader(t, port, kind) {
  const session = new SockSession(t, port);
  let receiver = await session.connect(kind);
  await session.say(stompFrame('SUBSCRIBE', { id: 's', destination: CHANNEL, receipt: 'r' }));
  assert.match(await receiver.messages(), /^RECEIPT\n/);
  return async () => {
    let numbers = [];
    while (numbers.length < EVENTS) {
      const frame = await receiver.next();
      if (frame === null) receiver = await session.receive(kind);
      else
        numbers = numbers.concat(numbersIn(JSON.parse(frame.replace(/^(data: )?a/, '')).join('')));
    }
    assert.deepEqual(numbers, ALL);
  };
}

/** Some whose sockets take nothing any more: far more waits for them than the system keeps. */
async function blockedSubscribers(t, { port, tlsPort }) {
  const all = [await subscriber(t, port), await subscriber(t, tlsPort, { secure: true })];
  for (const stomp of all) {
    await stomp.ask('SUBSCRIBE', { id: 'heavy', destination: '/demo/heavy' });
    stomp.socket.pause();
  }
  const publisher = await Stomp.connect(t, port);
  for (let i = 0; i < HEAVY; i++) {
    await publisher.ask('SEND', { destination: '/demo/heavy' }, 'x'.repeat(1_000_000));
  }
  return all;
}

test('subscribers of every kind get each event in order, written by four threads', async (t) => {
  const realm = await startRealm(t, {
    more: `${DEMO_CHANNELS}Workers 4
SockJSStreamBytes 64k
LogLevel notice
<Channel "/demo/heavy">
    Capacity 100
    StoreBytes 64m
</Channel>
`,
  });
  const { port, tlsPort } = realm;
  const readers = [
    ...(await many(30, () => subscriber(t, port, { perMessageDeflate: true }))),
    ...(await many(30, () => subscriber(t, tlsPort, { secure: true }))),
    ...(await many(10, () => subscriber(t, tlsPort, { secure: true, perMessageDeflate: true }))),
  ];
  const socks = [
    ...(await many(20, () => sockReader(t, port, 'xhr_streaming'))),
    ...(await many(10, () => sockReader(t, port, 'eventsource'))),
  ];
  const blocked = await blockedSubscribers(t, realm);
  const cut = await many(4, () => subscriber(t, port));
  const secure = new Load({
    port: tlsPort,
    tls: 1,
    sessions: 150,
    channel: CHANNEL,
    expect: EVENTS,
  });
  await secure.did('opened');
  const load = new Load({
    port,
    sessions: 150,
    channel: CHANNEL,
    events: EVENTS,
    rate: 200,
    bytes: 1000,
  });
  await load.did('opened');
  for (const stomp of cut) {
    await until('some events', () => stomp.inbox.length > 20);
    stomp.socket._socket.resetAndDestroy();
  }
  for (const program of [secure, load]) {
    assert.equal((await program.did('delivered')).count, 150 * EVENTS);
    await program.succeeds();
  }
  for (const stomp of readers) await hasAll(stomp);
  await Promise.all(socks.map((numbers) => numbers()));

  for (const stomp of blocked) {
    assert.ok(numbersOf(stomp).length < EVENTS, 'it reads nothing, and was to be blocked');
    stomp.socket.resume();
    await hasAll(stomp);
    const heavy = () => stomp.inbox.filter(({ headers }) => headers.destination === '/demo/heavy');
    await until('the heavy ones', () => heavy().length === HEAVY);
  }
});

const threadsOf = ({ pid }) => readdirSync(`/proc/${pid}/task`).length;

test('Workers is how many threads write: said, counted, and gone at the end', async (t) => {
  const start = (count) =>
    startRealm(t, { more: `${DEMO_CHANNELS}AdminListen 127.0.0.1:0\nWorkers ${count}\n` });
  const [one, four] = [await start(1), await start(4)];
  assert.match(one.ready, /\(1 worker, /);
  assert.match(four.ready, /\(4 workers, /);
  assert.equal(threadsOf(four) - threadsOf(one), 3);
  const admin = portIn(await four.program.line(/admin listener on/));
  assert.match((await get(admin, '/metrics')).body, /^wayleave_workers 4$/m);
  await many(20, () => subscriber(t, four.port));
  await four.stop('SIGTERM'); // sessions are told, threads are joined; the sanitizer looks for both
  await one.stop();
});
