// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The access log in httpd's language, in ours and in JSON: whole lines, whatever clients send. */

import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { HASHES, loginField } from '../lib/passwords.mjs';
import { serveHttp } from '../lib/served.mjs';
import { connect, echo, listen, tunnel } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { scratch, startProxyFrom } from '../lib/wayleave.mjs';

/** An origin whose answer has a body of 11 bytes. */
async function startOrigin(t) {
  const { port } = await serveHttp(t, (request, response) => {
    response.setHeader('X-Answer', 'an "answer"');
    request.resume().on('end', () => response.end('hello world'));
  });
  return port;
}

/** A proxy that writes its log to files in `dir`. @param {(dir: string) => string} logs */
async function startLogging(t, ports, logs, rules = 'Require local') {
  const dir = scratch(t);
  writeFileSync(join(dir, 'users'), `${HASHES.SHA('anna', 'secret')}\n`);
  const proxy = await startProxyFrom(
    t,
    `Listen 127.0.0.1:0
ProxyRequests On
ServerName proxy.example.test
AllowCONNECT ${ports.join(' ')}
<Proxy *>
    AuthType Basic
    AuthName lab
    AuthUserFile users
    ${rules}
</Proxy>
${logs(dir)}
`,
    { dir },
  );
  const contentOf = (name) => {
    try {
      return readFileSync(join(dir, name), 'latin1');
    } catch {
      return '';
    }
  };
  return Object.assign(proxy, {
    dir,
    contentOf,
    /** Whole lines of a file, once there are so many. */
    async lines(name, count) {
      const lines = () => contentOf(name).split('\n').slice(0, -1);
      await until(`${count} lines in ${name}`, () => lines().length >= count, { seen: lines });
      assert.equal(lines().length, count);
      return lines();
    },
  });
}

/** One request and all of its answer. */
async function ask(proxy, line, fields = []) {
  const peer = await connect(proxy.port);
  peer.send(
    Buffer.from(`${[line, 'Connection: close', ...fields].join('\r\n')}\r\n\r\n`, 'latin1'),
  );
  const answer = String(await peer.readToEnd());
  peer.destroy();
  return answer;
}

/** A tunnel through which a word went and came back. */
async function echoThrough(proxy, port, fields) {
  const { status, peer } = await tunnel(proxy.port, `127.0.0.1:${port}`, { fields });
  assert.equal(status, 200);
  peer.send('eight by');
  await peer.read(8);
  peer.end();
  await peer.readToEnd();
}

const TIME = String.raw`\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]`;

test("httpd's items say what they say in httpd", async (t) => {
  const origin = await startOrigin(t);
  const format =
    '%h %l %u %t \\"%r\\" %>s %b %B %D %T %{ms}T \\"%{User-Agent}i\\" \\"%{Referer}i\\" ' +
    '\\"%{X-Answer}o\\" %m %U%q %H %v %p %k %X %a %A %{remote}p %% %I %O %{%Y-%m-%d}t';
  const proxy = await startLogging(
    t,
    [443],
    (dir) => `LogFormat "${format}" mine\nCustomLog ${dir}/access.log mine`,
    'Require valid-user',
  );
  const url = `http://127.0.0.1:${origin}/path?a=b`;
  const fields = ['User-Agent: tester/1.0', loginField('anna', 'secret'), 'Host: x'];
  assert.match(await ask(proxy, `GET ${url} HTTP/1.1`, fields), / 200 OK\r\n/);
  const [line] = await proxy.lines('access.log', 1);
  const escaped = url.replace('?', '\\?');
  assert.match(
    line,
    new RegExp(
      String.raw`^127\.0\.0\.1 - anna ${TIME} "GET ${escaped} HTTP/1\.1" 200 11 11 \d+ \d+ \d+ ` +
        String.raw`"tester/1\.0" "-" "(an \\"answer\\"|-)" GET ${escaped} HTTP/1\.1 ` +
        String.raw`proxy\.example\.test ${proxy.port} 0 - 127\.0\.0\.1 127\.0\.0\.1 \d+ % ` +
        String.raw`\d+ \d+ \d{4}-\d\d-\d\d$`,
    ),
  );
});

