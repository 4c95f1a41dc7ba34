// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The transparent proxy in service: a thousand tunnels, reload and drain under them, what it logs
 * and counts, as whom it serves, and what it says when it may not.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { DOOR, WAYS, divert, divertingConfiguration, startDiverting } from '../lib/divert.mjs';
import { clientHello } from '../lib/hello.mjs';
import { readResponse } from '../lib/http.mjs';
import { CANNOT, CLIENT, FAMILIES, SERVER, SERVERS_ROUTER, startNetwork } from '../lib/netns.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { connect, echo, listen } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { RELEASE, scratch, startProxyFrom } from '../lib/wayleave.mjs';

/** A diverted tunnel to an echo on 443, open when the hello has come back. */
async function openTunnel(client, host, hello) {
  const peer = await connect(443, { in: client, host });
  peer.send(hello);
  assert.ok((await peer.read(hello.length)).equals(hello));
  return peer;
}

/** @param {import('../lib/tcp.mjs').Peer} peer @param {string} word */
async function isAlive(peer, word) {
  peer.send(word);
  assert.equal(String(await peer.read(word.length)), word);
}

const COUNT = 1_000;

for (const [how, family, source] of /** @type {const} */ ([
  ['redirect', 'v4', 'proxy'],
  ['tproxy', 'v6', 'client'],
])) {
  const title = `${COUNT} tunnels by ${how} over IP${family}, from the ${source}'s address`;
  test(title, { skip: CANNOT }, async (t) => {
    const more = `TransparentSource ${source}`;
    const { client, server, proxy } = await startDiverting(t, { how, more });
    const host = SERVER[family];
    const { peers: far } = await listen(t, { in: server, host, port: 443, serve: echo });
    const hello = await clientHello({ servername: 'one-of-many.test' });
    /** @type {import('../lib/tcp.mjs').Peer[]} */
    const near = [];
    t.after(() => near.forEach((peer) => peer.destroy()));
    for (let i = 0; i < COUNT; i += 100) {
      const more = Array.from({ length: 100 }, () => openTunnel(client, host, hello));
      near.push(...(await Promise.all(more)));
    }
    await proxy.reaches('wayleave_proxy_tunnels', COUNT);
    const seen = new Set([...far].map(({ socket }) => socket.remoteAddress));
    assert.deepEqual([...seen], [(source === 'client' ? CLIENT : SERVERS_ROUTER)[family]]);

    await t.test('a reload that refuses new ones leaves them alone', async () => {
      await proxy.reload(divertingConfiguration({ how, more, allow: [9443] }));
      const refused = await connect(443, { in: client, host });
      refused.send(hello);
      assert.equal((await refused.readToEnd()).length, 7);
      await Promise.all(near.map((peer, i) => isAlive(peer, `still alive ${i}`)));
      assert.equal(await proxy.metric('wayleave_proxy_tunnels'), COUNT);
    });

    for (const peer of near) peer.end();
    await Promise.all(near.map((peer) => peer.readToEnd()));
    await proxy.reaches('wayleave_proxy_tunnels', 0);
    await until('each is logged', () => proxy.accessLines.length === COUNT + 1);
    assert.equal(await proxy.metric('wayleave_proxy_diverted_total{kind="tls"}'), COUNT + 1);
    assert.equal(far.size, 0);
  });
}

for (const [how, other] of /** @type {const} */ ([
  ['redirect', 'tproxy'],
  ['tproxy', 'redirect'],
])) {
  test(`a reload moves the door of ${how}`, { skip: CANNOT }, async (t) => {
    const dir = scratch(t);
    const { client, router, server, proxy } = await startDiverting(t, { how, dir });
    await listen(t, { in: server, host: SERVER.v4, port: 443, serve: echo });
    const hello = await clientHello();
    const old = await openTunnel(client, SERVER.v4, hello);
    t.after(() => old.destroy());

    await t.test(`not to ${other} on the same port, which needs a restart`, async () => {
      const said = await proxy.reload(
        divertingConfiguration({ how: other }),
        /cannot be listened on: .* needs a restart/,
      );
      assert.match(said, /proxy\.conf:2: TransparentListen: \[::\]:3129/);
      await proxy.program.line(/was not reloaded/);
      await isAlive(old, 'after that');
    });

    for (const door of [`3150 ${how}`, `${DOOR} ${how}`]) {
      await t.test(`to ${door}`, async (t) => {
        await proxy.reload(divertingConfiguration({ door }));
        divert(router, join(dir, 'proxy.conf'));
        const peer = await openTunnel(client, SERVER.v4, hello);
        t.after(() => peer.destroy());
        await isAlive(old, `with ${door}`);
      });
    }

    await t.test(`to ${other} on another`, async (t) => {
      await proxy.reload(divertingConfiguration({ door: `3150 ${other}` }));
      divert(router, join(dir, 'proxy.conf'));
      const peer = await openTunnel(client, SERVER.v4, hello);
      t.after(() => peer.destroy());
    });
  });
}

