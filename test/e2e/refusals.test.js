// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What the proxy will not do, and how it says so: status, Proxy-Status, a sentence, a log line. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { freePort } from '../../tool/lib/ports.mjs';
import { callersOf, deafPort } from '../lib/deaf.mjs';
import { connect, echo, exchange, field, listen, tunnel } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { startProxy, startProxyFrom } from '../lib/wayleave.mjs';

/** Everything that a refusal owes to the client and to the operator. */
async function isRefused(proxy, { request, target, status, error, says, from }) {
  const bytes = request ?? `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
  const peer = await connect(proxy.port, { from });
  peer.send(bytes);
  const [head, body] = String(await peer.readToEnd()).split('\r\n\r\n');
  peer.destroy();
  assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
  const proxyStatus = field(head, 'proxy-status') ?? '';
  assert.match(proxyStatus, /^wayleave; error=[a-z_]+; details="([^"\\]|\\.)+"$/, head);
  if (error) assert.match(proxyStatus, new RegExp(`error=${error};`));
  assert.match(field(head, 'content-type') ?? '', /^text\/plain/);
  assert.equal(Number(field(head, 'content-length')), Buffer.byteLength(body));
  assert.match(body, says);
  assert.match(body, /^wayleave: .*\.\n$/, 'one sentence');
  if (target) {
    const line = await proxy.accessLine(new RegExp(`"CONNECT ${target.replaceAll('.', '\\.')} `));
    assert.match(
      line,
      new RegExp(` ${status} - "-" "[^"]*" up=0 down=\\d+ ms=\\d+ closed-by=proxy`),
    );
  }
  return { head, body };
}

test('CONNECT to a port that is not allowed is refused with 403', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t, { allow: [9000, '9443-9450'] });
  const { body } = await isRefused(proxy, {
    target: `127.0.0.1:${server.port}`,
    status: 403,
    error: 'http_request_denied',
    says: new RegExp(`port ${server.port} is not allowed`),
  });
  assert.match(body, /9000 9443-9450/, 'names the ports that are');
  assert.match(body, new RegExp(`AllowCONNECT ${server.port}`), 'and what to ask for');
  assert.equal(server.peers.size, 0, 'nobody was called');
});

test('without AllowCONNECT the ports are 443 and 563, as in httpd', async (t) => {
  const proxy = await startProxy(t);
  const says = /443 563/;
  await isRefused(proxy, { target: '127.0.0.1:9000', status: 403, says });
  // Nobody listens there (and if somebody does, all the better): the port as such is allowed.
  for (const port of [443, 563]) {
    const { status, peer } = await tunnel(proxy.port, `127.0.0.99:${port}`);
    peer.destroy();
    assert.equal(status, 502);
  }
});

test('a port that is no port wraps round to nothing', async (t) => {
  const proxy = await startProxy(t, { allow: [9000] });
  for (const port of [9000 + 65536, 0, 65536, '9000x', '+9000', '-9000', '0x2328', '9e3']) {
    const { status } = await exchange(proxy.port, `CONNECT localhost:${port} HTTP/1.1\r\n\r\n`);
    assert.equal(status, 400, `port ${port}`);
  }
});

test('a client that Deny names is refused with 403, its neighbour is not', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startProxyFrom(
    t,
    `Listen 127.0.0.1:0
ProxyRequests On
AllowCONNECT ${server.port}
<Proxy *>
Order deny,allow
Deny from all
Allow from 127.0.0.1
</Proxy>
`,
  );
  const target = `127.0.0.1:${server.port}`;
  const says = /127\.0\.0\.2/;
  await isRefused(proxy, {
    target,
    status: 403,
    error: 'http_request_denied',
    from: '127.0.0.2',
    says,
  });
  assert.match(await proxy.accessLine(/ 403 /), /^127\.0\.0\.2 - - /);
  const { status, peer } = await tunnel(proxy.port, target, { from: '127.0.0.1' });
  peer.destroy();
  assert.equal(status, 200);
});

test('a client that Require does not name is refused with 403', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startProxyFrom(
    t,
    `Listen 127.0.0.1:0
ProxyRequests On
AllowCONNECT ${server.port}
<Proxy "*">
    Require ip 127.0.0.4/30
</Proxy>
`,
  );
  const target = `127.0.0.1:${server.port}`;
  for (const [from, expected] of Object.entries({
    '127.0.0.3': 403,
    '127.0.0.4': 200,
    '127.0.0.7': 200,
    '127.0.0.8': 403,
  })) {
    const { status, peer } = await tunnel(proxy.port, target, { from });
    peer.destroy();
    assert.equal(status, expected, from);
  }
});

