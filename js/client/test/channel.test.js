// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Channel, channelName } from '../src/channel.js';

/** A session that writes down what its channel wants. */
function fakeAccess() {
  /** @type {any[]} */
  const log = [];
  const access = /** @type {any} */ ({
    add: (/** @type {any} */ one) => log.push(['add', one.channel, one.position.from]),
    remove: async (/** @type {any} */ one) => log.push(['remove', one.channel]),
    publish: async (/** @type {any} */ to, /** @type {any} */ event) => log.push([to, event]),
  });
  return { log, access };
}

test('a name has one leading slash, given or not', () => {
  assert.equal(channelName('fx'), '/fx');
  assert.equal(channelName('/fx/spot'), '/fx/spot');
  for (const wrong of ['', ' ', '/', null, undefined]) {
    assert.throws(() => channelName(wrong), { code: 'argument' });
  }
});

test('subscribing begins at once, from now unless another place is given', async () => {
  const { log, access } = fakeAccess();
  const channel = new Channel('/fx', access);
  channel.subscribe();
  const listening = channel.listen({ event: () => {} }, { from: 7, epoch: 'e' });
  assert.deepEqual(listening.position, { from: 7, epoch: 'e' });
  await listening.close();
  assert.deepEqual(log, [
    ['add', '/fx', 'now'],
    ['add', '/fx', 7],
    ['remove', '/fx'],
  ]);
});

test('a publish that cannot be made rejects, it does not throw', async () => {
  const access = /** @type {any} */ ({
    publish: () => {
      throw new Error('closed');
    },
  });
  await assert.rejects(new Channel('/fx', access).publish('x'), { message: 'closed' });
});
