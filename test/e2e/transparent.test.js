// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Clients that know of no proxy hold sessions with a realm through a router whose rules divert them
 * to our proxy: a real browser and our client, ws and wss, by REDIRECT and by TPROXY, over IPv4 and
 * IPv6. And a broken transparent proxy behind ours or in place of it, for contrast.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { connect as connectSession } from '../../js/client/src/index.js';
import { BrokenProxy } from '../lib/broken.mjs';
import { webSocketFrom } from '../lib/client.mjs';
import { startDiverting } from '../lib/divert.mjs';
import { clientHello } from '../lib/hello.mjs';
import { readResponse, sha256 } from '../lib/http.mjs';
import { CANNOT, CLIENT, FAMILIES, SERVER, SERVERS_ROUTER, startNetwork } from '../lib/netns.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { DemoPage, startBrowser } from '../lib/page.mjs';
import { connect, echo, listen } from '../lib/tcp.mjs';
import { DEMO_CHANNELS, startRealm } from '../lib/wayleave.mjs';

const [PLAIN, SECURE] = [9000, 9443];

/** Names that lead to the server over one family each. */
const NAMES = { 'realm-v4.test': [SERVER.v4], 'realm-v6.test': [SERVER.v6] };

/** An address as in a log. @param {string} host @param {number | string} port */
const place = (host, port) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
/** @param {string} text */
const quoted = (text) => text.replace(/[[\].*+?^$(){}|\\]/g, '\\$&');

function startServer(t, server) {
  return startRealm(t, {
    ...{ in: server, hosts: [SERVER.v4, `[${SERVER.v6}]`], port: PLAIN, tlsPort: SECURE },
    more: `${DEMO_CHANNELS}ServerAlias ${Object.keys(NAMES).join(' ')}\n`,
  });
}

/** Two pages, one on ws and one on wss, talk to each other. */
async function tabsTalk(browser, host) {
  const tabs = [
    await DemoPage.open(browser, PLAIN, {}, host),
    await DemoPage.open(browser, PLAIN, { secure: 1, port: SECURE }, host),
  ];
  for (const tab of tabs) await tab.state('connected');
  assert.equal(await tabs[0].text('path-url'), `ws://${host}:${PLAIN}/stomp`);
  assert.equal(await tabs[1].text('path-url'), `wss://${host}:${SECURE}/stomp`);
  for (const [from, to] of [tabs, [...tabs].reverse()]) {
    const words = `from ${tabs.indexOf(from)} to ${host}, with ö`;
    await from.say(words);
    await to.hears(words);
  }
  for (const tab of tabs) {
    assert.deepEqual(tab.faults, []);
    await tab.close();
  }
}

/** Who the realm says began a session on `kind`, last. */
function lastPeer(realm, kind) {
  const lines = realm.program.stderr
    .split('\n')
    .filter((line) => new RegExp(`, ${kind}( deflate)?, `).test(line));
  return /session \d+ began: (\S+),/.exec(lines.at(-1) ?? '')?.[1];
}

for (const [how, source] of [
  ['redirect', 'proxy'],
  ['tproxy', 'proxy'],
  ['tproxy', 'client'],
]) {
  const title = `a browser and our client by ${how}, with the address of the ${source}`;
  test(title, { skip: CANNOT }, async (t) => {
    const { client, server, proxy } = await startDiverting(t, {
      ...{ how, more: `TransparentSource ${source}` },
    });
    client.names(NAMES);
    const realm = await startServer(t, server);
    const browser = await startBrowser(t, undefined, { in: client });
    for (const family of FAMILIES) {
      const host = `realm-${family}.test`;
      const there = SERVER[family];
      const seen = (source === 'client' ? CLIENT : SERVERS_ROUTER)[family];

      await t.test(`a browser over IP${family}`, async () => {
        await tabsTalk(browser, host);
        for (const kind of ['ws', 'wss']) {
          assert.match(
            String(lastPeer(realm, kind)),
            new RegExp(`^${quoted(place(seen, ''))}\\d+$`),
          );
        }
        const log = (request, port) =>
          proxy.accessLine(
            new RegExp(
              `^\\S*${quoted(CLIENT[family])}.* "${request} .* diverted=${quoted(place(there, port))}`,
            ),
          );
        await log(`GET http://${host}:${PLAIN}/stomp HTTP/1.1" 101`, PLAIN);
        const tunnel = await log(`CONNECT ${host}:${SECURE}" 200`, SECURE);
        assert.match(tunnel, new RegExp(` sni=${host} alpn="?http/1.1`));
      });

      await t.test(`our client over IP${family}`, async () => {
        for (const url of [`ws://${place(there, PLAIN)}`, `wss://${place(there, SECURE)}`]) {
          const session = await connectSession(url, { WebSocket: webSocketFrom(client) });
          await session.channel('/demo/node').publish(`by ${url}`);
          await session.close();
          // Without a name, the address stands for itself.
          const line = url.startsWith('wss:')
            ? `CONNECT ${place(there, SECURE)}"`
            : `GET http://${place(there, PLAIN)}/stomp HTTP/1.1"`;
          await proxy.accessLine(new RegExp(`"${quoted(line)}`));
        }
      });
    }
  });
}

