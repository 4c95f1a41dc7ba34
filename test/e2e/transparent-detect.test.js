// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * What a diverted client speaks is found out from its first bytes, however they come, and they
 * reach its server as they were sent: TLS, HTTP, what is neither, and silence.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { divertingConfiguration, startDiverting } from '../lib/divert.mjs';
import { alert, clientHello, inRecords } from '../lib/hello.mjs';
import { readResponse } from '../lib/http.mjs';
import { CANNOT, FAMILIES, SERVER, startNetwork } from '../lib/netns.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { connect, listen } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';

const TLS_PORT = 443;
const OPEN = 'wayleave_proxy_connections';

/** A network with a proxy, and servers whose connections are taken one by one. */
async function start(t, options = {}) {
  const { family = 'v4', port = TLS_PORT, ...rest } = options;
  const all = await startDiverting(t, rest);
  const host = SERVER[family];
  const server = await listen(t, { in: all.server, host, port });
  /** A client on its way to the server. */
  async function call() {
    const peer = await connect(port, { in: all.client, host });
    t.after(() => peer.destroy());
    return peer;
  }
  return { ...all, server, call, host };
}

/** Nothing of what was sent reached a server. @param {{ server: { peers: Set<any> } }} all */
function assertUncalled({ server }) {
  assert.equal(server.peers.size, 0);
}

test(
  'a ClientHello that is cut anywhere reaches its server as it was',
  { skip: CANNOT },
  async (t) => {
    const options = { servername: 'cut.test', alpn: ['h2', 'http/1.1'] };
    const hello = await clientHello(options);
    const all = await start(t);

    await t.test('in two parts, at every byte', async () => {
      const cuts = Array.from({ length: hello.length - 1 }, (_, i) => i + 1);
      const callers = await Promise.all(cuts.map(() => all.call()));
      for (const [i, caller] of callers.entries()) caller.send(hello.subarray(0, cuts[i]));
      // The proxy has read all of them when it has read what was sent later.
      const last = await all.call();
      last.send(hello);
      const heard = await (await all.server.accept()).read(hello.length);
      assert.ok(heard.equals(hello));
      assert.equal(all.server.peers.size, 1);
      for (const [i, caller] of callers.entries()) caller.send(hello.subarray(cuts[i]));
      for (const _ of callers) {
        const peer = await all.server.accept();
        assert.ok((await peer.read(hello.length)).equals(hello));
        peer.send('and back').end();
      }
      for (const caller of callers) assert.equal(String(await caller.readToEnd()), 'and back');
      for (const peer of [...all.server.peers, ...callers, last]) peer.end();
      await until('all are logged', () => all.proxy.accessLines.length === cuts.length + 1);
      for (const line of all.proxy.accessLines) {
        assert.match(line, /"CONNECT cut\.test:443" 200 .* sni=cut\.test alpn="h2,http\/1\.1"/);
      }
    });

    await t.test('byte by byte, and in records of any length', async () => {
      for (const size of [1, 2, 7, 100]) {
        const bytes = inRecords(hello, size);
        const caller = await all.call();
        for (const byte of bytes) caller.send(Buffer.from([byte]));
        const peer = await all.server.accept();
        assert.ok((await peer.read(bytes.length)).equals(bytes));
        caller.destroy();
      }
    });

    await t.test('with more right behind it', async () => {
      const more = Buffer.from('no TLS, but who looks?');
      const caller = await all.call();
      caller.send(Buffer.concat([hello, more]));
      const peer = await all.server.accept();
      assert.ok((await peer.read(hello.length + more.length)).equals(Buffer.concat([hello, more])));
      peer.end();
      await caller.readToEnd();
      caller.send('after the end of the other').end();
      assert.equal(String(await peer.readToEnd()), 'after the end of the other');
    });
  },
);

for (const [how, family] of [
  ['redirect', 'v6'],
  ['tproxy', 'v4'],
  ['tproxy', 'v6'],
]) {
  test(`names and none, by ${how} over IP${family}`, { skip: CANNOT }, async (t) => {
    const all = await start(t, { how, family });
    const literal = family === 'v6' ? `\\[${SERVER.v6}\\]` : SERVER.v4;
    for (const [servername, target, sni] of [
      ['Some.Name.TEST', 'some\\.name\\.test', ' sni=some\\.name\\.test'],
      [undefined, literal, `diverted=${literal}:443(?! sni)`],
    ]) {
      const hello = await clientHello({ servername });
      const caller = await all.call();
      caller.send(hello);
      const peer = await all.server.accept();
      assert.ok((await peer.read(hello.length)).equals(hello));
      for (const end of [caller, peer]) end.end();
      const line = await all.proxy.accessLine(new RegExp(`"CONNECT ${target}:443" 200`));
      assert.match(line, new RegExp(`${sni}`));
      assert.match(line, new RegExp(` diverted=${literal}:443`));
    }
  });
}

