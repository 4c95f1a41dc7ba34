// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What an administrator does to a running proxy: reload, rotate, drain, watch, activate. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect as dial, createServer } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import vm from 'node:vm';
import { get, portIn } from '../lib/reload.mjs';
import { echo, exchange, listen, tunnel } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import { AS_ROOT, CHECKED, runWayleave, scratch, startProxyFrom } from '../lib/wayleave.mjs';

/** Root must say who serves. */
const WHO = process.getuid() === 0 ? 'User root' : '';

/** @param {{ ports?: number[], more?: string, listen?: string[] }} options */
function configuration({ ports = [443], more = '', listen: listens = ['127.0.0.1:0'] } = {}) {
  return `${WHO}
${listens.map((address) => `Listen ${address}`).join('\n')}
ProxyRequests On
AllowCONNECT ${ports.join(' ')}
<Proxy "*">
    Require local
</Proxy>
${more}
`;
}

/** A proxy and the file that it reads again on SIGHUP. */
async function startReloadable(t, text) {
  const dir = scratch(t);
  const proxy = await startProxyFrom(t, text, { dir });
  return Object.assign(proxy, {
    dir,
    /** @param {string} next @param {RegExp} outcome */
    async reload(next, outcome = /reloaded .*, now on /) {
      const from = proxy.program.stderr.length;
      writeFileSync(join(dir, 'proxy.conf'), next);
      process.kill(proxy.pid, 'SIGHUP');
      return proxy.program.line(outcome, { from });
    },
  });
}

/** @param {import('../lib/tcp.mjs').Peer} peer */
async function isAlive(peer, word) {
  peer.send(word);
  assert.equal(String(await peer.read(word.length)), word);
}

/* ---- reload ---- */

test('a reload under 500 live tunnels cuts none of them', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startReloadable(t, configuration({ ports: [server.port] }));
  const target = `127.0.0.1:${server.port}`;
  const tunnels = [];
  for (let i = 0; i < 500; i += 50) {
    tunnels.push(
      ...(await Promise.all(Array.from({ length: 50 }, () => tunnel(proxy.port, target)))),
    );
  }
  t.after(() => tunnels.forEach(({ peer }) => peer.destroy()));
  assert.deepEqual([...new Set(tunnels.map(({ status }) => status))], [200]);

  const listens = ['127.0.0.1:0', '127.0.0.2:0'];
  const added = portIn(
    await proxy.reload(configuration({ ports: [server.port], listen: listens })),
  );
  await Promise.all(tunnels.map(({ peer }, i) => isAlive(peer, `first ${i}`)));
  const byNew = await new Promise((resolve, reject) => {
    const socket = dial(added, '127.0.0.2', () => resolve(socket.destroy()));
    socket.on('error', reject);
  });
  assert.ok(byNew);

  // The port is not allowed any more: for new tunnels.
  await proxy.reload(configuration({ ports: [443] }));
  assert.equal((await tunnel(proxy.port, target)).status, 403);
  await Promise.all(tunnels.map(({ peer }, i) => isAlive(peer, `second ${i}`)));
  await assert.rejects(
    new Promise((resolve, reject) => dial(added, '127.0.0.2', resolve).on('error', reject)),
    /ECONNREFUSED/,
  );
  await Promise.all(
    tunnels.map(async ({ peer }) => {
      peer.end();
      await peer.readToEnd();
    }),
  );
});