test('our items tell of the tunnel', async (t) => {
  const { port } = await listen(t, { serve: echo });
  const names = [
    ...['tunnel', 'bytes-up', 'bytes-down', 'closer', 'upstream', 'parent', 'error', 'why'],
    ...['ws-path', 'ws-protocol', 'ws-messages-up', 'ws-messages-down', 'ws-bytes-up'],
    ...['ws-bytes-down', 'ws-close', 'ws-closer', 'ws-compression', 'ws-lost'],
  ];
  const format = names.map((name) => `${name}=%{${name}}x`).join(';');
  const proxy = await startLogging(
    t,
    [port],
    (dir) => `LogFormat "${format}"\nCustomLog ${dir}/access.log`,
  );
  await echoThrough(proxy, port);
  const values = (line) => Object.fromEntries(line.split(';').map((part) => part.split('=')));
  const first = values((await proxy.lines('access.log', 1))[0]);
  assert.deepEqual(Object.keys(first), names);
  const { tunnel: kind, closer, upstream } = first;
  assert.deepEqual([kind, closer, upstream], ['other', 'client', `127.0.0.1:${port}`]);
  assert.deepEqual([first['bytes-up'], first['bytes-down']], ['8', '8']);
  assert.deepEqual([first['ws-path'], first['ws-close'], first.why], ['-', '-', '-']);

  const refused = await tunnel(proxy.port, '127.0.0.1:1');
  refused.peer.destroy();
  const second = values((await proxy.lines('access.log', 2))[1]);
  assert.equal(second.error, 'http_request_denied');
  assert.match(second.why, /port 1 is not allowed/);
  assert.deepEqual([second.tunnel, second.upstream, second.closer], ['-', '-', 'proxy']);
});

test("several logs, by nickname, by a format of their own, and httpd's names built in", async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startLogging(
    t,
    [443],
    (dir) => `LogFormat "first %s" short
LogFormat "%m" usual
LogFormat "second %s" short
CustomLog "${dir}/nickname.log" short
CustomLog "${dir}/own.log" "status=%s"
CustomLog "${dir}/common.log" common
CustomLog "${dir}/combined.log" combined
CustomLog "${dir}/selected.log" "%!200{Referer}i %403m"
CustomLog relative.log usual`,
  );
  const url = `http://127.0.0.1:${origin}/`;
  await ask(proxy, `GET ${url} HTTP/1.1`, ['Host: x', 'Referer: http://r/', 'User-Agent: u']);
  const only = async (name) => (await proxy.lines(name, 1))[0];
  assert.equal(await only('nickname.log'), 'second 200', 'the last of a name counts');
  assert.equal(await only('own.log'), 'status=200');
  const common = `^127\\.0\\.0\\.1 - - ${TIME} "GET ${url} HTTP/1\\.1" 200 11`;
  assert.match(await only('common.log'), new RegExp(`${common}$`));
  assert.match(await only('combined.log'), new RegExp(`${common} "http://r/" "u"$`));
  assert.equal(await only('selected.log'), '- -');
  assert.equal(await only('relative.log'), 'GET');
  assert.equal(proxy.program.stdout, '', 'nothing goes where nobody asked for it');
});

test('without CustomLog the lines go to stdout, combined and with what we know', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startLogging(t, [443], () => '');
  await ask(proxy, `GET http://127.0.0.1:${origin}/ HTTP/1.1`, ['Host: x', 'User-Agent: u']);
  assert.match(
    await proxy.accessLine(/GET/),
    new RegExp(
      `^127\\.0\\.0\\.1 - - ${TIME} "GET http://.*/ HTTP/1\\.1" 200 11 "-" "u" ` +
        `(.* )?ms=\\d+ (.* )?upstream=127\\.0\\.0\\.1:${origin}`,
    ),
  );
});