test('a ClientHello that is none, or stops', { skip: CANNOT }, async (t) => {
  const all = await start(t, { more: 'TransparentDetectTimeout 200ms' });
  const hello = await clientHello({ servername: 'whole.test' });
  const broken = Buffer.from(hello);
  broken[5 + 4 + 2 + 32] = 255; // the length of the session id: past the end
  const cases = {
    'with parts that do not fit': [broken, /ClientHello whose parts do not fit its length/],
    'of more bytes than any has': [
      Buffer.from([0x16, 3, 1, 0, 4, 1, 0x01, 0, 0]),
      /ClientHello over 16384 bytes/,
    ],
    'that stops in the middle': [
      hello.subarray(0, 100),
      /has sent 100 bytes, too few to tell what it speaks, within 200 ms/,
    ],
  };
  for (const [what, [bytes, why]] of Object.entries(cases)) {
    await t.test(what, async () => {
      const caller = await all.call();
      caller.send(bytes);
      const answer = await caller.readToEnd();
      assert.deepEqual([...answer.subarray(0, 6)], [...alert(0).subarray(0, 6)], String(answer));
      const line = await all.proxy.accessLine(why);
      assert.match(line, new RegExp(` diverted=${SERVER.v4}:443`));
      assertUncalled(all);
    });
  }

  await t.test('gone before it was whole: nobody is troubled', async () => {
    const before = all.proxy.accessLines.length;
    const open = await all.proxy.metric(OPEN);
    const caller = await all.call();
    caller.send(hello.subarray(0, 50)).reset();
    const other = await all.call();
    other.send(hello);
    for (const end of [other, await all.server.accept()]) end.end();
    await until('the other is logged', () => all.proxy.accessLines.length > before);
    await until('both have ended', async () => (await all.proxy.metric(OPEN)) <= open);
    assert.equal(all.proxy.accessLines.length, before + 1);
  });
});

test('HTTP, however it comes', { skip: CANNOT }, async (t) => {
  const network = startNetwork();
  const { client, proxy } = await startDiverting(t, { network, more: 'Workers 1' });
  for (const family of FAMILIES) {
    await startOrigin(t, { in: network.server, host: SERVER[family], port: 80 });
  }
  const call = async (family = 'v4') => {
    const peer = await connect(80, { in: client, host: SERVER[family] });
    t.after(() => peer.destroy());
    return peer;
  };

  await t.test('cut at every byte', async () => {
    const text = 'GET /path?q HTTP/1.1\r\nHost: cut.test\r\n\r\n';
    const cuts = Array.from({ length: text.length - 1 }, (_, i) => i + 1);
    const callers = await Promise.all(cuts.map(() => call()));
    for (const [i, caller] of callers.entries()) caller.send(text.slice(0, cuts[i]));
    const last = await call();
    last.send(text);
    assert.equal((await readResponse(last)).text, 'GET /path?q');
    for (const [i, caller] of callers.entries()) caller.send(text.slice(cuts[i]));
    for (const caller of callers) assert.equal((await readResponse(caller)).text, 'GET /path?q');
  });

  await t.test('requests are kept on one connection, and may be pipelined', async () => {
    const peer = await call('v6');
    for (const path of ['/1', '/2']) peer.send(`GET ${path} HTTP/1.1\r\nHost: one.test\r\n\r\n`);
    assert.equal((await readResponse(peer)).text, 'GET /1');
    assert.equal((await readResponse(peer)).text, 'GET /2');
    peer.send('HEAD /3 HTTP/1.1\r\nHost: two.test\r\n\r\n');
    assert.equal((await readResponse(peer, 'HEAD')).status, 200);
    peer.send('OPTIONS * HTTP/1.1\r\nHost: two.test\r\n\r\n');
    assert.equal((await readResponse(peer)).text, 'OPTIONS *');
    await proxy.accessLine(/"OPTIONS http:\/\/two\.test HTTP\/1\.1" 200 /);
    await proxy.accessLine(/"GET http:\/\/one\.test\/2 HTTP\/1\.1" 200 /);
  });

  await t.test('HTTP/1.0 without Host: the address stands for itself', async () => {
    for (const [family, literal] of [
      ['v4', SERVER.v4],
      ['v6', `\\[${SERVER.v6}\\]`],
    ]) {
      const peer = await call(/** @type {'v4'} */ (family));
      peer.send(`GET /old-${family} HTTP/1.0\r\n\r\n`);
      assert.match(String(await peer.readToEnd()), new RegExp(`GET /old-${family}$`));
      await proxy.accessLine(new RegExp(`"GET http://${literal}/old-${family} HTTP/1.0" 200 `));
    }
  });

  await t.test('a request line that stops is refused, and logged', async () => {
    await proxy.reload(divertingConfiguration({ more: 'TransparentDetectTimeout 200ms' }));
    const peer = await call();
    peer.send('GE');
    await peer.readToEnd();
    await proxy.accessLine(/ 408 .*has sent 2 bytes, too few to tell what it speaks/);
  });

  await t.test('a request that is wrong gets an answer that says so', async () => {
    const peer = await call();
    peer.send('GET /x HTTP/1.1\r\n\r\n');
    const { status, text } = await readResponse(peer);
    assert.equal(status, 400, text);
    assert.match(text, /Host/);
  });
});

