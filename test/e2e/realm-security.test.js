// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Who comes in, and what they may: doc/security-realm.md, asked with the built program. Rules and
 * sentences are tested one by one in test/unit/realm; here is what only a whole realm shows.
 */

import { Client } from '@stomp/stompjs';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { connect } from '../../js/client/src/index.js';
import { Program } from '../../tool/lib/program.mjs';
import { askOnce, keptConnection, requestOf } from '../lib/ask.mjs';
import { WebSocketDirect } from '../lib/client.mjs';
import { readResponse } from '../lib/http.mjs';
import { HASHES } from '../lib/passwords.mjs';
import { SockSession, stompFrame } from '../lib/sockjs.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { connect as dial, field } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import { DEMO_CHANNELS, runWayleave, scratch, startRealm, wayleave } from '../lib/wayleave.mjs';

const basic = (user, password) =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const MANAGED = '<Channel "/managed/*">\nAllow manage *\n</Channel>\n';
const NO_PROXY = { http_proxy: '', https_proxy: '', no_proxy: '' };

/** A realm with alice, bob and carol, whose passwords are their names backwards, and dora. */
async function startWithUsers(t, { cost = 4, anonymous = false, more = DEMO_CHANNELS } = {}) {
  const dir = scratch(t);
  const users = ['alice', 'bob', 'carol'].map((user) =>
    HASHES.bcrypt(user, [...user].reverse().join(''), cost),
  );
  users.push(HASHES.bcrypt('dora', 'a:b\\c@', cost));
  writeFileSync(join(dir, 'users'), `${users.join('\n')}\n`);
  writeFileSync(join(dir, 'groups'), 'desk: bob carol\n');
  return startRealm(t, {
    dir,
    anonymous,
    more: `AuthUserFile users\nAuthGroupFile groups\n${more}`,
  });
}

const ALICE = { login: 'alice', passcode: 'ecila' };
const BOB = { login: 'bob', passcode: 'bob' };

/** A WebSocket on which CONNECT was sent; whatever comes is in its inbox. */
async function knock(t, port, headers = {}, options = {}) {
  const stomp = new Stomp(`ws://localhost:${port}/stomp`, options);
  t.after(() => stomp.socket.terminate());
  await within('open', new Promise((resolve) => stomp.socket.once('open', resolve)));
  stomp.send('CONNECT', { 'accept-version': '1.2', host: 'localhost', ...headers });
  return stomp;
}

