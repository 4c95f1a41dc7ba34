// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Subscription } from '../src/subscription.js';

/** @param {import('../src/subscription.js').Wanted} position */
function open(position) {
  /** @type {any[]} */
  const seen = [];
  const subscription = new Subscription('/fx', position, {
    event: ({ eid }) => seen.push(eid),
    ready: ({ from }) => seen.push(`ready at ${from}`),
    gap: ({ from, next }) => seen.push(`gap ${from}..${next}`),
    end: (error) => seen.push(`end ${error?.message}`),
  });
  const take = (/** @type {number[]} */ ...eids) => {
    for (const eid of eids) {
      const [type, id, destination] = /** @type {const} */ (['event', '/fx', '/fx']);
      subscription.take({ type, id, destination, eid, headers: new Map(), body: new Uint8Array() });
    }
  };
  return { seen, subscription, take };
}

test('it goes on after the last event that was passed on', () => {
  const { seen, subscription, take } = open({ from: 'stored' });
  subscription.asked();
  subscription.accepted({ epoch: 'e', next: 3 });
  take(3, 4);
  subscription.lost();
  assert.equal(subscription.state, 'waiting');
  assert.deepEqual(subscription.position, { from: 5, epoch: 'e' });
  assert.deepEqual(seen, ['ready at 3', 3, 4]);
});

test('who began now never asks for changes alone: what they build on has not come', () => {
  for (const [from, follows] of /** @type {const} */ ([
    ['stored', true],
    [7, true],
    ['now', false],
  ])) {
    const { subscription, take } = open({ from, deltas: true });
    subscription.asked();
    subscription.accepted({ epoch: 'e', next: 7 });
    take(7);
    subscription.lost();
    assert.equal(subscription.terms.from, 8);
    assert.equal(subscription.terms.deltas, follows);
  }
});

test('an event that was passed on before does not come twice', () => {
  const { seen, subscription, take } = open({ from: 5, epoch: 'e' });
  subscription.asked();
  subscription.accepted({ epoch: 'e', next: 5 });
  take(4, 5, 5, 6);
  assert.deepEqual(seen, ['ready at 5', 5, 6]);
});

test('in a new life of the channel small numbers are new, also before the receipt says so', () => {
  const { seen, subscription, take } = open({ from: 500, epoch: 'old' });
  subscription.asked();
  take(1);
  subscription.accepted({ epoch: 'new', next: 1 });
  take(2);
  assert.deepEqual(seen, ['ready at 1', 1, 2]);
});

test('events that are no longer stored are reported as a gap, in the same life only', () => {
  const same = open({ from: 5, epoch: 'e' });
  same.subscription.asked();
  same.subscription.accepted({ epoch: 'e', next: 9 });
  assert.deepEqual(same.seen, ['gap 5..9', 'ready at 9']);
  const other = open({ from: 5, epoch: 'e' });
  other.subscription.asked();
  other.subscription.accepted({ epoch: 'f', next: 9 });
  assert.deepEqual(other.seen, ['ready at 9']);
});

test('while it is paused, what still comes does not move it', () => {
  const { seen, subscription, take } = open({ from: 'now' });
  subscription.asked();
  subscription.accepted({ epoch: 'e', next: 1 });
  take(1);
  subscription.pause();
  take(2, 3);
  subscription.lost();
  assert.equal(subscription.state, 'paused');
  subscription.resume();
  assert.equal(subscription.state, 'waiting');
  assert.deepEqual(subscription.position.from, 2);
  assert.deepEqual(seen, ['ready at 1', 1]);
});

test('it ends once, and nothing comes after', () => {
  const { seen, subscription, take } = open({ from: 'now' });
  subscription.asked();
  subscription.end(new Error('over'));
  subscription.end();
  subscription.accepted({ next: 1 });
  take(1);
  assert.deepEqual(seen, ['end over']);
});

test('events for which nobody agreed to anything are not gathered for ever', () => {
  const { subscription, take } = open({ from: 'now' });
  subscription.asked();
  for (let eid = 1; eid <= 10_000; eid++) take(eid);
  assert.throws(() => take(10_001), { code: 'protocol' });
});
