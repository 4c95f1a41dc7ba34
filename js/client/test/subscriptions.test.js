// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Subscription } from '../src/subscription.js';
import { Subscriptions } from '../src/subscriptions.js';
import { settle } from './lib/clock.js';

/** A protocol that writes down what is asked. */
function recorder() {
  /** @type {string[]} */
  const asked = [];
  const protocol = /** @type {any} */ ({
    subscribe: (/** @type {string} */ id) => asked.push(`+${id}`),
    unsubscribe: (/** @type {string} */ id) => asked.push(`-${id}`),
  });
  return { asked, protocol };
}

/** @param {string} name */
function subscriptionTo(name) {
  /** @type {any[]} */
  const seen = [];
  const handlers = {
    event: (/** @type {any} */ { data }) => seen.push(data),
    end: (/** @type {any} */ error) => seen.push(error?.code ?? 'end'),
  };
  return { seen, one: new Subscription(name, { from: 'stored' }, handlers) };
}

/** @param {string} id @param {string} text @returns {any} */
const message = (id, text) => {
  const body = new TextEncoder().encode(text);
  return { type: 'event', id, destination: '/fx', headers: new Map(), body };
};

test('the id is the name of the channel, a second subscription gets its own', () => {
  const all = new Subscriptions(10);
  const { asked, protocol } = recorder();
  all.add(subscriptionTo('/fx').one);
  all.connected(protocol);
  all.add(subscriptionTo('/fx').one);
  all.add(subscriptionTo('/other').one);
  assert.deepEqual(asked, ['+/fx', '+/fx#2', '+/other']);
});

test('an id is not used again before the receipt that says that it is free', async () => {
  const all = new Subscriptions(10);
  const { asked, protocol } = recorder();
  const [old, young] = [subscriptionTo('/fx'), subscriptionTo('/fx')];
  all.connected(protocol);
  all.add(old.one);
  all.take({ type: 'subscribed', id: '/fx', next: 1 });
  let isGone = false;
  all.remove(old.one).then(() => (isGone = true));
  all.add(young.one);
  all.take({ type: 'subscribed', id: '/fx#2', next: 1 });
  all.take(message('/fx', 'late'));
  all.take(message('/fx#2', 'mine'));
  await settle();
  assert.equal(isGone, false);
  all.take({ type: 'unsubscribed', id: '/fx' });
  await settle();
  assert.equal(isGone, true);
  all.add(subscriptionTo('/fx').one);
  assert.deepEqual(asked, ['+/fx', '-/fx', '+/fx#2', '+/fx']);
  assert.deepEqual([old.seen, young.seen], [['end'], ['mine']]);
});

test('on a new connection everybody is asked for again, except who paused or left', async () => {
  const all = new Subscriptions(10);
  const [stays, pauses, leaves] = ['/a', '/b', '/c'].map((name) => subscriptionTo(name).one);
  for (const one of [stays, pauses, leaves]) all.add(one);
  all.connected(recorder().protocol);
  all.pause(pauses);
  const left = all.remove(leaves);
  all.lost();
  await left;
  const { asked, protocol } = recorder();
  all.connected(protocol);
  all.resume(pauses);
  assert.deepEqual(asked, ['+/a', '+/b']);
});

test('a refusal ends the one that it concerns', () => {
  const all = new Subscriptions(10);
  const [bad, good] = [subscriptionTo('/bad'), subscriptionTo('/good')];
  all.add(bad.one);
  all.add(good.one);
  all.connected(recorder().protocol);
  const [request, word] = /** @type {const} */ (['subscribe', 'SecurityException']);
  all.take({ type: 'refused', request, id: '/bad', word, message: 'no' });
  assert.deepEqual([bad.seen, good.seen], [['not-allowed'], []]);
});

test('there is a bound, and at the end all end', () => {
  const all = new Subscriptions(1);
  const { one, seen } = subscriptionTo('/fx');
  all.add(one);
  assert.throws(() => all.add(subscriptionTo('/fx').one), { code: 'limit' });
  all.close();
  assert.deepEqual(seen, ['end']);
});
