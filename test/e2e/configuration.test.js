// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A wrong file gets one sentence for each fault: where, what, and what would be right. The daemon
 * does not start, and nothing is half-started. Then the files that everybody copies.
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { freePort, tryPort } from '../../tool/lib/ports.mjs';
import { echo, exchange, field, listen, tunnel } from '../lib/tcp.mjs';
import { AS_ROOT, ROOT, runWayleave, scratch, startProxyFrom } from '../lib/wayleave.mjs';

/** A proxy's file that is right, except for what is put behind it. From line 3 on. */
const proxy = (more) => `Listen 127.0.0.1:PORT\nProxyRequests On\n${more}\n`;
/** The same within <Proxy *>: line 4. */
const rule = (line) => proxy(`<Proxy *>\n${line}\n</Proxy>`);
/** A realm's; from line 4 on. */
const realm = (more) =>
  `Interface http://127.0.0.1:PORT\n<Channel "/demo/*">\n</Channel>\n${more}\nAnonymous On\n`;

const ADDRESSES = 'write 10.1.2.3, 10.0.0.0/8, 10.1 or 2001:db8::/32, with spaces between several';
const PORTS = '1 to 65535, or a range like 9000-9010';

/** File, then what is said: all of it, without the file's name. PORT is a free one. */
const WRONG_PROXY = {
  'a name misspelt': [
    'Lissen 127.0.0.1:PORT\n',
    [':1: unknown directive "Lissen" (did you mean Listen?)'],
  ],
  'a port that is none': [
    'Listen 127.0.0.1:80800\nProxyRequests On\n',
    [
      ':1: Listen: "127.0.0.1:80800" is not a port, nor an address with one (write 8080, 127.0.0.1:8080 or [::1]:8080)',
    ],
  ],
  'a name where an address belongs': [
    'Listen localhost:PORT\nProxyRequests On\n',
    [':1: Listen: "localhost" is not an address (write 127.0.0.1:PORT or [::1]:PORT)'],
  ],
  'nothing behind Listen': [
    'Listen\nProxyRequests On\n',
    [':1: Listen: there is nothing behind it (write Listen [address:]port)'],
  ],
  'no Listen at all': ['ProxyRequests On\n', [': there is no Listen (add Listen 127.0.0.1:8080)']],
  'the same Listen twice': [
    proxy('Listen 127.0.0.1:PORT'),
    [':3: Listen: 127.0.0.1:PORT is listened on already, by line 1 (remove one of them)'],
  ],
  'a switch that is neither': [
    'Listen 127.0.0.1:PORT\nProxyRequests Maybe\n',
    [':2: ProxyRequests: "Maybe" is neither On nor Off (write On or Off)'],
  ],
  'a word too many': [
    'Listen 127.0.0.1:PORT\nProxyRequests On Off\n',
    [':2: ProxyRequests: "Off" is one word too many (write On or Off)'],
  ],
  'a range that runs backwards': [
    proxy('AllowCONNECT 9443-9000'),
    [':3: AllowCONNECT: 9443-9000 runs backwards (write 9000-9443)'],
  ],
  'a port beyond the last': [
    proxy('AllowCONNECT 70000'),
    [`:3: AllowCONNECT: 70000 is not a port (${PORTS})`],
  ],
  'ports with a comma': [
    proxy('AllowCONNECT 9000,9443'),
    [`:3: AllowCONNECT: "9000,9443" is not a port (${PORTS})`],
  ],
  'all ports': [proxy('AllowCONNECT all'), [`:3: AllowCONNECT: "all" is not a port (${PORTS})`]],
  'a word that ProxyVia does not know': [
    proxy('ProxyVia Perhaps'),
    [':3: ProxyVia: "Perhaps" is none of the words it knows (write Off, On, Full or Block)'],
  ],
  'a time that is none': [
    proxy('Timeout abc'),
    [':3: Timeout: "abc" is not a duration (write 500ms, 10s or 2m)'],
  ],
  'a time that is too short': [
    proxy('Timeout 0'),
    [':3: Timeout: 0 is too short (write 1ms to 1h)'],
  ],
  'a number that is negative': [
    proxy('MaxTunnels -1'),
    [':3: MaxTunnels: -1 is not a number (write 1 to 1000000 tunnels)'],
  ],
  'a number that is too large': [
    proxy('Workers 100'),
    [':3: Workers: 100 is too large (write 0 to 64 threads)'],
  ],
  'a network mask that is none': [
    rule('Require ip 10.0.0.0/33'),
    [`:4: Require: "10.0.0.0/33" is not an address (${ADDRESSES})`],
  ],
  'a name where Require ip wants addresses': [
    rule('Require ip example.com'),
    [`:4: Require: "example.com" is not an address (${ADDRESSES})`],
  ],
  'a rule for users, which nobody could pass': [
    rule('Require valid-user'),
    [
      `:4: Require valid-user: nobody can log in: AuthType is missing (write AuthType Basic, AuthName "..." and AuthUserFile with a file of htpasswd's, in this section or in <Proxy *>)`,
    ],
  ],
  'Deny without from': [
    rule('Deny all'),
    [':4: Deny: "all" stands where "from" belongs (write Deny from 127.0.0.1)'],
  ],
  'an Order with a space': [
    rule('Order deny, allow'),
    [':4: Order: "allow" is one word too many (write Order deny,allow or allow,deny)'],
  ],
  'addresses with a comma, which httpd takes for a name': [
    rule('Allow from 127.0.0.1,127.0.0.2'),
    [
      ':4: Allow: "127.0.0.1,127.0.0.2" is neither an address nor a host name (write 127.0.0.1, 10.0.0.0/8, 10.1, host.example or .example, with spaces between several)',
    ],
  ],
  'an end without a beginning': [
    proxy('</Proxy>'),
    [':3: </Proxy> closes nothing (write <Proxy ...> before it, or remove it)'],
  ],
  'the end of another section': [
    proxy('<Proxy *>\n</Directory>'),
    [':4: </Directory> cannot close <Proxy *> of FILE:3 (write </Proxy>)'],
  ],
  'a section without its bracket': [
    proxy('<Proxy *\nRequire local\n</Proxy>'),
    [":3: a section's line must end with > (write <Name argument>)"],
  ],
  'a section for nobody': [
    proxy('<Proxy>\nRequire local\n</Proxy>'),
    [':3: <Proxy>: there is nothing behind it (write <Proxy pattern>)'],
  ],
  'an open quote': [
    proxy('<Proxy "*>\nRequire local\n</Proxy>'),
    [':3: the quote before "*>" is never closed (write another " where the word ends)'],
  ],
  'an expression that is none': [
    proxy('<ProxyMatch "a(b">\nRequire local\n</ProxyMatch>'),
    [':3: <ProxyMatch a(b>: missing closing parenthesis at 3 (correct the expression)'],
  ],
  'a rule outside of its section': [
    proxy('Require local'),
    [':3: Require may stand only inside <Proxy> or <ProxyMatch>'],
  ],
  'a directive inside of one': [
    rule('Listen 9'),
    [':4: Listen may not stand inside <Proxy> (put it outside of every section)'],
  ],
  'all faults are told at once': [
    proxy('Timeout x\nProxyVia y'),
    [
      ':3: Timeout: "x" is not a duration (write 500ms, 10s or 2m)',
      ':4: ProxyVia: "y" is none of the words it knows (write Off, On, Full or Block)',
    ],
  ],
  'a byte that no text has': [
    'Listen\0\n',
    [':1: byte 0x00 cannot stand in a configuration (remove it; is this a text file?)'],
  ],
};