test('a bad file changes nothing and all its faults are said', async (t) => {
  const server = await listen(t, { serve: echo });
  const good = configuration({ ports: [server.port] });
  const proxy = await startReloadable(t, good);
  const { peer } = await tunnel(proxy.port, `127.0.0.1:${server.port}`);

  await proxy.reload(`${good}\nNoSuchThing\nMaxTunnels many\n`, /was not reloaded/);
  assert.match(proxy.program.stderr, /proxy\.conf:\d+: .*NoSuchThing/);
  assert.match(proxy.program.stderr, /proxy\.conf:\d+: .*MaxTunnels/);
  await proxy.reload(
    configuration({ listen: ['127.0.0.1:0', '192.0.2.1:80'] }),
    /was not reloaded/,
  );
  assert.match(proxy.program.stderr, /Listen: 192\.0\.2\.1:80 cannot be listened on/);
  await proxy.reload(configuration({ more: 'ErrorLog /nonexistent/log' }), /was not reloaded/);
  await proxy.reload('ProxyRequests On\n', /was not reloaded/);

  await isAlive(peer, 'still here');
  const again = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  assert.equal(again.status, 200);
  again.peer.destroy();
  peer.destroy();
});

/* ---- the end ---- */

test('SIGTERM closes the door, lets tunnels finish, and ends with the last', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startReloadable(t, configuration({ ports: [server.port] }));
  const { peer } = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  const idle = dial(proxy.port, '127.0.0.1');
  idle.on('error', () => {}); // one that no worker had taken yet is reset by the kernel: closed, too
  await new Promise((resolve) => idle.on('connect', resolve));

  process.kill(proxy.pid, 'SIGTERM');
  await proxy.program.line(/drains: no new work/);
  await within(
    'the idle connection to be closed',
    new Promise((resolve) => idle.on('close', resolve).resume()),
  );
  await until(
    'no new connection',
    () =>
      new Promise((resolve) => {
        const socket = dial(proxy.port, '127.0.0.1', () => resolve(socket.destroy() && false));
        socket.on('error', () => resolve(true));
      }),
  );
  await isAlive(peer, 'finishing');
  peer.end();
  await peer.readToEnd();
  assert.deepEqual(await proxy.program.exit, { code: 0, signal: null });
  assert.match(proxy.program.stderr, /everything has finished/);
});

for (const [what, more, second, said] of [
  ['the limit', 'GracefulShutdownTimeout 50ms', null, /the time to drain is up/],
  ['a second SIGTERM', '', 'SIGTERM', /a second time/],
  ['SIGINT', '', 'SIGINT', /interrupted/],
]) {
  test(`${what} ends the drain`, async (t) => {
    const server = await listen(t, { serve: echo });
    const proxy = await startReloadable(t, configuration({ ports: [server.port], more }));
    const { peer } = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
    process.kill(proxy.pid, 'SIGTERM');
    await proxy.program.line(/drains: no new work/);
    if (second) process.kill(proxy.pid, /** @type {NodeJS.Signals} */ (second));
    assert.deepEqual(await proxy.program.exit, { code: 0, signal: null });
    assert.match(proxy.program.stderr, said);
    peer.destroy();
  });
}

/* ---- files ---- */

test('SIGUSR1 opens a log again that was renamed', async (t) => {
  const dir = scratch(t);
  const log = join(dir, 'error.log');
  const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  writeFileSync(join(dir, 'proxy.conf'), configuration({ more: `ErrorLog ${log}` }));
  const running = runWayleave(['proxy', '-f', join(dir, 'proxy.conf'), ...AS_ROOT]);
  await until('ready in the file', () => read(log).includes('ready on'));
  const pid = Number(/pid (\d+)/.exec(read(log))[1]);
  renameSync(log, `${log}.1`);
  process.kill(pid, 'SIGUSR1');
  await until('a new file', () => read(log).includes('opened its logs again'));
  process.kill(pid, 'SIGINT');
  const { code } = await running;
  assert.equal(code, 0);
  assert.match(read(log), /stops/);
  assert.doesNotMatch(read(`${log}.1`), /stops/);
});

