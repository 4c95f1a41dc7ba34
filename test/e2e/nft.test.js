// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * `wayleave config --nft`: nft takes what it prints, and between hosts it diverts what it should:
 * other machines' connections by redirect and by TPROXY, this machine's own with --local, and never
 * the proxy's.
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { CANNOT, CLIENT, FAMILIES, SERVER, startNetwork } from '../lib/netns.mjs';
import { listen } from '../lib/tcp.mjs';
import { ROOT, runWayleave, scratch, startProxyFrom } from '../lib/wayleave.mjs';

/** What a file with these listeners says, and what the command prints for it. */
function configurationIn(t, listens, more = '') {
  const dir = scratch(t);
  const text = `${more}${listens.map((listen) => `TransparentListen ${listen}`).join('\n')}
AllowCONNECT 443 9000-9010
ProxyVia On
<Proxy "*">
    Require ip 192.0.2.0/24 198.51.100.0/24 2001:db8::/32
</Proxy>
`;
  writeFileSync(join(dir, 'proxy.conf'), text);
  return { text, print: (...args) => runWayleave(['config', 'proxy.conf', ...args], { cwd: dir }) };
}

/** @param {ReturnType<typeof configurationIn>} configuration @param {string[]} args */
async function printed(configuration, ...args) {
  const { code, stdout, stderr } = await configuration.print(...args);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
}

/* ---- the command ---- */

