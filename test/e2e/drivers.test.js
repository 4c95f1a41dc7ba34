// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The drivers of our client in Chromium: each one direct, through our proxy, Apache httpd and Squid;
 * and which one it takes behind each mode of the broken transparent proxy, after which attempts.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { freePort } from '../../tool/lib/ports.mjs';
import { startBroken } from '../lib/broken.mjs';
import { startHttpd } from '../lib/httpd.mjs';
import { startBrowser } from '../lib/page.mjs';
import { startSquid } from '../lib/rivals.mjs';
import {
  DEMO_CHANNELS,
  ROOT,
  proxyConfiguration,
  startProxy,
  startRealm,
} from '../lib/wayleave.mjs';

const [WEBSOCKET, STREAMING, EVENTS, POLL] = [
  'WEBSOCKET',
  'XHR_STREAMING_CORS',
  'EVENTSOURCE_STREAMING_POSTMESSAGE',
  'XHR_LONGPOLL_CORS',
];
const DRIVERS = [WEBSOCKET, STREAMING, EVENTS, POLL];
/** More than one answer of a stream that ends after 16 KiB. */
const LINES = Array.from({ length: 40 }, (_, i) => `${i} "größer" 😀 ${'x'.repeat(i * 40)}`);
const CLIENT = readFileSync(`${ROOT}js/client/dist/wayleave.mjs`, 'utf8');

/** What fails is followed at once; only where nothing answers, patience decides what comes next. */
const PATIENT = { overlapMs: 9_000 };

/** In the page: a session, what was tried for it, and its own lines as they come back. */
async function talk([client, realms, options, lines]) {
  const url = URL.createObjectURL(new Blob([client], { type: 'text/javascript' }));
  const { connect } = await import(url);
  const account = ({ attempts }) => attempts.map((each) => [each.driver, each.outcome]);
  const session = await connect(realms, options).catch((error) => error);
  if (session instanceof Error) return { failed: session.code, tried: account(session.path) };
  const tried = account(session.path());
  const { driver, url: used } = session.path().inUse;
  const channel = session.channel(`/demo/${Math.random()}`);
  const events = channel.subscribe({ from: 'stored' });
  const eids = await Promise.all(lines.map((line) => channel.publish(line)));
  const heard = [];
  for await (const { data } of events) if (heard.push(data) === lines.length) break;
  await session.close();
  return { tried, driver, url: used, eids, heard };
}

/** A realm whose pages may use it through another port, and a page of it. */
async function startAll(t, proxyPort) {
  const port = await freePort();
  const more = `${DEMO_CHANNELS}SockJSStreamBytes 16k\nAllowOrigin http://localhost:${port}\n`;
  const realm = await startRealm(t, { port, more });
  const browser = await startBrowser(t, proxyPort?.(realm), { forAll: true });
  return { realm, browser };
}

async function inPage(browser, realm, realms, options = {}) {
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  await page.goto(`http://localhost:${realm.port}/health`);
  const seen = await page.evaluate(talk, [
    CLIENT,
    realms,
    { attempts: 1, ...PATIENT, ...options },
    LINES,
  ]);
  await page.close();
  return seen;
}

function assertHeard({ heard, eids }) {
  assert.deepEqual(heard, LINES);
  assert.deepEqual(
    eids,
    LINES.map((_, i) => i + 1),
  );
}

/** Every driver, plain and secure. */
async function everyDriver(t, browser, realm) {
  for (const driver of DRIVERS) {
    for (const address of [`ws://localhost:${realm.port}`, `wss://localhost:${realm.tlsPort}`]) {
      await t.test(`${driver} to ${address.split(':')[0]}`, async () => {
        const seen = await inPage(browser, realm, [address], { drivers: [driver] });
        assert.deepEqual(seen.tried, [[driver, 'connected']]);
        assertHeard(seen);
      });
    }
  }
}

test('every driver, direct', async (t) => {
  const { realm, browser } = await startAll(t);
  await everyDriver(t, browser, realm);
});

