// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Connections that are kept: whose they are, and by whose rules they are used again. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { connect, field, listen } from '../lib/tcp.mjs';
import { readRequest, readResponse, response } from '../lib/http.mjs';
import { startProxyFrom } from '../lib/wayleave.mjs';

const UPGRADE = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** A parent that also plays every origin behind it; it tells what came over which connection. */
async function startParent(t, { login = false } = {}) {
  const heard = [];
  let count = 0;
  const serve = async (peer) => {
    const connection = count++;
    let isTunnel = false;
    for (;;) {
      const request = await readRequest(peer).catch(() => null);
      if (!request) return;
      heard.push({ connection, isTunnel, ...request });
      if (request.method === 'CONNECT' && login) {
        peer.send(
          'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n',
        );
      } else if (request.method === 'CONNECT') {
        isTunnel = true;
        peer.send('HTTP/1.1 200 OK\r\n\r\n');
      } else peer.send(response(isTunnel ? 'origin' : 'parent'));
    }
  };
  const server = await listen(t, { serve });
  return { port: server.port, heard };
}

const behind = (parent, more = '') => `Listen 127.0.0.1:0
Workers 1
ProxyRequests On
ProxyOpen On
ProxyRemote * http://${parent}
${more}<Proxy "*">
Require all granted
</Proxy>
`;

async function ask(t, proxy, url, fields = []) {
  const peer = await connect(proxy.port);
  t.after(() => peer.destroy());
  const host = new URL(url).host;
  peer.send([`GET ${url} HTTP/1.1`, `Host: ${host}`, ...fields, '', ''].join('\r\n'));
  return readResponse(peer);
}

test("a tunnel in which an upgrade was refused is not taken for the parent's", async (t) => {
  const parent = await startParent(t);
  const proxy = await startProxyFrom(t, behind(`user:secret@127.0.0.1:${parent.port}`));
  assert.equal((await ask(t, proxy, 'http://evil.test/', UPGRADE)).text, 'origin');
  assert.equal((await ask(t, proxy, 'http://bank.test/', ['Cookie: sid=1'])).text, 'parent');
  const inTunnels = parent.heard.filter(({ isTunnel }) => isTunnel);
  assert.equal(inTunnels.length, 1);
  assert.doesNotMatch(inTunnels[0].head, /Proxy-Authorization|bank/i);
});

test('a kept connection to the parent is no way to a forbidden address', async (t) => {
  const parent = await startParent(t);
  const proxy = await startProxyFrom(t, behind(`127.0.0.1:${parent.port}`));
  assert.equal((await ask(t, proxy, 'http://origin.test/')).status, 200);
  assert.equal((await ask(t, proxy, 'http://169.254.169.254/')).status, 403);
  assert.equal(parent.heard.length, 1);
});

test("a client's login reaches the parent with CONNECT as with GET, where we ask for none", async (t) => {
  const parent = await startParent(t, { login: true });
  const proxy = await startProxyFrom(t, behind(`127.0.0.1:${parent.port}`));
  const peer = await connect(proxy.port);
  t.after(() => peer.destroy());
  peer.send('CONNECT origin.test:443 HTTP/1.1\r\nProxy-Authorization: Basic Zm9vOmJhcg==\r\n\r\n');
  const { status, head } = await readResponse(peer);
  assert.equal(status, 407);
  assert.equal(field(head, 'proxy-authenticate'), 'Basic realm="p"');
  assert.equal(field(parent.heard[0].head, 'proxy-authorization'), 'Basic Zm9vOmJhcg==');
});
