// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What doc/channels.md promises of joins, when the realm is killed at any moment. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Nats } from '../lib/nats.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { scratch, startRealm } from '../lib/wayleave.mjs';

const SECTIONS = `<Channel "/in">
    Type persistent
    Capacity 0
    StoreBytes 32m
    Join /copies
    Join /even "parity = 'even'"
</Channel>
<Channel "/copies">
    Type persistent
    Capacity 0
    StoreBytes 32m
    Join /end
</Channel>
<Channel "/even">
    Type persistent
    Capacity 0
    StoreBytes 32m
</Channel>
<Channel "/end">
    Type persistent
    Capacity 0
    StoreBytes 32m
</Channel>
`;

/** All that is stored, up to the one with this body. */
async function readTo(stomp, destination, last) {
  const events = [];
  await stomp.ask('SUBSCRIBE', { id: destination, destination, from: 'stored' });
  do events.push(await stomp.next());
  while (events.at(-1).body !== last);
  await stomp.ask('UNSUBSCRIBE', { id: destination });
  return events;
}

/** Kills realms while they publish; then each event must have its copies, once and in order. */
async function killAndCompare(t, start) {
  let acknowledged = 0;
  for (let life = 0; life < 4; life += 1) {
    const realm = await start();
    const stomp = await Stomp.connect(t, realm.port);
    for (let i = 0; i < 1000; i += 1) {
      const parity = i % 2 === 0 ? 'even' : 'odd';
      stomp.send('SEND', { destination: '/in', parity, receipt: `${i}` }, `${life}-${i}`);
    }
    await until('some receipts', () => stomp.inbox.length > 100 * (life + 1));
    await realm.kill();
    await until('the end', () => stomp.closed !== null);
    acknowledged += stomp.inbox.length;
  }
  const { port } = await start();
  const stomp = await Stomp.connect(t, port);
  await stomp.ask('SEND', { destination: '/in', parity: 'even' }, 'last');
  const sources = await readTo(stomp, '/in', 'last');
  assert.ok(sources.length > acknowledged, `${sources.length} of ${acknowledged}`);
  const copies = await readTo(stomp, '/copies', 'last');
  const origins = (events) => events.map(({ headers, body }) => [headers['join-eid'], body]);
  const placed = (events) => events.map(({ headers, body }) => [headers.eid, body]);
  assert.deepEqual(origins(copies), placed(sources));
  assert.deepEqual(origins(await readTo(stomp, '/end', 'last')), placed(copies));
  assert.deepEqual(
    origins(await readTo(stomp, '/even', 'last')),
    placed(sources.filter(({ headers }) => headers.parity === 'even')),
  );
}

test('a kill -9 in the middle of publishing separates no event from its copies', async (t) => {
  const dir = scratch(t);
  const store = join(dir, 'store');
  mkdirSync(store);
  const more = `Store lmdb\nStorePath "${store}"\nStoreSize 64m\n${SECTIONS}`;
  await killAndCompare(t, () => startRealm(t, { dir, more }));
});

for (const mirror of ['in memory', 'on the disk']) {
  test(`nor does one of a realm that shares a NATS server, with its mirror ${mirror}`, async (t) => {
    const nats = await Nats.start(t);
    const path = mirror === 'on the disk' ? `StorePath "${scratch(t)}"\n` : '';
    const more = `Store ${nats.url}\nStoreSize 64m\n${path}${SECTIONS}`;
    await killAndCompare(t, () => startRealm(t, { more }));
  });
}
