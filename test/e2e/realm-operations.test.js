// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What an administrator does to a running realm: reload, new certificate, drain, watch, activate. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect as dial, createServer } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { connect as dialTls } from 'node:tls';
import { freePort, get, startReloadableRealm } from '../lib/reload.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { connect } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import {
  AS_ROOT,
  CHECKED,
  DEMO_CHANNELS,
  RELEASE,
  runWayleave,
  scratch,
  wayleave,
} from '../lib/wayleave.mjs';

/** Publishes and hears it again: the session and its subscription are alive. */
async function isAlive(stomp, body) {
  stomp.send('SEND', { destination: '/demo/alive' }, body);
  assert.equal((await stomp.next()).body, body);
}

async function subscriber(t, port, options) {
  const stomp = await Stomp.connect(t, port, {}, options);
  await stomp.ask('SUBSCRIBE', { id: 's', destination: '/demo/alive' });
  return stomp;
}

/** Whether somebody listens there. */
function isOpen(port, host = '127.0.0.1') {
  return new Promise((resolve) => {
    const socket = dial(port, host, () => resolve(socket.destroy() && true));
    socket.on('error', () => resolve(false));
  });
}

/** The common name of the certificate that a new handshake gets. */
function certificateName(port) {
  return new Promise((resolve, reject) => {
    const socket = dialTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subject.CN);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

/** A certificate of that name where the realm looks for its own. */
function makeCertificate(dir, name) {
  const files = ['-keyout', join(dir, 'new.key'), '-out', join(dir, 'new.crt')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', ...kind, ...files, '-days', '2', '-subj', `/CN=${name}`], {
    stdio: 'ignore',
  });
  renameSync(join(dir, 'new.key'), join(dir, 'localhost.key'));
  renameSync(join(dir, 'new.crt'), join(dir, 'localhost.crt'));
}

/* ---- reload ---- */

test('a reload under live sessions cuts none, and its rules are for those who come later', async (t) => {
  const realm = await startReloadableRealm(t);
  const plain = await subscriber(t, realm.port);
  const secure = await subscriber(t, realm.tlsPort, { secure: true });
  const more = `${DEMO_CHANNELS}SubscriptionsMax 1\n<Channel "/new/*">\n</Channel>\n`;
  await realm.reload(more);
  plain.send('SEND', { destination: '/demo/alive' }, 'both hear');
  for (const stomp of [plain, secure]) assert.equal((await stomp.next()).body, 'both hear');

  // The old session has its old maximum, and the new channels at once.
  await plain.ask('SUBSCRIBE', { id: 'second', destination: '/new/one' });
  const later = await subscriber(t, realm.port);
  later.send('SUBSCRIBE', { id: 'second', destination: '/new/one', receipt: 'r' });
  await later.isRefused(/^LimitException/);
});

test('interfaces come and go with a reload; what stays is not closed for a moment', async (t) => {
  const realm = await startReloadableRealm(t);
  const stomp = await subscriber(t, realm.port);
  const added = await freePort();
  await realm.reload(DEMO_CHANNELS, {
    lines: [...realm.interfaces, `Interface http://127.0.0.2:${added}`],
  });
  await until('the new one opens', () => isOpen(added, '127.0.0.2'));
  await realm.reload(DEMO_CHANNELS);
  await until('it closes', async () => !(await isOpen(added, '127.0.0.2')));
  assert.equal(await isOpen(realm.port), true);
  await isAlive(stomp, 'still here');
});

test('an interface becomes a secure one where it is', async (t) => {
  const realm = await startReloadableRealm(t);
  const stomp = await subscriber(t, realm.port);
  await realm.reload(DEMO_CHANNELS, { lines: [`Interface https://127.0.0.1:${realm.port}`] });
  await until(
    'it is secure',
    async () => (await certificateName(realm.port).catch(() => '')) === 'localhost',
  );
  await isAlive(stomp, 'plain as it began');
});

test('a bad file changes nothing and all its faults are said', async (t) => {
  const realm = await startReloadableRealm(t);
  const stomp = await subscriber(t, realm.port);
  const outcome = /was not reloaded/;
  const faults = await realm.reload(`${DEMO_CHANNELS}NoSuchThing\nSessionsMax many\n`, { outcome });
  assert.match(faults, /realm\.conf:\d+: .*NoSuchThing/);
  assert.match(faults, /realm\.conf:\d+: .*SessionsMax/);
  const taken = await realm.reload(DEMO_CHANNELS, {
    outcome,
    lines: [...realm.interfaces, 'Interface http://192.0.2.1:80'],
  });
  assert.match(taken, /Interface: 192\.0\.2\.1:80 cannot be listened on/);
  await isAlive(stomp, 'untouched');
  const other = await subscriber(t, realm.port);
  await isAlive(other, 'nor are new ones');
});

test('what waits for a restart is said once each, and the rest is taken', async (t) => {
  const realm = await startReloadableRealm(t);
  const said = await realm.reload(
    `${DEMO_CHANNELS}ChannelsMax 5\nEventBytesMax 2m\nViewBytesMax 1m\nViewBytesTotal 8m\nWorkers 3\n`,
  );
  for (const name of [
    'ChannelsMax',
    'EventBytesMax',
    'ViewBytesMax',
    'ViewBytesTotal',
    'Workers',
  ]) {
    const line = `${name} has changed, which takes effect at the next start`;
    assert.equal(said.split(line).length - 1, 1, `${name}: ${said}`);
  }
});

/* ---- certificates ---- */

test('a reload brings a new certificate to new handshakes; old sessions go on', async (t) => {
  const realm = await startReloadableRealm(t);
  const stomp = await subscriber(t, realm.tlsPort, { secure: true });
  makeCertificate(realm.dir, 'second.example');
  assert.equal(await certificateName(realm.tlsPort), 'localhost'); // not before it is told
  await realm.reload(DEMO_CHANNELS);
  await until(
    'the new one',
    async () => (await certificateName(realm.tlsPort)) === 'second.example',
  );
  await isAlive(stomp, 'under the old one');
});

test('a certificate that cannot be used changes nothing', async (t) => {
  const realm = await startReloadableRealm(t);
  const outcome = /was not reloaded/;
  writeFileSync(join(realm.dir, 'localhost.crt'), 'no certificate\n');
  assert.match(
    await realm.reload(DEMO_CHANNELS, { outcome }),
    /SSLCertificateFile: .*localhost\.crt/,
  );
  rmSync(join(realm.dir, 'localhost.key'));
  assert.match(await realm.reload(DEMO_CHANNELS, { outcome }), /SSLCertificateFile: /);
  assert.equal(await certificateName(realm.tlsPort), 'localhost');
});

test('a certificate that expires soon is said with its file, its date and what to do', async (t) => {
  const realm = await startReloadableRealm(t);
  assert.doesNotMatch(realm.program.stderr, /SSLCertificateFile/); // 825 days are enough
  makeCertificate(realm.dir, 'soon.example');
  const file = join(realm.dir, 'localhost.crt');
  const end = new Date(new X509Certificate(readFileSync(file)).validTo).toISOString().slice(0, 10);
  const from = realm.program.stderr.length;
  await realm.reload(DEMO_CHANNELS);
  const line = await realm.program.line(/SSLCertificateFile/, { from });
  const said = `warn: SSLCertificateFile: ${file} expires on ${end}, in `;
  assert.equal(line.slice(line.indexOf('warn')).replace(/[12] days? .*/, ''), said);
  assert.match(line, /in [12] days? \(renew it and reload\)$/); // whole ones: of two, or just less
});

/* ---- the end ---- */

test('SIGTERM closes the door, tells sessions to come back, and ends with the last', async (t) => {
  const realm = await startReloadableRealm(t);
  const idle = await connect(realm.port); // before the sessions, so that it is taken before them
  const sessions = [await subscriber(t, realm.port), await subscriber(t, realm.port)];
  process.kill(realm.pid, 'SIGTERM');
  await realm.program.line(/drains: no new work, 3 connections \(sessions: 2\) to finish/);
  await idle.readToEnd();
  for (const stomp of sessions) {
    await until('its end', () => stomp.closed !== null);
    assert.equal(stomp.closed, 1012);
  }
  idle.destroy();
  assert.deepEqual(await realm.program.exit, { code: 0, signal: null });
  assert.match(realm.program.stderr, /everything has finished/);
  assert.equal(await isOpen(realm.port), false);
});

for (const [what, more, second, said] of [
  ['the limit', 'GracefulShutdownTimeout 50ms', null, /the time to drain is up/],
  ['a second SIGTERM', '', 'SIGTERM', /a second time/],
  ['SIGINT', '', 'SIGINT', /interrupted/],
]) {
  test(`${what} ends the drain`, async (t) => {
    const realm = await startReloadableRealm(t, { more: `${DEMO_CHANNELS}${more}\n` });
    const stomp = await subscriber(t, realm.port);
    stomp.socket.pause(); // it will not answer the Close
    process.kill(realm.pid, 'SIGTERM');
    await realm.program.line(/drains: no new work/);
    if (second) process.kill(realm.pid, /** @type {NodeJS.Signals} */ (second));
    assert.deepEqual(await realm.program.exit, { code: 0, signal: null });
    assert.match(realm.program.stderr, said);
  });
}

test('SIGINT says 1001 to every session and ends at once', async (t) => {
  const realm = await startReloadableRealm(t);
  const stomp = await subscriber(t, realm.port);
  process.kill(realm.pid, 'SIGINT');
  await until('its end', () => stomp.closed !== null);
  assert.equal(stomp.closed, 1001);
  assert.deepEqual(await realm.program.exit, { code: 0, signal: null });
});

/* ---- watching ---- */

test('metrics count sessions, events, bytes and refusals', async (t) => {
  const realm = await startReloadableRealm(t, { isWatched: true });
  const { body } = await get(realm.admin, '/metrics');
  for (const line of body.trimEnd().split('\n')) {
    assert.match(
      line,
      /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,le="[^"]*")?\})? [0-9.e+-]+)$/,
    );
  }
  assert.equal(await realm.metric('wayleave_realm_sessions'), 0);
  const stomp = await subscriber(t, realm.port);
  for (const body of ['a', 'b', 'c']) await isAlive(stomp, body);
  assert.equal(await realm.metric('wayleave_realm_sessions'), 1);
  assert.equal(await realm.metric('wayleave_realm_channels'), 1);
  assert.equal(await realm.metric('wayleave_realm_events_total{direction="in"}'), 3);
  assert.equal(await realm.metric('wayleave_realm_events_total{direction="out"}'), 3);
  assert.equal(await realm.metric('wayleave_realm_fan_out_seconds_count'), 3);
  assert.ok((await realm.metric('wayleave_realm_bytes_total{direction="in"}')) > 100);
  assert.ok((await realm.metric('wayleave_realm_stored_bytes')) > 0);
  assert.equal(await realm.metric('wayleave_realm_slow_readers_total'), 0);
  stomp.send('SUBSCRIBE', { id: 'x', destination: '/elsewhere' });
  await stomp.isRefused(/^MissingResourceException/);
  const missing = 'wayleave_realm_refused_total{word="MissingResourceException"}';
  assert.equal(await realm.metric(missing), 1);
  await until(
    'the gauge to fall',
    async () => (await realm.metric('wayleave_realm_sessions')) === 0,
  );
  assert.equal(await realm.metric('wayleave_realm_sessions_total'), 1);
  assert.equal(await realm.metric('wayleave_realm_sessions_closed_total{by="realm"}'), 1);
});

