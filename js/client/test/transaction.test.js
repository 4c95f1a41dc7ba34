// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { world } from './lib/world.js';

async function opened() {
  const all = world();
  all.session.open().catch(() => {});
  await all.clock.advance(50);
  const texts = (/** @type {string} */ name) =>
    all.realm.life(name).events.map(({ body }) => new TextDecoder().decode(body));
  return { ...all, texts };
}

test('nothing is sent before commit; then all is there', async () => {
  const { clock, realm, session, texts } = await opened();
  const transaction = session.transaction();
  transaction.publish('/a', 'one').publish('b', { data: 'two', ttl: 9 });
  await clock.advance(50);
  assert.deepEqual(realm.log, ['CONNECT']);
  const committing = transaction.commit();
  await clock.advance(50);
  await committing;
  assert.deepEqual([texts('/a'), texts('/b')], [['one'], ['two']]);
  assert.deepEqual(realm.log.slice(1), [
    ...['BEGIN', 'SEND /a', 'SEND /b', `COMMIT ${transaction.id}`],
  ]);
  await transaction.commit(); // is done, and asks nobody
  assert.equal(realm.log.length, 5);
});

test('if a part is refused, nothing is committed, and the refusal is what is thrown', async () => {
  const { clock, realm, session, texts } = await opened();
  const transaction = session.transaction().publish('/a', 'one').publish('/missing', 'two');
  const refused = assert.rejects(transaction.commit(), { code: 'missing-resource' });
  await clock.advance(50);
  await refused;
  assert.deepEqual([texts('/a'), realm.log.at(-1)], [[], 'ABORT']);
});

test('where even BEGIN is refused, the refusal is its', async () => {
  const { clock, realm, session } = await opened();
  realm.refusing = { BEGIN: 'LimitException', ABORT: 'IllegalArgumentException' };
  const refused = assert.rejects(session.transaction().publish('/a', 'x').commit(), {
    code: 'realm-limit',
  });
  await clock.advance(50);
  await refused;
});

test('what a reader took and what it published are one', async () => {
  const { clock, realm, session, texts } = await opened();
  realm.queue('/jobs');
  for (const text of ['a', 'b']) realm.publish('/jobs', text);
  const reader = session.queue('/jobs').read({ transactional: true });
  await clock.advance(50);
  await reader.next();
  const { value: job } = await reader.next();
  const committing = session.transaction().consume(job).publish('/results', 'done').commit();
  await clock.advance(50);
  await committing;
  assert.deepEqual(texts('/results'), ['done']);
  await reader.commit(job); // was done with it, and with the one before
  await reader.close;
  assert.equal(realm.log.filter((line) => line.startsWith('ACK')).length, 1);
});

test('committed, and the answer was lost: the next connection asks, and nothing is sent twice', async () => {
  const { clock, network, realm, session, texts } = await opened();
  const committing = session.transaction().publish('/a', 'once').commit();
  await clock.advance(12); // parts are there, COMMIT is on its way
  network.muteReplies();
  await clock.advance(20);
  assert.deepEqual(texts('/a'), ['once']);
  network.cut();
  await clock.advance(1000);
  await committing;
  assert.deepEqual(texts('/a'), ['once']);
  assert.equal(realm.log.filter((line) => line.startsWith('SEND')).length, 1);
});

test('COMMIT was lost: the next connection asks, and all is sent again', async () => {
  const { clock, network, realm, session, texts } = await opened();
  const transaction = session.transaction().publish('/a', 'once');
  const committing = transaction.commit();
  await clock.advance(12); // COMMIT is on its way
  network.mute();
  await clock.advance(20);
  network.cut();
  await clock.advance(1000);
  await committing;
  assert.deepEqual(texts('/a'), ['once']);
  assert.deepEqual(realm.log.slice(-4), [
    ...[`COMMIT ${transaction.id}`, 'BEGIN', 'SEND /a', `COMMIT ${transaction.id}`],
  ]);
});

test('a connection that is lost before COMMIT: it is sent again, unless it consumes', async () => {
  const { clock, network, realm, session, texts } = await opened();
  realm.queue('/jobs');
  realm.publish('/jobs', 'a');
  const reader = session.queue('/jobs').read({ transactional: true });
  await clock.advance(50);
  const { value: job } = await reader.next();
  const plain = session.transaction().publish('/a', 'x').commit();
  const consuming = session.transaction().publish('/b', 'x').consume(job).commit();
  const stale = assert.rejects(consuming, { code: 'stale' });
  network.cut();
  await clock.advance(1000);
  await Promise.all([plain, stale]);
  assert.deepEqual([texts('/a'), texts('/b')], [['x'], []]);
});

