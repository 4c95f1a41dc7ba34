// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Our proxy in a chain: behind and in front of Squid, Apache httpd and tinyproxy, and of itself. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import { freePort } from '../../tool/lib/ports.mjs';
import { startSession } from '../lib/client.mjs';
import { curlThrough } from '../lib/curl.mjs';
import { OPCODE, frame, readMessage } from '../lib/frames.mjs';
import { startHttpd } from '../lib/httpd.mjs';
import { DemoPage, startBrowser } from '../lib/page.mjs';
import { readResponse, request, response } from '../lib/http.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { startSquid, startTinyproxy } from '../lib/rivals.mjs';
import { connect, exchange, field, listen, tunnel } from '../lib/tcp.mjs';
import { DEMO_CHANNELS, startProxy, startRealm } from '../lib/wayleave.mjs';

const MODULES = ['mpm_event', 'authz_core', 'authz_host', 'proxy', 'proxy_connect', 'proxy_http']
  .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  .join('\n');

async function startApache(t, { parent, allow }) {
  const port = await freePort();
  const configuration = `${MODULES}
Listen 127.0.0.1:${port}
ProxyRequests On
AllowCONNECT ${allow.join(' ')}
${parent ? `ProxyRemote * http://127.0.0.1:${parent}` : ''}
<Proxy "*">
    Require local
</Proxy>
`;
  return startHttpd(t, configuration, port);
}

const RIVALS = { Squid: startSquid, 'Apache httpd': startApache, tinyproxy: startTinyproxy };

/** Two sessions of our client, ws and wss, tell each other something through a proxy. */
async function sessionsTalk(t, realm, proxyPort) {
  const sessions = [
    await startSession(t, `ws://localhost:${realm.port}`, { proxyPort }),
    await startSession(t, `wss://localhost:${realm.tlsPort}`, { proxyPort }),
  ];
  for (const [from, to] of [sessions, [...sessions].reverse()]) {
    const words = `through ${proxyPort} by ${sessions.indexOf(from)}, with ö`;
    const eid = await from.channel('/demo/chain').publish(words);
    for await (const event of to.channel('/demo/chain').subscribe({ from: 'stored' })) {
      if (event.eid !== eid) continue;
      assert.equal(event.data, words);
      break;
    }
  }
  await Promise.all(sessions.map((session) => session.close()));
}

/** Two tabs of the demo page in a real browser, one on ws and one on wss. */
async function tabsTalk(t, realm, proxyPort) {
  const browser = await startBrowser(t, proxyPort);
  const tabs = [
    await DemoPage.open(browser, realm.port),
    await DemoPage.open(browser, realm.port, { secure: 1, port: realm.tlsPort }),
  ];
  for (const tab of tabs) await tab.state('connected');
  for (const [from, to] of [tabs, [...tabs].reverse()]) {
    const words = `through ${proxyPort} by tab ${tabs.indexOf(from)}`;
    await from.say(words);
    await to.hears(words);
  }
  for (const tab of tabs) assert.deepEqual(tab.faults, []);
  await browser.close();
}

async function pageComes(realm, proxyPort) {
  const { code, out, said } = await curlThrough(proxyPort, [
    ...['--include', `http://localhost:${realm.port}/health`],
  ]);
  assert.equal(code, 0, said);
  assert.match(out, /^HTTP\/1\.[01] 200 /);
}

