// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The same configuration and the same requests, to Apache httpd and to us: the same answers, but
 * for the differences listed here by name, with their reasons (doc/httpd-differences.md has them too).
 */

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../tool/lib/ports.mjs';
import { Program } from '../../tool/lib/program.mjs';
import { GROUPS, MODULES, USERS, inParallel, makeCases, statusOf } from '../lib/differential.mjs';
import { startHttpd } from '../lib/httpd.mjs';
import { serveHttp } from '../lib/served.mjs';
import { runWayleave, scratch, startProxyFrom } from '../lib/wayleave.mjs';

const SEED = Number(process.env.DIFFERENTIAL_SEED ?? 20261122);
const CASES = Number(process.env.DIFFERENTIAL_CASES ?? 300);

/** An origin on every address of 127/8; it keeps the heads that it gets. */
async function startOrigin(t) {
  const heads = [];
  const answer = (request, response) => {
    heads.push(request.rawHeaders.join('\n'));
    response.end('ok');
  };
  const { server, port } = await serveHttp(t, answer, { host: '0.0.0.0' });
  server.on('clientError', (_, socket) => socket.destroy());
  return { port, heads };
}

/** What both need around the sections; httpd reads its users as somebody else. */
function prelude(t, originPort) {
  const dir = scratch(t);
  chmodSync(dir, 0o755);
  writeFileSync(join(dir, 'users'), USERS, { mode: 0o644 });
  writeFileSync(join(dir, 'groups'), GROUPS, { mode: 0o644 });
  return `${MODULES}
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
ProxyRequests On
AllowCONNECT ${originPort}
<Proxy *>
  AuthName "the lab"
  AuthUserFile "${dir}/users"
  AuthGroupFile "${dir}/groups"
</Proxy>
`;
}

/** Both proxies, of one file. @returns {Promise<{ httpd: number, wayleave: number }>} their ports */
async function startBoth(t, text) {
  const httpd = await freePort();
  await startHttpd(t, `Listen 127.0.0.1:${httpd}\n${text}`, httpd);
  const { port } = await startProxyFrom(t, `Listen 127.0.0.1:0\n${text}`);
  return { httpd, wayleave: port };
}

test('rules made by chance decide as they do in httpd', async (t) => {
  const origin = await startOrigin(t);
  const cases = makeCases(SEED, CASES, origin.port);
  const ports = await startBoth(
    t,
    prelude(t, origin.port) + cases.map(({ text }) => text).join('\n'),
  );
  const asks = cases.flatMap(({ text, asks }) => asks.map((ask) => ({ text, ask })));
  const answers = await inParallel(asks, 16, async ({ ask }) => [
    await statusOf(ports.httpd, ask),
    await statusOf(ports.wayleave, ask),
  ]);
  const counts = {};
  answers.forEach(([httpd, wayleave], at) => {
    const { text, ask } = asks[at];
    counts[httpd] = (counts[httpd] ?? 0) + 1;
    assert.equal(wayleave, httpd, `${JSON.stringify(ask)}\n${text}\nhttpd says ${httpd}`);
  });
  // Chance must not have made them all alike.
  for (const status of [200, 403, 407]) assert.ok(counts[status] > asks.length / 20, `${status}`);
});

/**
 * Where we differ on purpose.
 * @HOST is a host of this difference's own, @PORT the origin's, @CUT and @SHORT their beginnings.
 * @type {{ name: string, why: string, text: string, asks: [string, number, number][] }[]}
 * asks: what is asked for, httpd's answer, ours
 */
