// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Who the client is: Basic login against password files that other people's programs made. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { HttpsProxyAgent } from 'https-proxy-agent';
import WebSocket from 'ws';
import { Program } from '../../tool/lib/program.mjs';
import { HASHES, loginField } from '../lib/passwords.mjs';
import { serveHttp, serveWebSocket } from '../lib/served.mjs';
import { connect, echo, field, listen, tunnel } from '../lib/tcp.mjs';
import { startWatched } from '../lib/watched.mjs';
import { within } from '../lib/wait.mjs';
import { scratch } from '../lib/wayleave.mjs';

const USERS = [
  HASHES.bcrypt('berta', 'berta pass:word'),
  HASHES.apr1('anna', 'anna-secret'),
  HASHES.SHA('sara', 'sara-secret'),
  HASHES['SHA-crypt']('carl', 'carl-secret'),
].join('\n');
const GROUPS = 'staff: anna berta\nguests: sara carl\n';

const PASSWORDS = {
  berta: 'berta pass:word',
  anna: 'anna-secret',
  sara: 'sara-secret',
  carl: 'carl-secret',
};

const login = (user) => loginField(user, PASSWORDS[user]);

function configuration({ port, rules = 'Require valid-user', more = '' }) {
  return `Listen 127.0.0.1:0
ProxyRequests On
AllowCONNECT ${port}
<Proxy *>
    AuthType Basic
    AuthName "the lab"
    AuthUserFile users
    AuthGroupFile groups
    ${rules}
</Proxy>
${more}`;
}

async function startGuarded(t, options, users = USERS) {
  const dir = scratch(t);
  writeFileSync(join(dir, 'users'), `${users}\n`, { mode: 0o600 });
  writeFileSync(join(dir, 'groups'), GROUPS);
  return startWatched(t, configuration(options), { dir });
}

/** An echo server, and what CONNECT through a proxy in front of it is answered. */
async function startEcho(t) {
  const { port } = await listen(t, { serve: echo });
  const target = `127.0.0.1:${port}`;
  return {
    port,
    target,
    async status(proxy, { fields = [], from } = {}) {
      const { status, peer } = await tunnel(proxy.port, target, { fields, from });
      peer.destroy();
      return status;
    },
  };
}

/** An HTTP origin that keeps the heads it is sent. */
async function startOrigin(t) {
  const heads = [];
  const { server, port } = await serveHttp(t, (request, response) => {
    heads.push(`${request.method} ${request.url}\n${request.rawHeaders.join('\n')}`);
    request.resume().on('end', () => response.end('from the origin'));
  });
  return { server, heads, port, url: `http://127.0.0.1:${port}/` };
}

/** Reads one answer that has a length. @param {import('../lib/tcp.mjs').Peer} peer */
async function readAnswer(peer) {
  const head = String(await peer.readUntil('\r\n\r\n'));
  const body = String(await peer.read(Number(field(head, 'content-length') ?? 0)));
  return { head, body, status: Number(head.slice(9, 12)) };
}

/* ---- who may ---- */

test('passwords of every kind that htpasswd and openssl make log in', async (t) => {
  const server = await startEcho(t);
  const proxy = await startGuarded(t, { port: server.port });
  for (const user of Object.keys(PASSWORDS)) {
    assert.equal(await server.status(proxy, { fields: [login(user)] }), 200, user);
    const wrong = loginField(user, `${PASSWORDS[user]}x`);
    assert.equal(await server.status(proxy, { fields: [wrong] }), 407, `${user}, wrong`);
    const empty = loginField(user, '');
    assert.equal(await server.status(proxy, { fields: [empty] }), 407, `${user}, empty`);
  }
  assert.equal(await server.status(proxy), 407);
  assert.equal(await server.status(proxy, { fields: [loginField('nobody', 'x')] }), 407);
  assert.equal(await proxy.metric('wayleave_proxy_refused_total{why="login"}'), 10);
});

