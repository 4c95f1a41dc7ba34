// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Both faces of our client in Node, with its own WebSocket, through our proxy, Apache httpd and Squid. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { connect } from '../../js/client/src/node/index.js';
import { freePort } from '../../tool/lib/ports.mjs';
import { startHttpd } from '../lib/httpd.mjs';
import { HASHES } from '../lib/passwords.mjs';
import { startSquid } from '../lib/rivals.mjs';
import { within } from '../lib/wait.mjs';
import {
  DEMO_CHANNELS,
  proxyConfiguration,
  scratch,
  startProxy,
  startProxyFrom,
  startRealm,
} from '../lib/wayleave.mjs';

const MODULES = ['mpm_event', 'authz_core', 'authz_host', 'authn_core', 'authn_file', 'auth_digest']
  .concat('authz_user', 'proxy', 'proxy_connect')
  .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  .join('\n');

const addresses = (realm) => [`ws://localhost:${realm.port}`, `wss://localhost:${realm.tlsPort}`];

/** What the realm calls itself, as a certification authority. */
const caOf = (realm) => readFileSync(`${realm.dir}/localhost.crt`);

/** Sessions to both interfaces say something, and hear it. */
async function bothTalk(realm, options) {
  for (const address of addresses(realm)) {
    const session = await connect(address, { attempts: 1, ca: caOf(realm), ...options });
    assert.equal(session.path().inUse?.driver, 'WEBSOCKET');
    const channel = session.channel('/demo/node');
    const eid = await channel.publish(`by ${address}, with ö`);
    const events = channel.subscribe({ from: eid });
    const { value } = await within('the event', events.next());
    assert.equal(value?.data, `by ${address}, with ö`);
    await session.close();
  }
}

test('direct, and the certificate has to be vouched for', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  await bothTalk(realm, { proxy: false });
  const secure = addresses(realm)[1];
  const wary = connect(secure, { attempts: 1, proxy: false, drivers: ['websocket'] });
  await assert.rejects(wary, { code: 'connect-failed', message: /certificate/ });
});

test('through our proxy, by option and by environment', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startProxy(t, { allow: [realm.port, realm.tlsPort] });
  const url = `http://127.0.0.1:${proxy.port}`;
  await bothTalk(realm, { proxy: url });
  await bothTalk(realm, { environment: { http_proxy: url, HTTPS_PROXY: url, no_proxy: 'other' } });
  await proxy.accessLine(new RegExp(`"CONNECT localhost:${realm.tlsPort} .*" 200 `));
  // And where it is not to be asked, it need not be there.
  const nobody = `http://127.0.0.1:${await freePort()}`;
  await bothTalk(realm, { environment: { all_proxy: nobody, no_proxy: 'localhost' } });
});

test('through Apache httpd and Squid', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const allow = [realm.port, realm.tlsPort];
  await t.test('Apache httpd', async (t) => {
    const port = await freePort();
    await startHttpd(t, `${MODULES}\n${proxyConfiguration({ allow, listen: port })}`, port);
    await bothTalk(realm, { proxy: `http://127.0.0.1:${port}` });
  });
  await t.test('Squid', async (t) => {
    const { port } = await startSquid(t, { allow });
    await bothTalk(realm, { proxy: `http://127.0.0.1:${port}` });
  });
});

/** Our proxy, that lets nobody through but anna. */
async function startWithLogin(t, realm) {
  const dir = scratch(t);
  writeFileSync(join(dir, 'users'), `${HASHES.SHA('anna', 'a:b@c')}\n`, { mode: 0o600 });
  return startProxyFrom(
    t,
    `Listen 127.0.0.1:0
ProxyRequests On
AllowCONNECT ${realm.port} ${realm.tlsPort}
<Proxy *>
    AuthType Basic
    AuthName "the lab"
    AuthUserFile users
    Require valid-user
</Proxy>
`,
    { dir },
  );
}

test('Basic, at our proxy', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startWithLogin(t, realm);
  await bothTalk(realm, { proxy: `http://anna:a%3Ab%40c@127.0.0.1:${proxy.port}` });
  for (const [login, why] of [
    ['', /407 .*give it a login/],
    ['anna:wrong@', /407 .*does not know this login/],
  ]) {
    const proxyUrl = `http://${login}127.0.0.1:${proxy.port}`;
    await assert.rejects(connect(addresses(realm)[0], { attempts: 1, proxy: proxyUrl }), {
      code: 'connect-failed',
      message: why,
    });
  }
});

/** A program of the guides, as it is written for pages: nothing in it knows of proxies. */
const PROGRAM = `
import ${JSON.stringify(new URL('../../js/client/src/node/nirvana.js', import.meta.url).href)};
import { readFileSync } from 'node:fs';
const [address, ca] = process.argv.slice(2);
const session = Nirvana.createSession({ realms: [address], webSocketAttempts: 1, ca: readFileSync(ca) });
session.on(Nirvana.Observe.ERROR, (resource, exception) => console.log(exception.message));
session.on(Nirvana.Observe.STOP, () => console.log('stopped'));
const channel = session.getChannel('/demo/classic');
channel.on(Nirvana.Observe.DATA, (event) => {
  console.log(session.getCurrentDriver(), event.getData());
  session.stop();
});
session.start();
channel.subscribe();
const event = Nirvana.createEvent();
event.setData('heard');
channel.publish(event);
`;