test('who may not use the proxy learns nothing about its ports', async (t) => {
  const proxy = await startProxyFrom(
    t,
    `Listen 127.0.0.1:0
ProxyRequests On
AllowCONNECT 9000
<Proxy "*">
    Require all denied
</Proxy>
`,
  );
  const bodies = [];
  for (const port of [9000, 22]) {
    const { status, body } = await exchange(
      proxy.port,
      `CONNECT localhost:${port} HTTP/1.1\r\n\r\n`,
    );
    assert.equal(status, 403);
    bodies.push(body);
  }
  assert.equal(bodies[0], bodies[1]);
});

test('the proxy is no way to itself', async (t) => {
  const port = await freePort();
  const proxy = await startProxy(t, { listen: port, allow: [port] });
  for (const host of ['127.0.0.1', 'localhost']) {
    await isRefused(proxy, { target: `${host}:${port}`, status: 403, says: /proxy itself/ });
  }
});

test('metadata and link-local addresses are refused', async (t) => {
  const proxy = await startProxy(t, { allow: [80] });
  for (const host of ['169.254.169.254', '[fe80::1]', '[::ffff:169.254.169.254]', '0.0.0.0']) {
    const request = `CONNECT ${host}:80 HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    await isRefused(proxy, { request, status: 403, says: /\w/ });
  }
});

test('a request that is not HTTP as it should be is 400, and says what is wrong', async (t) => {
  const proxy = await startProxy(t, { allow: [9000] });
  const host = 'Host: localhost:9000\r\n';
  const malformed = {
    'no port': `CONNECT localhost HTTP/1.1\r\n${host}\r\n`,
    'no host': `CONNECT :9000 HTTP/1.1\r\n${host}\r\n`,
    'no target': `CONNECT HTTP/1.1\r\n${host}\r\n`,
    'a URL as target': `CONNECT http://localhost:9000/ HTTP/1.1\r\n${host}\r\n`,
    'credentials in the target': `CONNECT me@localhost:9000 HTTP/1.1\r\n${host}\r\n`,
    'two spaces': `CONNECT  localhost:9000 HTTP/1.1\r\n${host}\r\n`,
    'a bare line feed': `CONNECT localhost:9000 HTTP/1.1\n${host}\r\n`,
    'a NUL in a field': `CONNECT localhost:9000 HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`,
    'a space before the colon': `CONNECT localhost:9000 HTTP/1.1\r\n${host}X : y\r\n\r\n`,
    'a field without a colon': `CONNECT localhost:9000 HTTP/1.1\r\n${host}hello\r\n\r\n`,
    'a folded line': `CONNECT localhost:9000 HTTP/1.1\r\n${host}X: y\r\n z\r\n\r\n`,
    'two Hosts': `CONNECT localhost:9000 HTTP/1.1\r\n${host}${host}\r\n`,
    'a body announced': `CONNECT localhost:9000 HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`,
    'a chunked body announced': `CONNECT localhost:9000 HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`,
    'no HTTP at all': 'hello there\r\n\r\n',
    'a TLS ClientHello': Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3, 13, 10, 13, 10]),
  };
  for (const [what, request] of Object.entries(malformed)) {
    await t.test(what, () =>
      isRefused(proxy, { request, status: 400, error: 'http_request_error', says: /\w+ \w+ \w+/ }),
    );
  }
  await t.test('and none of them went unlogged', () =>
    until('a line for each', () => proxy.accessLines.length === Object.keys(malformed).length),
  );
});

test('what is too long is refused with its own status', async (t) => {
  const more = 'LimitRequestLine 100\nLimitRequestFields 3\nLimitRequestFieldSize 100';
  const proxy = await startProxy(t, { allow: [9000], more });
  const connectLine = 'CONNECT localhost:9000 HTTP/1.1\r\n';
  const cases = [
    [414, `CONNECT ${'a'.repeat(100)}:9000 HTTP/1.1\r\n\r\n`],
    [431, `${connectLine}${'A: b\r\n'.repeat(4)}\r\n`],
    [431, `${connectLine}A: ${'b'.repeat(100)}\r\n\r\n`],
  ];
  for (const [status, request] of cases) {
    await isRefused(proxy, { request, status, says: /\w+ \w+ \w+/ });
  }
});

test('what the proxy cannot forward is 501, what it is not is 405', async (t) => {
  const proxy = await startProxy(t, { allow: [9000] });
  const host = 'Host: localhost\r\n\r\n';
  for (const scheme of ['https', 'ftp']) {
    const forward = `GET ${scheme}://localhost:9000/ HTTP/1.1\r\n${host}`;
    await isRefused(proxy, { request: forward, status: 501, says: /CONNECT/ });
  }
  for (const method of ['GET', 'POST', 'DELETE', 'BREW']) {
    const { head } = await isRefused(proxy, {
      request: `${method} / HTTP/1.1\r\n${host}`,
      status: 405,
      says: /forward proxy/,
    });
    assert.equal(field(head, 'allow'), 'CONNECT, GET, HEAD');
  }
});