const WRONG_REALM = {
  'an address without a scheme': [
    'Interface 9000\n<Channel "/x">\n</Channel>\nAnonymous On\n',
    [
      ':1: Interface: "9000" is not scheme://address:port (write http://127.0.0.1:9000 or https://[::1]:9443)',
    ],
  ],
  'the scheme of WebSocket': [
    'Interface ws://127.0.0.1:9000\n<Channel "/x">\n</Channel>\nAnonymous On\n',
    [
      ':1: Interface: "ws" is not a scheme that the realm speaks (write http or https; WebSocket is spoken on both)',
    ],
  ],
  'a name where an address belongs': [
    'Interface http://localhost:9000\n<Channel "/x">\n</Channel>\nAnonymous On\n',
    [
      ':1: Interface: "localhost" is not an address (write 127.0.0.1 for this machine alone, 0.0.0.0 for every network it is on)',
    ],
  ],
  'no port': [
    'Interface http://127.0.0.1\n<Channel "/x">\n</Channel>\nAnonymous On\n',
    [':1: Interface: "http://127.0.0.1" has no port (write http://127.0.0.1:9000)'],
  ],
  'no Interface': [
    '<Channel "/x">\n</Channel>\nAnonymous On\n',
    [': there is no Interface (add Interface http://127.0.0.1:9000)'],
  ],
  'no users, and nobody without a login': [
    'Interface http://127.0.0.1:PORT\n<Channel "/x">\n</Channel>\n',
    [
      ': nobody could come in: there are no users, and anonymous clients are not let in (add AuthUserFile users.htpasswd; or Anonymous On, if everybody who can connect may use this realm)',
    ],
  ],
  'users who are not there': [
    'Interface http://127.0.0.1:PORT\n<Channel "/x">\n</Channel>\nAuthUserFile /no/such.htpasswd\n',
    [
      ':4: AuthUserFile: /no/such.htpasswd cannot be opened: No such file or directory (make it, or correct the name)',
    ],
  ],
  'a rate that is none': [
    realm('PublishRate 1000'),
    [
      ':4: PublishRate: "1000" is not a rate from 1/s to 10000000/s (write PublishRate 1000/s, or with what may come at once PublishRate 1000/s 5000)',
    ],
  ],
  'a right that is none': [
    'Interface http://127.0.0.1:PORT\nAnonymous On\n<Channel "/x">\nAllow write *\n</Channel>\n',
    [
      ':4: Allow: "write" is not a right (write subscribe, publish, peek, eid, durable, purge, manage or all, several with commas and no spaces)',
    ],
  ],
  'two Interfaces on one port': [
    realm('Interface https://127.0.0.1:PORT'),
    [
      ':4: Interface: 127.0.0.1:PORT is in use already, by line 1 (remove one of them, or take another port)',
    ],
  ],
  'TLS without a certificate': [
    'Interface https://127.0.0.1:PORT\n<Channel "/x">\n</Channel>\nAnonymous On\n',
    [
      ':1: Interface: https needs a certificate (add SSLCertificateFile and SSLCertificateKeyFile; with SSLCertificateMake On they are made for localhost)',
    ],
  ],
  'a certificate without its key': [
    realm('SSLCertificateFile x.crt'),
    [': SSLCertificateKeyFile is missing: a certificate and its key go together (add it)'],
  ],
  'a certificate to be made nowhere': [
    realm('SSLCertificateMake On'),
    [
      ': SSLCertificateMake does not know where to (add SSLCertificateFile and SSLCertificateKeyFile)',
    ],
  ],
  'an origin without a scheme': [
    realm('AllowOrigin app.example'),
    [
      ':4: AllowOrigin: "app.example" is not an origin (write https://app.example or http://localhost:8080, without a path)',
    ],
  ],
  'a channel without its slash': [
    realm('<Channel demo>\n</Channel>'),
    [
      ':4: <Channel "demo">: a channel\'s name begins with / but not with /$, and has at most 255 bytes (write <Channel "/demo/*">)',
    ],
  ],
  'a queue whose readers may have nothing': [
    realm('<Queue "/x">\nWindowMax 0\n</Queue>'),
    [':5: WindowMax: 0 is too small (write 1 to 100000 events)'],
  ],
  'a capacity outside of a channel': [
    realm('Capacity 5'),
    [':4: Capacity may stand only inside <Channel>'],
  ],
  'a section without its brackets': [
    realm('Channel /x'),
    [':4: Channel is a section (write <Channel ...>, its content, and </Channel>)'],
  ],
  'a size that is none': [
    realm('EventBytesMax 1x'),
    [':4: EventBytesMax: "1x" is not a size (write 512, 64k or 16m)'],
  ],
  'events that would not fit': [
    realm('EventBytesMax 32m'),
    [
      ':2: <Channel "/demo/*">: StoreBytes 16777216 is less than twice EventBytesMax 33554432: an event with its headers might not fit (raise the one or lower the other)',
    ],
  ],
};