test('a reader who does not read is counted when it is dropped', async (t) => {
  const channels = '<Channel "/demo/*">\n Capacity 3\n StoreBytes 8m\n</Channel>\n';
  const more = `${channels}ViewBytesMax 64k\nPerMessageDeflate Off\n`;
  const realm = await startReloadableRealm(t, { more, isWatched: true });
  const slow = await subscriber(t, realm.port);
  const quick = await Stomp.connect(t, realm.port);
  slow.socket.pause();
  const body = 'x'.repeat(500_000);
  for (let i = 0; i < 20; i += 1) await quick.ask('SEND', { destination: '/demo/alive' }, body);
  assert.equal(await realm.metric('wayleave_realm_slow_readers_total'), 0);
  slow.socket.resume(); // what it needs to go on is not stored any more
  await until('it is dropped', () => slow.closed !== null);
  assert.equal(await realm.metric('wayleave_realm_slow_readers_total'), 1);
  await realm.program.line(/session \d+ ended: .*the client is so slow/);
});

test('the status lists sessions page by page, and channels', async (t) => {
  const realm = await startReloadableRealm(t, { isWatched: true });
  const sessions = [];
  for (let i = 0; i < 5; i += 1) sessions.push(await subscriber(t, realm.port));
  await sessions[0].ask('SUBSCRIBE', { id: 'two', destination: '/demo/größe "2"' });
  sessions[0].send('SEND', { destination: '/demo/alive' }, 'x');
  for (const stomp of sessions) await stomp.next();
  const seen = new Map();
  for (let after = '', pages = 0; after !== null; pages += 1) {
    assert.ok(pages < 6, 'the pages end');
    const { status, body } = await get(realm.admin, `/status?limit=2${after && `&after=${after}`}`);
    assert.equal(status, 200);
    const page = JSON.parse(body);
    assert.ok(page.sessions.length <= 2);
    for (const each of page.sessions) seen.set(each.id, each);
    after = page.next;
  }
  assert.equal(seen.size, 5);
  const [first] = seen.values();
  assert.deepEqual(
    [first.kind, first.secure, first.subscriptions, first.eventsIn, first.eventsOut],
    ['stomp', false, 2, 1, 1],
  );
  const status = JSON.parse((await get(realm.admin, '/status')).body);
  assert.equal(status.service, 'wayleave realm');
  assert.deepEqual(status.listeners, [
    `http://127.0.0.1:${realm.port}`,
    `https://127.0.0.1:${realm.tlsPort}`,
  ]);
  assert.equal(status.channelCount, 2);
  assert.deepEqual(
    status.channels.map(({ name, first: from, next, count, subscribers }) => [
      name,
      from,
      next,
      count,
      subscribers,
    ]),
    [
      ['/demo/alive', 1, 2, 1, 5],
      ['/demo/größe "2"', 1, 1, 0, 1],
    ],
  );
  assert.equal((await get(realm.admin, '/status?limit=0')).status, 400);
});

