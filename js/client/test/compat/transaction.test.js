// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nirvana } from '../../src/compat/nirvana.js';
import { world } from '../lib/compat.js';

const { Observe } = Nirvana;

/** @param {string} [name] */
function opened(name = '/orders') {
  const all = world();
  const transaction = all.session.getChannel(name).createTransaction();
  transaction.on(Observe.COMMIT, () => all.log.push('COMMIT'));
  const event = Nirvana.createEvent();
  event.setData('order');
  transaction.setEvent(event);
  const stored = () => all.realm.life(name).events.length;
  return { ...all, transaction, stored };
}

test('COMMIT when the realm has it; before start() it waits', async () => {
  const { clock, session, log, transaction, stored } = opened();
  transaction.publishAndCommit();
  assert.equal(transaction.isCommitted(), false);
  session.start();
  await clock.advance(100);
  assert.deepEqual(log, ['START', 'COMMIT']);
  assert.deepEqual([transaction.isCommitted(), stored()], [true, 1]);
});

test('on a queue, too', async () => {
  const { clock, realm, session, log, transaction } = opened('/jobs');
  realm.queue('/jobs');
  session.start();
  transaction.publishAndCommit();
  await clock.advance(100);
  assert.deepEqual([log, realm.queue('/jobs').waiting.length], [['START', 'COMMIT'], 1]);
});

test('committed again it is the same event, while it is under way and after', async () => {
  const { clock, session, log, transaction, stored } = opened();
  session.start();
  transaction.publishAndCommit();
  transaction.publishAndCommit();
  await clock.advance(100);
  transaction.publishAndCommit();
  await clock.advance(100);
  assert.deepEqual([log, stored()], [['START', 'COMMIT', 'COMMIT'], 1]);
});

test('a refusal is an ERROR of the transaction, or else of its channel', async () => {
  const { clock, session, log, transaction } = opened('/missing');
  session.start();
  transaction.publishAndCommit();
  await clock.advance(100);
  assert.deepEqual(log, ['START', 'ERROR /missing MissingResourceException']);
  /** @type {any[]} */
  const given = [];
  transaction.on(Observe.ERROR, (/** @type {any} */ ...got) => given.push(...got));
  transaction.publishAndCommit();
  await clock.advance(100);
  assert.equal(given[0], transaction);
  assert.equal(given[1].name, 'MissingResourceException');
  assert.match(given[0].message, /no channel/, 'for listeners that take one argument');
});

test('the connection is lost before the answer: the session finds out', async () => {
  const { clock, network, session, log, transaction, stored } = opened();
  session.start();
  await clock.advance(50);
  transaction.publishAndCommit();
  await clock.advance(12);
  network.muteReplies();
  await clock.advance(20);
  network.cut();
  await clock.advance(1000);
  assert.deepEqual(log, ['START', 'DISCONNECT', 'RECONNECT', 'COMMIT']);
  assert.equal(stored(), 1);
});

test('the session ends before the answer: isCommitted(true) asks the realm', async () => {
  const { clock, network, session, log, transaction, stored } = opened();
  session.start();
  await clock.advance(50);
  transaction.publishAndCommit();
  await clock.advance(12);
  network.muteReplies();
  await clock.advance(20);
  session.stop();
  await clock.advance(3000);
  assert.deepEqual(log, ['START', 'STOP', 'ERROR /orders SessionNotConnectedException']);
  assert.equal(transaction.isCommitted(true), false, 'there is nobody to ask');
  session.start();
  assert.equal(transaction.isCommitted(true), false);
  await clock.advance(100);
  assert.deepEqual(log.slice(3), ['START', 'COMMIT']);
  assert.deepEqual([transaction.isCommitted(true), stored()], [true, 1]);
});

test('what was never committed is an ERROR when it is asked for', async () => {
  const { clock, session, log, transaction } = opened();
  session.start();
  transaction.checkCommitStatus();
  await clock.advance(100);
  assert.deepEqual(log, ['START', 'ERROR /orders TransactionNotCommittedException']);
});

test('without an event there is an ERROR', async () => {
  const { clock, session, log, transaction } = opened();
  session.start();
  for (const event of [undefined, null, 'text', {}]) {
    transaction.setEvent(event);
    transaction.publishAndCommit();
  }
  await clock.advance(100);
  assert.equal(log.filter((line) => line.endsWith('IllegalArgumentException')).length, 4);
});

test('a dictionary that cannot travel is an ERROR', async () => {
  const { clock, session, log, transaction } = opened();
  session.start();
  const event = Nirvana.createEvent();
  /** @type {any} */
  const ring = [];
  ring.push(ring);
  event.getDictionary().put('ring', ring);
  transaction.setEvent(event);
  transaction.publishAndCommit();
  session.getChannel('/orders').publish(event);
  await clock.advance(100);
  assert.equal(log.filter((line) => line.startsWith('ERROR /orders Illegal')).length, 2);
});