for (const [verb, table] of Object.entries({ proxy: WRONG_PROXY, realm: WRONG_REALM })) {
  test(`a wrong file for wayleave ${verb}`, async (t) => {
    const port = await freePort();
    const cwd = scratch(t);
    const file = `${verb}.conf`;
    for (const [what, [text, lines]] of Object.entries(table)) {
      await t.test(what, async () => {
        writeFileSync(join(cwd, file), text.replaceAll('PORT', String(port)));
        // Checked or started: the same words, the same end.
        for (const args of [
          [verb, '-t', '-f', file],
          [verb, '-f', file],
        ]) {
          const { code, signal, stdout, stderr } = await runWayleave(args, { cwd });
          assert.deepEqual({ code, signal, stdout }, { code: 1, signal: null, stdout: '' });
          const expected = lines.map((line) =>
            `${file}${line}\n`.replaceAll('PORT', String(port)).replaceAll('FILE', file),
          );
          assert.equal(stderr, expected.join(''));
        }
        assert.equal(await tryPort(port), port, 'nothing listens');
      });
    }
  });
}

test('a file that cannot be read', async (t) => {
  const cwd = scratch(t);
  for (const [name, says] of Object.entries({
    'missing.conf':
      'missing.conf: cannot be opened: No such file or directory (check the name behind -f)\n',
    '.': '.: cannot be read: Is a directory\n',
  })) {
    for (const verb of ['proxy', 'realm']) {
      const { code, stderr } = await runWayleave([verb, '-f', name], { cwd });
      assert.equal(code, 1);
      assert.equal(stderr, says);
    }
  }
});

