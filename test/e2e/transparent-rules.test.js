// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Rules for diverted clients. What a client says where it goes can be wrong: the name in its
 * ClientHello or its Host can shut a door that the address leaves open, and never opens one, unless
 * it was verified. And it never chooses the server.
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { WAYS, startDiverting } from '../lib/divert.mjs';
import { alert, clientHello } from '../lib/hello.mjs';
import { readResponse, response } from '../lib/http.mjs';
import { CANNOT, SERVER } from '../lib/netns.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { connect, field, listen } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { scratch } from '../lib/wayleave.mjs';

const [ACCESS_DENIED, INTERNAL_ERROR, UNRECOGNIZED_NAME] = [49, 80, 112];
const US = 'Require ip 192.0.2.0/24 2001:db8:1::/64';
/** Another address of the same server. */
const ELSEWHERE = '198.51.100.21';
const EVERYBODY_BUT = (...sections) => `<Proxy "*">\n${US}\n</Proxy>\n${sections.join('\n')}`;
const NOBODY_BUT = (...sections) =>
  `<Proxy "*">\nRequire all denied\n</Proxy>\n${sections.join('\n')}`;
const section = (pattern, rule) => `<Proxy "${pattern}">\n${rule}\n</Proxy>`;
const DENIED = 'Require all denied';

/** A network with a proxy, an HTTP server on 80, and a server on 443 that tells when it is called. */
async function start(t, { family = /** @type {'v4' | 'v6'} */ ('v4'), ...options } = {}) {
  const all = await startDiverting(t, options);
  const host = SERVER[family];
  const inside = { in: all.server, host };
  const web = await startOrigin(t, { ...inside, port: 80 });
  const secure = await listen(t, { ...inside, port: 443 });
  const dial = async (port) => {
    const peer = await connect(port, { in: all.client, host });
    t.after(() => peer.destroy());
    return peer;
  };
  return {
    ...all,
    ...{ web, secure, dial },
    /** A request with a Host. */
    async ask(name, { path = '/', port = 80, line = `GET ${path} HTTP/1.1`, more = '' } = {}) {
      const peer = await dial(port);
      peer.send(`${line}\r\nHost: ${name}\r\n${more}\r\n`);
      return readResponse(peer);
    },
    /** A ClientHello passes, and what the server says. @param {string} [servername] */
    async greets(servername, { says = Buffer.from('a server') } = {}) {
      const hello = await clientHello({ servername });
      const peer = (await dial(443)).send(hello);
      const far = await secure.accept();
      assert.ok((await far.read(hello.length)).equals(hello));
      far.send(says);
      assert.ok((await peer.read(says.length)).equals(says));
      for (const end of [peer, far]) end.end();
    },
    /** A ClientHello is answered by an alert. */
    async isAlerted(servername, description, port = 443) {
      const peer = await dial(port);
      peer.send(await clientHello({ servername }));
      assert.deepEqual([...(await peer.readToEnd())], [...alert(description)]);
    },
  };
}