test('an answer to HEAD has no body', async (t) => {
  const proxy = await startProxy(t, { allow: [9000] });
  const { status, body } = await exchange(proxy.port, 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.equal(status, 405);
  assert.equal(body, '');
});

test('ProxyRequests Off: 405, and it says why', async (t) => {
  const proxy = await startProxyFrom(t, 'Listen 127.0.0.1:0\nProxyRequests Off\n');
  await isRefused(proxy, { target: '127.0.0.1:443', status: 405, says: /ProxyRequests/ });
});

test('a destination that refuses is 502', async (t) => {
  const port = await freePort();
  const proxy = await startProxy(t, { allow: [port] });
  const target = `127.0.0.1:${port}`;
  await isRefused(proxy, { target, status: 502, error: 'connection_refused', says: /refused/i });
});

test('a name that nobody knows is an answer, not a hang', async (t) => {
  const proxy = await startProxy(t, { allow: [9000], more: 'ProxyTimeout 10' });
  const { status, head, body } = await exchange(
    proxy.port,
    'CONNECT nobody.invalid:9000 HTTP/1.1\r\nHost: nobody.invalid:9000\r\n\r\n',
  );
  assert.match(body, /nobody\.invalid/);
  // With a name server in reach, or none at all, it is 502; a silent one is waited for.
  const error = { 502: 'dns_error', 504: 'connection_timeout' }[status];
  assert.ok(error, head);
  assert.match(field(head, 'proxy-status') ?? '', new RegExp(`error=${error};`));
});

test('a destination that does not answer in time is 504, and never 200 before', async (t) => {
  const port = await deafPort(t);
  const proxy = await startProxy(t, { allow: [port], more: 'ProxyTimeout 1' });
  const target = `127.0.0.1:${port}`;
  // The first bytes that come are the refusal: isRefused reads from the beginning.
  await isRefused(proxy, {
    target,
    status: 504,
    error: 'connection_timeout',
    says: /\b1 s|1000 ms|time/,
  });
});

test('a client that leaves before the connection stands is not waited for', async (t) => {
  const port = await deafPort(t);
  const proxy = await startProxy(t, { allow: [port], more: 'ProxyTimeout 5' });
  const before = callersOf(port);
  const peer = await connect(proxy.port);
  peer.send(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\n\r\n`);
  await until('the proxy calls', () => callersOf(port) > before);
  peer.reset();
  const line = await proxy.accessLine(new RegExp(`"CONNECT 127\\.0\\.0\\.1:${port} `));
  assert.match(line, /closed-by=client/);
  assert.doesNotMatch(line, / 504 |ProxyTimeout/, 'ended by its leaving, not by the time-out');
  await until('nobody calls any more', () => callersOf(port) === before);
});

test('the proxy being full is 503, until somebody leaves', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startProxy(t, { allow: [server.port], more: 'MaxTunnels 1' });
  const target = `127.0.0.1:${server.port}`;
  const first = await tunnel(proxy.port, target);
  assert.equal(first.status, 200);
  await isRefused(proxy, { target, status: 503, says: /MaxTunnels|full|tunnels/i });
  first.peer.end();
  await first.peer.readToEnd();
  first.peer.destroy();
  await until('there is room again', async () => {
    const next = await tunnel(proxy.port, target);
    next.peer.destroy();
    return next.status === 200;
  });
});

test('a client that sends no request is sent away', async (t) => {
  const proxy = await startProxy(t, { allow: [9000], more: 'HandshakeTimeout 200ms' });
  const silent = await connect(proxy.port);
  const slow = await connect(proxy.port);
  slow.send('CONNECT localhost:9000 HTT');
  for (const peer of [silent, slow]) {
    await peer.readToEnd();
    peer.destroy();
  }
});

test('Via says what ProxyVia allows', async (t) => {
  const server = await listen(t, { serve: echo });
  const via = async (mode) => {
    const more = `ProxyVia ${mode}\nServerName proxy.example`;
    const proxy = await startProxy(t, { allow: [server.port], more });
    const { head } = await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    return field(head, 'via');
  };
  assert.equal(await via('Off'), undefined);
  assert.match((await via('On')) ?? '', /^1\.1 proxy\.example/);
  assert.match((await via('Full')) ?? '', /^1\.1 proxy\.example.*\(.*[Ww]ayleave\/\d/);
});