test('the pid file is there while it serves, and keeps a second one away', async (t) => {
  const dir = scratch(t);
  const file = join(dir, 'proxy.pid');
  const text = configuration({ more: `PidFile ${file}` });
  const proxy = await startProxyFrom(t, text, { dir });
  assert.equal(readFileSync(file, 'utf8'), `${proxy.pid}\n`);
  writeFileSync(join(dir, 'second.conf'), text);
  const second = await runWayleave(['proxy', '-f', join(dir, 'second.conf'), ...AS_ROOT]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`running, process ${proxy.pid}`));
  await proxy.stop('SIGINT');
  assert.equal(existsSync(file), false);
});

/* ---- systemd ---- */

test('sockets of systemd are used where a Listen asks for them', async (t) => {
  const server = await listen(t, { serve: echo });
  const dir = scratch(t);
  const doors = await Promise.all(
    [0, 1].map(
      () =>
        new Promise((resolve) => {
          const door = createServer().listen(0, '127.0.0.1', () => resolve(door));
        }),
    ),
  );
  const [port, unasked] = doors.map((door) => door.address().port);
  const fds = doors.map((door) => door._handle.fd);
  writeFileSync(
    join(dir, 'proxy.conf'),
    configuration({ ports: [server.port], listen: [`127.0.0.1:${port}`] }),
  );
  // LISTEN_PID is the number of the process itself, which exec keeps.
  const launch = 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=proxy:other exec "$0" proxy -f "$1"';
  const child = spawn('sh', ['-c', launch, CHECKED, join(dir, 'proxy.conf')], {
    stdio: ['ignore', 'inherit', 'pipe', ...fds],
  });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  const ended = new Promise((resolve) => child.on('close', resolve));
  await until('ready', () => said.includes('ready on'), { seen: () => said });
  doors.forEach((door) => door.close()); // ours; the proxy has its own
  assert.match(said, new RegExp(`"other" for 127\\.0\\.0\\.1:${unasked} .* not used`));
  for (let i = 0; i < 10; i += 1) {
    const { status, peer } = await tunnel(port, `127.0.0.1:${server.port}`);
    assert.equal(status, 200);
    await isAlive(peer, 'activated');
    peer.destroy();
  }
  child.kill('SIGINT');
  assert.equal(await within('its end', ended), 0);
});

/* ---- watching ---- */

const ADMIN = 'AdminListen 127.0.0.1:0';

async function startWatched(t, options = {}) {
  const proxy = await startReloadable(
    t,
    configuration({ ...options, more: `${ADMIN}\n${options.more ?? ''}` }),
  );
  return Object.assign(proxy, { admin: portIn(await proxy.program.line(/admin listener on/)) });
}

test('metrics are Prometheus text that counts tunnels', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startWatched(t, { ports: [server.port] });
  const value = async (name) => {
    const { status, headers, body } = await get(proxy.admin, '/metrics');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    for (const line of body.trimEnd().split('\n')) {
      assert.match(
        line,
        /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,le="[^"]*")?\})? [0-9.e+-]+)$/,
      );
    }
    return Number(
      body
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        .slice(name.length),
    );
  };
  assert.equal(await value('wayleave_proxy_tunnels'), 0);
  const { peer } = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  assert.equal(await value('wayleave_proxy_tunnels'), 1);
  peer.end();
  await peer.readToEnd();
  await until('the gauge to fall', async () => (await value('wayleave_proxy_tunnels')) === 0);
  assert.equal(await value('wayleave_proxy_tunnels_total'), 1);
});

