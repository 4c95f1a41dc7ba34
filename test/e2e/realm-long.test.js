// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The first use of a channel of which much is stored, over each kind of session. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { SockSession, stompFrame } from '../lib/sockjs.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { scratch, startRealm } from '../lib/wayleave.mjs';

const COUNT = 30_000;

test('a long channel is read at its first use, and everything comes in its order', async (t) => {
  const dir = scratch(t);
  const store = join(dir, 'store');
  mkdirSync(store);
  const more = `Store lmdb
StorePath "${store}"
StoreSize 256m
<Channel "/fx/*">
    Type persistent
    Capacity 0
    StoreBytes 64m
</Channel>
`;
  let realm = await startRealm(t, { dir, more });
  let stomp = await Stomp.connect(t, realm.port);
  const destination = '/fx/a';
  for (let i = 0; i < COUNT; i += 1) stomp.send('SEND', { destination, receipt: i }, `${i}`);
  await until('all receipts', () => stomp.inbox.length === COUNT);
  let eid = COUNT;
  const answered = (from) => [0, 1, 2].map((i) => ({ 'receipt-id': `${i}`, eid: `${from + i}` }));

  for (let life = 0; life < 2; life += 1) {
    await realm.stop();
    realm = await startRealm(t, { dir, more });
    stomp = await Stomp.connect(t, realm.port);
    for (let i = 0; i < 3; i += 1) stomp.send('SEND', { destination, receipt: i }, 'more');
    stomp.send('SUBSCRIBE', { destination, id: 's', from: `${eid}`, receipt: 's' });
    const got = [];
    while (got.length < 8) got.push((await stomp.next()).headers);
    assert.deepEqual(
      got.filter((headers) => /\d/.test(headers['receipt-id'])),
      answered(eid + 1),
    );
    assert.equal(got.find((headers) => headers['receipt-id'] === 's').next, `${eid}`);
    assert.deepEqual(
      got.flatMap((headers) => (headers.subscription ? [headers.eid] : [])),
      [0, 1, 2, 3].map((i) => `${eid + i}`),
    );
    eid += 3;
  }

  for (const kind of ['xhr_streaming', 'eventsource']) {
    await realm.stop();
    realm = await startRealm(t, { dir, more });
    const session = new SockSession(t, realm.port);
    const receiver = await session.connect(kind);
    const frames = [0, 1, 2].map((i) => stompFrame('SEND', { destination, receipt: i }, 'more'));
    await session.say(...frames);
    const text = await receiver.messages(3);
    const got = [...text.matchAll(/receipt-id:(\d)\neid:(\d+)\n/g)];
    assert.deepEqual(
      got.map(([, receipt, at]) => ({ 'receipt-id': receipt, eid: at })),
      answered(eid + 1),
      text,
    );
    eid += 3;
  }
});
