// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** `wayleave pub` and `wayleave sub` in scripts: lines in and out, receipts, limits, logins. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { freePort } from '../../tool/lib/ports.mjs';
import { callersOf, deafPort } from '../lib/deaf.mjs';
import { OPCODE, acceptOf, frame } from '../lib/frames.mjs';
import { Stomp } from '../lib/stomp.mjs';
import { listen } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import {
  CHECKED,
  DEMO_CHANNELS,
  runWayleave,
  scratch,
  startProxyFrom,
  startRealm,
  wayleave,
} from '../lib/wayleave.mjs';

const NO_ENV = Object.fromEntries(
  ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].map((name) => [
    name,
    '',
  ]),
);

/** pub with something to read. `say` and `end` go to its standard input. */
function pub(t, args) {
  const child = spawn(CHECKED, ['pub', ...args], {
    env: { ...process.env, ...NO_ENV },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const run = {
    stdout: '',
    stderr: '',
    say: (text) => child.stdin.write(text),
    end: (text = '') => child.stdin.end(text),
    kill: (signal) => child.kill(signal),
    ended: new Promise((resolve) => child.on('close', resolve)),
  };
  child.stdin.on('error', () => {});
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => (run[stream] += text));
  }
  return run;
}

async function started(t) {
  const realm = await startRealm(t, { more: DEMO_CHANNELS });
  return { realm, url: `ws://localhost:${realm.port}` };
}

const run = (args, options) => runWayleave(args, { env: NO_ENV, ...options });
const lines = (text) => text.trimEnd().split('\n');