test('the status pages through live tunnels', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startWatched(t, { ports: [server.port] });
  const peers = [];
  for (let i = 0; i < 7; i += 1) {
    peers.push((await tunnel(proxy.port, `127.0.0.1:${server.port}`)).peer);
  }
  await isAlive(peers[0], 'twelve bytes');
  const seen = new Map();
  let after = '';
  for (let pages = 0; after !== null; pages += 1) {
    assert.ok(pages < 8, 'the pages end');
    const { status, body } = await get(proxy.admin, `/status?limit=2${after && `&after=${after}`}`);
    assert.equal(status, 200);
    const page = JSON.parse(body);
    assert.ok(page.tunnels.length <= 2);
    for (const each of page.tunnels) seen.set(each.id, each);
    after = page.next;
  }
  assert.equal(seen.size, 7);
  for (const each of seen.values()) {
    assert.match(each.target, new RegExp(`127\\.0\\.0\\.1:${server.port}`));
    assert.match(each.client, /^127\.0\.0\.1:\d+$/);
    assert.equal(each.user, null);
    assert.ok(each.ageMs >= 0);
  }
  assert.deepEqual(
    [...seen.values()]
      .map(({ upBytes }) => upBytes)
      .sort((a, b) => a - b)
      .at(-1),
    12,
  );

  const status = JSON.parse((await get(proxy.admin, '/status')).body);
  assert.equal(status.service, 'wayleave proxy');
  assert.equal(status.pid, proxy.pid);
  assert.deepEqual(status.listeners, [`127.0.0.1:${proxy.port}`]);
  assert.equal(status.counters.wayleave_proxy_tunnels, 7);
  assert.equal(status.configuration.refusedAt, null);
  await proxy.reload('Nonsense\n', /was not reloaded/);
  assert.notEqual(
    JSON.parse((await get(proxy.admin, '/status')).body).configuration.refusedAt,
    null,
  );
  peers.forEach((peer) => peer.destroy());
});

test('health turns while draining, and the admin listener stays', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startWatched(t, { ports: [server.port] });
  const { peer } = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  assert.deepEqual(
    [(await get(proxy.admin, '/healthz')).status, (await get(proxy.admin, '/healthz')).body],
    [200, 'ok\n'],
  );
  process.kill(proxy.pid, 'SIGTERM');
  await proxy.program.line(/drains: no new work/);
  assert.equal((await get(proxy.admin, '/healthz')).status, 503);
  peer.end();
  await peer.readToEnd();
  assert.deepEqual(await proxy.program.exit, { code: 0, signal: null });
});

test('the admin listener takes neither foreign names nor other requests', async (t) => {
  const proxy = await startWatched(t);
  const host = (name) => get(proxy.admin, '/healthz', { headers: { host: name } });
  assert.equal((await host('localhost')).status, 200);
  assert.equal((await host(`127.0.0.1:${proxy.admin}`)).status, 200);
  assert.equal((await host('evil.example')).status, 403); // DNS rebinding
  assert.equal((await get(proxy.admin, '/')).status, 404);
  assert.equal((await get(proxy.admin, '/status?limit=0')).status, 400);
  assert.equal((await get(proxy.admin, '/status?after=99.5')).status, 200);
  assert.equal((await get(proxy.admin, '/metrics', { method: 'POST' })).status, 405);
  assert.equal((await get(proxy.admin, '/metrics', { method: 'HEAD' })).body, '');
  assert.equal((await exchange(proxy.admin, 'garbage\r\n\r\n')).status, 400);
  assert.equal(
    (await exchange(proxy.admin, `GET /${'a'.repeat(5000)} HTTP/1.1\r\n\r\n`)).status,
    414,
  );
});

test('an admin listener that others can reach needs to know who they are', async (t) => {
  const file = join(scratch(t), 'proxy.conf');
  writeFileSync(file, configuration({ more: 'AdminListen 0.0.0.0:9180' }));
  const { code, stderr } = await runWayleave(['proxy', '-t', '-f', file]);
  assert.equal(code, 1);
  assert.match(stderr, /add AdminAllow/);
});

/* ---- the configuration script for browsers ---- */