for (const [name, start] of Object.entries(RIVALS)) {
  test(`the client, then ours, then ${name}, then the realm`, async (t) => {
    const realm = await startRealm(t, { more: DEMO_CHANNELS });
    const allow = [realm.port, realm.tlsPort];
    const rival = await start(t, { allow });
    const more = `ProxyRemote * http://127.0.0.1:${rival.port}`;
    const proxy = await startProxy(t, { allow, more });
    await sessionsTalk(t, realm, proxy.port);
    await pageComes(realm, proxy.port);
    await rival.accessLine(new RegExp(`CONNECT localhost:${realm.port}`));
    await rival.accessLine(new RegExp(`CONNECT localhost:${realm.tlsPort}`));
  });

  test(`the client, then ${name}, then ours, then the realm`, async (t) => {
    const realm = await startRealm(t, { more: DEMO_CHANNELS });
    const allow = [realm.port, realm.tlsPort];
    const proxy = await startProxy(t, { allow });
    const rival = await start(t, { allow, parent: proxy.port });
    await sessionsTalk(t, realm, rival.port);
    await pageComes(realm, rival.port);
    await proxy.accessLine(new RegExp(`"GET http://localhost:${realm.port}/health .* 200 `));
  });

  test(`Chromium, through ours in front of ${name}, and through ${name} in front of ours`, async (t) => {
    const realm = await startRealm(t, { more: DEMO_CHANNELS });
    const allow = [realm.port, realm.tlsPort];
    const behind = await start(t, { allow });
    const more = `ProxyRemote * http://127.0.0.1:${behind.port}`;
    const front = await startProxy(t, { allow, more });
    await tabsTalk(t, realm, front.port);
    const last = await startProxy(t, { allow });
    const rival = await start(t, { allow, parent: last.port });
    await tabsTalk(t, realm, rival.port);
    for (const proxy of [front, last]) {
      for (const port of allow) {
        await proxy.accessLine(new RegExp(`"CONNECT localhost:${port} HTTP/1\\.[01]" 200 `));
      }
    }
  });

  test(`absolute-form WebSocket becomes a tunnel by CONNECT through ${name}`, async (t) => {
    const realm = await startRealm(t, { more: 'DiagnosticEndpoints On' });
    const allow = [realm.port];
    const rival = await start(t, { allow });
    const proxy = await startProxy(t, { more: `ProxyRemote * http://127.0.0.1:${rival.port}` });
    for (const scheme of ['http', 'ws']) {
      const peer = await connect(proxy.port);
      t.after(() => peer.destroy());
      const fields = [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ];
      peer.send(request('GET', `${scheme}://localhost:${realm.port}/echo`, { fields }));
      const { status, head } = await readResponse(peer);
      assert.equal(status, 101, head);
      peer.send(frame(OPCODE.text, 'hello'));
      assert.equal(String((await readMessage(peer)).payload), 'hello');
      peer.destroy(); // only then some log it
    }
    await rival.accessLine(new RegExp(`CONNECT localhost:${realm.port}`));
  });
}

/** A parent proxy that the test speaks for: answers by `answer(head)`, or opens the tunnel. */
async function startParent(t, answer) {
  const heads = [];
  const server = await listen(t, {
    serve: async (peer) => {
      for (;;) {
        const head = String(await peer.readUntil('\r\n\r\n').catch(() => ''));
        if (!head) {
          peer.end();
          return;
        }
        heads.push(head);
        peer.send(answer(head));
      }
    },
  });
  return { port: server.port, heads };
}

const OPENED = 'HTTP/1.1 200 Connection established\r\n\r\n';