test('lines', async (t) => {
  const { realm, url } = await started(t);

  await t.test('each line is an event, and its EID is printed when the realm has it', async (t) => {
    const said = pub(t, [url, '/demo/lines']);
    said.say('one\n');
    await until('the receipt', () => said.stdout === '1\n', { seen: () => said.stderr });
    said.say('two, with ö\n\nfour');
    said.end();
    assert.equal(await within('its end', said.ended), 0);
    assert.equal(said.stdout, '1\n2\n3\n4\n');
    assert.match(said.stderr, /4 events published/);
    const { stdout } = await run(['sub', '--from', 'stored', '--count', '4', url, '/demo/lines']);
    assert.equal(stdout, '1\tone\n2\ttwo, with ö\n3\t\n4\tfour\n');
  });

  await t.test('a file is read as well as a pipe, and no line at all is fine', async (t) => {
    const file = join(scratch(t), 'lines');
    writeFileSync(file, 'a\nb\n');
    const from = (name) =>
      new Promise((resolve) => {
        const child = spawn('sh', ['-c', '"$0" pub "$1" /demo/file < "$2"', CHECKED, url, name]);
        let stdout = '';
        child.stdout.on('data', (text) => (stdout += text));
        child.on('close', (code) => resolve([code, stdout]));
      });
    assert.deepEqual(await from(file), [0, '1\n2\n']);
    assert.deepEqual(await from('/dev/null'), [0, '']);
  });

  await t.test('who waits for a line still hears the realm', async (t) => {
    // A server of our own that closes: a pub that is asleep in a read would not notice.
    const server = await listen(t);
    const said = pub(t, [`ws://127.0.0.1:${server.port}`, '/demo/x']);
    const peer = await welcome(server);
    await peer.read(6);
    peer.end();
    assert.equal(await within('its end', said.ended), 1);
    assert.match(said.stderr, /closed by the other side/);
  });

  await t.test('what the realm refuses ends it there, and its number is said', async (t) => {
    const said = pub(t, [url, '/demo/refused']);
    said.end(`one\n${'x'.repeat(2 ** 20 + 1)}\nthree\n`);
    assert.equal(await within('its end', said.ended), 1);
    assert.equal(said.stdout, '1\n');
    assert.match(said.stderr, /LimitException: an event's body has at most/);
    assert.match(said.stderr, /^wayleave pub: event 2 was not acknowledged; all before it were$/m);
  });

  await t.test('what a line cannot be published for ends it there, with the count', async (t) => {
    const said = pub(t, ['--json', url, '/demo/half']);
    said.end('{"data": "good"}\n{"data": 1}\n{"data": "never"}\n');
    assert.equal(await within('its end', said.ended), 1);
    assert.equal(said.stdout, '{"eid": 1}\n');
    assert.match(said.stderr, /event 2 is not published: data and base64 must be texts/);
    const { stdout } = await run(['sub', '--from', 'stored', '--count', '1', url, '/demo/half']);
    assert.equal(stdout, '1\tgood\n');
  });

  await t.test('headers of the command line come with every event', async () => {
    const args = ['--header', 'colour:red', '--header', 'a:b:c', url, '/demo/head', 'x'];
    const { code, stdout } = await run(['pub', ...args]);
    assert.deepEqual([code, stdout], [0, 'published to /demo/head as EID 1\n']);
    const told = await run(['sub', '--json', '--from', '1', '--count', '1', url, '/demo/head']);
    assert.deepEqual(JSON.parse(told.stdout), {
      channel: '/demo/head',
      eid: 1,
      headers: { colour: 'red', a: 'b:c', 'content-type': 'text/plain' },
      data: 'x',
    });
  });

  await t.test('the realm is told what was asked for: where to begin', async () => {
    for (const [from, expected] of [
      ['3', '3\t\n'],
      ['stored', '1\tone\n'],
    ]) {
      const { stdout } = await run(['sub', '--from', from, '--count', '1', url, '/demo/lines']);
      assert.equal(stdout, expected);
    }
    const { code, stderr } = await run(['sub', '--from', 'yesterday', url, '/demo/lines']);
    assert.equal(code, 1);
    assert.match(stderr, /from must be/);
  });

  await t.test('SIGINT ends a sub in order', async () => {
    const sub = wayleave(['sub', url, '/demo/lines'], { env: NO_ENV });
    await sub.line(/subscribed/);
    assert.deepEqual(await sub.stop({ signal: 'SIGINT' }), { code: 0, signal: null });
    await realm.program.line(/closed by the client with 1000/);
  });
});

test('who reads leaves: sub ends, although no further event comes', async (t) => {
  const { url } = await started(t);
  const piped = (script) =>
    new Promise((resolve) => {
      const child = spawn('bash', ['-c', `"$0" sub ${script}; echo "\${PIPESTATUS[*]}"`, CHECKED], {
        env: { ...process.env, ...NO_ENV },
      });
      t.after(() => child.kill('SIGKILL'));
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (text) => (stdout += text));
      child.stderr.on('data', (text) => (stderr += text));
      child.on('close', () => resolve({ stdout, stderr }));
    });
  await run(['pub', url, '/demo/left', 'one']);
  const left = await within('its end', piped(`--from stored ${url} /demo/left | head -n 1`));
  assert.equal(left.stdout, '1\tone\n1 0\n');
  assert.match(left.stderr, /standard output takes nothing more/);
  const counted = await within(
    'its end',
    piped(`--from stored --count 1 ${url} /demo/left | head -n 1`),
  );
  assert.equal(counted.stdout, '1\tone\n0 0\n', counted.stderr);
});