const DIFFERENCES = [
  {
    name: 'a plain pattern does not admit a longer port',
    why: 'who allows port 80 does not mean 8080',
    text: `<Proxy *@HOST*>
Require all denied
</Proxy>
<Proxy @HOST:@SHORT>
Require all granted
</Proxy>`,
    asks: [['CONNECT @HOST:@PORT', 200, 403]],
  },
  {
    name: 'a plain pattern does not admit a longer host',
    why: 'who allows http://example.com does not mean http://example.com.evil.org',
    text: `<Proxy *@HOST*>
Require all denied
</Proxy>
<Proxy http://@CUT>
Require all granted
</Proxy>`,
    asks: [['GET http://@HOST:@PORT/', 200, 403]],
  },
  {
    name: 'other ways of writing an address do not walk round a section that refuses',
    why: 'the origin takes them for the same',
    text: `<Proxy http://@HOST:@PORT/private>
Require all denied
</Proxy>`,
    asks: [
      ['GET http://@HOST:@PORT/private', 403, 403],
      ['GET http://@HOST:@PORT/public', 200, 200],
      ['GET http://@HOST:@PORT/x/../private', 200, 403],
      ['GET http://@HOST:@PORT//private', 200, 403],
      ['GET http://@HOST:@PORT/./private', 200, 403],
      ['GET http://@HOST:@PORT/%70rivate', 200, 403],
      ['GET http://@HOST:@PORT/x%2F..%2Fprivate', 200, 403],
      ['GET http://@HOST:@PORT/x/..;/private', 200, 403],
      ['GET HTTP://@HOST:@PORT/private', 200, 403],
    ],
  },
  {
    name: 'nor do other ways of writing a host',
    why: 'names have no case',
    text: `<Proxy http://localhost:@PORT/@HOST>
Require all denied
</Proxy>`,
    asks: [
      ['GET http://localhost:@PORT/@HOST', 403, 403],
      ['GET http://LOCALHOST:@PORT/@HOST', 200, 403],
    ],
  },
  {
    name: 'a section that admits is not stretched by dots in a path',
    why: 'the origin resolves them',
    text: `<Proxy *@HOST*>
Require all denied
</Proxy>
<Proxy http://@HOST:@PORT/public/>
Require all granted
</Proxy>`,
    asks: [
      ['GET http://@HOST:@PORT/public/x', 200, 200],
      ['GET http://@HOST:@PORT/public/../private', 200, 403],
      ['GET http://@HOST:@PORT/public/%2e%2e/private', 200, 403],
      ['GET http://@HOST:@PORT/public/x%2f..%2f..%2fprivate', 200, 403],
    ],
  },
  {
    name: 'a star in a host does not reach into the path',
    why: 'who allows http://*.example.com/ does not mean http://evil.org/.example.com/',
    text: `<Proxy *@HOST*>
Require all denied
</Proxy>
<Proxy http://*.@HOST.test/*>
Require all granted
</Proxy>`,
    asks: [['GET http://@HOST:@PORT/.@HOST.test/', 200, 403]],
  },
  {
    name: 'AuthType without Require refuses',
    why: 'httpd answers 500, which is no better',
    text: `<Proxy *@HOST*>
AuthType Basic
</Proxy>`,
    asks: [['GET http://@HOST:@PORT/', 500, 403]],
  },
  {
    name: 'Require method HEAD does not admit GET',
    why: 'httpd has one number for both',
    text: `<Proxy *@HOST*>
Require method HEAD
</Proxy>`,
    asks: [
      ['HEAD http://@HOST:@PORT/', 200, 200],
      ['GET http://@HOST:@PORT/', 200, 403],
    ],
  },
];

function placed(text, host, port) {
  return text
    .replaceAll('@HOST', host)
    .replaceAll('@PORT', `${port}`)
    .replaceAll('@SHORT', `${port}`.slice(0, -1))
    .replaceAll('@CUT', host.slice(0, -1));
}

test('we differ from httpd where we mean to, and there alone', async (t) => {
  const origin = await startOrigin(t);
  const hosts = DIFFERENCES.map((_, number) => `127.1.${200 + number}.123`);
  const sections = DIFFERENCES.map(({ text }, at) => placed(text, hosts[at], origin.port));
  const ports = await startBoth(t, prelude(t, origin.port) + sections.join('\n'));
  for (const [at, { name, why, asks }] of DIFFERENCES.entries()) {
    for (const [line, httpd, wayleave] of asks) {
      const [method, target] = placed(line, hosts[at], origin.port).split(' ');
      const ask = { from: '127.0.0.1', method, target, as: /** @type {const} */ ('nobody') };
      assert.equal(await statusOf(ports.httpd, ask), httpd, `httpd: ${name}: ${line}`);
      assert.equal(await statusOf(ports.wayleave, ask), wayleave, `${name} (${why}): ${line}`);
    }
  }
});

test('a section that needs a client by name is decided as in httpd', async (t) => {
  const origin = await startOrigin(t);
  const text = `${prelude(t, origin.port)}
<Proxy *127.1.250.101*>
  Order allow,deny
  Allow from localhost
</Proxy>
<Proxy *127.1.250.102*>
  Require host calhost
</Proxy>
<Proxy *127.1.250.103*>
  <RequireAll>
    Require all granted
    Require not host localhost
  </RequireAll>
</Proxy>
`;
  const ports = await startBoth(t, text);
  for (const [last, status] of [
    [101, 200],
    [102, 403],
    [103, 403],
  ]) {
    for (const port of [ports.httpd, ports.wayleave]) {
      const target = `127.1.250.${last}:${origin.port}`;
      const ask = {
        from: '127.0.0.1',
        method: 'CONNECT',
        target,
        as: /** @type {const} */ ('nobody'),
      };
      assert.equal(await statusOf(port, ask), status, `${port === ports.httpd} ${target}`);
    }
  }
});

test('credentials that were meant for the proxy stay there, also when nobody asked', async (t) => {
  const origin = await startOrigin(t);
  const ports = await startBoth(t, prelude(t, origin.port));
  const seen = async (port) => {
    origin.heads.length = 0;
    const target = `http://127.0.0.1:${origin.port}/`;
    await statusOf(port, { from: '127.0.0.1', method: 'GET', target, as: 'alice' });
    return /proxy-authorization/i.test(origin.heads.join('\n'));
  };
  assert.equal(await seen(ports.httpd), true);
  assert.equal(await seen(ports.wayleave), false);
});