test('a name can shut a door', { skip: CANNOT }, async (t) => {
  for (const how of WAYS) {
    await t.test(`by ${how}`, async (t) => {
      const all = await start(t, {
        ...{ how, sections: EVERYBODY_BUT(section('*bad.test*', DENIED)) },
      });
      await all.greets('good.test');
      await all.greets(undefined);
      await all.isAlerted('www.bad.test', ACCESS_DENIED);
      await all.isAlerted('WWW.BAD.TEST', ACCESS_DENIED);
      const line = await all.proxy.accessLine(/"CONNECT www\.bad\.test:443" 403 /);
      assert.match(line, new RegExp(` diverted=${SERVER.v4}:443 sni=www\\.bad\\.test`));

      assert.equal((await all.ask('good.test')).status, 200);
      const { status, text, head } = await all.ask('www.bad.test');
      assert.equal(status, 403, text);
      assert.ok(field(head, 'proxy-status'));
      await all.proxy.accessLine(/"GET http:\/\/www\.bad\.test\/ HTTP\/1\.1" 403 /);
      assert.equal(all.web.requests.length, 1);
    });
  }

  await t.test('for one request of a connection, and not for the one before', async (t) => {
    const all = await start(t, { sections: EVERYBODY_BUT(section('*bad.test*', DENIED)) });
    const peer = await all.dial(80);
    for (const [name, status] of [
      ['one.test', 200],
      ['two.test', 200],
      ['bad.test', 403],
    ]) {
      peer.send(`GET /${name} HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
      assert.equal((await readResponse(peer)).status, status);
    }
    assert.deepEqual(
      all.web.requests.map(({ target }) => target),
      ['/one.test', '/two.test'],
    );
  });

  await t.test('by ProxyBlock, as an address can', async (t) => {
    const all = await start(t, { more: 'ProxyBlock bad.test' });
    await all.greets('good.test');
    await all.isAlerted('bad.test', ACCESS_DENIED);
    assert.equal((await all.ask('bad.test')).status, 403);
    const other = await start(t, { more: `ProxyBlock ${SERVER.v4}` });
    await other.isAlerted('good.test', ACCESS_DENIED);
    await other.isAlerted(undefined, ACCESS_DENIED);
    assert.equal((await other.ask('good.test')).status, 403);
    assert.equal(other.web.connections, 0);
  });
});

test('a name opens no door', { skip: CANNOT }, async (t) => {
  await t.test('where the address has none', async (t) => {
    const all = await start(t, {
      sections: NOBODY_BUT(section('*good.test*', US)),
    });
    await all.isAlerted('good.test', ACCESS_DENIED);
    assert.equal((await all.ask('good.test')).status, 403);
    assert.equal(
      (await all.ask('good.test', { line: 'GET http://good.test/ HTTP/1.1' })).status,
      403,
    );
    assert.equal(all.web.connections, 0);
  });

  await t.test('the address alone does, for who gives no name', async (t) => {
    const all = await start(t, { sections: NOBODY_BUT(section(`*${SERVER.v4}*`, US)) });
    await all.greets(undefined);
    await all.isAlerted('good.test', ACCESS_DENIED);
    assert.equal((await all.ask(SERVER.v4)).status, 200);
    assert.equal((await all.ask('good.test')).status, 403);
  });

  await t.test('both together do', async (t) => {
    const all = await start(t, {
      sections: NOBODY_BUT(section(`*${SERVER.v4}*`, US), section('*good.test*', US)),
    });
    await all.greets('good.test');
    assert.equal((await all.ask('good.test')).status, 200);
  });

  await t.test('an address that is shut stays shut, whatever the name', async (t) => {
    const all = await start(t, {
      sections: EVERYBODY_BUT(section(`*${SERVER.v4}*`, DENIED)),
    });
    await all.isAlerted('good.test', ACCESS_DENIED);
    for (const name of ['good.test', ELSEWHERE]) assert.equal((await all.ask(name)).status, 403);
  });

  await t.test('nor the way past a parent, unless it is verified', async (t) => {
    for (const verify of ['Off', 'On']) {
      const all = await start(t, {
        more: `ProxyRemote * http://${SERVER.v4}:8080\nNoProxy good.test\nTransparentVerify ${verify}`,
      });
      all.router.names({ 'good.test': [SERVER.v4] });
      const parent = await listen(t, { in: all.server, host: SERVER.v4, port: 8080 });
      if (verify === 'On') {
        await all.greets('good.test');
        continue;
      }
      const hello = await clientHello({ servername: 'good.test' });
      (await all.dial(443)).send(hello);
      const peer = await parent.accept();
      assert.match(String(await peer.readUntil('\r\n\r\n')), /^CONNECT 198\.51\.100\.20:443 /);
    }
  });
});