test('every JSON line parses and has every field that is known', async (t) => {
  const origin = await startOrigin(t);
  const server = await listen(t, { serve: echo });
  const proxy = await startLogging(
    t,
    [server.port],
    (dir) => `LogFormat json machine\nCustomLog ${dir}/a.log json\nCustomLog ${dir}/b.log machine`,
    'Require valid-user',
  );
  const fields = [loginField('anna', 'secret'), 'User-Agent: u', 'Referer: http://r/'];
  await ask(proxy, `GET http://127.0.0.1:${origin}/a?b HTTP/1.1`, ['Host: x', ...fields]);
  await echoThrough(proxy, server.port, fields);
  await ask(proxy, `CONNECT 127.0.0.1:1 HTTP/1.1`, fields);
  await ask(proxy, 'CONNECT 127.0.0.1:1 HTTP/1.1');
  await ask(proxy, 'nonsense');
  const lines = await proxy.lines('a.log', 5);
  await proxy.lines('b.log', 5);
  const [get, through, denied, asked, nonsense] = [
    (each) => each.method === 'GET',
    (each) => each.status === 200 && each.method === 'CONNECT',
    (each) => each.status === 403,
    (each) => each.status === 407,
    (each) => each.status === 400,
  ].map((is) => lines.map((line) => JSON.parse(line)).find(is));
  const always = [
    ...['time', 'client', 'client_port', 'status', 'duration_ms', 'bytes_in', 'bytes_out'],
    ...['closer', 'local', 'server_name'],
  ];
  const request = ['user', 'method', 'target', 'protocol', 'referer', 'user_agent'];
  const reached = ['upstream'];
  const refused = ['error', 'why'];
  for (const [entry, ...groups] of [
    [get, always, request, reached],
    [through, always, request, reached, ['tunnel', 'bytes_up', 'bytes_down']],
    [denied, always, request, refused],
    [asked, always, refused, ['method', 'target', 'protocol']],
    [nonsense, always, refused],
  ]) {
    assert.deepEqual(Object.keys(entry).sort(), groups.flat().sort(), JSON.stringify(entry));
  }
  assert.match(get.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
  assert.ok(!Number.isNaN(Date.parse(get.time)));
  assert.deepEqual(
    [get.user, get.target, get.protocol, get.user_agent, get.referer, get.server_name],
    ['anna', `http://127.0.0.1:${origin}/a?b`, 'HTTP/1.1', 'u', 'http://r/', 'proxy.example.test'],
  );
  assert.deepEqual([through.bytes_up, through.bytes_down, through.closer], [8, 8, 'client']);
  assert.match(denied.why, /AllowCONNECT/);
});

test('SIGUSR1 opens the files again, and no line is lost on the way', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startLogging(
    t,
    [443],
    (dir) => `CustomLog ${dir}/access.log "%U"\nCustomLog ${dir}/other.log "%U"`,
  );
  const get = (path) => ask(proxy, `GET http://127.0.0.1:${origin}${path} HTTP/1.1`, ['Host: x']);
  const asked = [];
  const getSome = async () => {
    const paths = Array.from({ length: 20 }, (_, i) => `/${asked.length + i}`);
    asked.push(...paths);
    await Promise.all(paths.map(get));
  };
  await getSome();
  await proxy.lines('access.log', 20);
  for (const name of ['access.log', 'other.log']) {
    renameSync(join(proxy.dir, name), join(proxy.dir, `${name}.1`));
  }
  await getSome(); // still to the old ones
  await proxy.lines('access.log.1', 40);
  const during = getSome();
  process.kill(proxy.pid, 'SIGUSR1');
  await during;
  await until('new files', () => {
    return ['access.log', 'other.log'].every((name) => proxy.contentOf(name) !== '') || getSome();
  });
  await getSome();
  for (const name of ['access.log', 'other.log']) {
    const all = () => `${proxy.contentOf(`${name}.1`)}${proxy.contentOf(name)}`;
    await until('all lines', () => all().split('\n').length - 1 === asked.length, { seen: all });
    const paths = all()
      .split('\n')
      .slice(0, -1)
      .map((url) => new URL(url).pathname);
    assert.deepEqual(paths.sort(), asked.slice().sort());
  }
});

/* ---- what clients make of it ---- */

const HOSTILE = [
  'plain "GET / HTTP/1.1" 200',
  'back\\slash\\',
  '\\" 200 up=0',
  'a\tb',
  'caf\xe9 \xc3\xa9 \x9b31m',
  '%h%u%{x}i',
  "'; DROP",
  '{"a":1}',
  '\xff\xfe',
];