test('health turns while draining', async (t) => {
  const realm = await startReloadableRealm(t, { isWatched: true });
  const stomp = await subscriber(t, realm.port);
  assert.equal((await get(realm.admin, '/healthz')).status, 200);
  stomp.socket.pause();
  process.kill(realm.pid, 'SIGTERM');
  await realm.program.line(/drains: no new work/);
  assert.equal((await get(realm.admin, '/healthz')).status, 503);
  stomp.socket.resume();
  assert.deepEqual(await realm.program.exit, { code: 0, signal: null });
});

/* ---- systemd and privileges ---- */

test('a socket of systemd is used where an Interface asks for it', async (t) => {
  const dir = scratch(t);
  const door = await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
  const { port } = door.address();
  const who = process.getuid() === 0 ? 'User root\n' : '';
  writeFileSync(
    join(dir, 'realm.conf'),
    `${who}Interface http://127.0.0.1:${port}\nAnonymous On\n${DEMO_CHANNELS}`,
  );
  const launch = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=realm exec "$0" realm -f "$1"';
  const child = spawn('sh', ['-c', launch, CHECKED, join(dir, 'realm.conf')], {
    stdio: ['ignore', 'inherit', 'pipe', door._handle.fd],
  });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  const ended = new Promise((resolve) => child.on('close', resolve));
  await until('ready', () => said.includes('ready on'), { seen: () => said });
  door.close(); // ours; the realm has its own
  const stomp = await subscriber(t, port);
  await isAlive(stomp, 'activated');
  child.kill('SIGINT');
  assert.equal(await within('its end', ended), 0);
});

