// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nirvana } from '../../src/compat/nirvana.js';
import { watch, world } from '../lib/compat.js';

const { Observe } = Nirvana;

test('PUBLISH says "OK" and the resource, also to those who wrote Nirvana.PUBLISH', async () => {
  const { clock, session } = world();
  session.start();
  const channel = session.getChannel('/fx');
  /** @type {any[]} */
  const got = [];
  channel.on(/** @type {any} */ (Nirvana).PUBLISH, (/** @type {any} */ ...given) =>
    got.push(given),
  );
  channel.publish(Nirvana.createEvent());
  await clock.advance(100);
  assert.deepEqual(got, [['OK', channel]]);
});

test('a channel that is not there: ERROR on the channel, the session goes on', async () => {
  const { clock, session, log } = world();
  session.start();
  const channel = session.getChannel('/missing');
  /** @type {any} */
  let got;
  channel.on(Observe.ERROR, (/** @type {any} */ ...given) => (got = given));
  channel.subscribe();
  await clock.advance(100);
  assert.equal(got[0], channel);
  assert.deepEqual([got[1].name, got[1].resourceName], ['MissingResourceException', '/missing']);
  assert.deepEqual([channel.isSubscribed(), log], [false, ['START']]);
});

test('a start EID is where the subscription begins', async () => {
  const { clock, realm, session, log } = world();
  for (const text of ['a', 'b', 'c']) realm.publish('/fx', text);
  session.start();
  const channel = watch(session.getChannel('/fx'), log);
  channel.setStartEID(3);
  channel.subscribe();
  await clock.advance(100);
  assert.deepEqual(log.slice(2), ['DATA 3 c']);
});

test('a channel without a name ends in an ERROR', async () => {
  const { clock, session, log } = world();
  session.start();
  session.getChannel('').subscribe();
  session.getChannel('').publish(Nirvana.createEvent());
  await clock.advance(100);
  const error = 'ERROR  IllegalArgumentException';
  assert.deepEqual(log, [error, error, 'START']);
});