test('a drain lets tunnels finish and troubles nobody else', { skip: CANNOT }, async (t) => {
  const { client, server, proxy } = await startDiverting(t);
  await listen(t, { in: server, host: SERVER.v4, port: 443, serve: echo });
  const tunnel = await openTunnel(client, SERVER.v4, await clientHello());
  const silent = await connect(443, { in: client, host: SERVER.v4 });
  await proxy.reaches('wayleave_proxy_connections', 2);
  process.kill(proxy.pid, 'SIGTERM');
  await proxy.program.line(/drains: no new work/);
  assert.equal(String(await silent.readToEnd()), '');
  await until('nobody else comes in', async () => {
    const peer = await connect(443, { in: client, host: SERVER.v4 }).catch(() => null);
    peer?.destroy();
    return peer === null;
  });
  await isAlive(tunnel, 'finishing');
  tunnel.end();
  await tunnel.readToEnd();
  assert.deepEqual(await proxy.program.exit, { code: 0, signal: null });
  assert.match(proxy.program.stderr, /everything has finished/);
});

test('what is logged and counted', { skip: CANNOT }, async (t) => {
  const dir = scratch(t);
  const own = '"%r %>s %{diverted}x %{sni}x %{alpn}x"';
  const { client, server, proxy } = await startDiverting(t, {
    more: `CustomLog /dev/stdout ${own}\nCustomLog ${join(dir, 'json.log')} json\nTransparentOther refuse`,
  });
  await startOrigin(t, { in: server, host: SERVER.v4, port: 80 });
  await listen(t, { in: server, host: SERVER.v4, port: 443, serve: echo });
  const web = await connect(80, { in: client, host: SERVER.v4 });
  web.send('GET /x HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n');
  await web.readToEnd();
  const secure = await openTunnel(
    client,
    SERVER.v4,
    await clientHello({ servername: 'good.test', alpn: ['h2', 'http/1.1'] }),
  );

  await t.test('the status shows live tunnels', async () => {
    const [row] = JSON.parse(await proxy.fetch('/status')).tunnels;
    assert.equal(row.diverted, `${SERVER.v4}:443`);
    assert.match(row.target, /^good\.test:443$/);
    const { listeners } = JSON.parse(await proxy.fetch('/status'));
    assert.deepEqual(listeners.sort(), [`0.0.0.0:${DOOR} redirect`, `[::]:${DOOR} redirect`]);
  });

  secure.end();
  await secure.readToEnd();
  const other = await connect(443, { in: client, host: SERVER.v4 });
  other.send('neither this nor that\r\n');
  await other.readToEnd();

  await t.test("in items of one's own", async () => {
    await until('three lines', () => proxy.accessLines.length === 3);
    assert.deepEqual(proxy.accessLines, [
      `GET http://good.test/x HTTP/1.1 200 ${SERVER.v4}:80 - -`,
      `CONNECT good.test:443 200 ${SERVER.v4}:443 good.test h2,http/1.1`,
      `CONNECT ${SERVER.v4}:443 403 ${SERVER.v4}:443 - -`,
    ]);
  });

  await t.test('as JSON', async () => {
    const rows = await until('three rows', () => {
      const lines = readFileSync(join(dir, 'json.log'), 'utf8').split('\n').slice(0, -1);
      return lines.length === 3 && lines.map((line) => JSON.parse(line));
    });
    assert.equal(rows[1].diverted, `${SERVER.v4}:443`);
    assert.equal(rows[1].sni, 'good.test');
    assert.equal(rows[1].alpn, 'h2,http/1.1');
    assert.equal(rows[0].diverted, `${SERVER.v4}:80`);
    assert.match(rows[2].why, /neither TLS nor HTTP/);
  });

  await t.test('in metrics', async () => {
    for (const kind of ['tls', 'http', 'other']) {
      const name = `wayleave_proxy_diverted_total{kind="${kind}"}`;
      assert.equal(await proxy.metric(name), 1, name);
    }
    const refused = 'wayleave_proxy_diverted_refused_total{why="other"}';
    assert.equal(await proxy.metric(refused), 1);
    assert.equal(await proxy.metric('wayleave_proxy_loops_total'), 0);
  });
});

/* Privileges */

/** The effective capabilities of every thread of a process, as proc(5) writes them. */
function capabilitiesOf(pid) {
  const status = execFileSync('sh', ['-c', `cat /proc/${pid}/task/*/status`], { encoding: 'utf8' });
  return [
    ...new Set([...status.matchAll(/^CapEff:\s+(\S+)$/gm)].map(([, bits]) => BigInt(`0x${bits}`))),
  ];
}

