// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection } from '../src/connection.js';
import { Protocol } from '../src/protocol.js';
import { FakeClock } from './lib/clock.js';

const CONNECTED = 'CONNECTED\nversion:1.2\nheart-beat:20000,20000\n\n\0';

/** A connection whose far end is this test. */
function open() {
  const clock = new FakeClock();
  /** @type {any} */
  const far = { sent: [], isClosed: false, happened: [], endings: [] };
  const driver = {
    name: 'FAKE',
    open: (/** @type {string} */ _url, /** @type {any} */ handlers) => {
      Object.assign(far, handlers);
      const send = (/** @type {any} */ data) => far.sent.push(data);
      return { send, close: () => (far.isClosed = true) };
    },
  };
  const protocol = new Protocol({ host: 'realm' });
  const connection = new Connection({
    url: 'ws://realm',
    driver,
    protocol,
    timer: clock,
    onHappening: ({ type }) => far.happened.push(type),
    onEnd: (ending) => far.endings.push(ending),
  });
  connection.open(10_000);
  return { clock, far, connection, protocol };
}

test('nothing is sent before the path is open', () => {
  const { far, connection } = open();
  connection.flush();
  assert.deepEqual(far.sent, []);
  far.opened();
  assert.match(far.sent[0], /^CONNECT\n/);
});

test('it ends once, and closes the driver', async () => {
  const { clock, far } = open();
  await clock.advance(10_000);
  far.opened();
  far.message(CONNECTED);
  far.closed('late');
  assert.deepEqual(far.endings, [
    {
      outcome: 'timeout',
      detail: 'no answer within 10000 ms',
      ms: 10_000,
      idleMs: 10_000,
      error: undefined,
    },
  ]);
  assert.equal(far.isClosed, true);
  assert.deepEqual(far.happened, []);
});

test('a driver that throws ends it as unusable, after open has returned', async () => {
  const clock = new FakeClock();
  /** @type {any[]} */
  const endings = [];
  const options = { url: 'ws://realm', protocol: new Protocol({ host: 'realm' }), timer: clock };
  const open = () => {
    throw new Error('mixed content');
  };
  /** @type {any} */
  const handlers = { onHappening: () => {}, onEnd: (/** @type {any} */ one) => endings.push(one) };
  new Connection({ ...options, ...handlers, driver: { name: 'FAKE', open } }).open(10_000);
  assert.equal(endings.length, 0);
  await clock.advance(0);
  assert.deepEqual([endings[0].outcome, endings[0].detail], ['unusable', 'mixed content']);
  assert.equal(clock.alarms, 0);
});

test('an ERROR before CONNECTED is a refusal, after it a loss, and both carry its words', () => {
  const error = 'ERROR\nmessage:SecurityException: not you\n\n\0';
  const early = open();
  early.far.opened();
  early.far.message(error);
  assert.equal(early.far.endings[0].outcome, 'refused');
  assert.equal(early.far.endings[0].error.code, 'not-allowed');
  const late = open();
  late.far.opened();
  late.far.message(CONNECTED);
  late.far.message(error);
  assert.equal(late.far.endings[0].outcome, 'lost');
});

test('heart-beats go out early, and what comes in drives them where timers are throttled', async () => {
  const { clock, far } = open();
  far.opened();
  far.message(CONNECTED);
  await clock.advance(17_999);
  assert.equal(far.sent.length, 1);
  await clock.advance(1);
  assert.deepEqual(far.sent.slice(1), ['\n']);
  clock.set = () => 0; // a page that is frozen: no alarm rings
  await clock.advance(19_000);
  far.message('\n');
  assert.deepEqual(far.sent.slice(1), ['\n', '\n']);
});

test('any byte is a sign of life; 40 s without one is the end', async () => {
  const { clock, far } = open();
  far.opened();
  far.message(CONNECTED);
  for (let n = 0; n < 5; n++) {
    await clock.advance(39_000);
    far.message('\n');
  }
  assert.deepEqual(far.endings, []);
  await clock.advance(40_000);
  assert.equal(far.endings[0].outcome, 'dead');
  assert.equal(clock.alarms, 0);
});

test('in doubt, anything that comes is proof of life, and nothing is the end', async () => {
  const { clock, far, connection } = open();
  connection.expect(5_000); // too early to doubt
  far.opened();
  far.message(CONNECTED);
  connection.expect(5_000);
  connection.expect(60_000); // the first doubt stands
  await clock.advance(4_999);
  far.message('\n');
  await clock.advance(30_000);
  assert.deepEqual(far.endings, []);
  connection.expect(5_000);
  await clock.advance(4_999);
  assert.deepEqual(far.endings, []);
  await clock.advance(1);
  assert.equal(far.endings[0].outcome, 'dead');
  assert.equal(clock.alarms, 0);
});
