// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Other people's clients, and our own from the shell, through our proxy. */

import assert from 'node:assert/strict';
import test from 'node:test';
import WebSocket from 'ws';
import { freePort } from '../../tool/lib/ports.mjs';
import { Program } from '../../tool/lib/program.mjs';
import { agentFor, startSession } from '../lib/client.mjs';
import { within } from '../lib/wait.mjs';
import {
  DEMO_CHANNELS,
  runWayleave,
  scratch,
  startProxy,
  startRealm,
  wayleave,
} from '../lib/wayleave.mjs';

/** Nothing from the surroundings decides which proxy is used. */
const NO_ENV = { http_proxy: '', https_proxy: '', no_proxy: '', ALL_PROXY: '', all_proxy: '' };

async function curl(args) {
  const program = new Program('curl', ['--silent', '--show-error', '--max-time', '30', ...args], {
    env: NO_ENV,
  });
  const { code } = await program.exit;
  return { code, out: program.stdout, said: program.stderr };
}

test('curl through our proxy', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [realm.port, realm.tlsPort] });
  const through = ['--proxytunnel', '--proxy', `http://127.0.0.1:${proxy.port}`];

  await t.test('asks the realm for its health on the plain interface', async () => {
    const { code, out, said } = await curl([...through, `http://localhost:${realm.port}/health`]);
    assert.equal(code, 0, said);
    assert.match(out, /\w/);
    await proxy.accessLine(new RegExp(`"CONNECT localhost:${realm.port} .*" 200 .* up=\\d{2,}`));
  });

  await t.test('and on the TLS interface', async () => {
    const url = `https://localhost:${realm.tlsPort}/health`;
    const insecure = await curl([...through, '--insecure', url]);
    assert.equal(insecure.code, 0, insecure.said);
    const trusted = await curl([...through, '--cacert', `${realm.dir}/localhost.crt`, url]);
    assert.equal(trusted.code, 0, trusted.said);
    assert.equal(trusted.out, insecure.out);
    const wary = await curl([...through, url]);
    assert.equal(wary.code, 60, 'a certificate that nobody vouches for');
    await proxy.accessLine(new RegExp(`"CONNECT localhost:${realm.tlsPort} .*" 200 .* up=\\d{3,}`));
  });

  await t.test('learns the status of a refusal, and the reason when it asks for it', async () => {
    const { code, said } = await curl([...through, '--verbose', 'http://localhost:22/']);
    assert.equal(code, 56);
    assert.match(said, /403/);
    assert.match(
      said,
      /Proxy-Status: wayleave; error=http_request_denied; details=".*AllowCONNECT/,
    );
  });
});

test("the npm package ws with somebody's agent through our proxy", async (t) => {
  const realm = await startRealm(t, { more: 'DiagnosticEndpoints On' });
  const proxy = await startProxy(t, { allow: [realm.port, realm.tlsPort] });
  for (const url of [
    `ws://localhost:${realm.port}/echo`,
    `wss://localhost:${realm.tlsPort}/echo`,
  ]) {
    const agent = agentFor(proxy.port);
    const socket = new WebSocket(url, { agent, rejectUnauthorized: false });
    const answer = new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => socket.send('hello'));
      socket.on('message', (data) => resolve(String(data)));
    });
    assert.equal(await within(`an echo from ${url}`, answer), 'hello');
    socket.close();
    await proxy.accessLine(new RegExp(`"CONNECT ${new URL(url).host} .*" 200 `));
  }
});

test('the npm package ws is told no when the port is not allowed', async (t) => {
  const proxy = await startProxy(t, { allow: [9000] });
  const socket = new WebSocket('ws://localhost:9999/', { agent: agentFor(proxy.port) });
  const error = await within('an error', new Promise((resolve) => socket.on('error', resolve)));
  assert.match(String(error), /403/);
});

test('pub and sub from the shell', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [realm.port, realm.tlsPort] });
  const through = ['--proxy', `http://127.0.0.1:${proxy.port}`];
  const plain = `ws://localhost:${realm.port}`;
  const secure = `wss://localhost:${realm.tlsPort}`;

  await t.test('what pub says on ws, sub hears on wss', async () => {
    const channel = '/demo/shell';
    const first = await runWayleave(['pub', ...through, plain, channel, 'one']);
    assert.equal(first.code, 0, first.stderr);
    const sub = wayleave([
      'sub',
      ...through,
      '--insecure',
      ...['--from', 'stored', '--count', '2'],
      secure,
      channel,
    ]);
    await sub.line(/one/, { stream: 'stdout' });
    const second = await runWayleave(['pub', ...through, plain, channel, 'two, with ö']);
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(await within('sub leaves', sub.exit), { code: 0, signal: null }, sub.stderr);
    assert.match(sub.stdout, /one\n(.*\n)*.*two, with ö\n$/);
  });

  await t.test(
    '--ca trusts the certificate that it is given, and nothing is trusted without',
    async () => {
      const channel = '/demo/trust';
      const ca = ['--ca', `${realm.dir}/localhost.crt`];
      const trusting = await runWayleave(['pub', ...through, ...ca, secure, channel, 'x']);
      assert.equal(trusting.code, 0, trusting.stderr);
      const wary = await runWayleave(['pub', ...through, secure, channel, 'x']);
      assert.equal(wary.code, 1);
      assert.match(wary.stderr, /certificate/i);
    },
  );

  await t.test('the shell and a page speak of the same events', async (t) => {
    const session = await startSession(t, plain, { proxyPort: proxy.port });
    const events = session.channel('/demo/both').subscribe({ from: 'stored' });
    const { code, stderr } = await runWayleave(['pub', ...through, plain, '/demo/both', 'text']);
    assert.equal(code, 0, stderr);
    const { value } = await within('an event', events.next());
    assert.equal(value.data, 'text');
    await events.close();
  });

  await t.test('what fails is said in one sentence, with status 1', async (t) => {
    const gone = await startProxy(t, { allow: [9000] });
    const away = ['--proxy', `http://127.0.0.1:${gone.port}`];
    await gone.stop();
    for (const [args, says] of [
      [[...through, 'ws://localhost:22', '/demo/x', 'x'], /403|not allowed/],
      [
        [...away, plain, '/demo/x', 'x'],
        new RegExp(`${gone.port}.*refused|refused.*${gone.port}`, 'i'),
      ],
      [[...through, plain, '/elsewhere', 'x'], /channel/i],
    ]) {
      const { code, stderr } = await runWayleave(['pub', ...args]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, says);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
    }
  });
});

test('the environment names the proxy when the command line does not', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [realm.port] });
  const env = { ...NO_ENV, http_proxy: `http://127.0.0.1:${proxy.port}` };
  const args = ['pub', `ws://localhost:${realm.port}`, '/demo/env', 'x'];
  const through = await runWayleave(args, { env, cwd: scratch(t) });
  assert.equal(through.code, 0, through.stderr);
  await proxy.accessLine(new RegExp(`"CONNECT localhost:${realm.port} .*" 200 `));
  const nowhere = { ...env, http_proxy: `http://127.0.0.1:${await freePort()}` };
  assert.equal((await runWayleave(args, { env: nowhere })).code, 1);
  const direct = await runWayleave(args, { env: { ...nowhere, no_proxy: 'localhost' } });
  assert.equal(direct.code, 0, `no_proxy takes it out of the way: ${direct.stderr}`);
});