test('logins', async (t) => {
  const { port, program } = await startWithUsers(t);

  await t.test('in CONNECT, right and wrong, and the close says that it was policy', async (t) => {
    const stomp = await Stomp.connect(t, port, ALICE);
    assert.equal((await stomp.ask('SEND', { destination: '/demo/a' }, 'x')).eid, '1');
    stomp.socket.close();
    await program.line(/session \d+ ended: \S+, user alice, after /);
    for (const headers of [
      { ...ALICE, passcode: 'x' },
      { login: 'dave', passcode: 'x' },
    ]) {
      const wrong = await knock(t, port, headers);
      await wrong.isRefused(/^SecurityException\\c the user or the password is wrong$/);
      assert.equal(wrong.closed, 1008);
    }
    const nobody = await knock(t, port);
    await nobody.isRefused(/^SecurityException\\c this realm asks for a login/);
    assert.equal(nobody.closed, 1008);
    await program.line(/client \S+: user "dave": wrong password or no such user/);
    assert.doesNotMatch(program.stderr, /ecila/);
  });

  await t.test('stompjs and our own client', async (t) => {
    const webSocketFactory = () => new WebSocket(`ws://localhost:${port}/stomp`, 'v12.stomp');
    const told = (connectHeaders) =>
      new Promise((resolve) => {
        const client = new Client({
          webSocketFactory,
          connectHeaders,
          reconnectDelay: 0,
          onConnect: () => resolve('connected'),
          onStompError: (frame) => resolve(frame.headers.message),
        });
        t.after(() => client.deactivate({ force: true }));
        client.activate();
      });
    assert.equal(await within('stompjs', told(ALICE)), 'connected');
    assert.equal(
      await within('stompjs', told({ ...ALICE, passcode: '' })),
      // It reads escapes only when it knows the version, which CONNECTED says.
      'SecurityException\\c the user or the password is wrong',
    );

    const session = await connect(`ws://localhost:${port}`, {
      ...ALICE,
      WebSocket: WebSocketDirect,
    });
    await session.close();
    await assert.rejects(
      connect(`ws://localhost:${port}`, { ...ALICE, WebSocket: WebSocketDirect, passcode: 'x' }),
      {
        message: /the user or the password is wrong/,
      },
    );
  });

  await t.test('over HTTP, each request for itself', async (t) => {
    const { ask } = await keptConnection(t, port);
    const none = await ask('GET /api/channels');
    assert.equal(none.status, 401);
    assert.equal(field(none.head, 'www-authenticate'), 'Basic realm="wayleave"');
    assert.equal(none.json().error, 'SecurityException');
    const right = await ask('GET /api/channels', { fields: [basic('alice', 'ecila')] });
    assert.equal(right.status, 200);
    assert.equal((await ask('GET /api/channels')).status, 401, 'the login was of one request');
    for (const field of [basic('alice', 'x'), 'Authorization: Basic =', basic('', 'x')]) {
      assert.equal((await ask('GET /api/channels', { fields: [field] })).status, 401, field);
    }
    const body = 'told over HTTP';
    const fields = [basic('bob', 'bob')];
    const said = await ask('POST /api/channels/demo/http/events', { fields, body });
    assert.equal(said.status, 201);
    assert.equal((await ask('GET /api/health')).status, 200, 'nobody has to log in to ask that');
  });

  await t.test('on the WebSocket handshake', async (t) => {
    const headers = { Authorization: basic('alice', 'ecila').split(': ')[1] };
    const stomp = await knock(t, port, {}, { headers });
    assert.equal((await stomp.next()).command, 'CONNECTED');
    const refused = new WebSocket(`ws://localhost:${port}/stomp`, 'v12.stomp', {
      headers: { Authorization: basic('alice', 'x').split(': ')[1] },
    });
    const status = new Promise((resolve) => {
      refused.on('unexpected-response', (_, response) => resolve(response.statusCode));
      refused.on('error', () => {});
    });
    assert.equal(await within('an answer', status), 401);
  });

  await t.test('wayleave pub and sub', async () => {
    const said = async (url, env = {}) => {
      const args = ['pub', url, '/demo/shell', 'x'];
      const program = wayleave(args, { env: { ...NO_PROXY, ...env } });
      const { code } = await program.exit;
      return { code, said: program.stderr };
    };
    assert.equal((await said(`ws://alice:ecila@localhost:${port}`)).code, 0);
    assert.equal((await said(`ws://d%6fra:a%3ab%5cc%40@localhost:${port}`)).code, 0);
    const url = `ws://localhost:${port}`;
    assert.equal((await said(url, { WAYLEAVE_LOGIN: 'dora:a:b\\c@' })).code, 0);
    assert.match((await said(url)).said, /this realm asks for a login/);
    const wrong = await said(`ws://alice:secret@localhost:${port}`);
    assert.equal(wrong.code, 1);
    assert.match(wrong.said, /the user or the password is wrong/);
    assert.doesNotMatch(wrong.said, /secret/);
    assert.equal((await said(url, { WAYLEAVE_LOGIN: ':x' })).code, 2);
    const slip = await said(url, { WAYLEAVE_LOGIN: 'alice' });
    assert.equal(slip.code, 2);
    assert.match(slip.said, /WAYLEAVE_LOGIN is no login \(?.*write user:password/s);
  });

  await t.test('curl', async () => {
    const curl = async (...args) => {
      const program = new Program('curl', ['--silent', '--noproxy', '*', ...args]);
      await program.exit;
      return program.stdout;
    };
    const url = `http://127.0.0.1:${port}/api/channels`;
    const status = ['-o', '/dev/null', '-w', '%{http_code}'];
    assert.equal(await curl('--anyauth', '-u', 'alice:ecila', ...status, url), '200');
    assert.equal(await curl('--anyauth', '-u', 'alice:x', ...status, url), '401');
  });
});

test('who is verified holds up nobody', async (t) => {
  // One thread, and some hundred milliseconds for each of three.
  const { port } = await startWithUsers(t, {
    cost: 13,
    anonymous: true,
    more: `AuthThreads 1\n${DEMO_CHANNELS}`,
  });
  const waiting = [];
  for (const headers of [ALICE, BOB, { login: 'carol', passcode: 'x' }]) {
    waiting.push(await knock(t, port, headers));
  }
  // What comes behind CONNECT waits with it.
  waiting[0].send('SEND', { destination: '/demo/late', receipt: 'late' }, 'x');
  const other = await Stomp.connect(t, port);
  await other.ask('SUBSCRIBE', { id: 's', destination: '/demo/a' });
  for (let i = 0; i < 5; i++) {
    other.send('SEND', { destination: '/demo/a' }, String(i));
    assert.equal((await other.next()).body, String(i));
  }
  assert.equal((await askOnce(t, port, 'GET /api/channels')).status, 200);
  assert.deepEqual(waiting[2].inbox, [], 'three verdicts came before one session had its say');

  assert.equal((await waiting[0].next()).command, 'CONNECTED');
  assert.equal((await waiting[0].next()).headers['receipt-id'], 'late');
  assert.equal((await waiting[1].next()).command, 'CONNECTED');
  await waiting[2].isRefused(/the user or the password is wrong/);
});

const RIGHTS = `<Channel "/fx/secret">
    Deny all *
</Channel>
<Channel "/fx/*">
    Allow publish alice group:desk@127.0.0.0/8
    Deny subscribe anonymous
</Channel>
${DEMO_CHANNELS}`;

test('rights', async (t) => {
  const { port, program } = await startWithUsers(t, { anonymous: true, more: RIGHTS });
  const soft = { errors: 'receipt' };
  const destination = '/fx/eur';

  await t.test('in sessions', async (t) => {
    const alice = await Stomp.connect(t, port, { ...ALICE, ...soft });
    const nobody = await Stomp.connect(t, port, soft);
    assert.equal((await alice.ask('SEND', { destination }, 'x')).eid, '1');
    const refused = await nobody.ask('SEND', { destination }, 'x');
    assert.equal(refused.refused, 'SecurityException');
    assert.match(refused.message, /^anonymous@\S+ may not publish to \/fx\/eur$/);
    const again = await nobody.ask('SUBSCRIBE', { id: 's', destination });
    assert.equal(again.refused, 'SecurityException');
    assert.ok(await nobody.ask('SUBSCRIBE', { id: 't', destination: '/demo/a' }));
    await program.line(
      /anonymous@\S+ may not publish to \/fx\/eur \(no Allow in the section at realm\.conf:\d+ is for it\)/,
    );
    await program.line(/may not subscribe to \/fx\/eur \(realm\.conf:\d+, Deny anonymous\)/);

    const hard = await Stomp.connect(t, port, BOB);
    hard.send('SUBSCRIBE', { id: 's', destination: '/fx/secret' });
    await hard.isRefused(/^SecurityException\\c bob@\S+ may not subscribe to \/fx\/secret$/);
    assert.equal(hard.closed, 1008);
  });

  await t.test('over HTTP', async (t) => {
    const { ask } = await keptConnection(t, port);
    const events = '/api/channels/fx/eur/events';
    const fields = [basic('alice', 'ecila')];
    assert.equal((await ask(`POST ${events}`, { fields, body: 'y' })).status, 201);
    const denied = await ask(`GET ${events}`);
    assert.equal(denied.status, 401, 'who could log in is asked to');
    assert.equal((await ask(`GET ${events}`, { fields })).status, 200);
    const secret = await ask('GET /api/channels/fx/secret', { fields });
    assert.equal(secret.status, 403);
    assert.equal(secret.json().error, 'SecurityException');
    const { channels } = (await ask('GET /api/channels', { fields })).json();
    assert.ok(channels.some(({ name }) => name === '/fx/eur'));
    assert.ok(!channels.some(({ name }) => name === '/fx/secret'));
  });

  await t.test(
    'a refused request is the last on its connection where its body is unread',
    async (t) => {
      const peer = await dial(port);
      t.after(() => peer.destroy());
      peer.send('POST /api/channels/fx/eur/events HTTP/1.1\r\nHost: localhost\r\n');
      peer.send('Content-Length: 26\r\n\r\nGET /api/health HTTP/1.1\r\n');
      await until('the end', () => peer.isEnded);
      const text = String(peer.unread);
      assert.match(text, /^HTTP\/1\.1 401 /);
      assert.equal(text.match(/HTTP\/1\.1 \d/g).length, 1);
    },
  );
});

test('limits of an address', async (t) => {
  await t.test('logins that fail', async (t) => {
    const more = `LoginFailuresPerClient 2\nAdminListen 127.0.0.1:0\n${DEMO_CHANNELS}`;
    const { port, program } = await startWithUsers(t, { more });
    const host = { fields: [basic('alice', 'x')] };
    for (let i = 0; i < 2; i++) {
      assert.equal((await askOnce(t, port, 'GET /api/channels', host)).status, 401);
    }
    const right = { fields: [basic('alice', 'ecila')] };
    assert.equal((await askOnce(t, port, 'GET /api/channels', right)).status, 429);
    const late = new Stomp(`ws://127.0.0.1:${port}/stomp`);
    t.after(() => late.socket.terminate());
    await within('open', new Promise((resolve) => late.socket.once('open', resolve)));
    late.send('CONNECT', { 'accept-version': '1.2', ...ALICE });
    await late.isRefused(/too many logins from this address have failed/);
    await program.line(/2 logins have failed within a minute/);
    const admin = (await program.line(/admin listener on/)).match(/:(\d+)$/)[1];
    const metrics = (await askOnce(t, Number(admin), 'GET /metrics')).text;
    assert.match(metrics, /^wayleave_realm_logins_failed_total 4$/m);
  });

  await t.test('connections', async (t) => {
    const more = `ConnectionsPerClient 2\n${DEMO_CHANNELS}`;
    const { port, program } = await startRealm(t, { more });
    const first = await keptConnection(t, port);
    const second = await keptConnection(t, port);
    assert.equal((await first.ask('GET /health')).status, 200);
    assert.equal((await second.ask('GET /health')).status, 200);
    const third = await dial(port);
    await until('the end', () => third.isEnded);
    await program.line(
      /not taken: its address has as many .* as it may have \(ConnectionsPerClient\)/,
    );
    first.peer.destroy();
    await until('room for another', async () => {
      const again = await dial(port);
      again.send('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      await until('an end', () => again.isEnded);
      return String(again.unread).startsWith('HTTP/1.1 200');
    });
    assert.equal((await second.ask('GET /health')).status, 200);
  });
});

test('who publishes faster than PublishRate is read later; others go on', async (t) => {
  const { port } = await startRealm(t, { more: `PublishRate 10/s 10\n${DEMO_CHANNELS}` });
  const fast = await Stomp.connect(t, port);
  const slow = await Stomp.connect(t, port);
  const destination = '/demo/rate';
  for (let i = 0; i < 300; i++) fast.send('SEND', { destination, receipt: String(i) }, 'x');
  assert.equal((await fast.next()).headers['receipt-id'], '0');
  const { eid } = await slow.ask('SEND', { destination }, 'y');
  assert.ok(Number(eid) < 300, `the fast one had published ${eid} before`);
  assert.equal(fast.closed, null);
  assert.equal((await fast.next()).headers['receipt-id'], '1', 'nothing is refused');
});

/** A subscriber that has stopped to read, and 24 MiB for it in a channel that keeps ten events. */
async function flood(t, policy) {
  const plain = 'PerMessageDeflate Off\nViewBytesMax 64k\n'; // so that it is 24 MiB
  const more = `${plain}<Channel "/demo/*">\nCapacity 10\nSlowReader ${policy}\n</Channel>\n`;
  const realm = await startRealm(t, { more });
  const destination = '/demo/flood';
  const deaf = await Stomp.connect(t, realm.port, { 'heart-beat': '0,0' });
  await deaf.ask('SUBSCRIBE', { id: 's', destination });
  const reader = await Stomp.connect(t, realm.port);
  await reader.ask('SUBSCRIBE', { id: 'other', destination });
  const publisher = await Stomp.connect(t, realm.port);
  deaf.socket.pause();
  const body = 'x'.repeat(128 * 1024);
  for (let i = 0; i < 192; i++) {
    await publisher.ask('SEND', { destination }, body);
    assert.equal((await reader.next()).headers.eid, String(i + 1), 'others lose nothing');
  }
  return { ...realm, program: realm.program, deaf, reader, publisher, destination };
}

test('a slow reader with SlowReader drop ends, and the log says why', async (t) => {
  const { program, deaf, destination } = await flood(t, 'drop');
  deaf.socket.resume();
  await until('the end', () => deaf.closed !== null);
  await program.line(
    new RegExp(
      `session \\d+ ended: .*the client is so slow that events it needs of ${destination} are not ` +
        'stored any more \\(Capacity, StoreBytes; SlowReader\\)$',
    ),
  );
});

test('a slow reader with SlowReader skip goes on with the newest event', async (t) => {
  const { program, deaf, publisher, destination } = await flood(t, 'skip');
  deaf.socket.resume();
  await publisher.ask('SEND', { destination }, 'the last');
  const eids = [];
  for (;;) {
    const { headers, body } = await deaf.next();
    eids.push(Number(headers.eid));
    if (body === 'the last') break;
  }
  assert.ok(
    eids.every((eid, i) => i === 0 || eid > eids[i - 1]),
    'in order',
  );
  assert.equal(eids.at(-1), 193);
  assert.ok(eids.length < 193, 'and some are missing, which their EIDs show');
  assert.equal(deaf.closed, null);
  const line = await program.line(/is too slow for \/demo\/flood: \d+ events were left out/);
  assert.equal(Number(/: (\d+) events/.exec(line)[1]) + eids.length, 193);
});

test('TLS below 1.2 is not spoken', async (t) => {
  const { tlsPort } = await startRealm(t, { more: DEMO_CHANNELS });
  const speak = (version) =>
    promisify(execFile)('sh', [
      '-c',
      `openssl s_client -connect 127.0.0.1:${tlsPort} -${version} -cipher ALL:@SECLEVEL=0 </dev/null 2>&1`,
    ]).then(
      ({ stdout }) => stdout,
      ({ stdout }) => stdout,
    );
  assert.match(await speak('tls1_2'), /Cipher is ECDHE-/);
  const modern = await speak('tls1_3').catch(() => '');
  assert.match(modern, /TLSv1\.3/);
  for (const version of ['tls1_1', 'tls1']) {
    assert.match(await speak(version), /Cipher is \(NONE\)/, version);
  }
});

test('wayleave config shows who may', async (t) => {
  const dir = scratch(t);
  writeFileSync(
    join(dir, 'realm.conf'),
    `Interface http://127.0.0.1:9000\nAnonymous On\n<Channel "/a">\n    Allow publish *@10.0.0.0/8\n</Channel>\n`,
  );
  const { code, stdout } = await runWayleave(['config', '--realm', 'realm.conf'], { cwd: dir });
  assert.equal(code, 0);
  assert.match(stdout, /Anonymous On/);
  assert.match(stdout, /Allow publish \*@10\.0\.0\.0\/8/);
});

/** bob is gone, carol's password is another, and nobody without a name may use /demo/a. */
async function reloadStrictly({ dir, pid, program }) {
  const users = join(dir, 'users');
  const kept = readFileSync(users, 'utf8').replace(/^bob:.*\n/m, '');
  writeFileSync(users, kept.replace(/^carol:.*$/m, HASHES.bcrypt('carol', 'new', 4)));
  const file = join(dir, 'realm.conf');
  const rules = '<Channel "/demo/a">\nDeny all anonymous\n</Channel>\n';
  writeFileSync(file, readFileSync(file, 'utf8').replace('<Channel', `${rules}<Channel`));
  process.kill(pid, 'SIGHUP');
  await program.line(/reloaded .*, now on /);
}

test('a reload judges the sessions that there are by its users and rules', async (t) => {
  const realm = await startWithUsers(t, { anonymous: true });
  const { port, program } = realm;
  const listen = async (headers, destination) => {
    const stomp = await Stomp.connect(t, port, { ...headers, errors: 'receipt' });
    await stomp.ask('SUBSCRIBE', { id: 's', destination });
    return stomp;
  };
  const alice = await listen(ALICE, '/demo/a');
  const bob = await listen(BOB, '/demo/a');
  const carol = await listen({ login: 'carol', passcode: 'lorac' }, '/demo/a');
  const nobody = await listen({}, '/demo/a');
  const elsewhere = await listen({}, '/demo/b');
  const http = new SockSession(t, port);
  const frames = await http.receive('xhr_streaming');
  assert.equal(await frames.next(), 'o');
  await http.say(stompFrame('CONNECT', { 'accept-version': '1.2', ...BOB }));
  assert.match(await frames.messages(), /^CONNECTED/);

  await reloadStrictly(realm);

  for (const [stomp, user] of [
    [bob, 'bob'],
    [carol, 'carol'],
  ]) {
    await stomp.isRefused(
      new RegExp(`^SecurityException\\\\c ${user}@\\S+ has to log in again\\\\c the users of`),
    );
    assert.equal(stomp.closed, 1008);
  }
  assert.match(await frames.messages(), /^ERROR\n[^]*bob@\S+ has to log in again/);
  await nobody.isRefused(
    /^SecurityException\\c anonymous@\S+ may not subscribe to \/demo\/a any more\\c the configuration/,
  );
  await program.line(/session \d+ ended: \S+, user bob, .*has to log in again/);

  // Who may still, goes on; and what it asks for is judged by the new rules.
  await alice.ask('SEND', { destination: '/demo/a' }, 'still here');
  assert.equal((await alice.next()).body, 'still here');
  const refused = await elsewhere.ask('SEND', { destination: '/demo/a' }, 'x');
  assert.equal(refused.refused, 'SecurityException');
  await elsewhere.ask('SEND', { destination: '/demo/b' }, 'x');
  assert.equal((await elsewhere.next()).body, 'x');
  const again = await knock(t, port, BOB);
  await again.isRefused(/the user or the password is wrong/);
});

test('a request whose body comes after a reload is judged by its users and rules', async (t) => {
  const realm = await startWithUsers(t, { anonymous: true, more: DEMO_CHANNELS + MANAGED });
  const rows = [
    { line: 'POST /api/channels/demo/a/events', body: 'x', user: 'alice:ecila', status: 201 },
    { line: 'POST /api/channels/demo/a/events', body: 'x', user: 'bob:bob', status: 401 },
    { line: 'POST /api/channels/demo/a/events', body: 'x', status: 401 },
    { line: 'PUT /api/channels/managed/a', body: '{}', user: 'bob:bob', status: 401 },
    { line: 'PUT /api/channels/managed/a', body: '{}', user: 'alice:ecila', status: 201 },
  ];
  const asked = [];
  for (const { line, body, user, status } of rows) {
    const { peer } = await keptConnection(t, realm.port);
    const fields = [`Content-Length: ${body.length}`, 'Expect: 100-continue'];
    if (user) fields.push(basic(...user.split(':')));
    peer.send(requestOf(line, { fields }));
    assert.equal((await readResponse(peer)).status, 100); // the head was judged
    asked.push({ peer, line, user, body, status });
  }
  await reloadStrictly(realm);
  for (const { peer, body, status, ...who } of asked) {
    peer.send(body);
    const answer = await readResponse(peer);
    assert.equal(answer.status, status, `${JSON.stringify(who)}: ${answer.text}`);
  }
});

test('over HTTP PublishRate is for a user, on whatever connections', async (t) => {
  const more = `${DEMO_CHANNELS}PublishRate 1/s 2\n`;
  const { port } = await startWithUsers(t, { anonymous: true, more });
  const publish = (...fields) =>
    askOnce(t, port, 'POST /api/channels/demo/a/events', { fields, body: 'x' });
  const alice = basic('alice', 'ecila');
  assert.equal((await publish(alice)).status, 201);
  let answer = await publish(alice);
  for (let i = 0; i < 1000 && answer.status === 201; i++) answer = await publish(alice);
  const { head, status, text } = answer;
  assert.equal(status, 429);
  assert.equal(field(head, 'retry-after'), '1');
  assert.match(text, /LimitException.*PublishRate/);
  assert.equal((await publish(basic('bob', 'bob'))).status, 201);
  assert.equal((await publish()).status, 201);
});

test('what one address makes by using it leaves as much to others', async (t) => {
  const { port } = await startRealm(t, { more: `ChannelsMax 4\n${DEMO_CHANNELS}` });
  const publish = (name) =>
    askOnce(t, port, `POST /api/channels/demo/${name}/events`, { body: 'x' });
  for (const name of ['a', 'b']) assert.equal((await publish(name)).status, 201);
  const refused = await publish('c');
  assert.equal(refused.status, 403); // it is this client's share: to come again later is no use
  assert.equal(field(refused.head, 'retry-after'), undefined);
  assert.match(refused.text, /LimitException.*anonymous@127.0.0.1 has 2 of the .*ChannelsPerUser/);
  assert.equal((await publish('a')).status, 201);
});
