// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What breaks, and how a session comes back by itself. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { freePort } from '../../tool/lib/ports.mjs';
import { startSession } from '../lib/client.mjs';
import { DemoPage, startBrowser, startSite } from '../lib/page.mjs';
import { cuttable } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import { DEMO_CHANNELS, startProxy, startRealm } from '../lib/wayleave.mjs';

test('the realm is down: the page says so, and what to look at', async (t) => {
  const dead = await freePort();
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [dead] });
  const browser = await startBrowser(t, proxy.port);
  const page = await DemoPage.open(browser, realm.port, { secure: 0, port: dead });
  await page.state('failed');
  assert.match(await page.text('error-title'), /realm/);
  assert.match(await page.text('error-hints'), new RegExp(`localhost:${dead}`));
  assert.match(await page.text('path-sentence'), /the realm is not there/);
  assert.equal(
    await page.page.locator('#path-tried li').first().getAttribute('data-outcome'),
    'failed',
  );
  assert.deepEqual(page.faults, []);
  const line = await proxy.accessLine(new RegExp(`"CONNECT localhost:${dead} .*" 502 `));
  assert.match(line, /refused/i, 'and the log of the proxy knows why');
});

test('the port is not allowed: the page names AllowCONNECT, the log the refusal', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [1] });
  const browser = await startBrowser(t, proxy.port);
  const page = await DemoPage.open(browser, realm.port);
  // Pages do not go through this proxy, and so the session does not either.
  await page.state('connected');
  assert.match(await page.text('path-sentence'), /over plain streaming .* \(AllowCONNECT\)/);
  await proxy.accessLine(new RegExp(`"CONNECT localhost:${realm.port} .*" 403 `));
});

test('the realm comes up while the page waits: the page finds it by itself', async (t) => {
  const later = await freePort();
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [later] });
  const browser = await startBrowser(t, proxy.port);
  const page = await DemoPage.open(browser, realm.port, { secure: 0, port: later });
  await page.state('failed');
  const second = await startRealm(t, {
    port: later,
    more: `${DEMO_CHANNELS}\nAllowOrigin http://localhost:${realm.port}`,
  });
  assert.equal(second.port, later);
  await page.state('connected');
  await page.say('there you are');
  await page.hears('there you are');
});

for (const scheme of ['ws', 'wss']) {
  test(`the realm is restarted in mid-session: the page comes back by itself, on ${scheme}`, async (t) => {
    const first = await startRealm(t, { more: DEMO_CHANNELS });
    const { port, tlsPort, dir } = first;
    const proxy = await startProxy(t, { allow: [port, tlsPort] });
    const browser = await startBrowser(t, proxy.port);
    const query = scheme === 'wss' ? { secure: 1, port: tlsPort } : {};
    const page = await DemoPage.open(browser, port, query);
    await page.state('connected');
    await page.say('before');
    await page.hears('before');
    await first.stop();
    await page.state(/^(?!connected)/);
    await startRealm(t, { port, tlsPort, dir, more: DEMO_CHANNELS });
    await page.state('connected');
    await page.say('after');
    await page.hears('after');
    assert.deepEqual(await page.heard(), ['before', 'after']);
    assert.deepEqual(page.faults, []);
  });
}

test('the proxy is killed and started again: the page comes back by itself', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const first = await startProxy(t, { listen: await freePort(), allow: [realm.port] });
  const browser = await startBrowser(t, first.port, { forAll: true });
  const page = await DemoPage.open(browser, realm.port);
  await page.state('connected');
  await first.kill();
  await page.state(/^(?!connected)/);
  await page.say('said while nobody could hear');
  const second = await startProxy(t, { listen: first.port, allow: [realm.port] });
  await page.state('connected');
  await page.hears('said while nobody could hear');
  await page.say('and after');
  await page.hears('and after');
  assert.deepEqual(await page.heard(), ['said while nobody could hear', 'and after']);
  assert.deepEqual(page.faults, []);
  await page.close();
  await second.accessLine(new RegExp(`"CONNECT localhost:${realm.port} .*" 200 `));
});

test('cut again and again while 500 events are published: none is lost, none comes twice', async (t) => {
  const COUNT = 500;
  const CUTS = [50, 130, 131, 250, 400];
  const channel = '/demo/numbers';
  const site = await startSite(t);
  const realm = await startRealm(t, { more: `${DEMO_CHANNELS}\nAllowOrigin ${site.origin}` });
  const middle = await cuttable(t, realm.port);
  const proxy = await startProxy(t, { allow: [middle.port] });
  const url = `ws://localhost:${middle.port}`;
  const expected = Array.from({ length: COUNT }, (_, i) => i);

  const browser = await startBrowser(t, proxy.port);
  const page = await site.open(browser, realm.port);
  await page.evaluate(
    ({ port, channel }) =>
      new Promise((resolve) => {
        const { NirvanaSession, NirvanaChannel, Nirvana } = globalThis;
        globalThis.seen = [];
        globalThis.drops = 0;
        NirvanaSession.on(Nirvana.Observe.DISCONNECT, () => (globalThis.drops += 1));
        NirvanaSession.start({ webSocket: true, webSocketPort: port });
        const numbers = new NirvanaChannel(channel);
        numbers.onData = (event) => globalThis.seen.push([event.eventID[1], event.getData()]);
        numbers.on(Nirvana.Observe.SUBSCRIBE, resolve);
        numbers.subscribe();
      }),
    { port: middle.port, channel },
  );

  const reader = await startSession(t, url, { proxyPort: proxy.port });
  const writer = await startSession(t, url, { proxyPort: proxy.port });
  const events = reader.channel(channel).subscribe({ from: 'stored' });
  await within('the subscription', events.ready);

  const receipts = [];
  const writing = (async () => {
    for (let i = 0; i < COUNT; i += 1) {
      // Some at a time, so that a cut finds publishes on their way as well as receipts.
      const receipt = writer.channel(channel).publish(String(i));
      receipts.push(receipt);
      if (i % 10 === 9) await receipt;
    }
    return Promise.all(receipts);
  })();
  const seen = [];
  let cut = 0;
  const reading = (async () => {
    for await (const event of events) {
      seen.push([event.eid, Number(event.data)]);
      if (CUTS.includes(seen.length)) cut += middle.cut();
      if (seen.length === COUNT) break;
    }
  })();
  const eids = await within('all are published and read', Promise.all([writing, reading]), 90_000);
  assert.deepEqual(
    eids[0],
    expected.map((i) => i + 1),
    'each has a receipt with its own EID',
  );
  assert.deepEqual(
    seen,
    expected.map((i) => [i + 1, i]),
    'the reader has each once, in order',
  );

  assert.ok(cut >= 3, 'all three were cut at least once');
  const inPage = () => page.evaluate(() => globalThis.seen.length);
  await until('the page has them all', async () => (await inPage()) >= COUNT, { seen: inPage });
  assert.deepEqual(
    await page.evaluate(() => globalThis.seen),
    expected.map((i) => [i + 1, String(i)]),
    'the page has each once, in order',
  );
  assert.ok((await page.evaluate(() => globalThis.drops)) > 0, 'and it was cut off meanwhile');
});