test('options that cannot be meant: status 2', async () => {
  for (const [args, says] of [
    [['proxy'], 'wayleave proxy: needs a configuration (write wayleave proxy -f FILE)\n'],
    [['realm', '--nonsense'], 'wayleave realm: there is no option --nonsense (-h lists them)\n'],
    [['proxy', '-x'], 'wayleave proxy: there is no option -x (-h lists them)\n'],
    [['proxy', '-f'], 'wayleave proxy: -f needs a file name behind it (-f FILE)\n'],
    [
      ['realm', 'x.conf'],
      'wayleave realm: "x.conf" is one word too many (write -f in front of a file name)\n',
    ],
    [['prox'], 'wayleave: there is no verb "prox" (wayleave -h lists them)\n'],
  ]) {
    const { code, stderr } = await runWayleave(args);
    assert.equal(code, 2);
    assert.equal(stderr, says);
  }
});

test('--help and --version do what -h and -V do', async () => {
  for (const verb of ['proxy', 'realm']) {
    const [help, version] = await Promise.all(
      [
        ['-h', '--help'],
        ['-V', '--version'],
      ].map((pair) => Promise.all(pair.map((option) => runWayleave([verb, option])))),
    );
    assert.match(help[1].stdout, new RegExp(`^wayleave ${verb}: .*\\n\\nusage: `));
    assert.deepEqual(help[1], help[0]);
    assert.match(version[1].stdout, /^wayleave \d/);
    assert.deepEqual(version[1], version[0]);
  }
});

test('a port that somebody else has: one sentence, and the other ports are let go', async (t) => {
  const cwd = scratch(t);
  const taken = (await listen(t)).port;
  const port = await freePort();
  const files = {
    proxy: `Listen 127.0.0.1:${port}\nListen 127.0.0.1:${taken}\nProxyRequests On\n`,
    realm: `Interface http://127.0.0.1:${port}\nInterface http://127.0.0.1:${taken}\n<Channel "/x">\n</Channel>\nAnonymous On\n`,
  };
  for (const [verb, text] of Object.entries(files)) {
    writeFileSync(join(cwd, `${verb}.conf`), text);
    const { code, stderr } = await runWayleave([verb, '-f', `${verb}.conf`, ...AS_ROOT], { cwd });
    assert.equal(code, 1);
    const directive = verb === 'proxy' ? 'Listen' : 'Interface';
    assert.equal(
      stderr,
      `${verb}.conf:2: ${directive}: 127.0.0.1:${taken} cannot be listened on: Address already in use (another program listens there: stop it, or choose another port)\n`,
    );
    assert.equal(await tryPort(port), port);
  }
});

