// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Realms on NATS servers with TLS, and on a cluster of which a server goes. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { connect } from 'nats';
import { freePort } from '../../tool/lib/ports.mjs';
import { Nats } from '../lib/nats.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { until } from '../lib/wait.mjs';
import { AS_ROOT, runWayleave, scratch, startRealm } from '../lib/wayleave.mjs';

const STREAM = 'wayleave:fx:a';
const SECTION = `<Channel "/fx/*">
    Type persistent
</Channel>
`;

async function publish(stomp, body) {
  return Number((await stomp.ask('SEND', { destination: '/fx/a', 'publish-id': body }, body)).eid);
}

async function stored(t, realm) {
  const stomp = await Stomp.connect(t, realm.port);
  const { next } = await stomp.ask('SUBSCRIBE', { id: 's', destination: '/fx/a', from: 'stored' });
  return { stomp, next: Number(next) };
}

/** A certificate for 127.0.0.1 that signs itself. */
function certificate(t) {
  const dir = scratch(t);
  const [key, cert] = [join(dir, 'nats.key'), join(dir, 'nats.crt')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  execFileSync('openssl', ['req', ...kind, ...names, '-days', '2', '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  return { key, cert };
}

test('tls:// verifies the server, by the certificates that SSL_CERT_FILE names', async (t) => {
  const { key, cert } = certificate(t);
  const nats = await Nats.start(t, { args: ['--tls', '--tlscert', cert, '--tlskey', key] });
  const store = `Store tls://127.0.0.1:${nats.port}\nStoreSize 64m\n${SECTION}`;

  const file = join(scratch(t), 'realm.conf');
  writeFileSync(file, `Interface http://127.0.0.1:9\nAnonymous On\n${store}`);
  const { code, stderr } = await runWayleave(['realm', '-f', file, ...AS_ROOT]);
  assert.notEqual(code, 0);
  assert.match(stderr, /Store: .*certificate/);

  const realm = await startRealm(t, { more: store, env: { SSL_CERT_FILE: cert } });
  const stomp = await Stomp.connect(t, realm.port);
  assert.equal(await publish(stomp, 'x'), 1);
});

/** Three servers with JetStream that know each other. */
async function cluster(t) {
  const ports = [await freePort(), await freePort(), await freePort()];
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
  return Promise.all(
    ports.map((_, i) =>
      Nats.start(t, {
        args: [
          ...['--name', `n${i}`, '--cluster_name', 'c', '--cluster', routes[i]],
          ...['--routes', routes.join(',')],
        ],
      }),
    ),
  );
}

/** The channel's own stream comes to have all of it, on all three. */
async function streamShows(t, nats, bodies) {
  const connection = await connect({ servers: nats.url });
  t.after(() => connection.close());
  const jsm = await connection.jetstreamManager({ checkAPI: false });
  const shown = async () => {
    try {
      return await jsm.streams.info(STREAM);
    } catch (error) {
      return { error: `${error}` }; // who leads is being found out, or it is not made yet
    }
  };
  await until(
    'all of it in the stream',
    async () => {
      const { state, config } = await shown();
      return state?.messages === bodies.length && config.num_replicas === 3;
    },
    { seen: shown },
  );
  for (const [at, body] of bodies.entries()) {
    assert.equal((await jsm.streams.getMessage(STREAM, { seq: at + 1 })).string(), body);
  }
}

test('of three servers one may go: nothing is lost or doubled', async (t) => {
  const servers = await cluster(t);
  const url = `nats://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  const more = `Store ${url}\nStoreReplicas 3\nStoreTimeout 60s\nStoreSize 64m\n${SECTION}`;
  const realms = [await startRealm(t, { more }), await startRealm(t, { more })];
  const publishers = [];
  for (const realm of realms) publishers.push(await Stomp.connect(t, realm.port));

  const expected = [];
  const publishSome = async () => {
    for (let i = 0; i < 20; i += 1) {
      const body = `${expected.length}`;
      assert.equal(await publish(publishers[i % 2], body), expected.length + 1);
      expected.push(body);
    }
  };
  await publishSome();
  await servers[0].kill();
  await publishSome();
  await servers[0].again();
  await publishSome();
  for (const realm of realms) {
    const { stomp, next } = await stored(t, realm);
    assert.equal(next, 1);
    await until('all of it', () => stomp.inbox.length === expected.length);
    assert.deepEqual(
      stomp.inbox.map(({ body }) => body),
      expected,
    );
  }
  await streamShows(t, servers[1], expected);
});