const CAP_NET_RAW = 1n << 13n;
const AS_NOBODY = { binary: RELEASE, as: /** @type {string[]} */ ([]) };

for (const [how, source, capabilities] of /** @type {const} */ ([
  ['redirect', 'proxy', 0n],
  ['tproxy', 'proxy', 0n],
  ['tproxy', 'client', CAP_NET_RAW],
])) {
  test(`nobody serves by ${how} from the ${source}'s address`, { skip: CANNOT }, async (t) => {
    const { client, server, proxy } = await startDiverting(t, {
      ...{ how, more: `TransparentSource ${source}\nWorkers 1`, ...AS_NOBODY },
    });
    assert.match(readFileSync(`/proc/${proxy.pid}/status`, 'utf8'), /^Uid:\t65534\t65534\t65534/m);
    assert.deepEqual(capabilitiesOf(proxy.pid), [capabilities]);
    for (const family of FAMILIES) {
      const host = SERVER[family];
      const listener = await listen(t, { in: server, host, port: 443, serve: echo });
      const peer = await openTunnel(client, host, await clientHello());
      const [{ socket }] = [...listener.peers];
      const seen = source === 'client' ? CLIENT : SERVERS_ROUTER;
      assert.equal(socket.remoteAddress, seen[family]);
      peer.destroy();
      // A request, too: its connection is not kept for others.
      const origin = await startOrigin(t, { in: server, host, port: 80 });
      for (let i = 1; i <= 2; i += 1) {
        const web = await connect(80, { in: client, host });
        web.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
        assert.equal((await readResponse(web)).status, 200);
        assert.equal(origin.connections, source === 'client' ? i : 1);
      }
    }
  });
}

test('who may not is told what it takes', { skip: CANNOT }, async (t) => {
  const { router } = startNetwork();
  const dir = scratch(t);
  chmodSync(dir, 0o755);
  for (const [what, options, sentence] of /** @type {const} */ ([
    [
      'TransparentListen tproxy',
      { how: 'tproxy' },
      /proxy\.conf:1: TransparentListen: .* cannot be listened on: .*tproxy needs the capability CAP_NET_RAW: start as root, or write AmbientCapabilities=CAP_NET_RAW/,
    ],
    [
      'TransparentSource client',
      { how: 'tproxy', more: 'TransparentSource client' },
      /CAP_NET_RAW/,
    ],
  ])) {
    await t.test(what, async () => {
      const file = join(dir, 'proxy.conf');
      writeFileSync(file, divertingConfiguration(options));
      const program = router.program('setpriv', [
        ...['--reuid', '65534', '--regid', '65534', '--clear-groups'],
        ...[RELEASE, 'proxy', '-f', file],
      ]);
      const { code } = await program.exit;
      assert.equal(code, 1, program.stderr);
      assert.match(program.stderr, sentence);
    });
  }

  await t.test('redirect needs nothing', async () => {
    writeFileSync(join(dir, 'proxy.conf'), divertingConfiguration());
    const program = router.program('setpriv', [
      ...['--reuid', '65534', '--regid', '65534', '--clear-groups'],
      ...[RELEASE, 'proxy', '-f', join(dir, 'proxy.conf')],
    ]);
    await program.line(/ready/);
    assert.deepEqual(await program.stop(), { code: 0, signal: null });
  });
});

/* On the client's own machine */

test('clients on the machine of the proxy', { skip: CANNOT }, async (t) => {
  const { client, server } = startNetwork();
  const dir = scratch(t);
  const sections = '<Proxy "*">\n    Require local\n</Proxy>';
  const door = `127.0.0.1:${DOOR}\nTransparentListen [::1]:${DOOR}`;
  const configuration = divertingConfiguration({ door, sections });
  const proxy = await startProxyFrom(t, configuration, { in: client, dir, ...AS_NOBODY });
  divert(client, join(dir, 'proxy.conf'), ['--local']);
  for (const family of FAMILIES) {
    const host = SERVER[family];
    await startOrigin(t, { in: server, host, port: 80 });
    await listen(t, { in: server, host, port: 443, serve: echo });
    await t.test(`over IP${family}`, async (t) => {
      const peer = await openTunnel(
        client,
        host,
        await clientHello({ servername: `${family}.test` }),
      );
      peer.end();
      await peer.readToEnd();
      await proxy.accessLine(new RegExp(`"CONNECT ${family}\\.test:443" 200 .* diverted=`));
      const web = await connect(80, { in: client, host });
      t.after(() => web.destroy());
      web.send('GET /x HTTP/1.1\r\nHost: x\r\n\r\n');
      assert.equal((await readResponse(web)).text, 'GET /x');
    });
  }
});
