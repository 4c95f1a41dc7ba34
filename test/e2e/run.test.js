// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** `make run` and `make demo`: what a newcomer meets. The scripts, on other ports than the usual. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { freePort, tryPort } from '../../tool/lib/ports.mjs';
import { Program } from '../../tool/lib/program.mjs';
import { exchange, listen } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { CHECKED, ROOT, runWayleave, scratch } from '../lib/wayleave.mjs';

/** A script with its own ports and its own directory. */
async function prepare(t, script) {
  const ports = { proxy: await freePort(), realm: await freePort(), tls: await freePort() };
  const dir = scratch(t);
  const env = {
    PROXY_PORT: String(ports.proxy),
    REALM_PORT: String(ports.realm),
    REALM_TLS_PORT: String(ports.tls),
    RUN_DIR: dir,
    WAYLEAVE: CHECKED,
  };
  const start = (more = {}) => {
    const program = new Program(process.execPath, [`${ROOT}tool/${script}`], {
      name: script,
      env: { ...env, ...more },
    });
    t.after(() => program.stop());
    return program;
  };
  const isQuiet = async () => {
    for (const port of Object.values(ports)) assert.equal(await tryPort(port), port);
  };
  return { ports, dir, start, isQuiet };
}

test('make run: what it prints is true, and Ctrl-C leaves nothing', async (t) => {
  const { ports, dir, start, isQuiet } = await prepare(t, 'run.mjs');
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
    const run = start();
    await run.line(/Ctrl-C/, { stream: 'stdout' });
    const page = run.stdout.match(/http:\/\/localhost:\d+\/demo\//)?.[0];
    assert.equal(page, `http://localhost:${ports.realm}/demo/`);
    const answer = await exchange(
      ports.realm,
      `GET /demo/ HTTP/1.1\r\nHost: localhost:${ports.realm}\r\nConnection: close\r\n\r\n`,
    );
    assert.equal(answer.status, 200);
    assert.match(run.stdout, new RegExp(`--proxy-server=127\\.0\\.0\\.1:${ports.proxy} `));
    assert.match(run.stdout, /--proxy-bypass-list='<-loopback>'/);

    // The line for sending, as it is printed.
    const send = run.stdout.match(/Send +\S*wayleave (pub .*) "hello"$/m)?.[1];
    assert.ok(send, run.stdout);
    const sent = await runWayleave([...send.split(' '), 'hello']);
    assert.equal(sent.code, 0, sent.stderr);
    await run.line(new RegExp(`proxy \\| .*"CONNECT localhost:${ports.realm} .*" 200 `), {
      stream: 'stdout',
    });
    assert.match(readFileSync(join(dir, 'proxy.log'), 'utf8'), /" 200 \d+ "-" "[^"]*" up=/);
    assert.deepEqual(await run.stop({ signal }), { code: 0, signal: null }, run.stderr);
    assert.doesNotMatch(readFileSync(join(dir, 'realm.log'), 'utf8'), /Sanitizer|runtime error:/);
    await isQuiet();
  }
  assert.ok(existsSync(join(dir, 'localhost.crt')), 'the certificate stays');
});

test('make run: a port in use is one sentence that names it, and nothing is left running', async (t) => {
  const { ports, start, isQuiet } = await prepare(t, 'run.mjs');
  for (const [variable, name] of Object.entries({
    PROXY_PORT: 'the proxy',
    REALM_PORT: "the realm's plain interface",
    REALM_TLS_PORT: "the realm's TLS interface",
  })) {
    const { port } = await listen(t);
    const run = start({ [variable]: String(port) });
    assert.deepEqual(await run.exit, { code: 1, signal: null });
    assert.equal(
      run.stderr,
      `Port ${port} on 127.0.0.1, wanted for ${name}, is in use by node (pid ${process.pid}): ` +
        `end that, or choose another port with ${variable}=<port>.\n`,
    );
    assert.equal(run.stdout, '');
    await isQuiet();
  }
  assert.equal(Object.values(ports).length, 3);
});

test('make run: ports that are none, or the same, or a program that is not built', async (t) => {
  const { ports, start } = await prepare(t, 'run.mjs');
  for (const [env, says] of [
    [{ PROXY_PORT: 'http' }, 'PROXY_PORT is "http"; a port is a number from 1 to 65535.\n'],
    [{ PROXY_PORT: String(ports.realm) }, `PROXY_PORT and REALM_PORT are both ${ports.realm}.\n`],
    [{ WAYLEAVE: '/nowhere/wayleave' }, '/nowhere/wayleave is not built: run make.\n'],
  ]) {
    const run = start(/** @type {Record<string, string>} */ (env));
    assert.equal((await run.exit).code, 1);
    assert.equal(run.stderr, says);
  }
});

test('make run: when the realm dies, everything ends and says why', async (t) => {
  const { dir, start, isQuiet } = await prepare(t, 'run.mjs');
  const run = start();
  await run.line(/Ctrl-C/, { stream: 'stdout' });
  const pid = Number(readFileSync(join(dir, 'realm.log'), 'utf8').match(/pid (\d+)/)?.[1]);
  process.kill(pid, 'SIGKILL');
  assert.equal((await run.exit).code, 1);
  assert.match(run.stderr, /^wayleave realm ended by itself/);
  await isQuiet();
});

test('make demo: two pages talk through the proxy, which the log of the proxy proves', async (t) => {
  const { ports, start, isQuiet } = await prepare(t, 'demo.mjs');
  const demo = start();
  assert.deepEqual(await demo.exit, { code: 0, signal: null }, demo.stderr + demo.stdout);
  for (const port of [ports.realm, ports.tls]) {
    assert.match(
      demo.stdout,
      new RegExp(
        `^proxy  .*"CONNECT localhost:${port} HTTP/1\\.1" 200 \\d+ .* up=\\d+ down=\\d+ `,
        'm',
      ),
    );
  }
  assert.match(demo.stdout, /^ok: /m);
  await isQuiet();
});

test('make demo: when the sessions do not go through the proxy, it fails', async (t) => {
  // A wayleave whose proxy is another port's: the realm is real, the proxy allows nothing.
  const { dir, start, isQuiet } = await prepare(t, 'demo.mjs');
  const fake = join(dir, 'wayleave');
  writeFileSync(
    fake,
    `#!/bin/sh\n[ "$1" = proxy ] && sed -i 's/^AllowCONNECT.*/AllowCONNECT 1/' "$3"\nexec ${CHECKED} "$@"\n`,
  );
  chmodSync(fake, 0o755);
  const demo = start({ WAYLEAVE: fake });
  assert.equal((await demo.exit).code, 1, demo.stdout);
  assert.match(demo.stderr, /has no session/);
  await until('nothing is left', () => isQuiet().then(() => true));
});

/** tool/deps among programs that only pretend: what it would have done is written down. */
function deps(t, { args, isRoot, installed, policed = false }) {
  const dir = scratch(t);
  const bin = join(dir, 'bin');
  const policy = join(dir, 'policy-rc.d');
  mkdirSync(bin);
  if (policed) writeFileSync(policy, 'the own policy of the machine');
  const record = join(bin, 'record');
  const stub = (name, body) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  writeFileSync(record, '');
  stub('id', `echo ${isRoot ? 0 : 1000}`);
  stub('dpkg-query', installed ? 'printf installed' : 'exit 1');
  stub(
    'apt-get',
    `echo "apt-get $*" >> '${record}'\n` +
      `[ ! -e '${policy}' ] || while read -r l; do echo "policy: $l" >> '${record}'; done <'${policy}'`,
  );
  for (const real of ['chmod', 'rm']) symlinkSync(`/bin/${real}`, join(bin, real));
  const { status, stdout, stderr } = spawnSync('/bin/sh', [`${ROOT}tool/deps`, ...args], {
    env: { PATH: bin, POLICY_RC_D: policy },
    encoding: 'utf8',
  });
  assert.equal(existsSync(policy), policed, 'what was there stays, what was not does not');
  return { status, stdout, stderr, calls: readFileSync(record, 'utf8').trim().split('\n') };
}

test('tool/deps: nothing missing, nothing touched', (t) => {
  for (const isRoot of [true, false]) {
    const done = deps(t, { args: ['build', 'run', 'demo', 'test'], isRoot, installed: true });
    assert.deepEqual(done, { status: 0, stdout: '', stderr: '', calls: [''] });
  }
});

test('tool/deps: a user who is not root gets the one command, and nothing is installed', (t) => {
  for (const args of [['build'], ['--check', 'build']]) {
    const done = deps(t, { args, isRoot: false, installed: false });
    assert.equal(done.status, 1);
    assert.match(
      done.stderr,
      /^Debian packages are missing; install them with: sudo apt-get install -y --no-install-recommends gcc .*uthash-dev liblmdb-dev libnats-dev zlib1g-dev\n$/,
    );
    assert.deepEqual(done.calls, ['']);
  }
});

test('tool/deps: root gets them installed, unless only asked', (t) => {
  const checked = deps(t, { args: ['--check', 'build'], isRoot: true, installed: false });
  assert.equal(checked.status, 1);
  assert.deepEqual(checked.calls, ['']);
  const done = deps(t, { args: ['build', 'test'], isRoot: true, installed: false });
  assert.equal(done.status, 0, done.stderr);
  const [update, install, ...policy] = done.calls;
  assert.equal(update, 'apt-get update -q');
  assert.match(install, /^apt-get install -q -y --no-install-recommends gcc .* clang /);
  assert.doesNotMatch(install, / apache2( |$)/, 'which would start a service');
  assert.deepEqual(policy, ['policy: #!/bin/sh', 'policy: exit 101'], 'no service starts');

  const own = deps(t, { args: ['build'], isRoot: true, installed: false, policed: true });
  assert.equal(own.status, 0, own.stderr);
});

test('tool/deps: a purpose that is none', (t) => {
  const done = deps(t, { args: ['bild'], isRoot: true, installed: true });
  assert.equal(done.status, 2);
  assert.match(done.stderr, /"bild": build, run, demo or test/);
});