test('in doubt, with an event that went back: asked again for a while, then it is stale', async () => {
  const { clock, network, realm, session, texts } = await opened();
  realm.queue('/jobs');
  realm.publish('/jobs', 'a');
  const reader = session.queue('/jobs').read({ transactional: true });
  await clock.advance(50);
  const { value: job } = await reader.next();
  const committing = session.transaction().publish('/b', 'x').consume(job).commit();
  const stale = assert.rejects(committing, { code: 'stale', inDoubt: true });
  await clock.advance(12); // COMMIT is on its way
  network.mute();
  await clock.advance(20);
  network.cut();
  await clock.advance(5000);
  await stale;
  assert.deepEqual(texts('/b'), []);
  assert.equal((await reader.next()).value.redeliveryCount, 1);
});

test('while the realm is still committing it is asked again; aborted is an error', async () => {
  const { clock, network, realm, session } = await opened();
  const [slow, dead] = ['slow', 'dead'].map((id) => session.transaction({ id }).publish('/a', id));
  const committing = slow.commit();
  const aborted = assert.rejects(dead.commit(), { code: 'aborted' });
  await clock.advance(12); // COMMIT is on its way
  network.mute();
  await clock.advance(20);
  realm.outcomes.set('slow', 'pending').set('dead', 'aborted');
  network.cut();
  await clock.advance(1000);
  await aborted;
  realm.outcomes.set('slow', 'committed');
  await clock.advance(300);
  await committing;
});

test('a store that fails is an error, at once or, in doubt, at last', async () => {
  const { clock, network, realm, session } = await opened();
  realm.outcomes.set('a', 'pending');
  const commit = () => session.transaction({ id: 'a' }).publish('/a', 'x').commit();
  const failed = assert.rejects(commit(), { code: 'store' });
  await clock.advance(50);
  await failed;
  const doubtful = assert.rejects(commit(), { code: 'store' });
  await clock.advance(12);
  network.mute();
  await clock.advance(20);
  network.cut();
  await clock.advance(9000);
  await doubtful;
  assert.ok(realm.log.length < 60, 'and it was asked with bounds');
});

test('the outcome can be asked for in a later session', async () => {
  const { clock, realm, session } = await opened();
  realm.outcomes.set('order-4711', 'committed');
  const asked = [session.transaction({ id: 'order-4711' }), session.transaction({ id: 'other' })];
  const outcomes = Promise.all(asked.map((transaction) => transaction.outcome()));
  await clock.advance(50);
  assert.deepEqual(await outcomes, ['committed', 'unknown']);
  realm.refusing.COMMIT = 'SecurityException';
  const refused = assert.rejects(asked[0].outcome(), { code: 'not-allowed' });
  await clock.advance(50);
  await refused;
});

test('the same id again is the same commit', async () => {
  const { clock, session, texts } = await opened();
  for (let times = 0; times < 2; times++) {
    const committing = session.transaction({ id: 'mine' }).publish('/a', 'once').commit();
    await clock.advance(50);
    await committing;
  }
  assert.deepEqual(texts('/a'), ['once']);
});

test('rolled back it is empty; while it is on its way it does not change', async () => {
  const { clock, session, texts } = await opened();
  const transaction = session.transaction().publish('/a', 'never');
  transaction.rollback();
  const committing = transaction.publish('/a', 'this').commit();
  assert.throws(() => transaction.publish('/a', 'late'), { code: 'argument' });
  assert.throws(() => transaction.rollback(), { code: 'argument' });
  await clock.advance(50);
  await committing;
  assert.deepEqual(texts('/a'), ['this']);
});

test('what cannot be meant is refused at once', async () => {
  const { clock, session } = await opened();
  assert.throws(() => session.transaction({ id: '' }), { code: 'argument' });
  assert.throws(() => session.transaction().publish('', 'x'), { code: 'argument' });
  const event = /** @type {any} */ ({ eid: 1 });
  assert.throws(() => session.transaction().consume(event), { code: 'argument' });
  session.close();
  await assert.rejects(session.transaction().publish('/a', 'x').commit(), { code: 'closed' });
  await assert.rejects(session.transaction().outcome(), { code: 'closed' });
  await clock.advance(50);
});

test('a session that closes in between says whether it is in doubt', async () => {
  const { clock, network, session } = await opened();
  const committing = session.transaction().publish('/a', 'x').commit();
  const doubtful = assert.rejects(committing, { code: 'closed', inDoubt: true });
  await clock.advance(12);
  network.muteReplies();
  session.close();
  await clock.advance(3000);
  await doubtful;
});
