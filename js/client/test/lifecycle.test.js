// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A session in a page that goes offline, freezes and comes back. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakePage } from './lib/page.js';
import { PLAIN, SECURE, world } from './lib/world.js';

async function open() {
  const page = new FakePage();
  const { clock, network, session } = world({ page });
  session.open();
  await clock.advance(100);
  return { page, clock, network, session };
}

for (const [place, name] of /** @type {const} */ ([
  ['window', 'offline'],
  ['window', 'online'],
  ['document', 'resume'],
  ['document', 'visibilitychange'],
])) {
  test(`${name}: a path that is dead is found within 5 s, without heart-beats`, async () => {
    const { page, clock, network, session } = await open();
    network.mute();
    (place === 'window' ? page : page.document).hear(name);
    await clock.advance(4_990);
    assert.equal(session.path().attempts[0].ended, undefined);
    await clock.advance(500);
    assert.equal(session.path().attempts[0].ended, 'dead');
    assert.equal(session.state, 'open');
  });

  test(`${name}: a path that lives is kept`, async () => {
    const { page, clock, session } = await open();
    (place === 'window' ? page : page.document).hear(name);
    await clock.advance(60_000);
    assert.equal(session.path().attempts.length, 1);
    assert.equal(session.path().attempts[0].ended, undefined);
  });
}

test('online: the wait between rounds is over', async () => {
  const { page, clock, network, session } = await open();
  network.paths = { [PLAIN]: 'refuse', [SECURE]: 'refuse' };
  network.cut();
  await clock.advance(120_000);
  network.paths = {};
  assert.equal(session.state, 'waiting');
  page.hear('online');
  await clock.advance(15);
  assert.equal(session.state, 'open');
});

test('a page that thaws in the middle of a loss dials once', async () => {
  const { page, clock, network } = await open();
  network.cut();
  await clock.advance(6);
  network.dialled = [];
  page.document.hear('resume');
  page.hear('online');
  await clock.advance(10_000);
  assert.equal(network.dialled.length, 1);
});

test('a session that is closed watches nothing', async () => {
  const { page, clock, session } = await open();
  assert.ok(page.listening > 0);
  session.close();
  await clock.advance(100);
  assert.deepEqual([page.listening, page.document.listening, clock.alarms], [0, 0, 0]);
});