test('no value of a client can end a quoted item or a line', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startLogging(
    t,
    [443],
    (dir) => `CustomLog ${dir}/quoted.log "\\"%r\\" \\"%{User-Agent}i\\" \\"%{Referer}i\\" end"
CustomLog ${dir}/json.log json`,
  );
  let count = 0;
  for (const value of HOSTILE) {
    const target = encodeURI(`http://127.0.0.1:${origin}/`) + value.replaceAll(/[\s"\\]/g, '|');
    await ask(proxy, `GET ${target} HTTP/1.1`, [
      'Host: x',
      `User-Agent: ${value}`,
      `Referer: ${value}`,
    ]);
    count += 1;
    const quoted = (await proxy.lines('quoted.log', count)).at(-1);
    assert.match(quoted, /^"([^"\\]|\\.)*" "([^"\\]|\\.)*" "([^"\\]|\\.)*" end$/, value);
    assert.match(quoted, /^[\x20-\x7e]*$/, value);
    const json = (await proxy.lines('json.log', count)).at(-1);
    assert.match(json, /^[\x20-\x7e]*$/, value);
    const entry = JSON.parse(json);
    if (entry.status === 200) assert.equal(entry.user_agent, value);
  }
});

test('control bytes in a request are refused, and logged as something else', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startLogging(
    t,
    [443],
    (dir) => `CustomLog ${dir}/quoted.log "%s \\"%r\\" \\"%{User-Agent}i\\" %{why}x end"
CustomLog ${dir}/json.log json`,
  );
  const requests = ['\0', '\n', '\r', '\x1b', '\x7f', '\b', '\v'].flatMap((c) => [
    [`GET http://127.0.0.1:${origin}/a${c}b HTTP/1.1`, []],
    [`GET http://127.0.0.1:${origin}/ HTTP/1.1`, [`User-Agent: a${c}b`]],
    [`G${c}T http://127.0.0.1:${origin}/ HTTP/1.1`, []],
  ]);
  for (const [line, fields] of requests) {
    assert.match(await ask(proxy, line, ['Host: x', ...fields]), /^HTTP\/1\.1 400 /, line);
  }
  for (const line of await proxy.lines('quoted.log', requests.length)) {
    assert.match(line, /^400 "([^"\\\x00-\x1f\x7f]|\\.)*" "([^"\\\x00-\x1f\x7f]|\\.)*" .* end$/);
  }
  for (const line of await proxy.lines('json.log', requests.length)) {
    assert.equal(JSON.parse(line).status, 400);
  }
});

test('a long value is cut, and what stands behind it is there', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startLogging(
    t,
    [443],
    (dir) => `CustomLog ${dir}/quoted.log "\\"%r\\" \\"%{User-Agent}i\\" %s end"
CustomLog ${dir}/json.log json`,
  );
  const long = `/${'"\\'.repeat(3000)}`.replaceAll(/["\\]/g, (c) => (c === '"' ? '~' : '!'));
  await ask(proxy, `GET http://127.0.0.1:${origin}${long} HTTP/1.1`, [
    'Host: x',
    `User-Agent: ${'\xff"'.repeat(4000)}`,
  ]);
  const [quoted] = await proxy.lines('quoted.log', 1);
  assert.match(quoted, /^"GET http:\/\/([^"\\]|\\.)*" "([^"\\]|\\.)*" 200 end$/);
  assert.ok(quoted.length < 4096);
  const [json] = await proxy.lines('json.log', 1);
  const entry = JSON.parse(json);
  assert.equal(entry.status, 200);
  assert.equal(entry.client, '127.0.0.1');
});

test('a disk that is full is said in the error log, and on stderr if that is on it too', async (t) => {
  const logs = () => 'CustomLog /dev/full combined\nErrorLog /dev/full';
  const proxy = await startLogging(t, [9000], logs);
  await ask(proxy, 'CONNECT localhost:22 HTTP/1.1', ['Host: localhost:22']);
  await proxy.program.line(
    /warn: access log \/dev\/full cannot be written to: No space left on device/,
  );
});