test('the PAC script sends all four schemes through the proxy, and its own house direct', async (t) => {
  const more =
    'NoProxy 10.0.0.0/8 192.168. 2001:db8::/32 .example.net one.example.org\nProxyDomain .corp.test';
  const proxy = await startReloadable(t, configuration({ more }));
  const [pac, wpad] = await Promise.all(
    ['/proxy.pac', '/wpad.dat'].map((path) => get(proxy.port, path)),
  );
  assert.equal(pac.status, 200);
  assert.equal(pac.headers['content-type'], 'application/x-ns-proxy-autoconfig');
  assert.equal(pac.body, wpad.body);

  const context = vm.createContext({}); // no dnsResolve(): it must not be needed
  vm.runInContext(pac.body, context);
  const find = (url, host) => context.FindProxyForURL(url, host);
  const through = `PROXY 127.0.0.1:${proxy.port}`;
  const way = { through, direct: 'DIRECT' };
  for (const [outcome, host] of [
    ['through', 'realm.example.com'],
    ['direct', 'intranet'],
    ['direct', 'localhost'],
    ['direct', 'a.localhost'],
    ['direct', '127.9.9.9'],
    ['direct', '::1'],
    ['direct', '[::1]'],
    ['direct', '10.1.2.3'],
    ['direct', '::ffff:10.1.2.3'],
    ['through', '11.1.2.3'],
    ['direct', '192.168.3.4'],
    ['direct', '2001:db8::5'],
    ['through', '2001:db9::5'],
    ['direct', 'example.net'],
    ['direct', 'a.EXAMPLE.net.'],
    ['through', 'badexample.net'],
    ['direct', 'one.example.org'],
    ['through', 'two.one.example.org'],
    ['direct', 'host.corp.test'],
  ]) {
    // As Chromium calls it: with the path for ws, without it for wss and https.
    assert.equal(find(`http://${host}/a/b?c`, host), way[outcome], `http ${host}`);
    assert.equal(find(`https://${host}/`, host), way[outcome], `https ${host}`);
    assert.equal(find(`ws://${host}:9000/stomp`, host), way[outcome], `ws ${host}`);
    assert.equal(find(`wss://${host}:9443/`, host), way[outcome], `wss ${host}`);
  }
  assert.equal(find('ftp://ftp.example.com/', 'ftp.example.com'), 'DIRECT');
});

test('the PAC script names the proxy as ServerName does', async (t) => {
  const proxy = await startReloadable(t, configuration({ more: 'ServerName proxy.example.com' }));
  assert.match(
    (await get(proxy.port, '/proxy.pac')).body,
    new RegExp(`'PROXY proxy\\.example\\.com:${proxy.port}'`),
  );
});

/* ---- limits ---- */

test('a client holds as many tunnels as it may, and not one more', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startWatched(t, { ports: [server.port], more: 'TunnelsPerClient 2' });
  const target = `127.0.0.1:${server.port}`;
  const [one, two, three] = [
    await tunnel(proxy.port, target),
    await tunnel(proxy.port, target),
    await tunnel(proxy.port, target),
  ];
  assert.deepEqual([one.status, two.status, three.status], [200, 200, 503]);
  assert.match(three.head, /TunnelsPerClient/);
  const other = await tunnel(proxy.port, target, { from: '127.0.0.2' });
  assert.equal(other.status, 200);
  one.peer.end();
  await one.peer.readToEnd();
  await until('room again', async () => {
    const { status, peer } = await tunnel(proxy.port, target);
    peer.destroy();
    return status === 200;
  });
  for (const { peer } of [two, other]) peer.destroy();
});

test('over MemoryMax new work is told 503, and what stands goes on', async (t) => {
  const server = await listen(t, { serve: echo });
  const roomy = configuration({ ports: [server.port], more: 'MemoryMax 100g' });
  const proxy = await startReloadable(t, roomy);
  const { status, peer } = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  assert.equal(status, 200);
  await proxy.reload(roomy.replace('100g', '1m'));
  await proxy.program.line(/too much memory is in use/);
  const refused = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  assert.equal(refused.status, 503);
  assert.match(refused.head, /MemoryMax/);
  await isAlive(peer, 'goes on');
  await proxy.reload(roomy);
  await proxy.program.line(/there is memory again/);
  const again = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  assert.equal(again.status, 200);
  again.peer.destroy();
  peer.destroy();
});
