// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A page in a real browser, whose browser is configured with a forward proxy, holds a session with
 * the realm: through our proxy and through Apache httpd, with the same configuration file. That it
 * went through the proxy is asked of the proxy's log: Chromium leaves proxies out for loopback
 * unless it is told not to.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { connect } from '../../js/client/src/node/index.js';
import { freePort } from '../../tool/lib/ports.mjs';
import { startHttpd } from '../lib/httpd.mjs';
import { DemoPage, startBrowser, startSite } from '../lib/page.mjs';
import { until } from '../lib/wait.mjs';
import { DEMO_CHANNELS, ROOT, startProxy, startProxyFrom, startRealm } from '../lib/wayleave.mjs';

/** Two pages, one on ws and one on wss, talk to each other; then both are closed. */
async function twoTabsTalk(browser, realm, proxyPort) {
  const a = await DemoPage.open(browser, realm.port);
  const b = await DemoPage.open(browser, realm.port, { secure: 1, port: realm.tlsPort });
  for (const page of [a, b]) await page.state('connected');
  assert.equal(await a.text('path-url'), `ws://localhost:${realm.port}/stomp`);
  assert.equal(await b.text('path-url'), `wss://localhost:${realm.tlsPort}/stomp`);
  const words = { a: `from a by ${proxyPort}`, b: `from b by ${proxyPort}, with ö and 😀` };
  await a.say(words.a);
  await b.hears(words.a);
  await b.say(words.b);
  await a.hears(words.b);
  // Each has both, in one order, once.
  const [heardByA, heardByB] = [await a.heard(), await b.heard()];
  assert.deepEqual(heardByA, heardByB);
  assert.deepEqual(heardByA.slice(-2), [words.a, words.b]);
  await until('a round trip is measured', async () => /\d/.test(await a.text('latency')));
  for (const page of [a, b]) {
    assert.deepEqual(page.faults, []);
    await page.close();
  }
}

test('two tabs talk through our proxy, one on ws, one on wss', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [realm.port, realm.tlsPort] });
  const browser = await startBrowser(t, proxy.port);
  await twoTabsTalk(browser, realm, proxy.port);
  for (const port of [realm.port, realm.tlsPort]) {
    const line = await proxy.accessLine(new RegExp(`"CONNECT localhost:${port} HTTP/1.1" 200 `));
    const [, up, down] = line.match(/ up=(\d+) down=(\d+) ms=\d+ closed-by=/) ?? [];
    assert.ok(Number(up) > 300 && Number(down) > 300, line);
  }
});

test('the demo page shows the path in use, also when a better one takes its place', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const browser = await startBrowser(t);
  const page = new DemoPage(await browser.newPage());
  let release = () => {};
  const released = new Promise((resolve) => (release = () => resolve()));
  // Slow, but not dead: streaming is there first.
  await page.page.routeWebSocket(/\/stomp/, async (line) => {
    await released;
    line.connectToServer();
  });
  await page.page.goto(`http://localhost:${realm.port}/demo/`);
  await page.state('connected');
  assert.equal(await page.text('path-url'), `http://localhost:${realm.port}/sockjs`);
  release();
  const wanted = `ws://localhost:${realm.port}/stomp`;
  await until('WebSocket is shown', async () => (await page.text('path-url')) === wanted);
  assert.match(await page.text('path-sentence'), /^Connected to ws:.* over plain WebSocket/);
  await page.say('still here');
  await page.hears('still here');
  assert.deepEqual(page.faults, []);
});

test('a page that was frozen while its connection was cut has every event when it thaws', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const listen = await freePort();
  const proxy = await startProxy(t, { allow: [realm.port], listen });
  const browser = await startBrowser(t, listen);
  const page = await DemoPage.open(browser, realm.port);
  await page.state('connected');
  await page.say('before');
  await page.hears('before');
  const devtools = await page.page.context().newCDPSession(page.page);
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  await proxy.stop();
  await startProxy(t, { allow: [realm.port], listen });
  const session = await connect(`ws://localhost:${realm.port}`, { proxy: false });
  for (const line of ['one', 'two', 'three']) await session.channel('/demo/chat').publish(line);
  await session.close();
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  await page.hears('three');
  assert.deepEqual(await page.heard(), ['before', 'one', 'two', 'three']);
  await page.state('connected');
  assert.deepEqual(page.faults, []);
});

test('the same file and the same page, with ours and with Apache httpd', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const port = await freePort();
  const example = readFileSync(`${ROOT}etc/proxy.conf`, 'utf8');
  const configuration = example
    .replace('Listen 127.0.0.1:8080', `Listen 127.0.0.1:${port}`)
    .replace('AllowCONNECT 9000 9443', `AllowCONNECT ${realm.port} ${realm.tlsPort}`);
  assert.notEqual(configuration, example);

  await t.test('ours', async (t) => {
    const proxy = await startProxyFrom(t, configuration);
    const browser = await startBrowser(t, port);
    await twoTabsTalk(browser, realm, 'ours');
    for (const target of [realm.port, realm.tlsPort]) {
      await proxy.accessLine(new RegExp(`"CONNECT localhost:${target} HTTP/1.1" 200 `));
    }
    await browser.close();
    await proxy.stop();
  });

  await t.test('Apache httpd', async (t) => {
    const httpd = await startHttpd(t, configuration, port);
    const browser = await startBrowser(t, port);
    await twoTabsTalk(browser, realm, 'httpd');
    for (const target of [realm.port, realm.tlsPort]) {
      await httpd.accessLine(new RegExp(`"CONNECT localhost:${target} HTTP/1.1" 200 `));
    }
  });
});