test('a 407 names the realm and says in a sentence what is missing', async (t) => {
  const server = await startEcho(t);
  const proxy = await startGuarded(t, { port: server.port });
  for (const [fields, why] of [
    [[], 'none was given'],
    [[loginField('anna', 'x')], 'the user or the password was wrong'],
    [['Proxy-Authorization: Basic ###'], 'the credentials were malformed'],
    [['Proxy-Authorization: Bearer abc'], 'none was given'],
  ]) {
    const peer = await connect(proxy.port);
    peer.send(`CONNECT ${server.target} HTTP/1.1\r\n${fields.map((each) => `${each}\r\n`)}\r\n`);
    const { head, body, status } = await readAnswer(peer);
    peer.destroy();
    assert.equal(status, 407);
    assert.equal(field(head, 'proxy-authenticate'), 'Basic realm="the lab"');
    assert.match(field(head, 'proxy-status'), /^wayleave; error=http_request_denied; /);
    assert.ok(body.includes(why), `${body} says: ${why}`);
  }
});

for (const [rules, allowed] of [
  ['Require user anna carl', ['anna', 'carl']],
  ['Require group staff', ['anna', 'berta']],
  ['Require group guests\n    Require user anna', ['anna', 'sara', 'carl']],
  ['<RequireAll>\n Require group staff\n Require not user anna\n </RequireAll>', ['berta']],
]) {
  const name = rules.replaceAll(/\s+/g, ' ');
  test(`"${name}" lets in ${allowed.join(' and ')} and asks others again`, async (t) => {
    const server = await startEcho(t);
    const proxy = await startGuarded(t, { port: server.port, rules });
    for (const user of Object.keys(PASSWORDS)) {
      const expected = allowed.includes(user) ? 200 : 407;
      assert.equal(await server.status(proxy, { fields: [login(user)] }), expected, user);
    }
  });
}

test('Satisfy any asks for the address or the login, Satisfy all for both', async (t) => {
  const server = await startEcho(t);
  const rules = (satisfy) =>
    `Require valid-user
    Order deny,allow
    Deny from all
    Allow from 127.0.0.1
    Satisfy ${satisfy}`;
  const proxy = await startGuarded(t, { port: server.port, rules: rules('any') });
  const outcomes = async () => [
    await server.status(proxy, { from: '127.0.0.1' }),
    await server.status(proxy, { from: '127.0.0.1', fields: [login('anna')] }),
    await server.status(proxy, { from: '127.0.0.2' }),
    await server.status(proxy, { from: '127.0.0.2', fields: [login('anna')] }),
  ];
  assert.deepEqual(await outcomes(), [200, 200, 407, 200]);
  await proxy.reload(configuration({ port: server.port, rules: rules('all') }));
  assert.deepEqual(await outcomes(), [407, 200, 403, 403]);
});

test('malformed credentials are no login, whatever is wrong with them', async (t) => {
  const server = await startEcho(t);
  const proxy = await startGuarded(t, { port: server.port });
  const base64 = (text) => Buffer.from(text, 'latin1').toString('base64');
  const good = base64('anna:anna-secret');
  for (const value of [
    '',
    'Basic',
    'Basic ',
    `Basic${good}`,
    `Basic ${good} ${good}`,
    `Basic ${good},`,
    `Basic ${good}=`,
    `Basic ${good.slice(0, -1)}`,
    `Basic ${base64('anna')}`,
    `Basic ${base64(':anna-secret')}`,
    `Basic ${base64('anna:anna-secret\0')}`,
    `Basic ${base64('anna\0:anna-secret')}`,
    `Basic ${base64('anna:anna-secret\n')}`,
    `Basic ${base64(`${'a'.repeat(256)}:x`)}`,
    `Basic ${base64(`anna:${'x'.repeat(512)}`)}`,
    `Basic ${'A'.repeat(8000)}`,
    `Digest username="anna"`,
    good,
  ]) {
    const fields = [`Proxy-Authorization: ${value}`];
    assert.equal(await server.status(proxy, { fields }), 407, JSON.stringify(value.slice(0, 60)));
  }
  const twice = [login('anna'), login('anna')];
  assert.equal(await server.status(proxy, { fields: twice }), 407, 'the field twice');
  assert.equal(await server.status(proxy, { fields: [`Proxy-Authorization: basic ${good}`] }), 200);
});

/* ---- the connection ---- */