test('a name that is verified speaks for itself', { skip: CANNOT }, async (t) => {
  const all = await start(t, {
    sections: NOBODY_BUT(
      section('*good.test*', US),
      section('*wrong.test*', US),
      section('*nowhere.test*', US),
    ),
    more: 'TransparentVerify On',
  });
  all.router.names({
    'good.test': [ELSEWHERE, SERVER.v4],
    'www.good.test': [SERVER.v4],
    'wrong.test': [ELSEWHERE],
  });

  await t.test('it leads there', async () => {
    await all.greets('good.test');
    await all.greets('WWW.Good.Test');
    assert.equal((await all.ask('Good.Test')).status, 200);
  });

  await t.test('it leads elsewhere', async () => {
    await all.isAlerted('wrong.test', UNRECOGNIZED_NAME);
    await all.proxy.accessLine(
      /"CONNECT wrong\.test:443" 421 .*SNI wrong\.test does not resolve to 198\.51\.100\.20.*TransparentVerify/,
    );
    const { status, text } = await all.ask('wrong.test');
    assert.equal(status, 421);
    assert.match(text, /Host wrong\.test does not resolve to 198\.51\.100\.20/);
  });

  await t.test('each request of a connection gives a name of its own', async () => {
    const peer = await all.dial(80);
    const wishes = ['good', 'www.good', 'wrong'].map((name) => `${name}.test`);
    peer.send(wishes.map((name) => `GET /${name} HTTP/1.1\r\nHost: ${name}\r\n\r\n`).join(''));
    for (const status of [200, 200, 421]) assert.equal((await readResponse(peer)).status, status);
    assert.equal(all.web.requests.length, 3);
  });

  await t.test('it leads nowhere', async () => {
    const { status } = await all.ask('nowhere.test');
    assert.ok(status === 421 || status >= 500, String(status));
    assert.equal(all.web.requests.length, 3);
  });

  await t.test('there is none: the address is asked about', async () => {
    await all.isAlerted(undefined, ACCESS_DENIED);
    assert.equal((await all.ask(SERVER.v4)).status, 403);
  });

  await t.test('an address is a name that leads to itself alone', async (t) => {
    const open = await start(t, { more: 'TransparentVerify On' });
    await open.greets(undefined);
    assert.equal((await open.ask(SERVER.v4)).status, 200);
    assert.equal((await open.ask(ELSEWHERE)).status, 421);
  });

  await t.test('over IPv6', async (t) => {
    const six = await start(t, { family: 'v6', more: 'TransparentVerify On' });
    six.router.names({ 'six.test': [SERVER.v6], 'wrong.test': ['2001:db8:2::99'] });
    await six.greets('six.test');
    assert.equal((await six.ask(`[${SERVER.v6}]`)).status, 200);
    await six.isAlerted('wrong.test', UNRECOGNIZED_NAME);
  });
});

