// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Connections that come by the wrong way: the proxy's own, diverted back to it; to the proxy
 * itself; clients that know the proxy at a TransparentListen, and diverted ones at a Listen.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { DOOR, WAYS, startDiverting } from '../lib/divert.mjs';
import { alert, clientHello } from '../lib/hello.mjs';
import { readResponse } from '../lib/http.mjs';
import { CANNOT, CLIENTS_ROUTER, FAMILIES, SERVER } from '../lib/netns.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { Peer, connect, echo, listen } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';

const [ACCESS_DENIED, INTERNAL_ERROR] = [49, 80];

/** Rules for clients' connections, but not for the proxy's own. @param {string} rule */
const routed = (rule) => `table inet routed {
  chain routed {
    type nat hook prerouting priority dstnat
    iifname lan ${rule}
  }
}`;
/** Rules for the router's connections; the line that leaves the proxy's user out is missing. */
const own = (rule) => `table inet own {
  chain own {
    type nat hook output priority -100
    ${rule}
  }
}`;
const REDIRECT = `tcp dport { 80, 443 } redirect to :${DOOR}`;

test('the own connections of the proxy come back to it', { skip: CANNOT }, async (t) => {
  for (const family of FAMILIES) {
    await t.test(`over IP${family}`, async (t) => {
      const { client, router, server, proxy } = await startDiverting(t);
      const host = SERVER[family];
      const secure = await listen(t, { in: server, host, port: 443 });
      router.rules(`${routed(REDIRECT)}\n${own(REDIRECT)}`);
      const rounds = 10;
      for (let i = 1; i <= rounds; i += 1) {
        const peer = await connect(443, { in: client, host });
        t.after(() => peer.destroy());
        peer.send(await clientHello({ servername: 'round.test' }));
        assert.deepEqual([...(await peer.readToEnd())], [...alert(INTERNAL_ERROR)]);
        // Found at the first turn: not one connection more.
        assert.equal(await proxy.metric('wayleave_proxy_loops_total'), i);
      }
      await proxy.program.line(/was diverted back to it: .*meta skuid/);

      const peer = await connect(80, { in: client, host });
      t.after(() => peer.destroy());
      peer.send('GET / HTTP/1.1\r\nHost: round.test\r\n\r\n');
      const { status, text } = await readResponse(peer);
      assert.equal(status, 502);
      assert.match(text, /diverted back to it, and would lead in a circle/);
      assert.equal(await proxy.metric('wayleave_proxy_loops_total'), rounds + 1);

      // The missing line.
      router.rules(`${routed(REDIRECT)}\n${own(`meta skuid root return\n${REDIRECT}`)}`);
      const good = await connect(443, { in: client, host });
      t.after(() => good.destroy());
      good.send(await clientHello({ servername: 'straight.test' }));
      await secure.accept();
    });
  }
});

test('whatever they carry, and whoever asked for them', { skip: CANNOT }, async (t) => {
  const { client, router, proxy } = await startDiverting(t, {
    ...{ allow: [22, 443], more: 'TransparentOther tunnel\nProxyRequests On\nListen 8080' },
    // The proxy's own address may pass, or a rule might be quicker to refuse it.
    sections: '<Proxy "*">\n    Require ip 192.0.2.0/24 198.51.100.0/24\n</Proxy>',
  });
  const rule = `tcp dport { 22, 443 } redirect to :${DOOR}`;
  router.rules(`${routed(rule)}\n${own(rule)}`);
  const silent = await connect(22, { in: client, host: SERVER.v4 });
  assert.equal(String(await silent.readToEnd()), '');
  assert.equal(await proxy.metric('wayleave_proxy_loops_total'), 1);
  const explicit = await connect(8080, { in: client, host: CLIENTS_ROUTER.v4 });
  explicit.send(`CONNECT ${SERVER.v4}:443 HTTP/1.1\r\nHost: ${SERVER.v4}:443\r\n\r\n`);
  await explicit.readUntil('\r\n\r\n');
  explicit.send(await clientHello());
  assert.deepEqual([...(await explicit.readToEnd())], [...alert(INTERNAL_ERROR)]);
  assert.equal(await proxy.metric('wayleave_proxy_loops_total'), 2);
});