test('after a 407 the same connection may try CONNECT again', async (t) => {
  const server = await startEcho(t);
  const proxy = await startGuarded(t, { port: server.port });
  const peer = await connect(proxy.port);
  const ask = (fields) =>
    peer.send(
      [`CONNECT ${server.target} HTTP/1.1`, `Host: ${server.target}`, ...fields, '', ''].join(
        '\r\n',
      ),
    );
  ask([]);
  assert.equal((await readAnswer(peer)).status, 407);
  ask([loginField('anna', 'wrong')]);
  assert.equal((await readAnswer(peer)).status, 407);
  ask([login('anna')]);
  assert.equal((await readAnswer(peer)).status, 200);
  peer.send('through');
  assert.equal(String(await peer.read(7)), 'through');
  peer.destroy();
});

test('after a 407 the same connection may try GET again', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startGuarded(t, { port: origin.port });
  const peer = await connect(proxy.port);
  const ask = (fields) =>
    peer.send(
      [`GET ${origin.url} HTTP/1.1`, `Host: 127.0.0.1:${origin.port}`, ...fields, '', ''].join(
        '\r\n',
      ),
    );
  ask([]);
  assert.equal((await readAnswer(peer)).status, 407);
  assert.equal(origin.heads.length, 0, 'the origin was not asked');
  ask([login('carl')]);
  const { status } = await readAnswer(peer);
  assert.equal(status, 200);
  peer.destroy();
});

test('a 407 to a request with a body ends the connection, so that the body is no request', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startGuarded(t, { port: origin.port });
  const inner = `GET ${origin.url}smuggled HTTP/1.1\r\nHost: a\r\n${login('anna')}\r\n\r\n`;
  const peer = await connect(proxy.port);
  peer.send(
    `POST ${origin.url} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  );
  const answer = String(await peer.readToEnd());
  peer.destroy();
  assert.match(answer, /^HTTP\/1\.1 407 /);
  assert.match(answer, /\r\nConnection: close\r\n/i);
  assert.equal(answer.match(/HTTP\/1\.1 /g).length, 1);
  assert.equal(origin.heads.length, 0);
});

/* ---- clients of other people ---- */

async function curl(args) {
  const env = { http_proxy: '', https_proxy: '', NO_PROXY: '', no_proxy: '' };
  const program = new Program('curl', ['-q', '-sS', '-m', '30', ...args], { name: 'curl', env });
  const { code } = await program.exit;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

test('curl logs in with --proxy-user, through a tunnel and without, and at once or when asked', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startGuarded(t, { port: origin.port });
  const through = ['-x', `http://127.0.0.1:${proxy.port}`];
  const user = ['--proxy-user', `berta:${PASSWORDS.berta}`];
  for (const way of [
    [],
    ['--proxytunnel'],
    ['--proxy-anyauth'],
    ['--proxytunnel', '--proxy-anyauth'],
  ]) {
    const { code, stdout, stderr } = await curl([...through, ...user, ...way, origin.url]);
    assert.deepEqual([code, stdout, stderr], [0, 'from the origin', ''], way.join(' '));
  }
  const [upload, size] = [join(proxy.dir, 'upload'), 300_000];
  writeFileSync(upload, Buffer.alloc(size, 'u'));
  const sent = await curl([...through, ...user, '--data-binary', `@${upload}`, origin.url]);
  assert.equal(sent.stdout, 'from the origin', sent.stderr);

  const wrong = ['--proxy-user', 'berta:wrong', '-w', '%{http_code} %{http_connect}'];
  assert.match((await curl([...through, ...wrong, origin.url])).stdout, /407 000$/);
  const tunnelled = await curl([...through, ...wrong, '--proxytunnel', origin.url]);
  assert.match(tunnelled.stdout, /000 407$/);
  assert.notEqual(tunnelled.code, 0);
});