test('a port that another program has is said with its line', async (t) => {
  const dir = scratch(t);
  const door = await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
  t.after(() => door.close());
  const file = join(dir, 'realm.conf');
  writeFileSync(
    file,
    `\nInterface http://127.0.0.1:${door.address().port}\nAnonymous On\n${DEMO_CHANNELS}`,
  );
  const { code, stderr } = await runWayleave(['realm', '-f', file, ...AS_ROOT]);
  assert.equal(code, 1);
  assert.match(stderr, /realm\.conf:2: .*Interface: .* cannot be listened on.*another program/);
});

const NEEDS_ROOT = process.getuid() === 0 ? false : 'only root can become somebody else';

test(
  'root without User serves as nobody, and a key that only root reads is in use',
  { skip: NEEDS_ROOT },
  async (t) => {
    const dir = scratch(t);
    chmodSync(dir, 0o755);
    const [port, tlsPort] = [await freePort(), await freePort()];
    writeFileSync(
      join(dir, 'realm.conf'),
      `Interface http://127.0.0.1:${port}
Interface https://127.0.0.1:${tlsPort}
SSLCertificateFile "${join(dir, 'localhost.crt')}"
SSLCertificateKeyFile "${join(dir, 'localhost.key')}"
SSLCertificateMake On
Anonymous On
${DEMO_CHANNELS}`,
    );
    // As it is shipped: a sanitizer cannot report from a process that has changed its user.
    const realm = wayleave(['realm', '-f', join(dir, 'realm.conf')], { binary: RELEASE });
    t.after(() => realm.stop());
    await realm.line(/ready on/);
    const ids = /^Uid:\t(.*)$/m.exec(readFileSync(`/proc/${realm.pid}/status`, 'utf8'))[1];
    const nobody = execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).trim();
    assert.deepEqual(new Set(ids.split('\t')), new Set([nobody]));
    assert.equal(await certificateName(tlsPort), 'localhost');
    // The key cannot be read again: that is said, and the old one stays.
    process.kill(realm.pid, 'SIGHUP');
    await realm.line(/SSLCertificateFile: .*localhost\.key/);
    await realm.line(/was not reloaded/);
    assert.equal(await certificateName(tlsPort), 'localhost');
  },
);
