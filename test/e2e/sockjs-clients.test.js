// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The stock sockjs-client with the stock @stomp/stompjs, unchanged, in Node and in Chromium: over
 * each transport, from the realm's own page and from another site's, where a proxy breaks
 * WebSocket, and through our proxy.
 */

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import { Client } from '@stomp/stompjs';
import { startBroken } from '../lib/broken.mjs';
import { startBrowser, startSite } from '../lib/page.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until, within } from '../lib/wait.mjs';
import { DEMO_CHANNELS, ROOT, startProxy, startRealm } from '../lib/wayleave.mjs';

const SockJS = createRequire(import.meta.url)('sockjs-client');

const TRANSPORTS = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'];
const OVER_HTTP = TRANSPORTS.slice(1);

/** More than one stream, with what JSON and UTF-8 make interesting. */
const LINES = Array.from({ length: 60 }, (_, i) => `${i} "größer" \u2028 ${'x'.repeat(i * 100)}`);
const SCRIPTS = ['node_modules/sockjs-client/dist/sockjs.js'].concat(
  'node_modules/@stomp/stompjs/bundles/stomp.umd.js',
);

/* ---- Node ---- */

async function inNode(t, url, transports) {
  const inbox = [];
  let transport = '';
  const client = new Client({
    webSocketFactory: () => {
      const socket = new SockJS(url, null, { transports });
      socket.addEventListener('open', () => (transport = socket.transport));
      return socket;
    },
    reconnectDelay: 0,
  });
  t.after(() => client.deactivate());
  const connected = new Promise((resolve) => (client.onConnect = resolve));
  client.activate();
  await within('CONNECTED', connected);
  client.subscribe('/demo/lines', ({ body }) => inbox.push(body), { id: 's' });
  return { client, inbox, transport };
}

test('in Node, over each transport', async (t) => {
  const realm = await startRealm(t, { more: `${DEMO_CHANNELS}SockJSStreamBytes 16k\n` });
  for (const transport of TRANSPORTS) {
    await t.test(transport, async (t) => {
      const url = `http://localhost:${realm.port}/sockjs`;
      const session = await inNode(t, url, [transport]);
      assert.equal(session.transport, transport);
      // Heard from others and by oneself, in order.
      for (const body of LINES) session.client.publish({ destination: '/demo/lines', body });
      await until('all lines', () => session.inbox.length === LINES.length, {
        seen: () => session.inbox.length,
      });
      assert.deepEqual(session.inbox, LINES);
      const stomp = await Stomp.connect(t, realm.port);
      await stomp.ask('SEND', { destination: '/demo/lines' }, 'from another');
      await until('another line', () => session.inbox.at(-1) === 'from another');
      await session.client.deactivate();
    });
  }
});

test('in Node, what falls back finds a way round a broken proxy', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  for (const [mode, transports, works] of [
    ['strip-upgrade', undefined, 'xhr-streaming'],
    ['silent-101', undefined, 'xhr-streaming'],
    ['buffer', OVER_HTTP, 'xhr-polling'],
  ]) {
    await t.test(`${mode}: ${works}`, async (t) => {
      const [broken] = (await startBroken(t, [realm.port], { mode })).ports;
      const session = await inNode(t, `http://localhost:${broken}/sockjs`, transports);
      assert.equal(session.transport, works);
      session.client.publish({ destination: '/demo/lines', body: mode });
      await until('the line', () => session.inbox.includes(mode));
      await session.client.deactivate();
    });
  }
});

/* ---- Chromium ---- */

/** Connects, hears its own lines and says by which transport. */
async function inPage(page, url, transports, lines) {
  for (const path of SCRIPTS) await page.addScriptTag({ path: ROOT + path });
  const talk = page.evaluate(
    ([url, transports, lines]) =>
      new Promise((resolve, reject) => {
        const inbox = [];
        let transport = '';
        const client = new window.StompJs.Client({
          webSocketFactory: () => {
            const socket = new window.SockJS(url, null, { transports });
            socket.addEventListener('open', () => (transport = socket.transport));
            return socket;
          },
          reconnectDelay: 0,
          onWebSocketClose: ({ code, reason }) => reject(new Error(`closed: ${code} ${reason}`)),
          onStompError: ({ headers }) => reject(new Error(headers.message)),
          onConnect: () => {
            const name = `/demo/${Math.random()}`;
            client.subscribe(name, ({ body }) => {
              inbox.push(body);
              if (inbox.length === lines.length) resolve({ inbox, transport });
            });
            for (const body of lines) client.publish({ destination: name, body });
          },
        });
        client.activate();
      }),
    [url, transports, lines],
  );
  return within('all lines', talk, 60_000);
}

test('in Chromium, over each transport, on the realm and on another site', async (t) => {
  const site = await startSite(t);
  const more = `${DEMO_CHANNELS}SockJSStreamBytes 16k\nAllowOrigin ${site.origin}\n`;
  const realm = await startRealm(t, { more });
  const browser = await startBrowser(t);
  for (const transport of TRANSPORTS) {
    for (const origin of [`http://localhost:${realm.port}`, site.origin]) {
      await t.test(`${transport}, ${origin === site.origin ? 'site' : 'own'}`, async () => {
        const page = await browser.newPage();
        await page.goto(`${origin}/health?realm=${realm.port}`);
        const url = `http://localhost:${realm.port}/sockjs`;
        const heard = await inPage(page, url, [transport], LINES);
        assert.equal(heard.transport, transport);
        assert.deepEqual(heard.inbox, LINES);
        await page.close();
      });
    }
  }
});

test('in Chromium, behind a proxy that breaks WebSocket', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const browser = await startBrowser(t);
  for (const [mode, transports, works] of [
    ['strip-upgrade', undefined, 'xhr-streaming'],
    ['silent-101', undefined, 'xhr-streaming'],
    ['buffer', OVER_HTTP, 'xhr-polling'],
    ...OVER_HTTP.map((each) => ['strip-upgrade', [each], each]),
  ]) {
    await t.test(`${mode}: ${works} of ${transports ?? 'all'}`, async (t) => {
      const [broken] = (await startBroken(t, [realm.port], { mode })).ports;
      const page = await browser.newPage();
      await page.goto(`http://localhost:${broken}/health`);
      const heard = await inPage(page, `http://localhost:${broken}/sockjs`, transports, LINES);
      assert.equal(heard.transport, works);
      assert.deepEqual(heard.inbox, LINES);
      await page.close();
    });
  }
});

test('in Chromium, through our proxy: forwarded, and in a tunnel', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [realm.port, realm.tlsPort] });
  const browser = await startBrowser(t, proxy.port, { forAll: true });
  for (const transport of TRANSPORTS) {
    for (const base of [`http://localhost:${realm.port}`, `https://localhost:${realm.tlsPort}`]) {
      await t.test(`${transport}, ${base.split(':')[0]}`, async () => {
        const page = await browser.newPage({ ignoreHTTPSErrors: true });
        await page.goto(`${base}/health`);
        const heard = await inPage(page, `${base}/sockjs`, [transport], LINES);
        assert.equal(heard.transport, transport);
        assert.deepEqual(heard.inbox, LINES);
        await page.close();
      });
    }
  }
  await proxy.accessLine(/"GET http:\/\/localhost:\d+\/sockjs\/info/);
});