test('a proxy that anybody could use does not start', async (t) => {
  const cwd = scratch(t);
  const port = await freePort();
  const open = {
    'a port alone': `Listen ${port}\nProxyRequests On\n`,
    'every address': `Listen 0.0.0.0:${port}\nProxyRequests On\n`,
    'every IPv6 address': `Listen [::]:${port}\nProxyRequests On\n`,
    'everybody granted': `Listen ${port}\nProxyRequests On\n<Proxy *>\nRequire all granted\n</Proxy>\n`,
    'Allow without Deny, which lets everybody in': `Listen ${port}\nProxyRequests On\n<Proxy *>\nAllow from 10.0.0.0/8\n</Proxy>\n`,
    'Allow beside the wrong Order': `Listen ${port}\nProxyRequests On\n<Proxy *>\nOrder deny,allow\nDeny from 192.0.2.1\nAllow from 10.0.0.0/8\n</Proxy>\n`,
    'a later section that opens what an earlier one closed': `Listen ${port}\nProxyRequests On\n<Proxy *>\nOrder deny,allow\nDeny from all\n</Proxy>\n<Proxy *>\nOrder deny,allow\n</Proxy>\n`,
    'every address, said as a network': `Listen ${port}\nProxyRequests On\n<Proxy *>\nRequire ip 0.0.0.0/0 ::/0\n</Proxy>\n`,
    'two halves of every address': `Listen 0.0.0.0:${port}\nProxyRequests On\n<Proxy *>\nRequire ip 0.0.0.0/1 128.0.0.0/1\n</Proxy>\n`,
  };
  for (const [what, text] of Object.entries(open)) {
    await t.test(what, async () => {
      writeFileSync(join(cwd, 'open.conf'), text);
      for (const args of [
        ['-t', '-f', 'open.conf'],
        ['-f', 'open.conf'],
      ]) {
        const { code, stderr } = await runWayleave(['proxy', ...args], { cwd });
        assert.equal(code, 1, stderr);
        assert.match(
          stderr,
          /^open\.conf:1: Listen: anybody who reaches \S+ could use this proxy, .* \(add <Proxy \*>, Require ip .*ProxyOpen On\)\n$/,
        );
      }
      assert.equal(await tryPort(port), port, 'nothing listens');
    });
  }

  await t.test('unless ProxyOpen says that it is meant', async (t) => {
    const started = await startProxyFrom(t, `Listen ${port}\nProxyRequests On\nProxyOpen On\n`);
    assert.equal(started.port, port);
  });
});

/** An address of this machine's loopback that nobody else uses: port 9000 is ours there. */
function ownAddress() {
  return `127.77.${(process.pid >> 8) & 255}.${process.pid & 255}`;
}

/** A file of etc/ on another port than its own. */
function reference(name, port) {
  const text = readFileSync(`${ROOT}etc/${name}`, 'utf8');
  assert.match(text, /^Listen 80$/m);
  return text.replace(/^Listen 80$/m, `Listen ${port}`);
}

test('the reference configuration lets 127.0.0.1 through to port 9000 and nothing else', async (t) => {
  const host = ownAddress();
  await listen(t, { host, port: 9000, serve: echo });
  const port = await freePort();
  const started = await startProxyFrom(t, reference('reference-proxy.conf', port));
  assert.doesNotMatch(started.program.stderr, /warning|error/, 'nothing to complain about');

  const { status, head, peer } = await tunnel(port, `${host}:9000`);
  assert.equal(status, 200);
  assert.equal(String(await peer.send('hello').read(5)), 'hello');
  peer.destroy();
  assert.match(field(head, 'via') ?? '', /^1\.1 /, 'ProxyVia On');

  for (const other of [80, 443, 563, 8999, 9001, 9443]) {
    const refused = await tunnel(port, `${host}:${other}`);
    refused.peer.destroy();
    assert.equal(refused.status, 403, `port ${other}`);
  }
  for (const from of ['127.0.0.2', '127.0.1.1', '127.255.255.254']) {
    const refused = await tunnel(port, `${host}:9000`, { from });
    refused.peer.destroy();
    assert.equal(refused.status, 403, `from ${from}`);
  }
});

test('the reference configuration as it is found mutilated allows nobody, and says why', async (t) => {
  const host = ownAddress();
  const server = await listen(t, { host, port: 9000 });
  const port = await freePort();
  const dir = scratch(t);
  const text = reference('reference-proxy-mutilated.conf', port);
  const started = await startProxyFrom(t, text, { dir });
  const said = started.program.stderr.split('\n').filter((line) => line.includes('warning: '));
  assert.deepEqual(
    said.map((line) => line.replace(`${dir}/`, '')),
    [
      'proxy.conf:7: warning: <Proxy *> is never closed; understood as ending at the end of the file (write </Proxy> on a line of its own)',
      'proxy.conf:10: warning: Allow from: names nobody; understood as allowing nobody (write Allow from 127.0.0.1, or the network it is for)',
    ],
  );
  for (const from of ['127.0.0.1', '127.0.0.2']) {
    const { status, peer } = await tunnel(port, `${host}:9000`, { from });
    peer.destroy();
    assert.equal(status, 403);
  }
  const { status } = await exchange(port, 'CONNECT localhost:443 HTTP/1.1\r\n\r\n');
  assert.equal(status, 403);
  assert.equal(server.peers.size, 0);
});