/* What is neither */

const GREETING = '220 good morning\r\n';

test('a server that speaks first', { skip: CANNOT }, async (t) => {
  await t.test('on a port that is known for it, at once', async (t) => {
    const all = await start(t, {
      ...{ port: 22, allow: [22] },
      more: 'TransparentOther tunnel\nTransparentDetectTimeout 60s',
    });
    const caller = await all.call();
    const peer = await all.server.accept();
    peer.send(GREETING);
    assert.equal(String(await caller.readUntil('\r\n')), GREETING);
    caller.send('good morning').end();
    assert.equal(String(await peer.readToEnd()), 'good morning');
    peer.end();
    await all.proxy.accessLine(new RegExp(`"CONNECT ${SERVER.v4}:22" 200`));
  });

  await t.test('on another port, when the client has said nothing for a while', async (t) => {
    const all = await start(t, {
      ...{ port: 9999, allow: [9999], how: 'tproxy' },
      more: 'TransparentOther tunnel\nTransparentDetectTimeout 100ms',
    });
    const caller = await all.call();
    const peer = await all.server.accept();
    peer.send(GREETING);
    assert.equal(String(await caller.readUntil('\r\n')), GREETING);
  });

  await t.test('on a port that TransparentServerFirst names, and no more on others', async (t) => {
    const all = await start(t, {
      ...{ port: 9999, allow: [9999, 22] },
      more: `TransparentOther tunnel
TransparentServerFirst 9990-9999
TransparentDetectTimeout 60s`,
    });
    await all.call();
    (await all.server.accept()).send(GREETING);
    const silent = await listen(t, { in: all.network.server, host: SERVER.v4, port: 22 });
    const waiting = await connect(22, { in: all.client, host: SERVER.v4 });
    t.after(() => waiting.destroy());
    await all.call();
    await all.server.accept();
    assert.equal(silent.peers.size, 0);
    waiting.send('SSH-2.0-x\r\n');
    assert.equal(String(await (await silent.accept()).readUntil('\n')), 'SSH-2.0-x\r\n');
  });

  await t.test('is refused as long as nobody allows it', async (t) => {
    const all = await start(t, { port: 22, allow: [22] });
    assert.equal(String(await (await all.call()).readToEnd()), '');
    await all.proxy.accessLine(/"CONNECT \S+:22" 403 .*on this port servers speak first/);
    assertUncalled(all);
  });

  await t.test('its port must be in AllowCONNECT', async (t) => {
    const all = await start(t, { port: 22, allow: [443], more: 'TransparentOther tunnel' });
    assert.equal(String(await (await all.call()).readToEnd()), '');
    await all.proxy.accessLine(/"CONNECT \S+:22" 403 .*AllowCONNECT/);
    assertUncalled(all);
  });
});

test('what is neither TLS nor HTTP', { skip: CANNOT }, async (t) => {
  const NEITHER = {
    words: 'SSH-2.0-OpenSSH_9.2\r\n',
    zeros: Buffer.alloc(20),
    'the first byte of TLS alone': Buffer.from([0x16, 0x99, 0x99, 0, 0, 0]),
    'a method without a path': 'GET the moon\r\n',
    'HTTP/2 in the clear': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  };

  await t.test('is refused, without a byte', async (t) => {
    const all = await start(t);
    for (const bytes of Object.values(NEITHER)) {
      const from = all.proxy.accessLines.length;
      const caller = await all.call();
      caller.send(bytes);
      assert.equal(String(await caller.readToEnd()), '');
      await until('it is logged', () => all.proxy.accessLines.length === from + 1);
      assert.match(
        all.proxy.accessLines[from],
        new RegExp(`"CONNECT ${SERVER.v4}:443" 403 .*speaks neither TLS nor HTTP`),
      );
    }
    assertUncalled(all);
  });

  await t.test('passes whole with TransparentOther tunnel', async (t) => {
    const all = await start(t, { more: 'TransparentOther tunnel' });
    for (const bytes of Object.values(NEITHER)) {
      const caller = await all.call();
      caller.send(bytes).end();
      const peer = await all.server.accept();
      assert.ok((await peer.readToEnd()).equals(Buffer.from(bytes)));
      peer.send('an answer').end();
      assert.equal(String(await caller.readToEnd()), 'an answer');
    }
  });
});