test('a ws client logs in through https-proxy-agent', async (t) => {
  const port = await serveWebSocket(t, (socket) =>
    socket.on('message', (data) => socket.send(`${data}`)),
  );
  const proxy = await startGuarded(t, { port });
  const open = (user, password) => {
    const who = `${user}:${encodeURIComponent(password)}`;
    const agent = new HttpsProxyAgent(`http://${who}@127.0.0.1:${proxy.port}`);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/room`, { agent });
    t.after(() => socket.terminate());
    return socket;
  };
  const socket = open('berta', PASSWORDS.berta);
  const answer = new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send('hello'));
    socket.on('message', (data) => resolve(`${data}`));
  });
  assert.equal(await within('an answer', answer), 'hello');
  socket.close(1000);
  assert.match(await proxy.accessLine(/ 200 /), / - berta \[.*tunnel=websocket .*ws-path="\/room"/);

  const refused = open('berta', 'wrong');
  const fault = new Promise((resolve) => refused.on('error', resolve));
  assert.match(String(await within('a refusal', fault)), /407/);
});

/* ---- what becomes of the credentials ---- */

test('credentials for the proxy never reach the origin, those for the origin do', async (t) => {
  const origin = await startOrigin(t);
  origin.server.on('upgrade', (request, socket) => {
    origin.heads.push(`${request.method} ${request.url}\n${request.rawHeaders.join('\n')}`);
    socket.on('error', () => {}); // nobody else listens on it now, and the proxy may reset it
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  });
  const proxy = await startGuarded(t, { port: origin.port });
  const host = `127.0.0.1:${origin.port}`;
  const upgrade = [
    'Connection: Upgrade, Proxy-Authorization',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  ];
  for (const [line, more] of [
    [`GET http://${host}/get`, []],
    [`POST http://${host}/post`, ['Content-Length: 0']],
    [`GET http://${host}/upgrade`, upgrade],
    [`GET ws://${host}/ws`, upgrade],
  ]) {
    const peer = await connect(proxy.port);
    const fields = [`Host: ${host}`, login('anna'), 'Authorization: Basic b3JpZ2lu', ...more];
    peer.send(`${[`${line} HTTP/1.1`, ...fields].join('\r\n')}\r\n\r\n`);
    assert.match((await readAnswer(peer)).head, /^HTTP\/1\.1 (200|403) /, line);
    peer.destroy();
  }
  assert.equal(origin.heads.length, 4);
  for (const head of origin.heads) {
    assert.doesNotMatch(head, /proxy-authorization/i);
    assert.ok(!head.includes(btoa('anna:anna-secret')), head);
    assert.match(head, /\nAuthorization\nBasic b3JpZ2lu/);
  }
});