/* With the clients' addresses. */

const SPOOFED = { how: 'tproxy', more: 'TransparentSource client' };

test(
  "the client's own port, which the proxy uses, too, is no loop",
  { skip: CANNOT },
  async (t) => {
    const { client, server } = await startDiverting(t, SPOOFED);
    const hello = await clientHello();
    for (const family of FAMILIES) {
      const where = { host: SERVER[family], port: 443 };
      const { peers } = await listen(t, { in: server, ...where, serve: echo });
      const first = await connect(443, { in: client, host: where.host });
      t.after(() => first.destroy());
      first.send(hello);
      await first.read(hello.length);
      const [{ socket }] = [...peers];
      const second = new Peer(await client.dial({ ...where, localPort: socket.remotePort }));
      t.after(() => second.destroy());
      for (const peer of [second, first]) {
        peer.send(hello);
        assert.ok((await peer.read(hello.length)).equals(hello));
      }
    }
  },
);

test("a circle with the client's address ends by itself", { skip: CANNOT }, async (t) => {
  const door = `${DOOR} tproxy\nTransparentListen 3131 redirect`;
  const { client, router, proxy } = await startDiverting(t, {
    ...{ door, more: 'TransparentSource client\nProxyTimeout 1s' },
  });
  router.run('nft', ['-f', '-'], own('tcp dport 443 redirect to :3131'));
  const peer = await connect(443, { in: client, host: SERVER.v4 });
  t.after(() => peer.destroy());
  peer.send(await clientHello());
  assert.deepEqual([...(await peer.readToEnd())], [...alert(INTERNAL_ERROR)]);
  assert.equal(await proxy.metric('wayleave_proxy_diverted_total{kind="tls"}'), 1);
});

test('diverted on the way to the proxy itself', { skip: CANNOT }, async (t) => {
  const { client, router, proxy } = await startDiverting(t, {
    more: 'Listen 8080',
    allow: [8080, 443],
  });
  router.rules(routed(`tcp dport 8080 redirect to :${DOOR}`));
  const host = CLIENTS_ROUTER.v4;
  const peer = await connect(8080, { in: client, host });
  t.after(() => peer.destroy());
  peer.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const { status, text } = await readResponse(peer);
  assert.equal(status, 403, text);
  const other = await connect(8080, { in: client, host });
  t.after(() => other.destroy());
  other.send(await clientHello());
  assert.deepEqual([...(await other.readToEnd())], [...alert(ACCESS_DENIED)]);
  await proxy.accessLine(/"CONNECT 192\.0\.2\.1:8080" 403 .*is the proxy itself/);
});