test('JSON', async (t) => {
  const { realm, url } = await started(t);

  await t.test('what sub writes, pub reads: text, bytes and headers come through', async (t) => {
    const said = pub(t, ['--json', url, '/demo/first']);
    said.end(
      `${JSON.stringify({ data: 'grün "1"\n', headers: { colour: 'red:\\', 'content-type': 'text/x' } })}\n` +
        `${JSON.stringify({ base64: '/wAB' })}\n{}\n`,
    );
    assert.equal(await within('its end', said.ended), 0, said.stderr);
    assert.equal(said.stdout, '{"eid": 1}\n{"eid": 2}\n{"eid": 3}\n');
    const sub = ['sub', '--json', '--from', 'stored', '--count', '3', url];
    const first = await run([...sub, '/demo/first']);
    const again = pub(t, ['--json', url, '/demo/second']);
    again.end(first.stdout);
    assert.equal(await within('its end', again.ended), 0, again.stderr);
    const second = await run([...sub, '/demo/second']);
    const parsed = lines(second.stdout).map((line) => JSON.parse(line));
    assert.deepEqual(parsed, [
      {
        channel: '/demo/second',
        eid: 1,
        headers: { colour: 'red:\\', 'content-type': 'text/x' },
        data: 'grün "1"\n',
      },
      { channel: '/demo/second', eid: 2, headers: {}, base64: '/wAB' },
      { channel: '/demo/second', eid: 3, headers: {}, data: '' },
    ]);
    assert.equal(second.stdout.replaceAll('second', 'first'), first.stdout);
  });

  await t.test('the same publishId publishes once', async () => {
    const event = JSON.stringify({ data: 'x', publishId: 'p1' });
    for (let i = 0; i < 2; i += 1) {
      const { stdout } = await run(['pub', '--json', url, '/demo/once', event]);
      assert.equal(stdout, '{"eid": 1}\n');
    }
  });

  await t.test('a header that comes twice is told once', async (t) => {
    const stomp = await Stomp.connect(t, realm.port);
    stomp.socket.send('SEND\ndestination:/demo/twice\na:first\na:second\nreceipt:r\n\n\0');
    await stomp.next();
    const { stdout } = await run([
      'sub',
      '--json',
      '--from',
      '1',
      '--count',
      '1',
      url,
      '/demo/twice',
    ]);
    assert.match(stdout, /"headers": \{"a": "first"\}/);
  });

  for (const [what, line, says] of [
    ['no JSON', 'text', /at byte 0/],
    ['no object', '[1]', /at byte 0/],
    ['something behind it', '{} {}', /at byte 3/],
    ['a name twice', '{"data": "a", "data": "b"}', /already/],
    ['a header that is no text', '{"headers": {"a": 1}}', /each of headers must be a text/],
    ['headers that are none', '{"headers": "a"}', /headers must be an object/],
    ['base64 that is none', '{"base64": "*"}', /base64 must be base64/],
    ['both bodies', '{"base64": "/wAB", "data": "x"}', /no data besides/],
    ['an id that is no text', '{"publishId": 7}', /publishId must be a text/],
    ['a member that is none', '{"date": "x"}', /"date" is no part of an event \(write data or/],
  ]) {
    await t.test(`refused: ${what}`, async () => {
      const { code, stdout, stderr } = await run(['pub', '--json', url, '/demo/bad', line]);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, says);
    });
  }
});

test('the time', async (t) => {
  const { url } = await started(t);

  await t.test('sub: what was counted did not come: 3', async () => {
    const { code, stderr } = await run([
      'sub',
      '--count',
      '1',
      '--timeout',
      '300ms',
      url,
      '/demo/t',
    ]);
    assert.equal(code, 3);
    assert.match(stderr, /the time was up/);
  });

  await t.test('sub: all that came in time: 0', async () => {
    await run(['pub', url, '/demo/t', 'x']);
    // Long enough for a checked program to connect: what it got before that is what counts.
    const { code, stdout } = await run([
      'sub',
      '--from',
      'stored',
      '--timeout',
      '3s',
      url,
      '/demo/t',
    ]);
    assert.deepEqual([code, stdout], [0, '1\tx\n']);
  });

  await t.test('pub: nobody says a line: 3', async (t) => {
    const said = pub(t, ['--timeout', '300ms', url, '/demo/t']);
    assert.equal(await within('its end', said.ended), 3);
    assert.match(said.stderr, /the time was up/);
  });

  await t.test('a server that never answers: 3', async (t) => {
    const server = await listen(t);
    const { code } = await run([
      'pub',
      '--timeout',
      '300ms',
      `ws://127.0.0.1:${server.port}`,
      '/x',
      'x',
    ]);
    assert.equal(code, 3);
  });
});