test('the log has the user who logged in, and no word of a password', async (t) => {
  const server = await startEcho(t);
  const origin = await startOrigin(t);
  const proxy = await startGuarded(t, { port: server.port, more: 'LogLevel debug' });
  assert.equal(await server.status(proxy, { fields: [login('anna')] }), 200);
  assert.match(await proxy.accessLine(/"CONNECT .* 200 /), /^127\.0\.0\.1 - anna \[/);
  assert.equal(await server.status(proxy, { fields: [loginField('anna', 'MySecret')] }), 407);
  assert.match(await proxy.accessLine(/"CONNECT .* 407 /), /^127\.0\.0\.1 - - \[/);
  assert.match(
    await proxy.program.line(/wrong password/),
    /client 127\.0\.0\.1: user "anna": wrong password or no such user/,
  );
  const peer = await connect(proxy.port);
  peer.send(`GET ${origin.url} HTTP/1.1\r\nHost: a\r\n${login('sara')}\r\n\r\n`);
  assert.equal((await readAnswer(peer)).status, 200);
  peer.destroy();
  assert.match(await proxy.accessLine(/"GET .* 200 /), /^127\.0\.0\.1 - sara \[/);
  for (const secret of ['MySecret', 'anna-secret', 'sara-secret', btoa('anna:anna-secret')]) {
    assert.ok(!`${proxy.program.stdout}${proxy.program.stderr}`.includes(secret), secret);
  }
});

/* ---- work that takes its time ---- */

test('logins that cost much hold up no tunnel', async (t) => {
  const server = await startEcho(t);
  const users = `${USERS}\n${HASHES.bcrypt('dear', 'x', 12)}`;
  const proxy = await startGuarded(t, { port: server.port, more: 'AuthThreads 1' }, users);
  // So many that every worker has some.
  const open = () => tunnel(proxy.port, server.target, { fields: [login('sara')] });
  const peers = (await Promise.all(Array.from({ length: 16 }, open))).map(({ peer }) => peer);
  t.after(() => peers.forEach((peer) => peer.destroy()));

  const order = [];
  const logins = Array.from({ length: 8 }, async (_, i) => {
    const fields = [loginField('dear', `wrong ${i}`)];
    assert.equal(await server.status(proxy, { fields }), 407);
    order.push('login');
  });
  const talk = (async () => {
    for (let turn = 0; turn < 10; turn += 1) {
      await Promise.all(
        peers.map(async (peer) => {
          peer.send('word');
          assert.equal(String(await peer.read(4)), 'word');
        }),
      );
    }
    order.push('talk');
  })();
  await Promise.all([...logins, talk]);
  assert.notEqual(order.at(-1), 'talk', 'ten turns of sixteen tunnels, before eight logins');
});

test('one login more than may wait is told 503, and later ones are served', async (t) => {
  const server = await startEcho(t);
  const users = `${USERS}\n${HASHES.bcrypt('dear', 'x', 12)}`;
  const more = 'AuthThreads 1\nAuthWaitingMax 1';
  const proxy = await startGuarded(t, { port: server.port, more }, users);
  const answers = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const fields = [loginField('dear', `wrong ${i}`)];
      const { status, head, peer } = await tunnel(proxy.port, server.target, { fields });
      peer.destroy();
      return { status, head };
    }),
  );
  const full = answers.filter(({ status }) => status === 503);
  assert.ok(full.length > 0, 'some are told so');
  assert.ok(full.length < 8, 'not all');
  assert.ok(answers.every(({ status }) => [407, 503].includes(status)));
  assert.match(full[0].head, /AuthWaitingMax/);
  const metric = 'wayleave_proxy_refused_total{why="full"}';
  assert.equal(await proxy.metric(metric), full.length);
  assert.equal(await server.status(proxy, { fields: [login('carl')] }), 200);
});

test('a client that leaves during its login leaves nothing behind', async (t) => {
  const server = await startEcho(t);
  const users = `${USERS}\n${HASHES.bcrypt('dear', 'x', 12)}`;
  const proxy = await startGuarded(t, { port: server.port, more: 'AuthThreads 1' }, users);
  const target = server.target;
  for (let i = 0; i < 4; i += 1) {
    const peer = await connect(proxy.port);
    peer.send(`CONNECT ${target} HTTP/1.1\r\n${loginField('dear', `wrong ${i}`)}\r\n\r\n`);
    peer.reset();
  }
  assert.equal(await server.status(proxy, { fields: [login('sara')] }), 200);
  await proxy.reaches('wayleave_proxy_connections', 0);
});

/* ---- reload ---- */

test('a reload takes a changed password file, at once and for new requests alone', async (t) => {
  const server = await startEcho(t);
  const proxy = await startGuarded(t, { port: server.port });
  const { status, peer } = await tunnel(proxy.port, server.target, { fields: [login('anna')] });
  assert.equal(status, 200);

  const users = [HASHES.bcrypt('anna', 'a new one'), HASHES.SHA('sara', 'sara-secret')].join('\n');
  writeFileSync(join(proxy.dir, 'users'), `${users}\n`);
  assert.equal(await server.status(proxy, { fields: [login('anna')] }), 200, 'not before reload');
  await proxy.reload();
  assert.equal(await server.status(proxy, { fields: [login('anna')] }), 407, 'the old one');
  assert.equal(await server.status(proxy, { fields: [loginField('anna', 'a new one')] }), 200);
  assert.equal(await server.status(proxy, { fields: [login('carl')] }), 407, 'removed');
  peer.send('goes on');
  assert.equal(String(await peer.read(7)), 'goes on');
  peer.destroy();
});

test('a password file that is wrong changes nothing, and its line is named', async (t) => {
  const server = await startEcho(t);
  const proxy = await startGuarded(t, { port: server.port });
  writeFileSync(join(proxy.dir, 'users'), `${USERS}\nplain:text\n`);
  await proxy.reload(undefined, /was not reloaded/);
  assert.match(proxy.program.stderr, /users:5: /);
  assert.equal(await server.status(proxy, { fields: [login('anna')] }), 200);
});