test('Host chooses no server, and arrives as it was sent', { skip: CANNOT }, async (t) => {
  const all = await start(t);
  all.server.ip(`addr add ${ELSEWHERE}/24 dev eth0\n`);
  all.router.names({ 'other.test': [ELSEWHERE] });
  const other = await startOrigin(t, { in: all.server, host: ELSEWHERE, port: 80 });
  const hidden = await startOrigin(t, { in: all.server, host: SERVER.v4, port: 9000 });

  const cases = [
    ['other.test', {}, 'other.test'],
    [ELSEWHERE, {}, ELSEWHERE],
    ['OTHER.test:9000', {}, 'OTHER.test:9000'],
    ['127.0.0.1', {}, '127.0.0.1'],
    ['other.test', { line: 'GET http://other.test/ HTTP/1.1' }, 'other.test'],
    ['good.test', { line: `GET http://${ELSEWHERE}:9000/ HTTP/1.1` }, undefined],
  ];
  for (const [i, [name, options, arrives]] of cases.entries()) {
    await t.test(`${name} ${options.line ?? ''}`, async () => {
      assert.equal((await all.ask(name, options)).status, 200);
      const { head, target } = await all.web.request(i);
      assert.equal(target, '/');
      if (arrives) assert.equal(field(head, 'host'), arrives);
    });
  }
  assert.equal(other.connections + hidden.connections, 0);

  await t.test('not for a WebSocket either', async () => {
    const more = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`;
    await all.ask('other.test', { path: '/ws', more });
    const { head } = await all.web.request(cases.length);
    assert.equal(field(head, 'host'), 'other.test');
    assert.equal(field(head, 'upgrade'), 'websocket');
    assert.equal(other.connections, 0);
  });
});

test('what is asked of explicit clients', { skip: CANNOT }, async (t) => {
  await t.test('a login cannot be asked for, and is not', async (t) => {
    const dir = scratch(t);
    writeFileSync(join(dir, 'users'), 'alice:{SHA}BgEahfNVXQdgPZ+TEz74cGKC3Ro=\n');
    const rule = `AuthType Basic\nAuthName x\nAuthUserFile "${join(dir, 'users')}"\nRequire valid-user`;
    const all = await start(t, { sections: section('*', rule) });
    await all.isAlerted('good.test', ACCESS_DENIED);
    const more = `Proxy-Authorization: Basic ${Buffer.from('alice:alicealice').toString('base64')}\r\n`;
    for (const each of ['', more]) {
      const { status, head, text } = await all.ask('good.test', { more: each });
      assert.equal(status, 403);
      assert.equal(field(head, 'proxy-authenticate'), undefined);
      assert.match(text, /cannot be asked for one/);
    }
  });

  await t.test('AllowCONNECT is for TLS, not for requests and upgrades', async (t) => {
    const all = await start(t, { allow: [443] });
    const tls = await listen(t, { in: all.server, host: SERVER.v4, port: 9443 });
    const web = await startOrigin(t, { in: all.server, host: SERVER.v4, port: 9000 });
    await all.greets('good.test');
    await all.isAlerted('good.test', ACCESS_DENIED, 9443);
    await all.proxy.accessLine(/"CONNECT good\.test:9443" 403 .*AllowCONNECT/);
    assert.equal(tls.peers.size, 0);
    assert.equal((await all.ask('good.test', { port: 9000 })).status, 200);
    const more = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`;
    await all.ask('good.test', { port: 9000, more });
    assert.equal(web.requests.length, 2);
  });

  await t.test('TunnelAllow is judged in the tunnel', async (t) => {
    const all = await start(t, { more: 'TransparentOther tunnel\nTunnelAllow tls' });
    await all.greets('good.test', { says: alert(0) });
    const peer = (await all.dial(443)).send('SSH-2.0-x\r\n');
    await peer.readToEnd();
    await all.proxy.accessLine(/"CONNECT 198\.51\.100\.20:443" .*TunnelAllow/);
  });

  await t.test('MaxTunnels', async (t) => {
    const all = await start(t, { more: 'MaxTunnels 1\nWorkers 1' });
    const first = (await all.dial(443)).send(await clientHello({ servername: 'one.test' }));
    await all.secure.accept();
    await all.isAlerted('two.test', INTERNAL_ERROR);
    await all.proxy.accessLine(/"CONNECT two\.test:443" 503 /);
    first.reset();
    await until('there is room again', async () => {
      const peer = (await all.dial(443)).send(await clientHello({ servername: 'three.test' }));
      return Promise.race([
        all.secure.accept().then(() => true),
        peer.readToEnd().then(() => false),
      ]);
    });
  });

  await t.test('Max-Forwards', async (t) => {
    const all = await start(t);
    for (const line of ['OPTIONS * HTTP/1.1', 'OPTIONS / HTTP/1.1', 'TRACE / HTTP/1.1']) {
      const { status } = await all.ask('good.test', { line, more: 'Max-Forwards: 0\r\n' });
      assert.equal(status, 200);
    }
    assert.equal(all.web.connections, 0);
  });

  await t.test('CONNECT is for another proxy: the answer says where it was going', async (t) => {
    const all = await start(t);
    const { status, text } = await all.ask('good.test:443', {
      line: 'CONNECT good.test:443 HTTP/1.1',
    });
    assert.equal(status, 400);
    assert.match(text, /connection to 198\.51\.100\.20:80 was diverted/);
  });

  await t.test('a server that is not there', async (t) => {
    const all = await start(t);
    await all.isAlerted('good.test', INTERNAL_ERROR, 9443);
    await all.proxy.accessLine(/"CONNECT good\.test:9443" 50\d /);
    assert.ok((await all.ask('good.test', { port: 9000 })).status >= 502);
  });

  await t.test('link-local addresses: only for who names them, or is verified', async (t) => {
    const metadata = '169.254.169.254';
    const byName = EVERYBODY_BUT(section('http://good.test/*', US));
    const byAddress = EVERYBODY_BUT(section(`http://${metadata}/*`, US));
    for (const [sections, name, verify, status] of [
      [EVERYBODY_BUT(), metadata, 'Off', 403],
      [byName, 'good.test', 'Off', 403],
      [byName, 'good.test', 'On', 200],
      [byAddress, metadata, 'Off', 200],
      [byAddress, 'good.test', 'Off', 200],
      [byAddress, 'good.test', 'On', 403],
    ]) {
      const all = await start(t, { sections, more: `TransparentVerify ${verify}` });
      all.router.names({ 'good.test': [metadata] });
      all.router.ip(`route add ${metadata}/32 via ${SERVER.v4}\n`);
      all.server.ip(`addr add ${metadata}/32 dev lo\n`);
      const origin = await startOrigin(t, { in: all.server, host: metadata, port: 80 });
      const peer = await connect(80, { in: all.client, host: metadata });
      peer.send(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
      assert.equal((await readResponse(peer)).status, status, `${name}, ${sections}, ${verify}`);
      assert.equal(origin.connections, status === 200 ? 1 : 0);
    }
  });
});

test('through a parent proxy', { skip: CANNOT }, async (t) => {
  const all = await start(t, { more: `ProxyRemote * http://${SERVER.v4}:8080` });
  const parent = await listen(t, { in: all.server, host: SERVER.v4, port: 8080 });
  /** The parent is asked for a tunnel to the address, whatever the name. */
  async function isAsked(port) {
    const peer = await parent.accept();
    const head = String(await peer.readUntil('\r\n\r\n'));
    assert.match(
      head,
      new RegExp(`^CONNECT ${SERVER.v4}:${port} HTTP/1\\.1\r\nHost: ${SERVER.v4}:${port}\r\n`),
    );
    assert.doesNotMatch(head, /good\.test/);
    return peer.send('HTTP/1.1 200 Fine\r\n\r\n');
  }

  await t.test('TLS', async () => {
    const hello = await clientHello({ servername: 'good.test' });
    const near = (await all.dial(443)).send(hello);
    const far = await isAsked(443);
    assert.ok((await far.read(hello.length)).equals(hello));
    far.send('a server');
    assert.equal(String(await near.read(8)), 'a server');
  });

  await t.test('a request, in the form for a server', async () => {
    const near = (await all.dial(80)).send('GET /x HTTP/1.1\r\nHost: good.test\r\n\r\n');
    const far = await isAsked(80);
    const head = String(await far.readUntil('\r\n\r\n'));
    assert.match(head, /^GET \/x HTTP\/1\.1\r\n/);
    assert.equal(field(head, 'host'), 'good.test');
    far.send(response('from afar'));
    assert.equal((await readResponse(near)).text, 'from afar');
  });
});