/** What stands inside <Proxy *>, or whole when it begins with <Proxy. */
const LOADING = {
  both: [
    'Order deny,allow',
    'Order Deny,Allow\nAllow from 127.0.0.1 10.0.0.0/8 10.1 ::1',
    'Deny from 0.0.0.0/0.0.0.0',
    'Allow from 10.0.0.0/255.0.255.0',
    'Require ip 127.0.0.1/24 127. 10.1',
    'Require method GET HEAD',
    'Require not_a_provider',
    'Require all',
    'Require ip 127.0/16',
    'Require ip 127/8',
    'Require ip example.test',
    'Require not ip 10',
    '<RequireAny>\nRequire not ip 10\n</RequireAny>',
    '<RequireNone>\nRequire ip 10\n</RequireNone>',
    '<RequireAll>\n</RequireAll>',
    '<RequireAll>\nRequire not ip 10\n</RequireAll>',
    '<RequireAll>\nRequire ip 10\n<RequireNone>\nRequire ip 10.1\n</RequireNone>\n</RequireAll>',
    'Order allow, deny',
    'Order sideways',
    'Allow 10.0.0.1',
    'Satisfy some',
    'Satisfy any\nDeny from all\nRequire ip 10',
    'AuthName two words',
    'AuthBasicProvider nobody',
    'Require method FROB',
    '<Proxy *>\n<Proxy *>\n</Proxy>\n</Proxy>',
    '<Proxy ~ ^http>\n</Proxy>',
    '<Proxy * two>\n</Proxy>',
    '<ProxyMatch (>\n</ProxyMatch>',
    '<ProxyMatch a b>\n</ProxyMatch>',
    '<ProxyMatch ^https?://[^/]+:90\\d\\d/>\n</ProxyMatch>',
    '<Proxy "http://a b">\n</Proxy>',
  ],
  /** Kinder: it only annoys. */
  onlyWayleave: [
    'Allow from 127.0.0.1 # this machine',
    'Allow from # nobody: a page lost its address',
    'Require ip 0.0.0.0/0',
    'Deny from 0.0.0.0/0',
  ],
  /** Stricter: it cannot mean what its author wanted. */
  onlyHttpd: [
    'Require valid-user',
    'AuthType Basic',
    'AuthType Basic\nRequire valid-user',
    'AuthType Basic\nAuthName x\nRequire valid-user',
    'AuthType Basic\nAuthName x\nAuthUserFile /nonexistent\nRequire valid-user',
    'AuthType Frob',
    'Require user',
    'Require local yes',
    'Require valid-user extra',
    'Allow from 127.0.0.1,127.0.0.5',
    'Allow from 127.0.0.*',
    'Allow from *',
    'Allow from !127.0.0.1',
    'Allow from user@host',
    'Deny from ""',
    '<Proxy>\n</Proxy>',
    '<Limit GET>\nRequire ip 10\n</Limit>',
    'Require expr true',
    'Require env x',
  ],
};

async function httpdLoads(t, text) {
  const dir = scratch(t);
  const file = join(dir, 'httpd.conf');
  writeFileSync(file, text);
  const program = new Program('/usr/sbin/apache2', [
    ...['-t', '-C', `DefaultRuntimeDir "${dir}"`, '-C', 'ServerName localhost'],
    ...['-c', `ErrorLog "${dir}/error.log"`, '-f', file],
  ]);
  const { code } = await program.exit;
  return { loads: code === 0, said: program.stderr };
}

async function wayleaveLoads(t, text) {
  const file = join(scratch(t), 'proxy.conf');
  writeFileSync(file, text);
  const { code, stderr } = await runWayleave(['proxy', '-t', '-f', file]);
  return { loads: code === 0, said: stderr };
}

test('what httpd refuses to read we refuse, and the other way round', async (t) => {
  const rows = Object.entries(LOADING).flatMap(([kind, texts]) =>
    texts.map((text) => ({ kind, text })),
  );
  await inParallel(rows, 2, async ({ kind, text }) => {
    const inside = text.startsWith('<Proxy') ? text : `<Proxy *>\n${text}\n</Proxy>`;
    const whole = `Listen 127.0.0.1:1\nProxyRequests On\n${MODULES}\n${inside}\n`;
    const [httpd, wayleave] = await Promise.all([httpdLoads(t, whole), wayleaveLoads(t, whole)]);
    const said = `${kind}: ${text}\nhttpd: ${httpd.said}\nwayleave: ${wayleave.said}`;
    if (kind === 'both') assert.equal(wayleave.loads, httpd.loads, said);
    else
      assert.deepEqual(
        [httpd.loads, wayleave.loads],
        [kind === 'onlyHttpd', kind !== 'onlyHttpd'],
        said,
      );
    if (!wayleave.loads) assert.match(wayleave.said, /proxy\.conf:\d+: .*\(.+\)/, said);
  });
});