test('words that make no sense are refused with a sentence', async (t) => {
  const configuration = configurationIn(t, ['3129']);
  for (const [args, sentence] of [
    [['--nft', '--from', 'lan'], /"lan" is no network, or one too many \(write --from 10/],
    [['--nft', '--ports', '0'], /"0" is no list of ports \(write --ports 80,443,9000-9010\)/],
    [['--nft', '--interface', 'a"b'], /"a"b" is no interface, or one too many \(write --int/],
    [['--nft', '--explain'], /--explain, --nft and --nft-routes are asked for one by one/],
    [['--nft', '--nft-routes'], /are asked for one by one/],
    [['--local'], /--local, -u, --ports, --from and --interface belong to --nft/],
    [['-u', 'nobody'], /belong to --nft/],
    [['--nft', '--ports'], /"--ports" cannot be understood/],
  ]) {
    const { code, stdout, stderr } = await configuration.print(.../** @type {string[]} */ (args));
    assert.match(stderr, /** @type {RegExp} */ (sentence));
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
  }
});

test('without anything to divert to there is one sentence', async (t) => {
  const none = await configurationIn(t, [], 'Listen 8080\nProxyRequests On\n').print('--nft');
  assert.equal(none.code, 1);
  assert.equal(none.stdout, '');
  assert.match(
    none.stderr,
    /^proxy\.conf has no TransparentListen, so there is nothing to divert/m,
  );
  const loopback = await configurationIn(t, ['127.0.0.1:3129']).print('--nft');
  assert.equal(loopback.code, 1);
  assert.match(loopback.stderr, /^proxy\.conf has TransparentListen on loopback alone, .*--local/m);
});

test('ports and user are those of the configuration, unless the command says', async (t) => {
  const configuration = configurationIn(t, ['3129']);
  assert.match(await printed(configuration, '--nft'), /elements = { 80, 443, 9000-9010 }/);
  assert.match(await printed(configuration, '--nft', '--ports', '81 82'), /elements = { 81-82 }/);
  assert.match(await printed(configuration, '--nft', '--local'), /meta skuid "nobody" return/);
  assert.match(
    await printed(configuration, '--nft', '--local', '-u', 'daemon'),
    /meta skuid "daemon" return/,
  );
});

/** The blocks of an indented page, in order. */
function blocksOf(file) {
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
  const text = lines.map((line) => (line.startsWith('    ') || line === '' ? line.slice(4) : '\0'));
  return text.join('\n').split(/[\0\n]*\0[\0\n]*/);
}

test('the page about it shows what is printed', async (t) => {
  const blocks = blocksOf('doc/transparent.md');
  const [redirect, tproxy, ...more] = blocks.filter((text) => /^TransparentListen/.test(text));
  const [rules, local, marking, ...others] = blocks.filter((text) => /^\t+chain /m.test(text));
  const [routes] = blocks.filter((text) => /^ip .*fwmark/m.test(text));
  assert.deepEqual([more, others], [[], []]);
  const dir = scratch(t);
  const print = async (text, ...args) => {
    writeFileSync(join(dir, 'proxy.conf'), text);
    const { code, stdout, stderr } = await runWayleave(['config', 'proxy.conf', ...args], {
      cwd: dir,
    });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    return stdout;
  };
  assert.equal(await print(redirect, '--nft'), `${rules.trimEnd()}\n`);
  assert.ok((await print(redirect, '--nft', '--local')).includes(local.trimEnd()));
  assert.ok((await print(tproxy, '--nft')).endsWith(`${marking.trimEnd()}\n`));
  assert.equal(await print(tproxy, '--nft-routes'), `${routes.trimEnd()}\n`);
});

/* ---- nft ---- */

const VARIANTS = [
  { listens: ['3129'], args: [] },
  { listens: ['192.0.2.1:3129', '[2001:db8:1::1]:3129'], args: ['--local'] },
  { listens: ['3129 tproxy'], args: [] },
  { listens: ['127.0.0.1:3129 tproxy', '[::1]:3129 tproxy', '3130'], args: ['--local'] },
  { listens: ['192.0.2.1:3129 tproxy'], args: ['--ports', '1-65535'] },
  {
    listens: ['3129', '127.0.0.1:3130'],
    args: ['--local', '-u', '4711', '--from', '10.0.0.0/8', '--from', '10.1.0.0/16'],
  },
  {
    listens: ['3129 tproxy'],
    args: ['--from', '2001:db8::/32', '--interface', 'eth0', '--interface', 'lan*'],
  },
];

test('nft takes the rules, and takes them again', { skip: CANNOT }, async (t) => {
  const { router } = startNetwork(t);
  for (const { listens, args } of VARIANTS) {
    const configuration = configurationIn(t, listens);
    const rules = await printed(configuration, '--nft', ...args);
    router.run('nft', ['--check', '--file', '-'], rules);
    router.run('nft', ['--file', '-'], rules);
    const once = router.run('nft', ['list', 'ruleset']);
    router.run('nft', ['--file', '-'], rules);
    assert.equal(router.run('nft', ['list', 'ruleset']), once);
    const routes = await printed(configuration, '--nft-routes', ...args);
    router.run('sh', ['-s'], routes);
    const ruled = router.run('ip', ['-all', 'rule']);
    router.run('sh', ['-s'], routes);
    assert.equal(router.run('ip', ['-all', 'rule']), ruled);
  }
  router.run('nft', ['delete', 'table', 'inet', 'wayleave']);
  assert.equal(router.run('nft', ['list', 'ruleset']), '');
});

/* ---- what they do ---- */

/** Says who came: a proxy's request has Via. @param {import('../lib/tcp.mjs').Peer} peer */
async function tell(peer) {
  const head = String(await peer.readUntil('\r\n\r\n'));
  const body = /^Via:/im.test(head) ? 'proxy' : 'direct';
  peer.send(
    `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  peer.end();
}

/** A network whose server tells on ports 9000 and 9100 of both families. */
async function startHosts(t) {
  const hosts = startNetwork(t);
  for (const family of FAMILIES) {
    for (const port of [9000, 9100]) {
      const host = SERVER[family];
      await listen(t, {
        in: hosts.server,
        host,
        port,
        serve: (peer) => tell(peer).catch(() => {}),
      });
    }
  }
  return hosts;
}

/**
 * How a request of curl arrives: by the `proxy`, `direct` or not at all (`refused`).
 * @param {import('../lib/netns.mjs').Host} host
 * @param {'v4' | 'v6'} family
 * @param {{ port?: number, user?: string }} [options]
 */
async function ask(host, family, { port = 9000, user = 'root' } = {}) {
  const name = family === 'v6' ? `[${SERVER.v6}]` : SERVER.v4;
  const program = host.program('setpriv', [
    ...['--reuid', user, '--clear-groups', 'curl', '--silent', '--max-time', '60'],
    ...['--noproxy', '*', `http://${name}:${port}/`],
  ]);
  const { code } = await program.exit;
  if (code === 7) return 'refused';
  assert.equal(code, 0, program.stderr);
  return program.stdout;
}

/** The same of both families. */
const askBoth = async (host, options) => [
  await ask(host, 'v4', options),
  await ask(host, 'v6', options),
];

const BY_PROXY = ['proxy', 'proxy'];
const DIRECT = ['direct', 'direct'];
const REFUSED = ['refused', 'refused'];

for (const [name, listens] of /** @type {const} */ ([
  ['redirect', ['3129']],
  ['redirect to addresses', ['192.0.2.1:3129', '[2001:db8:1::1]:3129']],
  ['tproxy', ['3129 tproxy']],
  ['tproxy to loopback', ['127.0.0.1:3129 tproxy', '[::1]:3129 tproxy']],
])) {
  test(`clients of a router are diverted: ${name}`, { skip: CANNOT }, async (t) => {
    const { client, router } = await startHosts(t);
    const configuration = configurationIn(t, [...listens]);
    const load = async (...args) => {
      router.run('nft', ['-f', '-'], await printed(configuration, '--nft', ...args));
    };
    assert.deepEqual(await askBoth(client), DIRECT);
    await load();
    router.run('sh', ['-s'], await printed(configuration, '--nft-routes'));
    assert.deepEqual(await askBoth(client), REFUSED); // nobody goes round a proxy that is not there
    const proxy = await startProxyFrom(t, configuration.text, { in: router });
    assert.deepEqual(await askBoth(client), BY_PROXY);
    assert.deepEqual(await askBoth(client, { port: 9100 }), DIRECT); // a port that is not diverted
    assert.deepEqual(await askBoth(router), DIRECT); // as are clients on the router

    await load('--from', `${CLIENT.v4}/32`);
    assert.deepEqual(await askBoth(client), ['proxy', 'direct']);
    await load('--from', '10.0.0.0/8', '--from', '2001:db8:1::/64');
    assert.deepEqual(await askBoth(client), ['direct', 'proxy']);
    await load('--interface', 'wan');
    assert.deepEqual(await askBoth(client), DIRECT);
    await load('--interface', 'eth0', '--interface', 'la*');
    assert.deepEqual(await askBoth(client), BY_PROXY);
    await load('--ports', '9100');
    assert.deepEqual(await askBoth(client), DIRECT);
    assert.deepEqual(await askBoth(client, { port: 9100 }), BY_PROXY);
    await proxy.stop();
    assert.deepEqual(await askBoth(client, { port: 9100 }), REFUSED);
    router.run('nft', ['delete', 'table', 'inet', 'wayleave']);
    assert.deepEqual(await askBoth(client, { port: 9100 }), DIRECT);
  });
}

test('with --local clients on the same machine are diverted', { skip: CANNOT }, async (t) => {
  const { client, router } = await startHosts(t);
  for (const [name, listens] of /** @type {const} */ ([
    ['every address', ['3129']],
    ['loopback', ['127.0.0.1:3129', '[::1]:3129']],
  ])) {
    await t.test(name, async (t) => {
      const configuration = configurationIn(t, [...listens]);
      // As in these tests the proxy serves as root, whose connections then go direct.
      const rules = await printed(configuration, '--nft', '--local', '-u', 'root');
      router.run('nft', ['-f', '-'], rules);
      const proxy = await startProxyFrom(t, configuration.text, { in: router });
      assert.deepEqual(await askBoth(router, { user: 'nobody' }), BY_PROXY);
      assert.deepEqual(await askBoth(router, { user: 'root' }), DIRECT);
      assert.deepEqual(await askBoth(client), name === 'loopback' ? DIRECT : BY_PROXY);
      await proxy.stop();
    });
  }
});

test('TPROXY for others and redirect for this machine go together', { skip: CANNOT }, async (t) => {
  const { client, router } = await startHosts(t);
  const configuration = configurationIn(t, ['3129 tproxy', '127.0.0.1:3130', '[::1]:3130']);
  const rules = await printed(configuration, '--nft', '--local', '-u', 'root');
  router.run('nft', ['-f', '-'], rules);
  router.run('sh', ['-s'], await printed(configuration, '--nft-routes'));
  const proxy = await startProxyFrom(t, configuration.text, { in: router });
  assert.deepEqual(await askBoth(router, { user: 'nobody' }), BY_PROXY);
  assert.deepEqual(await askBoth(client), BY_PROXY);
  await proxy.accessLine(new RegExp(`^${CLIENT.v4} .*diverted=${SERVER.v4}:9000`));
});