test('a program of the guides goes through the proxy of its environment, by a login', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const proxy = await startWithLogin(t, realm);
  const file = join(scratch(t), 'program.mjs');
  writeFileSync(file, PROGRAM);
  const at = (login) => `http://${login}127.0.0.1:${proxy.port}`;
  const run = async (address, env) => {
    const parameters = [file, address, `${realm.dir}/localhost.crt`];
    const { stdout } = await promisify(execFile)(process.execPath, parameters, { env });
    return stdout;
  };
  const [plain, secure] = addresses(realm).map((address) => address.replace('ws', 'http'));
  const known = at('anna:a%3Ab%40c@');
  assert.equal(await run(plain, { HTTP_PROXY: known }), 'WEBSOCKET heard\nstopped\n');
  assert.equal(await run(secure, { HTTPS_PROXY: known }), 'WEBSOCKET heard\nstopped\n');
  await proxy.accessLine(new RegExp(`anna .*"CONNECT localhost:${realm.port} .*" 200 `));
  await proxy.accessLine(new RegExp(`anna .*"CONNECT localhost:${realm.tlsPort} .*" 200 `));
  assert.match(await run(plain, { HTTP_PROXY: at('') }), /407 .*: give it a login/);
  const direct = { HTTP_PROXY: at(''), NO_PROXY: 'localhost' };
  assert.equal(await run(plain, direct), 'WEBSOCKET heard\nstopped\n');
});

test('Digest, at Apache httpd', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const dir = scratch(t);
  // htdigest's format: MD5 of user:realm:password.
  const secret = createHash('md5').update('anna:the lab:secret').digest('hex');
  writeFileSync(join(dir, 'digest'), `anna:the lab:${secret}\n`, { mode: 0o644 });
  chmodSync(dir, 0o755); // httpd becomes another user
  const port = await freePort();
  await startHttpd(
    t,
    `${MODULES}
Listen 127.0.0.1:${port}
ProxyRequests On
AllowCONNECT ${realm.port} ${realm.tlsPort}
<Proxy "*">
    AuthType Digest
    AuthName "the lab"
    AuthUserFile "${join(dir, 'digest')}"
    Require valid-user
</Proxy>
`,
    port,
  );
  await bothTalk(realm, { proxy: `http://anna:secret@127.0.0.1:${port}` });
});

test('a refusal is told in the words of the proxy', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const [plain] = addresses(realm);
  const ours = await startProxy(t, { allow: [9000] });
  await assert.rejects(connect(plain, { attempts: 1, proxy: `http://127.0.0.1:${ours.port}` }), {
    code: 'connect-failed',
    message:
      /answered CONNECT localhost:\d+ with 403 Forbidden \(Proxy-Status: .*AllowCONNECT.*\)\.$/,
  });
  const squid = await startSquid(t, { allow: [9000] });
  await assert.rejects(connect(plain, { attempts: 1, proxy: `http://127.0.0.1:${squid.port}` }), {
    code: 'connect-failed',
    message: /answered CONNECT localhost:\d+ with 403 Forbidden: it does not allow CONNECT/,
  });
});

test('what is wrong behind a proxy, or with it, is told in a sentence', async (t) => {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  const [plain, secure] = addresses(realm);
  const closed = await freePort();
  const allow = [realm.port, realm.tlsPort, closed];
  const ours = `http://127.0.0.1:${(await startProxy(t, { allow })).port}`;
  const port = await freePort();
  await startHttpd(t, `${MODULES}\n${proxyConfiguration({ allow, listen: port })}`, port);
  const httpd = `http://127.0.0.1:${port}`;
  const squid = `http://127.0.0.1:${(await startSquid(t, { allow })).port}`;
  const dead = `ws://localhost:${closed}`;
  const nobody = `http://127.0.0.1:${closed}`;
  for (const [address, options, expected] of [
    [dead, { proxy: ours }, /502 Bad Gateway \(Proxy-Status: .*Connection refused.*\)\.$/],
    [dead, { proxy: httpd }, /503 Service Unavailable: it found no way to that host or port\.$/],
    [dead, { proxy: squid }, /503 Service Unavailable: it found no way to that host or port\.$/],
    [secure, { proxy: ours, ca: undefined }, /certificate is not trusted .*: give the one of/],
    [secure, { proxy: squid, ca: undefined }, /certificate is not trusted .*: give the one of/],
    [secure.replace(realm.tlsPort, realm.port), { proxy: httpd }, /it does not speak TLS .*plain/],
    [plain.replace(realm.port, realm.tlsPort), { proxy: ours }, /perhaps this port wants TLS/],
    [plain, { proxy: ours.replace('http:', 'https:') }, /\(option proxy\) .* does not speak TLS/],
    [plain, { proxy: nobody }, /\(option proxy\) cannot be reached: nothing listens there/],
    [plain, { environment: { HTTP_PROXY: nobody } }, /\(HTTP_PROXY\) cannot be reached: nothing/],
    [plain, { proxy: plain.replace('ws', 'http') }, /405 .*: it knows no CONNECT/],
    [dead, { proxy: false }, /failed after [^:]*, .*: nothing listens there \(/],
  ]) {
    const given = { attempts: 1, environment: {}, ca: caOf(realm), ...options };
    await assert.rejects(connect(address, given), { code: 'connect-failed', message: expected });
  }
});
