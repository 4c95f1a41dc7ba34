// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Observe } from '../../src/compat/constants.js';
import { Queue, Transaction } from '../../src/compat/unbuilt.js';
import { settle } from '../lib/clock.js';

const QUEUE = ['subscribe', 'unsubscribe', 'publish', 'setFilter', 'setWindowSize', 'commit'];
const READER = ['commitAll', 'rollback', 'rollbackAll'];

for (const request of [...QUEUE, ...READER]) {
  test(`${request} of a queue ends in an ERROR of that queue`, async () => {
    const queue = /** @type {any} */ (new Queue('q', /** @type {any} */ (undefined)));
    /** @type {string[]} */
    const log = [];
    queue.on(Observe.ERROR, (/** @type {any} */ resource, /** @type {any} */ error) => {
      log.push(`${resource.getName()} ${error.name}: ${error.message}`);
    });
    queue[request]();
    await settle();
    assert.deepEqual(log, ['q UnsupportedOperationException: queues are not built yet']);
    assert.equal(queue.isSubscribed(), false);
  });
}

test('a transaction ends in an ERROR when it is to be committed', async () => {
  const transaction = new Transaction();
  let name = '';
  transaction.on(Observe.ERROR, (/** @type {any} */ _, /** @type {any} */ error) => {
    name = error.name;
  });
  transaction.setEvent();
  await settle();
  assert.equal(name, '');
  transaction.publishAndCommit();
  await settle();
  assert.equal(name, 'UnsupportedOperationException');
});