test('a way that leads to no realm', async (t) => {
  await t.test('SIGINT ends a sub that still dials', async (t) => {
    const port = await deafPort(t);
    const others = callersOf(port); // that keep its queue full
    const sub = wayleave(['sub', `ws://127.0.0.1:${port}`, '/x'], { env: NO_ENV });
    await until('it dials', () => callersOf(port) > others);
    assert.deepEqual(await sub.stop({ signal: 'SIGINT' }), { code: 0, signal: null });
    assert.equal(sub.stderr, '');
  });

  for (const [answer, sentence] of /** @type {[string, RegExp][]} */ ([
    ['HTTP/1.1 404 Gone\r\n\r\n', /\/x is no WebSocket: the server answered 404 Gone$/],
    ['', /the connection was closed without an answer \(is that port for wss:\/\/\?\)$/],
    ['HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n', /: the server /],
    ['SSH-2.0-OpenSSH_9.2\r\n', /: the server /],
  ])) {
    await t.test(`told for ${JSON.stringify(answer)}`, async (t) => {
      const serve = async (peer) => {
        await peer.readUntil('\r\n\r\n');
        peer.send(answer).end();
      };
      const { port } = await listen(t, { serve });
      const { code, stderr } = await run(['sub', `ws://127.0.0.1:${port}/x`, '/x']);
      assert.equal(code, 1);
      assert.equal(lines(stderr).length, 1, stderr);
      assert.match(stderr.trimEnd(), sentence);
    });
  }

  await t.test('told for a closed port', async () => {
    const { code, stderr } = await run(['sub', `ws://127.0.0.1:${await freePort()}`, '/x']);
    assert.equal(code, 1);
    assert.match(stderr, /no connection to 127\.0\.0\.1 port \d+: .* \(does the realm run\?\)/);
  });
});

test('a proxy that asks for a login', async (t) => {
  const { realm, url } = await started(t);
  const dir = scratch(t);
  // alice, with a password that a URL cannot hold as it is: {SHA} of "won:d@r/"
  const sha = createHash('sha1').update('won:d@r/').digest('base64');
  writeFileSync(join(dir, 'users'), `alice:{SHA}${sha}\n`);
  const proxy = await startProxyFrom(
    t,
    `Listen 127.0.0.1:0
ProxyRequests On
AllowCONNECT ${realm.port}
<Proxy "*">
    AuthType Basic
    AuthName "the office"
    AuthUserFile ${join(dir, 'users')}
    Require valid-user
</Proxy>
`,
    { dir },
  );
  const login = `http://alice:won%3Ad%40r%2F@127.0.0.1:${proxy.port}`;
  const args = [url, '/demo/login', 'x'];

  await t.test('it is given on the command line or in the variable', async () => {
    for (const [more, env] of [
      [['--proxy', login], NO_ENV],
      [[], { ...NO_ENV, http_proxy: login }],
      [[], { ...NO_ENV, HTTP_PROXY: login }],
    ]) {
      const { code, stderr } = await run(['pub', ...more, ...args], { env });
      assert.equal(code, 0, stderr);
    }
    await proxy.accessLine(/ - alice .*CONNECT/);
  });

  await t.test('without it, or with another, the proxy says no', async () => {
    for (const from of [
      `http://127.0.0.1:${proxy.port}`,
      `http://alice:wrong@127.0.0.1:${proxy.port}`,
    ]) {
      const { code, stderr } = await run(['pub', '--proxy', from, ...args]);
      assert.equal(code, 1);
      assert.match(stderr, /407/);
    }
  });

  await t.test('a proxy that cannot be read is not repeated: it may hold a password', async () => {
    for (const bad of ['http://alice:secret%2@127.0.0.1:1', 'http://alice:secret@']) {
      for (const [more, env] of [
        [['--proxy', bad], NO_ENV],
        [[], { ...NO_ENV, http_proxy: bad }],
      ]) {
        const { code, stderr } = await run(['pub', ...more, ...args], { env });
        assert.equal(code, 2);
        assert.match(stderr, /user:password@host/);
        assert.doesNotMatch(stderr, /secret/);
      }
    }
  });
});

