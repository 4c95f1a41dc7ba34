// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dialer } from '../src/dialer.js';
import { webSocketDriver } from '../src/drivers/websocket.js';
import { Remembered } from '../src/targets.js';
import { FakeClock } from './lib/clock.js';
import { FakeNetwork } from './lib/network.js';

const URLS = ['ws://a/', 'wss://b/', 'wss://c/'];

/**
 * @param {FakeNetwork['paths']} [paths]
 * @param {import('../src/session.js').SessionOptions} [options]
 * @param {() => number} [random]
 */
function open(paths = {}, options = {}, random = () => 0.999) {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock);
  network.paths = paths;
  /** @type {string[]} */
  const log = [];
  const driver = webSocketDriver(network);
  const targets = URLS.map((url) => ({ url, driver, rank: 0 }));
  const remembered = new Remembered(null, () => '', targets);
  const system = { timer: clock, random, remembered };
  const dialer = new Dialer(targets, options, system, {
    up: () => log.push('up'),
    moved: () => log.push('moved'),
    mayMove: () => true,
    happening: ({ type }) => log.push(type),
    down: () => log.push('down'),
    failed: (error) => log.push(error.name),
    attempt: ({ url, outcome }) => log.push(`${url} ${outcome}`),
  });
  dialer.start();
  return { clock, network, log, dialer };
}

test('realms are tried in order, until one answers', async () => {
  const { clock, log } = open({ [URLS[0]]: 'refuse', [URLS[1]]: 'slam' });
  await clock.advance(100);
  assert.deepEqual(log, ['ws://a/ failed', 'wss://b/ cut', 'wss://c/ connected', 'up']);
});

test('after a loss the one that worked comes first', async () => {
  const { clock, network } = open({ [URLS[0]]: 'refuse' });
  await clock.advance(100);
  network.dialled = [];
  network.paths = { [URLS[0]]: 'refuse', [URLS[1]]: 'refuse' };
  network.cut();
  await clock.advance(600);
  assert.deepEqual(network.dialled, [URLS[1], URLS[0], URLS[2]]);
});

test('once it was up it never gives up, and the waits grow to half a minute', async () => {
  const { clock, network, log } = open();
  await clock.advance(60_000);
  network.paths = Object.fromEntries(URLS.map((url) => [url, 'refuse']));
  network.cut();
  await clock.advance(60_000);
  const early = network.dialled.length;
  await clock.advance(3_600_000);
  const rounds = (network.dialled.length - early) / URLS.length;
  assert.ok(rounds > 115 && rounds < 125, `${rounds} rounds an hour`);
  assert.ok(!log.includes('ConnectError'));
  network.paths = {};
  await clock.advance(30_100);
  assert.equal(log.at(-1), 'up');
});

test('the jitter between rounds is full, and each round goes through all realms', async () => {
  /** When each round began after the loss, by these dice. @param {number} share */
  const roundsBy = async (share) => {
    const { clock, network } = open({}, {}, () => share);
    await clock.advance(60_000);
    network.paths = Object.fromEntries(URLS.map((url) => [url, 'refuse']));
    const lost = clock.now();
    network.dialled = [];
    network.cut();
    /** @type {number[]} */
    const begun = [];
    for (let seen = 0; begun.length < 4; seen = network.dialled.length) {
      await clock.advance(1);
      const isNew = network.dialled.length > seen && seen % URLS.length === 0;
      if (isNew) begun.push(clock.now() - lost);
    }
    await clock.advance(100);
    for (let at = 0; at < 12; at += 3) {
      assert.deepEqual(network.dialled.slice(at, at + 3).sort(), [...URLS].sort());
    }
    return begun.map((at, n) => at - (begun[n - 1] ?? 0));
  };
  const [soon, middle, late] = [await roundsBy(0), await roundsBy(0.5), await roundsBy(0.99)];
  for (let n = 0; n < 4; n++) {
    const ceiling = 250 * 2 ** n;
    assert.ok(soon[n] < 30, `${soon[n]} ms`);
    assert.ok(Math.abs(middle[n] - ceiling / 2) < 30, `${middle[n]} of ${ceiling} ms`);
    assert.ok(Math.abs(late[n] - ceiling * 0.99) < 30, `${late[n]} of ${ceiling} ms`);
  }
});

test('a realm that accepts and drops at once is not hammered', async () => {
  const { clock, network, log } = open();
  for (let second = 0; second < 600; second++) {
    await clock.advance(1000);
    network.cut();
  }
  const times = log.filter((line) => line === 'up').length;
  assert.ok(times > 10 && times < 40, `${times} times in ten minutes`);
});

test('where reconnecting is not wanted, the loss is the end', async () => {
  const { clock, network, log } = open({}, { reconnect: false });
  await clock.advance(100);
  network.cut();
  await clock.advance(100_000);
  assert.deepEqual(log.slice(-2), ['up', 'ClosedError']);
  assert.equal(clock.alarms, 0);
});

test('stopped in the middle of an attempt, nothing goes on', async () => {
  const { clock, network, log, dialer } = open({ [URLS[0]]: 'swallow' });
  await clock.advance(3);
  dialer.stop();
  await clock.advance(100_000);
  assert.deepEqual(log, []);
  assert.deepEqual([network.dialled.length, clock.alarms], [1, 0]);
});