test('ProxyRemote with user:password logs in, and says it to nobody else', async (t) => {
  const parent = await startParent(t, (head) =>
    head.startsWith('CONNECT') ? OPENED : response('from the parent'),
  );
  const proxy = await startProxy(t, {
    allow: [9],
    more: `ProxyRemote * http://me:se%20cret@127.0.0.1:${parent.port}`,
  });
  const { status, head, peer } = await tunnel(proxy.port, 'realm.example:9', {
    fields: ['Proxy-Authorization: Basic bWluZTptaW5l'],
  });
  peer.destroy();
  assert.equal(status, 200, head);
  const { body } = await exchange(
    proxy.port,
    request('GET', 'http://realm.example/a?b', { fields: ['Connection: close'] }),
  );
  assert.equal(body, 'from the parent');
  assert.match(parent.heads[0], /^CONNECT realm\.example:9 HTTP\/1\.1\r\n/);
  assert.match(parent.heads[1], /^GET http:\/\/realm\.example\/a\?b HTTP\/1\.1\r\n/);
  const login = field(parent.heads[0], 'proxy-authorization') ?? '';
  assert.match(Buffer.from(login.slice(6), 'base64').toString(), /^me:se(%20| )cret$/);
  assert.equal(field(parent.heads[1], 'proxy-authorization'), login);
  assert.match(
    await proxy.accessLine(/"GET /),
    new RegExp(`parent=http://127.0.0.1:${parent.port}`),
  );
  assert.doesNotMatch(proxy.program.stdout + proxy.program.stderr, /cret/);
});

test('ProxyRemote over TLS, to a certificate that is trusted and to one that is not', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const allow = [realm.port, realm.tlsPort];
  const behind = await startProxy(t, { allow });
  const sockets = new Set();
  const forwarder = tls.createServer(
    {
      cert: readFileSync(join(realm.dir, 'localhost.crt')),
      key: readFileSync(join(realm.dir, 'localhost.key')),
    },
    async (near) => {
      near.on('error', () => near.destroy());
      const far = (await connect(behind.port).catch(() => null))?.socket;
      if (!far) {
        near.destroy(); // the proxy behind has ended, and so does the test
        return;
      }
      for (const socket of [near, far]) sockets.add(socket);
      far.removeAllListeners('data');
      near.pipe(far).pipe(near);
    },
  );
  forwarder.on('tlsClientError', () => {});
  await new Promise((resolve) => forwarder.listen(0, '127.0.0.1', () => resolve(undefined)));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    forwarder.close();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (forwarder.address());
  const remote = `ProxyRemote * https://localhost:${port}`;
  const trusting = `${remote}\nSSLProxyCACertificateFile "${realm.dir}/localhost.crt"`;

  const proxy = await startProxy(t, { allow, more: trusting });
  await sessionsTalk(t, realm, proxy.port);
  await pageComes(realm, proxy.port);
  await behind.accessLine(new RegExp(`"CONNECT localhost:${realm.port} `));

  const wary = await startProxy(t, { allow, more: remote });
  const { status, body } = await exchange(
    wary.port,
    `CONNECT localhost:${realm.port} HTTP/1.1\r\nHost: x\r\n\r\n`,
  );
  assert.equal(status, 502);
  assert.match(body, /certificate/i);
});

test('NoProxy goes direct, everything else by the parent', async (t) => {
  const origin = await startOrigin(t);
  const parent = await startParent(t, () => response('from the parent'));
  const proxy = await startProxy(t, {
    more: `ProxyRemote * http://127.0.0.1:${parent.port}\nNoProxy 127.0.0.1 .direct.example`,
  });
  const go = async (url) =>
    (await exchange(proxy.port, request('GET', url, { fields: ['Connection: close'] }))).body;
  assert.equal(await go(origin.url('/x')), 'GET /x');
  assert.equal(await go('http://other.example/'), 'from the parent');
  assert.equal(parent.heads.length, 1);
});

test('ProxyRemote by scheme: CONNECT and https, or http alone', async (t) => {
  const origin = await startOrigin(t);
  const parent = await startParent(t, () => OPENED);
  const proxy = await startProxy(t, {
    allow: [9],
    more: `ProxyRemote https http://127.0.0.1:${parent.port}`,
  });
  const { status, peer } = await tunnel(proxy.port, 'realm.example:9');
  peer.destroy();
  assert.equal(status, 200);
  const answer = await exchange(
    proxy.port,
    request('GET', origin.url('/'), { fields: ['Connection: close'] }),
  );
  assert.equal(answer.body, 'GET /');
  assert.equal(parent.heads.length, 1);
});

test('ProxyBlock refuses in every form, also by way of a parent', async (t) => {
  const parent = await startParent(t, () => OPENED);
  const more = `ProxyRemote * http://127.0.0.1:${parent.port}\nProxyBlock blocked.example`;
  const proxy = await startProxy(t, { allow: [9], more });
  for (const bytes of [
    'CONNECT www.blocked.example:9 HTTP/1.1\r\nHost: x\r\n\r\n',
    request('GET', 'http://blocked.example/'),
    request('GET', 'http://BLOCKED.example:81/'),
  ]) {
    const { status, body } = await exchange(proxy.port, bytes);
    assert.equal(status, 403);
    assert.match(body, /ProxyBlock/);
  }
  assert.equal(parent.heads.length, 0);
});

