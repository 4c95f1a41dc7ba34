// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The hosts of test/lib/netns.mjs, and that nothing of them stays. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { CANNOT, CLIENT, FAMILIES, SERVER, startNetwork } from '../lib/netns.mjs';
import { connect, listen } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';

/** Namespaces of a test process. */
function hostsOf(pid) {
  return readdirSync('/run/netns').filter((name) => name.startsWith(`wayleave-test-${pid}-`));
}

/** Somebody else may be slow to take note of its end. */
function runs(pid) {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('a client reaches a server through the router', { skip: CANNOT }, async (t) => {
  const { client, router, server } = startNetwork();
  for (const family of FAMILIES) {
    await t.test(`IP${family}`, async (t) => {
      const host = SERVER[family];
      const listener = await listen(t, { in: server, host, port: 9000 });
      const near = await connect(9000, { in: client, host });
      const far = await listener.accept();
      assert.equal(far.socket.remoteAddress, CLIENT[family]);
      near.send('to the server').end();
      assert.equal(String(await far.readToEnd()), 'to the server');
      far.send('after its end').end();
      assert.equal(String(await near.readToEnd()), 'after its end');
      await assert.rejects(connect(9001, { in: client, host }), { code: 'ECONNREFUSED' });
      const cut = await connect(9000, { in: client, host });
      (await listener.accept()).reset();
      await cut.closed;
      assert.equal(cut.fault?.code, 'ECONNRESET');
      const rules = `table inet test {
        chain forward {
          type filter hook forward priority filter
          tcp dport 9000 reject with tcp reset
        }
      }`;
      router.rules(rules);
      await assert.rejects(connect(9000, { in: client, host }), { code: 'ECONNREFUSED' });
      router.rules('');
      (await connect(9000, { in: client, host })).destroy();
    });
  }

  await t.test('names are those that the test says', () => {
    client.names({ 'server.test': [SERVER.v4] });
    assert.match(client.run('getent', ['ahostsv4', 'server.test']), new RegExp(SERVER.v4));
    assert.throws(() => router.run('getent', ['ahosts', 'server.test']));
  });
});

test('nothing stays of a network', { skip: CANNOT }, async (t) => {
  const lib = new URL('../lib/netns.mjs', import.meta.url);
  /** A process that makes hosts and starts a program in one, and what it says about that. */
  async function start(more) {
    const script = `import { startNetwork } from '${lib}';
      const { client } = startNetwork();
      console.log(client.program('sleep', ['1000']).pid);${more}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [said] = await once(child.stdout, 'data');
    return { child, inside: Number(String(said)) };
  }

  await t.test('when its process fails', async () => {
    const { child, inside } = await start("throw new Error('on purpose')");
    await once(child, 'close');
    assert.deepEqual(hostsOf(child.pid), []);
    await until('its program has ended', () => !runs(inside));
  });

  await t.test('after a process that was killed, when the next one begins', async () => {
    const { child, inside } = await start('');
    const names = hostsOf(child.pid);
    assert.equal(names.length, 3);
    await until('it is the program', () => existsSync(`/proc/${inside}`));
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.deepEqual(hostsOf(child.pid), names);
    startNetwork();
    assert.deepEqual(hostsOf(child.pid), []);
    for (const name of names) assert.ok(!existsSync(`/etc/netns/${name}`));
    await until('its program has ended', () => !runs(inside));
  });
});