for (const how of WAYS) {
  test(`a server on the port of the proxy's own door, by ${how}`, { skip: CANNOT }, async (t) => {
    const { client, server } = await startDiverting(t, {
      ...{ how, allow: [DOOR], nft: ['--ports', String(DOOR)] },
    });
    const hello = await clientHello();
    for (const family of FAMILIES) {
      const host = SERVER[family];
      await listen(t, { in: server, host, port: DOOR, serve: echo });
      const peer = await connect(DOOR, { in: client, host });
      t.after(() => peer.destroy());
      peer.send(hello);
      assert.ok((await peer.read(hello.length)).equals(hello));
    }
  });

  test(
    `a client that knows the proxy, at a TransparentListen ${how}`,
    { skip: CANNOT },
    async (t) => {
      const { client, server, proxy } = await startDiverting(t, { how, more: 'ProxyRequests On' });
      for (const family of FAMILIES) {
        const host = CLIENTS_ROUTER[family];
        const there = family === 'v6' ? `[${SERVER.v6}]` : SERVER.v4;
        await listen(t, { in: server, host: SERVER[family], port: 9443, serve: echo });
        await startOrigin(t, { in: server, host: SERVER[family], port: 9000 });
        const call = async () => {
          const peer = await connect(DOOR, { in: client, host });
          t.after(() => peer.destroy());
          return peer;
        };

        await t.test(`CONNECT over IP${family}`, async () => {
          const peer = await call();
          peer.send(`CONNECT ${there}:9443 HTTP/1.1\r\nHost: ${there}:9443\r\n\r\n`);
          assert.match(String(await peer.readUntil('\r\n\r\n')), /^HTTP\/1\.1 200 /);
          peer.send('hello').end();
          assert.equal(String(await peer.readToEnd()), 'hello');
          const line = await proxy.accessLine(
            new RegExp(`"CONNECT ${there.replace(/[[\]]/g, '\\$&')}:9443 HTTP/1.1" 200`),
          );
          assert.doesNotMatch(line, /diverted=/);
        });

        await t.test(`a request in absolute form over IP${family}`, async () => {
          const peer = await call();
          peer.send(`GET http://${there}:9000/x HTTP/1.1\r\nHost: ${there}:9000\r\n\r\n`);
          assert.equal((await readResponse(peer)).text, 'GET /x');
        });

        await t.test(`what is for a server, over IP${family}`, async () => {
          const peer = await call();
          peer.send('GET /x HTTP/1.1\r\nHost: good.test\r\n\r\n');
          const { status, text } = await readResponse(peer);
          assert.equal(status, 405);
          assert.match(text, /came to the TransparentListen \S+ by itself/);
          const secure = await call();
          secure.send(await clientHello());
          await secure.readToEnd();
          const count = () =>
            proxy.accessLines.filter((line) => / 40[05] .*by itself/.test(line)).length;
          await until('both are logged', () => count() === (family === 'v4' ? 2 : 4));
        });
      }
      assert.equal(await proxy.metric('wayleave_proxy_diverted_total{kind="direct"}'), 8);
    },
  );
}

test(
  'explicit requests need ProxyRequests On, diverted ones do not',
  { skip: CANNOT },
  async (t) => {
    const { client, server, proxy } = await startDiverting(t, { more: 'ProxyRequests Off' });
    await startOrigin(t, { in: server, host: SERVER.v4, port: 80 });
    const explicit = await connect(DOOR, { in: client, host: CLIENTS_ROUTER.v4 });
    t.after(() => explicit.destroy());
    explicit.send(`GET http://${SERVER.v4}/ HTTP/1.1\r\nHost: ${SERVER.v4}\r\n\r\n`);
    assert.equal((await readResponse(explicit)).status, 405);
    const diverted = await connect(80, { in: client, host: SERVER.v4 });
    t.after(() => diverted.destroy());
    diverted.send(`GET / HTTP/1.1\r\nHost: ${SERVER.v4}\r\n\r\n`);
    assert.equal((await readResponse(diverted)).status, 200);
    assert.doesNotMatch(proxy.program.stderr, /warn/);
  },
);

test('a diverted client at a Listen', { skip: CANNOT }, async (t) => {
  const { client, router, server, proxy } = await startDiverting(t, {
    more: 'ProxyRequests On\nListen 8080',
  });
  const origin = await startOrigin(t, { in: server, host: SERVER.v4, port: 80 });
  router.rules(routed('tcp dport { 80, 443 } redirect to :8080'));
  const peer = await connect(80, { in: client, host: SERVER.v4 });
  t.after(() => peer.destroy());
  peer.send('GET / HTTP/1.1\r\nHost: good.test\r\n\r\n');
  const { status, text } = await readResponse(peer);
  assert.equal(status, 405);
  assert.match(text, /was diverted on its way to 198\.51\.100\.20:80, .*write TransparentListen/);
  const secure = await connect(443, { in: client, host: SERVER.v4 });
  t.after(() => secure.destroy());
  secure.send(await clientHello());
  await secure.readToEnd();
  await proxy.accessLine(/ 400 .*diverted on its way to 198\.51\.100\.20:443/);
  assert.equal(origin.connections, 0);

  await t.test('which knows the proxy is served as ever', async () => {
    const known = await connect(8080, { in: client, host: CLIENTS_ROUTER.v4 });
    t.after(() => known.destroy());
    known.send(`GET http://${SERVER.v4}/ HTTP/1.1\r\nHost: ${SERVER.v4}\r\n\r\n`);
    assert.equal((await readResponse(known)).status, 200);
  });
});