test('every driver, through our proxy', async (t) => {
  const realm = await startRealm(t, {
    more: `${DEMO_CHANNELS}SockJSStreamBytes 16k\nAllowOrigin *`,
  });
  const proxy = await startProxy(t, { allow: [realm.port, realm.tlsPort] });
  const browser = await startBrowser(t, proxy.port, { forAll: true });
  await everyDriver(t, browser, realm);
  await proxy.accessLine(/"POST http:\/\/localhost:\d+\/sockjs\/\d+\/\w+\/xhr_streaming /);
});

const MODULES = ['mpm_event', 'authz_core', 'authz_host', 'proxy', 'proxy_connect', 'proxy_http']
  .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  .join('\n');

test('every driver, through Apache httpd and Squid', async (t) => {
  const realm = await startRealm(t, {
    more: `${DEMO_CHANNELS}SockJSStreamBytes 16k\nAllowOrigin *`,
  });
  const allow = [realm.port, realm.tlsPort];
  await t.test('Apache httpd', async (t) => {
    const port = await freePort();
    await startHttpd(t, `${MODULES}\n${proxyConfiguration({ allow, listen: port })}`, port);
    await everyDriver(t, await startBrowser(t, port, { forAll: true }), realm);
  });
  await t.test('Squid', async (t) => {
    const { port } = await startSquid(t, { allow });
    await everyDriver(t, await startBrowser(t, port, { forAll: true }), realm);
  });
});

/* Behind the broken proxy */

const failed = (...drivers) => drivers.map((driver) => [driver, 'failed']);
const trying = (...drivers) => drivers.map((driver) => [driver, 'trying']);
const timeout = (...drivers) => drivers.map((driver) => [driver, 'timeout']);

/** What had been tried on the plain address alone when there was a session, or none was to be had. */
const PLAIN = {
  pass: [[], WEBSOCKET],
  'strip-upgrade': [failed(WEBSOCKET), STREAMING],
  'answer-400': [failed(WEBSOCKET), STREAMING],
  'wrong-accept': [failed(WEBSOCKET), STREAMING],
  'no-upgrade': [failed(WEBSOCKET), STREAMING],
  'silent-101': [trying(WEBSOCKET), STREAMING],
  buffer: [trying(WEBSOCKET, STREAMING, EVENTS), POLL],
  'cut-idle': [[], WEBSOCKET],
  refuse: [failed(...DRIVERS), null],
  swallow: [timeout(...DRIVERS), null],
  'login-407': [failed(...DRIVERS), null],
  'portal-302': [failed(...DRIVERS), null],
};
/** @type {Record<string, object>} */
const PATIENCE = {
  swallow: { connectTimeoutMs: 1_500 },
  'silent-101': { overlapMs: 1_500 },
  buffer: { overlapMs: 1_500 },
};

test('behind the broken proxy', async (t) => {
  const { realm, browser } = await startAll(t);
  for (const [mode, [before, works]] of Object.entries(PLAIN)) {
    await t.test(`${mode}: ${works ?? 'no way'} after ${before.length} others`, async (t) => {
      const { ports } = await startBroken(t, [realm.port], { mode });
      const address = `ws://localhost:${ports[0]}`;
      const seen = await inPage(browser, realm, [address], PATIENCE[mode]);
      const expected = works ? [...before, [works, 'connected']] : before;
      assert.deepEqual(seen.tried, expected);
      if (works) assertHeard(seen);
      else assert.equal(seen.failed, 'connect-failed');
    });
  }

  for (const mode of ['strip-upgrade', 'silent-101', 'buffer', 'login-407', 'portal-302']) {
    await t.test(`${mode}, and the secure interface: it comes second`, async (t) => {
      const { ports } = await startBroken(t, [realm.port, realm.tlsPort], { mode });
      const [plain, secure] = [`ws://localhost:${ports[0]}`, `wss://localhost:${ports[1]}`];
      const seen = await inPage(browser, realm, [plain, secure], PATIENCE[mode]);
      assert.deepEqual([seen.driver, seen.url], [WEBSOCKET, `${secure}/stomp`]);
      assert.equal(seen.tried.length, 2);
      assertHeard(seen);
    });
  }
});