test('options', async (t) => {
  for (const [args, says] of [
    [['pub'], /needs a URL and a channel/],
    [['sub', 'ws://localhost:1'], /needs a URL and a channel/],
    [['pub', 'http://localhost:1', '/x'], /not a URL of a realm/],
    [['sub', 'ws://localhost:1', '/x', 'y'], /one word too many/],
    [['sub', '--count', 'many', 'ws://localhost:1', '/x'], /--count: not a number/],
    [['sub', '--timeout', 'soon', 'ws://localhost:1', '/x'], /--timeout: not a time/],
    [['sub', '--timeout', '0', 'ws://localhost:1', '/x'], /--timeout: not a time/],
    [['pub', '--header', 'colour', 'ws://localhost:1', '/x'], /--header: not a header/],
    [['pub', '--header', ':red', 'ws://localhost:1', '/x'], /--header: not a header/],
    [['sub', '--count', '0', 'ws://localhost:1', '/x'], /--count: not a number of events: "0"/],
    [['sub', '--count'], /there is nothing behind "--count"/],
    [['pub', '--count', '1', 'ws://localhost:1', '/x'], /cannot do anything with "--count"/],
    ...['destination:/y', 'receipt:r', 'transaction:t', 'content-length:1'].map((header) => [
      ['pub', '--header', header, 'ws://localhost:1', '/x'],
      new RegExp(`--header: pub says that itself: "${header}" \\(leave it out\\)`),
    ]),
    [['pub', '--proxy', 'https://p:1', 'ws://localhost:1', '/x'], /--proxy: not a proxy's URL/],
    [['sub', '--proxy', 'socks5://p:1', 'ws://localhost:1', '/x'], /--proxy: not a proxy's URL/],
    [['sub', '--header', 'a:b', 'ws://localhost:1', '/x'], /cannot do anything with/],
    [['pub', '--nonsense', 'ws://localhost:1', '/x'], /cannot do anything with/],
    [['pub', '--ca', '/nonexistent', 'wss://localhost:1', '/x'], /nonexistent/],
  ]) {
    await t.test(args.join(' '), async () => {
      const { code, stdout, stderr } = await run(args);
      assert.equal(code, args.includes('--ca') ? 1 : 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, says);
    });
  }
  await t.test('--help explains every option and status', async () => {
    for (const [verb, words] of [
      ['pub', ['--proxy', '--ca', '--insecure', '--timeout', '--json', '--header', 'status:']],
      [
        'sub',
        [
          '--proxy',
          '--ca',
          '--insecure',
          '--timeout',
          '--json',
          '--from',
          '--selector',
          '--count',
          'status:',
        ],
      ],
    ]) {
      const { code, stdout } = await run([verb, '--help']);
      assert.equal(code, 0);
      for (const word of words) assert.ok(stdout.includes(word), `${verb} ${word}`);
    }
  });
});

test('a selector is passed on as it is', async (t) => {
  const server = await listen(t);
  const sub = wayleave(
    ['sub', '--selector', "price > 1 AND a = 'b:c'", `ws://127.0.0.1:${server.port}`, '/x'],
    { env: NO_ENV },
  );
  const peer = await welcome(server);
  const said = await maskedText(peer, 2);
  assert.match(said, /^SUBSCRIBE\n/);
  assert.match(said, /\nselector:price > 1 AND a = 'b\\cc'\n/);
  peer.destroy();
  assert.deepEqual(await sub.exit, { code: 1, signal: null });
});

test('the realm is told which program asks, and its version', async (t) => {
  const { realm, url } = await started(t);
  const { stdout } = await run(['--version']);
  const version = String(/^wayleave (\S+)$/m.exec(stdout)?.[1]);
  assert.match(version, /^\d+\.\d+\.\d+$/);
  await run(['pub', url, '/demo/agent', 'x']);
  await run(['sub', '--from', 'stored', '--count', '1', url, '/demo/agent']);
  for (const verb of ['pub', 'sub']) {
    const line = await realm.program.line(new RegExp(`began: .*agent wayleave-${verb}/`));
    assert.ok(line.endsWith(`agent wayleave-${verb}/${version}`), line);
  }
});

/** A server that takes one session, and what it does then is the test's. */
async function welcome(server) {
  const peer = await server.accept();
  const head = String(await peer.readUntil('\r\n\r\n'));
  const key = String(/Sec-WebSocket-Key: (\S+)/i.exec(head)?.[1]);
  const fields = [
    'HTTP/1.1 101 x',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    'Sec-WebSocket-Protocol: v12.stomp',
  ];
  peer.send(`${fields.join('\r\n')}\r\n\r\n`);
  peer.send(frame(OPCODE.text, 'CONNECTED\nversion:1.2\n\n\0', { isMasked: false }));
  return peer;
}

/** The n-th message of a client. */
async function maskedText(peer, n) {
  for (let i = 1; ; i += 1) {
    const [, second] = await peer.read(2);
    let length = second & 0x7f;
    if (length === 126) length = (await peer.read(2)).readUInt16BE();
    const mask = await peer.read(4);
    const text = Buffer.from(await peer.read(length)).map((byte, at) => byte ^ mask[at & 3]);
    if (i === n) return String(text);
  }
}
