// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** `wayleave config`: what a file comes to, what is wrong with it and where, and who may what. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { Program } from '../../tool/lib/program.mjs';
import { HASHES } from '../lib/passwords.mjs';
import { echo, exchange, listen, tunnel } from '../lib/tcp.mjs';
import { CHECKED, ROOT, runWayleave, scratch, startProxyFrom } from '../lib/wayleave.mjs';

/** A directory with these files. @param {Record<string, string>} files */
function directory(t, files) {
  const dir = scratch(t);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

const config = (cwd, ...args) => runWayleave(['config', ...args], { cwd });

/** The effective configuration of a file that is right. */
async function effective(cwd, ...args) {
  const { code, stdout, stderr } = await config(cwd, ...args);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
}

/** What it comes to, whether somebody wrote it or not. */
const values = (text) =>
  text
    .split('\n')
    .filter((line) => !/^# .* is not set$|^ServerRoot |^$/.test(line))
    .map((line) => line.replace(/ # default$/, ''));

const RULES = `<Proxy "*">
    Require local
</Proxy>`;

/* ---- what a file comes to ---- */

const WHOLE = {
  'proxy.conf': `# A file with something of everything.
Define PORT 9000
Define WHERE "127.0.0.1"
Listen \${WHERE}:18080
ProxyRequests On
AllowCONNECT 443 \\
    \${PORT} # for the realm
ProxyVia full
Timeout 90
TunnelIdleTimeout 15m
WebSocketIdleTimeout 1500ms
TunnelAllow websocket tls
<IfDefine LAB>
    MaxTunnels 5
</IfDefine>
<IfModule mod_proxy.c>
    KeepAlive Off
</IfModule>
<IfModule mod_nothing.c>
    NoSuchDirective
</IfModule>
${RULES}
Include "parts/*.conf"
IncludeOptional none/*.conf
`,
  'parts/20-log.conf': 'LogFormat "%h \\"%r\\" %>s" mine\nCustomLog access.log mine\n',
  'parts/10-users.conf': `<ProxyMatch "^http://[^/]*\\.example/">
  AuthType Basic
  AuthName "the \\"lab\\""
  AuthUserFile users
  Require user anna
</ProxyMatch>
ProxyBlock blocked.example
NoProxy .example 10.0.0.0/8
ProxyRemote http http://parent.example:3128
`,
  'parts/not.this': 'Nonsense\n',
  'parts/users': `${HASHES.SHA('anna', 'secret')}\n`,
};

test('wayleave config prints what a file comes to, defaults included', async (t) => {
  const cwd = directory(t, WHOLE);
  const text = await effective(cwd, 'proxy.conf');
  for (const line of [
    'Listen 127.0.0.1:18080',
    'ProxyRequests On',
    'AllowCONNECT 443 9000',
    'ProxyVia Full',
    'Timeout 90s',
    'TunnelIdleTimeout 15m',
    'WebSocketIdleTimeout 1500ms',
    'TunnelAllow websocket tls',
    'KeepAlive Off',
    'MaxTunnels 10000 # default',
    'LogFormat "%h \\"%r\\" %>s" mine',
    '    AuthName "the \\"lab\\""',
    '    Require user anna',
    '# ErrorLog is not set',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
  }
  assert.ok(text.indexOf('<ProxyMatch') < text.indexOf('LogFormat'), '10 before 20');
});

test('what wayleave config prints is a file that comes to the same', async (t) => {
  const cwd = directory(t, WHOLE);
  const first = await effective(cwd, 'proxy.conf');
  const elsewhere = directory(t, { 'a/printed.conf': first });
  const second = await effective(elsewhere, join('a', 'printed.conf'));
  assert.deepEqual(values(second), values(first));
  const third = directory(t, { 'printed.conf': second });
  assert.equal(await effective(third, 'printed.conf'), second, 'and then it stays');
});

test('-D defines a name as Define does', async (t) => {
  const cwd = directory(t, WHOLE);
  assert.match(await effective(cwd, 'proxy.conf'), /^MaxTunnels 10000 # default$/m);
  assert.match(await effective(cwd, '-D', 'LAB', 'proxy.conf'), /^MaxTunnels 5$/m);
});

test('a proxy takes the same file, rules and log of included files too', async (t) => {
  const server = await listen(t, { serve: echo });
  const dir = directory(t, {
    'parts/a.conf': `AllowCONNECT \${PORT}\nCustomLog parts.log "%m %s"\n`,
    'parts/b/c.conf': RULES,
  });
  const proxy = await startProxyFrom(
    t,
    `Define PORT ${server.port}\nListen 127.0.0.1:0\nProxyRequests On\nInclude parts/*.conf\nInclude parts/b\n`,
    { dir },
  );
  const { status, peer } = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  assert.equal(status, 200);
  peer.destroy();
  const { status: refused } = await exchange(
    proxy.port,
    'CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n',
  );
  assert.equal(refused, 403);
});

/* ---- what is wrong with a file ---- */

const good = (more) => `Listen 127.0.0.1:18080\nProxyRequests On\n${RULES}\n${more}\n`;

/** Files, and all that is said about proxy.conf. The line behind `good` is 6. */
const WRONG = {
  'an unknown directive in an included file': [
    { 'proxy.conf': good('Include parts/*.conf'), 'parts/b.conf': '\n\nProxyVai On\n' },
    'parts/b.conf:3: unknown directive "ProxyVai" (did you mean ProxyVia?)',
  ],
  'a section that an included file does not close': [
    { 'proxy.conf': good('Include part.conf'), 'part.conf': '<Proxy *>\n  Order deny\n' },
    /^part\.conf:1: warning: <Proxy \*> is never closed; .*\npart\.conf:2: Order: /,
  ],
  'an included file of an included file': [
    {
      'proxy.conf': good('Include a/one.conf'),
      'a/one.conf': '# nothing\nInclude two.conf\n',
      'a/two.conf': 'MaxTunnels none\n',
    },
    /^a\/two\.conf:1: MaxTunnels: "none" is not a number/,
  ],
  'files that go in a circle': [
    { 'proxy.conf': good('Include a.conf'), 'a.conf': 'Include proxy.conf\n' },
    'a.conf:1: Include: proxy.conf is being read already, and has led here (remove one of the two)',
  ],
  'a file that is not there': [
    { 'proxy.conf': good('Include gone.conf') },
    'proxy.conf:6: Include: there is no gone.conf (correct the name, or write IncludeOptional if it may be missing)',
  ],
  'a pattern that matches nothing': [
    { 'proxy.conf': good('Include gone/*.conf') },
    'proxy.conf:6: Include: nothing matches gone/*.conf (correct the pattern, or write IncludeOptional if there may be nothing)',
  ],
  'a format that is none': [
    { 'proxy.conf': good('LogFormat "%z"') },
    'proxy.conf:6: LogFormat: %z is nothing that this proxy can log (the manual lists what is)',
  ],
  'an item that is none': [
    { 'proxy.conf': good('LogFormat "%{nothing}x"') },
    'proxy.conf:6: LogFormat: %{nothing}x is nothing that this proxy can log (the manual lists what may stand in the braces)',
  ],
  'a percent sign too many': [
    { 'proxy.conf': good('LogFormat "100%"') },
    'proxy.conf:6: LogFormat: % stands at the end (write %% for a percent sign)',
  ],
  'a brace that is not closed': [
    { 'proxy.conf': good('LogFormat "%{Referer"') },
    'proxy.conf:6: LogFormat: %{ has no } behind it',
  ],
  'a log in a format of no known name': [
    { 'proxy.conf': good('CustomLog a.log nowhere') },
    'proxy.conf:6: CustomLog: there is no LogFormat "nowhere" (write common, combined, wayleave, json, or add LogFormat "..." nowhere)',
  ],
  'a log that is a program': [
    { 'proxy.conf': good('CustomLog "|/bin/cat" common') },
    'proxy.conf:6: CustomLog: this proxy starts no programs (write to a file and let logrotate send SIGUSR1, or to /dev/stdout and let the service manager take it)',
  ],
  'a kind of tunnel that is none': [
    { 'proxy.conf': good('TunnelAllow websocket ssh') },
    /^proxy\.conf:6: TunnelAllow: "ssh" /,
  ],
  'a user file with a password in clear': [
    {
      'proxy.conf': good(
        '<Proxy *:443>\nAuthType Basic\nAuthName a\nAuthUserFile users\nRequire valid-user\n</Proxy>',
      ),
      users: '# comment\nanna:secret\n',
    },
    /^users:2: /,
  ],
  'a user file that is not there': [
    {
      'proxy.conf': good(
        '<Proxy *:443>\nAuthType Basic\nAuthName a\nAuthUserFile users\nRequire valid-user\n</Proxy>',
      ),
    },
    /^proxy\.conf:9: AuthUserFile: /,
  ],
  'a rule about users without their file': [
    {
      'proxy.conf': good('<Proxy *:443>\nAuthType Basic\nAuthName a\nRequire valid-user\n</Proxy>'),
    },
    /^proxy\.conf:\d+: .*AuthUserFile/,
  ],
  'a number out of bounds': [
    { 'proxy.conf': good('AuthThreads 99') },
    'proxy.conf:6: AuthThreads: 99 is too large (write 1 to 16 threads)',
  ],
  'several at once': [
    { 'proxy.conf': good('AuthThreads 99\nNothingLikeThis x\nTimeout soon') },
    /^proxy\.conf:6: .*\nproxy\.conf:7: unknown directive "NothingLikeThis" .*\nproxy\.conf:8: Timeout: "soon" .*\n$/,
  ],
};

for (const [what, [files, expected]] of Object.entries(WRONG)) {
  test(`${what} is said with file and line`, async (t) => {
    const cwd = directory(t, files);
    const { code, stdout, stderr } = await config(cwd, 'proxy.conf');
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' }, stderr);
    const sentences = stderr.replaceAll(`${cwd}/`, '');
    if (typeof expected === 'string') assert.equal(sentences, `${expected}\n`);
    else assert.match(sentences, expected);
    for (const line of sentences.trimEnd().split('\n')) assert.match(line, /^[\w./]+:\d+: ./);
    const started = await runWayleave(['proxy', '-t', '-f', 'proxy.conf'], { cwd });
    assert.deepEqual([started.code, started.stderr], [1, stderr], 'the daemon says the same');
  });
}

test('a file for the other daemon is told from a slip of the pen', async (t) => {
  const realm = 'Interface http://127.0.0.1:1\nAnonymous On\n<Channel "/a">\n</Channel>\n';
  const cwd = directory(t, { 'proxy.conf': good(''), 'realm.conf': realm });
  const other = await config(cwd, 'realm.conf');
  assert.equal(other.code, 1);
  assert.match(other.stderr, /^realm\.conf:1: Interface is not supported \(a realm has it, /);
  assert.match(other.stderr, /^realm\.conf:3: <Channel> is not .*wayleave config --realm\)$/m);
  assert.doesNotMatch(other.stderr, /unknown/);
  const reverse = await config(cwd, '--realm', 'proxy.conf');
  assert.equal(reverse.code, 1);
  assert.match(reverse.stderr, /^proxy\.conf:\d+: Listen is not supported \(a proxy has it, /m);
  assert.match(reverse.stderr, /^proxy\.conf:\d+: <Proxy> is not supported/m);
});

test('words that wayleave config cannot understand are said', async (t) => {
  const cwd = directory(t, { 'proxy.conf': good('') });
  for (const [args, code, sentence] of [
    [[], 2, /^wayleave config: needs one file /],
    [['a', 'b'], 2, /^wayleave config: needs one file /],
    [['-x'], 2, /^wayleave config: "-x" cannot be understood/],
    [['proxy.conf', '--explain'], 2, /needs one file, a client, a method and a URL/],
    [['gone.conf'], 1, /^gone\.conf: cannot be .*No such file or directory/],
    [['.'], 1, /^\.: cannot be read: it is a directory/],
    [['proxy.conf', '--explain', 'host', 'GET', 'http://a/'], 2, /"host" cannot be understood/],
    [['proxy.conf', '--explain', '127.0.0.1', 'GET', '/a'], 2, /"\/a" cannot be understood/],
    [['proxy.conf', '--explain', '127.0.0.1', 'CONNECT', 'a'], 2, /"a" cannot be understood/],
  ]) {
    const outcome = await config(cwd, ...args);
    assert.deepEqual([outcome.code, outcome.stdout], [code, ''], args.join(' '));
    assert.match(outcome.stderr, sentence);
    assert.equal(outcome.stderr.trimEnd().split('\n').length, 1);
  }
});

/* ---- who may what ---- */

const EXPLAINED = {
  'proxy.conf': `Listen 127.0.0.1:18080
ProxyRequests On
AllowCONNECT 443
<Proxy *>
  Require ip 10.0.0.0/8
</Proxy>
<Proxy http://named.example/>
  Require host .corp.example
</Proxy>
Include users.conf
ProxyBlock blocked.example
ProxyRemote http://far.example/ http://parent.example:3128
`,
  'users.conf': `<Proxy *:443>
  AuthType Basic
  AuthName lab
  AuthUserFile users
  AuthGroupFile groups
  Require group staff
</Proxy>
`,
  users: `${HASHES.SHA('anna', 'x')}\n${HASHES.SHA('carl', 'x')}\n`,
  groups: 'staff: anna\n',
};

for (const [client, method, url, code, verdict, ...lines] of [
  [
    '10.1.2.3',
    'GET',
    'http://a.example/',
    0,
    'allowed',
    'proxy.conf:5: Require ip 10.0.0.0/8: grants',
  ],
  ['11.1.2.3', 'GET', 'http://a.example/', 3, 'refused', 'proxy.conf:5 refuses it (403)'],
  [
    ...['10.1.2.3', 'CONNECT', 'a.example:443', 3, 'a login is asked for'],
    ...['users.conf:1: <Proxy *:443> applies', 'users.conf:6 asks for a login (407)'],
  ],
  [
    'anna@10.1.2.3',
    'CONNECT',
    'a.example:443',
    0,
    'allowed',
    'users.conf:6: Require group staff: grants',
  ],
  ['carl@10.1.2.3', 'CONNECT', 'a.example:443', 3, 'a login is asked for', 'users.conf:6 asks for'],
  [
    'emil@10.1.2.3',
    'CONNECT',
    'a.example:443',
    3,
    'a login is asked for',
    'users has no user emil.',
  ],
  [
    ...['10.1.2.3', 'CONNECT', 'a.example:25', 3, 'refused'],
    'AllowCONNECT does not have port 25 (403).',
  ],
  [
    ...['10.1.2.3', 'GET', 'http://named.example/', 3, 'refused'],
    "A rule asks for the client's host name: this is how it is without one",
  ],
  [
    ...['10.1.2.3=pc.corp.example', 'GET', 'http://named.example/', 0, 'allowed'],
    'proxy.conf:8: Require host .corp.example: grants',
  ],
  [
    '10.1.2.3=pc.evil.example',
    'GET',
    'http://named.example/',
    3,
    'refused',
    'proxy.conf:8 refuses',
  ],
  [
    ...['10.1.2.3', 'GET', 'http://blocked.example/', 3, 'refused'],
    'ProxyBlock in line 11 has it (403).',
  ],
  [
    ...['10.1.2.3', 'GET', 'http://far.example/', 0, 'allowed'],
    'ProxyRemote in line 12 sends it to http://parent.example:3128.',
  ],
  [
    ...['10.1.2.3', 'GET', 'http://169.254.169.254/', 3, 'refused'],
    '169.254.169.254 is link-local, where metadata services live',
  ],
  [
    ...['10.1.2.3', 'GET', 'http://127.0.0.1/', 3, 'refused'],
    "127.0.0.1 is the proxy's own loopback",
  ],
  ['10.1.2.3', 'GET', 'http://127.0.0.1:18080/', 3, 'refused', '127.0.0.1 is the proxy itself'],
]) {
  test(`--explain ${client} ${method} ${url}: ${verdict}, and the line that decides`, async (t) => {
    const cwd = directory(t, EXPLAINED);
    const outcome = await config(cwd, 'proxy.conf', '--explain', client, method, url);
    assert.deepEqual([outcome.code, outcome.stderr], [code, '']);
    assert.ok(outcome.stdout.endsWith(`=> ${verdict}\n`), outcome.stdout);
    for (const line of lines) assert.ok(outcome.stdout.includes(line), outcome.stdout);
  });
}

test('the manual is what the program prints', async () => {
  const name = 'tool/manual.mjs';
  const program = new Program(process.execPath, [name, '--check', CHECKED], { name, cwd: ROOT });
  const { code } = await program.exit;
  assert.equal(code, 0, program.stderr);
});
