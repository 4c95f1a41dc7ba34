// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A realm with many sessions, and with many events. What it takes is in doc/realm.md. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Load } from '../lib/load.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { CHECKED, DEMO_CHANNELS, RELEASE, scratch, startRealm } from '../lib/wayleave.mjs';

/** What a process may have here, our own limit put aside. */
const DESCRIPTORS = Number(
  execFileSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).replace('unlimited', '1e9'),
);
/** Sessions that one process can hold, on either side. */
const MANY = Math.min(19_000, DESCRIPTORS - 600);

/** The program, with fewer descriptors than this machine gives. @param {import('node:test').TestContext} t */
function withDescriptors(t, count) {
  const file = join(scratch(t), 'wayleave');
  writeFileSync(file, `#!/bin/sh\nulimit -n ${count}\nexec '${CHECKED}' "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Whether one more session comes in and is served. */
async function isServing(t, port) {
  const stomp = await Stomp.connect(t, port);
  await stomp.ask('SUBSCRIBE', { id: 's', destination: '/demo/serving' });
  stomp.send('SEND', { destination: '/demo/serving' }, 'served');
  assert.equal((await stomp.next()).body, 'served');
}

test('10,000 subscribers of one channel get each of 20 events, in order', async (t) => {
  const sessions = Math.min(10_000, MANY);
  const realm = await startRealm(t, {
    more: `${DEMO_CHANNELS}SessionsMax ${sessions + 1}\nLogLevel notice\n`,
  });
  const load = new Load({
    port: realm.port,
    sessions,
    channel: '/demo/all',
    events: 20,
    inflight: 4,
  });
  assert.equal((await load.did('opened')).count, sessions + 1); // and the one that publishes
  assert.equal((await load.did('delivered')).count, sessions * 20);
  await load.succeeds();
});

test('as many sessions as descriptors allow; the next ones are told, and when some go there is room', async (t) => {
  const realm = await startRealm(t, {
    more: `${DEMO_CHANNELS}SessionsMax ${MANY}\nLogLevel notice\n`,
  });
  const load = new Load({ port: realm.port, sessions: MANY + 10, hold: 1 });
  const { count, refused } = await load.did('opened');
  assert.deepEqual({ count, refused }, { count: MANY, refused: 10 });
  assert.match(load.stderr, /HTTP\/1\.1 503 [^]*as many sessions as it may have \(SessionsMax/);
  await realm.program.line(
    new RegExp(`warn: the realm has ${MANY} connections, as many as it may: .*SessionsMax ${MANY}`),
  );
  load.kill('SIGKILL');
  await load.exit;
  await until('there is room', () =>
    isServing(t, realm.port).then(
      () => true,
      () => false,
    ),
  );
});

test('where the system gives fewer descriptors than SessionsMax needs, clients are told, too', async (t) => {
  const realm = await startRealm(t, {
    binary: withDescriptors(t, 200),
    more: `${DEMO_CHANNELS}SessionsMax 10000000\n`, // more than even root could have
  });
  assert.match(realm.program.stderr, /the system allows this process 200 file descriptors/);
  const load = new Load({ port: realm.port, sessions: 1000, opening: 4, hold: 1 });
  const { count, refused } = await load.did('opened');
  assert.equal(count + refused, 1000);
  assert.ok(count > 100 && count < 200, `${count} were let in`);
  assert.match(load.stderr, /HTTP\/1\.1 503 /);
  await realm.program.line(
    /as many as it may: further clients are told 503 .*200 file descriptors/,
  );
  load.kill('SIGKILL');
  await load.exit;
  await until('there is room', () =>
    isServing(t, realm.port).then(
      () => true,
      () => false,
    ),
  );
});

test('a million stored events are replayed in order, before and after a restart', async (t) => {
  const dir = scratch(t);
  mkdirSync(join(dir, 'store'));
  const more = `Store lmdb
StorePath ${join(dir, 'store')}
StoreSize 1g
LogLevel notice
<Channel "/disk/*">
    Type persistent
    Capacity 0
    StoreBytes 1g
</Channel>
`;
  const events = 1_000_000;
  const isReplayed = async (port) => {
    const options = { port, channel: '/disk/long', from: 'stored', expect: events };
    const load = new Load(options);
    assert.equal((await load.did('delivered')).count, events);
    await load.succeeds();
  };
  const first = await startRealm(t, { dir, more, binary: RELEASE });
  const load = new Load({
    port: first.port,
    sessions: 0,
    channel: '/disk/long',
    events,
    inflight: 4096,
  });
  assert.equal((await load.did('published')).count, events);
  await load.succeeds();
  await isReplayed(first.port);
  await first.stop();
  await isReplayed((await startRealm(t, { dir, more, binary: RELEASE })).port);
});