/** What a broken transparent proxy does to pages that know of no proxy, and ours does not. */
test(
  'a broken transparent proxy on the router, and ours in its place',
  { skip: CANNOT },
  async (t) => {
    const network = startNetwork();
    const { client, router, server } = network;
    client.names(NAMES);
    await startServer(t, server);
    const browser = await startBrowser(t, undefined, { in: client });
    const host = 'realm-v4.test';

    const broken = new BrokenProxy({ in: router });
    t.after(() => broken.close());
    for (const port of [PLAIN, SECURE]) {
      await broken.listen({ host: '0.0.0.0', port }, { host: SERVER.v4, port });
    }
    router.rules(`table ip test {
    chain divert {
      type nat hook prerouting priority dstnat
      iifname lan tcp dport { ${PLAIN}, ${SECURE} } redirect
    }
  }`);

    await t.test('one that passes everything: the rules are fine', () => tabsTalk(browser, host));

    for (const mode of ['strip-upgrade', 'answer-400', 'no-upgrade', 'portal-302']) {
      await t.test(`${mode}: ws fails, wss passes`, async () => {
        await broken.become('pass'); // for the pages themselves
        const [plain, secure] = await Promise.all([browser.newPage(), browser.newPage()]);
        for (const page of [plain, secure]) await page.goto(`http://${host}:${PLAIN}/demo/`);
        await broken.become(mode);
        assert.equal(await plain.evaluate(outcome, `ws://${host}:${PLAIN}/stomp`), 1006);
        assert.equal(await secure.evaluate(outcome, `wss://${host}:${SECURE}/stomp`), 'open');
        for (const page of [plain, secure]) await page.close();
      });
    }

    await t.test('ours: both pass', async (t) => {
      const { proxy } = await startDiverting(t, { network });
      await tabsTalk(browser, host);
      await proxy.accessLine(new RegExp(`"GET http://${host}:${PLAIN}/stomp HTTP/1.1" 101 `));
      await proxy.accessLine(new RegExp(`"CONNECT ${host}:${SECURE}" 200 `));
    });
  },
);

/** In the page: how a WebSocket begins. @param {string} url */
function outcome(url) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, ['v12.stomp']);
    socket.onopen = () => resolve('open');
    socket.onclose = ({ code }) => resolve(code);
  });
}

test('much in both directions, and ends of one side', { skip: CANNOT }, async (t) => {
  for (const [how, family] of /** @type {const} */ ([
    ['redirect', 'v6'],
    ['tproxy', 'v4'],
  ])) {
    await t.test(`by ${how} over IP${family}`, async (t) => {
      const { client, server } = await startDiverting(t, {
        ...{ how, more: how === 'tproxy' ? 'TransparentSource client' : '' },
      });
      const host = SERVER[family];
      const body = randomBytes(4 * 1024 * 1024);

      await listen(t, { in: server, host, port: 443, serve: echo });
      const hello = await clientHello();
      const peer = await connect(443, { in: client, host });
      peer.send(Buffer.concat([hello, body])).end();
      assert.ok((await peer.readToEnd()).equals(Buffer.concat([hello, body])));

      const origin = await startOrigin(t, { in: server, host, port: 80 });
      const web = await connect(80, { in: client, host });
      const head = `POST /much HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
      web.send(head).send(body);
      assert.equal((await readResponse(web)).text, 'POST /much');
      assert.equal((await origin.request()).sha256, sha256(body));
    });
  }
});