test('a page of another site uses the documented API through our proxy', async (t) => {
  const site = await startSite(t);
  const realm = await startRealm(t, {
    more: `${DEMO_CHANNELS}\nAllowOrigin ${site.origin}`,
  });
  const proxy = await startProxy(t, { allow: [realm.port, realm.tlsPort] });
  const browser = await startBrowser(t, proxy.port);

  for (const [scheme, options] of Object.entries({
    ws: { webSocketPort: realm.port },
    wss: { webSocketPort: realm.tlsPort, secure: true },
  })) {
    await t.test(`NirvanaSession.start on ${scheme}`, async () => {
      const page = await site.open(browser, realm.port);
      const heard = await page.evaluate(
        (options) =>
          new Promise((resolve, reject) => {
            const { NirvanaSession, NirvanaChannel, Nirvana } = globalThis;
            NirvanaSession.on(Nirvana.Observe.ERROR, (_, error) => reject(error));
            NirvanaSession.start({
              webSocket: true,
              ...options,
              applicationName: 'test',
              sessionName: 'minimal',
              username: 'nobody',
            });
            // Nobody waits for START.
            const channel = new NirvanaChannel(`/demo/old-${options.webSocketPort}`);
            const seen = { statuses: [] };
            channel.onPublish = (status) => {
              seen.statuses.push(status);
              if (seen.price) resolve(seen);
            };
            channel.onData = (event) => {
              const dictionary = event.getDictionary();
              seen.symbol = dictionary.get('symbol');
              seen.price = dictionary.get('price');
              if (seen.statuses.length) resolve(seen);
            };
            channel.subscribe();
            const event = new Nirvana.nConsumeEvent();
            const dictionary = new Nirvana.nEventProperties();
            dictionary.put('symbol', 'EURUSD');
            dictionary.put('price', 1.2261);
            event.setDictionary(dictionary);
            channel.publish(event);
          }),
        options,
      );
      assert.deepEqual(heard, { statuses: ['OK'], symbol: 'EURUSD', price: 1.2261 });
      await page.close();
    });

    await t.test(`Nirvana.createSession on ${scheme}`, async () => {
      const page = await site.open(browser, realm.port);
      const address = `${options.secure ? 'https' : 'http'}://localhost:${options.webSocketPort}`;
      const seen = await page.evaluate(
        ({ address, name }) =>
          new Promise((resolve, reject) => {
            const { Nirvana } = globalThis;
            const { Observe } = Nirvana;
            const seen = { order: [] };
            const session = Nirvana.createSession({
              realms: [address],
              drivers: [Nirvana.Driver.WEBSOCKET],
              applicationName: 'test',
              username: 'nobody',
            });
            session.on(Observe.START, () => seen.order.push('START'));
            session.on(Observe.STOP, () => {
              seen.order.push('STOP');
              resolve(seen);
            });
            session.on(Observe.ERROR, (_, error) => reject(error));
            const channel = session.getChannel(name);
            channel.on(Observe.SUBSCRIBE, (resource) => {
              seen.order.push('SUBSCRIBE');
              seen.name = resource.getName();
              const event = Nirvana.createEvent();
              event.setData('some text');
              event.getDictionary().putString('symbol', 'EURUSD');
              channel.publish(event);
            });
            channel.on(Observe.DATA, (event) => {
              seen.order.push('DATA');
              seen.data = event.getData();
              seen.symbol = event.getDictionary().get('symbol');
              seen.isSubscribed = channel.isSubscribed();
              channel.unsubscribe();
              session.stop();
            });
            session.start();
            channel.subscribe();
          }),
        { address, name: `/demo/new-${options.webSocketPort}` },
      );
      assert.deepEqual(seen, {
        order: ['START', 'SUBSCRIBE', 'DATA', 'STOP'],
        name: `/demo/new-${options.webSocketPort}`,
        data: 'some text',
        symbol: 'EURUSD',
        isSubscribed: true,
      });
      await page.close();
    });
  }

  for (const port of [realm.port, realm.tlsPort]) {
    // On a machine that is slow just then a session tries a second way before the first answers.
    await until(`two tunnels to ${port} are logged`, () => {
      const start = `"CONNECT localhost:${port} HTTP/1.1" 200 `;
      return proxy.accessLines.filter((line) => line.includes(start)).length >= 2;
    });
  }
});

test('a page of a site that nobody allowed gets no session', async (t) => {
  const site = await startSite(t);
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [realm.port] });
  const browser = await startBrowser(t, proxy.port);
  const page = await site.open(browser, realm.port);
  const outcome = await page.evaluate(
    (port) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://localhost:${port}/stomp`, ['v12.stomp']);
        socket.onopen = () => resolve('open');
        socket.onclose = ({ code }) => resolve(code);
      }),
    realm.port,
  );
  assert.equal(outcome, 1006);
});