test('ProxyDomain sends a client that names a bare host to the whole name', async (t) => {
  const proxy = await startProxy(t, { more: 'ProxyDomain .company.example' });
  const { status, head } = await exchange(proxy.port, request('GET', 'http://intranet:81/a?b'));
  assert.ok([301, 302].includes(status), head);
  assert.equal(field(head, 'location'), 'http://intranet.company.example:81/a?b');
});

test('a parent that refuses CONNECT with 403 is named, and its status is passed on', async (t) => {
  const parent = await startParent(t, () => response('no', { status: '403 Forbidden by policy' }));
  const proxy = await startProxy(t, {
    allow: [9],
    more: `ProxyRemote * http://127.0.0.1:${parent.port}`,
  });
  const { status, head, body } = await exchange(
    proxy.port,
    'CONNECT realm.example:9 HTTP/1.1\r\nHost: x\r\n\r\n',
  );
  assert.equal(status, 403);
  assert.match(body, new RegExp(`parent.*403.*http://127\\.0\\.0\\.1:${parent.port}`));
  assert.match(field(head, 'proxy-status') ?? '', /error=/);
  const forwarded = await exchange(
    proxy.port,
    request('GET', 'http://realm.example/', {
      fields: ['Connection: close'],
    }),
  );
  assert.deepEqual([forwarded.status, forwarded.body], [403, 'no'], 'as the parent said it');
});

test('a parent that wants a login: the client may give it, for tunnels and for requests', async (t) => {
  const challenge = 'Proxy-Authenticate: Basic realm="the parent"';
  const parent = await startParent(t, (head) => {
    if (field(head, 'proxy-authorization') === `Basic ${btoa('me:mine')}`) {
      return head.startsWith('CONNECT') ? OPENED : response('in');
    }
    return response('login', { status: '407 Who are you', fields: [challenge] });
  });
  const proxy = await startProxy(t, {
    allow: [9],
    more: `ProxyRemote * http://127.0.0.1:${parent.port}`,
  });
  const login = `Proxy-Authorization: Basic ${btoa('me:mine')}`;
  for (const bytes of [
    'CONNECT realm.example:9 HTTP/1.1\r\nHost: x\r\n\r\n',
    request('GET', 'http://realm.example/'),
  ]) {
    const peer = await connect(proxy.port);
    t.after(() => peer.destroy());
    peer.send(bytes);
    const { status, head } = await readResponse(peer);
    assert.equal(status, 407, head);
    assert.equal(field(head, 'proxy-authenticate'), 'Basic realm="the parent"');
  }
  const opened = await tunnel(proxy.port, 'realm.example:9', { fields: [login] });
  opened.peer.destroy();
  assert.equal(opened.status, 200);
  const got = await exchange(
    proxy.port,
    request('GET', 'http://realm.example/', { fields: [login, 'Connection: close'] }),
  );
  assert.equal(got.body, 'in');
});

test("a parent that does not take our login is the administrator's to mend: 502", async (t) => {
  const challenge = 'Proxy-Authenticate: Digest realm="the parent"';
  const parent = await startParent(t, () =>
    response('login', { status: '407 Who are you', fields: [challenge] }),
  );
  const proxy = await startProxy(t, {
    allow: [9],
    more: `ProxyRemote * http://me:secret@127.0.0.1:${parent.port}`,
  });
  for (const bytes of [
    'CONNECT realm.example:9 HTTP/1.1\r\nHost: x\r\n\r\n',
    request('GET', 'http://realm.example/'),
  ]) {
    const { status, head, body } = await exchange(proxy.port, bytes);
    assert.equal(status, 502);
    assert.match(body, /parent proxy.*login/);
    assert.equal(field(head, 'proxy-authenticate'), undefined);
  }
});

test('a parent that is gone is 502 and nothing goes direct', async (t) => {
  const origin = await startOrigin(t);
  const gone = await freePort();
  const proxy = await startProxy(t, {
    allow: [origin.port],
    more: `ProxyRemote * http://127.0.0.1:${gone}`,
  });
  for (const bytes of [
    `CONNECT 127.0.0.1:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`,
    request('GET', origin.url('/')),
  ]) {
    const { status, body } = await exchange(proxy.port, bytes);
    assert.equal(status, 502);
    assert.match(body, /parent proxy/);
  }
  assert.equal(origin.connections, 0);
});
