// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The broken transparent proxy of test/lib breaks WebSocket as it says, mode by mode: seen by raw
 * sockets, by our client and by a browser. TLS passes it, unless it blocks the port.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { connect as connectSession } from '../../js/client/src/index.js';
import { Program } from '../../tool/lib/program.mjs';
import { BrokenProxy, startBroken } from '../lib/broken.mjs';
import { MODES } from '../lib/broken_modes.mjs';
import { WebSocketDirect } from '../lib/client.mjs';
import { OPCODE, acceptOf, frame, readMessage } from '../lib/frames.mjs';
import { chunks, readRequest, readResponse, response } from '../lib/http.mjs';
import { startOrigin } from '../lib/origin.mjs';
import { startBrowser } from '../lib/page.mjs';
import { connect, field, listen } from '../lib/tcp.mjs';
import { until } from '../lib/wait.mjs';
import { DEMO_CHANNELS, ROOT, startRealm } from '../lib/wayleave.mjs';

const MORE = `${DEMO_CHANNELS}\nDiagnosticEndpoints On`;
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const HANDSHAKE = `GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r
Connection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`;
const BLOCKING = Object.keys(MODES).filter((mode) => MODES[mode].blocks);

/** An opening handshake by hand. */
async function shakeHands(t, port) {
  const peer = await connect(port);
  t.after(() => peer.destroy());
  return peer.send(HANDSHAKE);
}

async function echoes(peer, words) {
  peer.send(frame(OPCODE.text, words));
  assert.equal(String((await readMessage(peer)).payload), words);
}

/** An origin that switches, and then the test has the connection. */
async function startSwitcher(t) {
  /** @type {import('../lib/tcp.mjs').Peer[]} */
  const switched = [];
  const origin = await startOrigin(t, {
    onHead: (_, peer) => {
      const fields = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: x'];
      peer.send(`HTTP/1.1 101 Switching Protocols\r\n${fields.join('\r\n')}\r\n\r\nfirst words`);
      switched.push(peer);
      return false;
    },
  });
  return { port: origin.port, peer: () => until('it switches', () => switched[0]) };
}

/* By hand */

/** What a handshake gets, in front of a realm. @type {Record<string, (answer: { status: number, head: string }) => void>} */
const ANSWERS = {
  'strip-upgrade': ({ status }) => assert.equal(status, 426),
  'answer-400': ({ status }) => assert.equal(status, 400),
  'wrong-accept': ({ status, head }) => {
    assert.equal(status, 101);
    assert.match(head, /^upgrade: websocket\r$/im);
    const accept = field(head, 'sec-websocket-accept');
    assert.ok(accept && accept !== acceptOf(KEY), head);
  },
  'no-upgrade': ({ status, head }) => {
    assert.equal(status, 101);
    assert.equal(field(head, 'upgrade'), undefined);
    assert.equal(field(head, 'sec-websocket-accept'), acceptOf(KEY));
  },
  'login-407': ({ status, head }) => {
    assert.equal(status, 407);
    assert.equal(field(head, 'proxy-authenticate'), 'Basic realm="broken"');
  },
  'portal-302': ({ status, head }) => {
    assert.equal(status, 302);
    assert.equal(field(head, 'location'), 'http://portal.invalid/login');
  },
};

test('a handshake by hand', async (t) => {
  const realm = await startRealm(t, { more: MORE });

  for (const [mode, assertAnswer] of Object.entries(ANSWERS)) {
    await t.test(`${mode}: ${MODES[mode].about}`, async (t) => {
      const { ports } = await startBroken(t, [realm.port], { mode });
      assertAnswer(await readResponse(await shakeHands(t, ports[0])));
    });
  }

  await t.test('pass: it is a WebSocket, and a page comes too, on a kept connection', async (t) => {
    const { ports } = await startBroken(t, [realm.port], { mode: 'pass' });
    const peer = await shakeHands(t, ports[0]);
    const { head } = await readResponse(peer);
    assert.equal(field(head, 'sec-websocket-accept'), acceptOf(KEY));
    await echoes(peer, 'hello');
    const other = await connect(ports[0]);
    t.after(() => other.destroy());
    for (let i = 0; i < 2; i += 1) {
      other.send('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
      assert.equal((await readResponse(other)).status, 200);
    }
  });

  await t.test('cut-idle: what is silent is cut', async (t) => {
    const { ports } = await startBroken(t, [realm.port], { mode: 'cut-idle', idleMs: 500 });
    const peer = await shakeHands(t, ports[0]);
    assert.equal((await readResponse(peer)).status, 101);
    await echoes(peer, 'hello');
    await peer.readToEnd();
  });

  await t.test('refuse, and then no more', async (t) => {
    const proxy = await startBroken(t, [realm.port], { mode: 'refuse' });
    const [port] = proxy.ports;
    await assert.rejects(connect(port), { code: 'ECONNREFUSED' });
    await proxy.become('pass');
    assert.equal((await readResponse(await shakeHands(t, port))).status, 101);
    await proxy.become('refuse');
    await assert.rejects(connect(port), { code: 'ECONNREFUSED' });
  });

  await t.test('a mode that there is not is refused by name', () => {
    assert.throws(() => new BrokenProxy({ mode: 'melt' }), /no mode "melt": pass, strip-upgrade/);
  });
});

test('what the server sees and the client does not', async (t) => {
  await t.test('strip-upgrade: the server gets a plain GET with all else', async (t) => {
    const origin = await startOrigin(t, { answer: () => response('a page') });
    const { ports } = await startBroken(t, [origin.port], { mode: 'strip-upgrade' });
    const { status, text } = await readResponse(await shakeHands(t, ports[0]));
    assert.deepEqual([status, text], [200, 'a page']);
    const { head } = await origin.request();
    assert.equal(field(head, 'upgrade'), undefined);
    assert.notEqual(field(head, 'connection')?.toLowerCase(), 'upgrade');
    assert.equal(field(head, 'sec-websocket-key'), KEY);
  });

  for (const mode of ['answer-400', 'login-407', 'portal-302', ...BLOCKING]) {
    await t.test(`${mode}: the server is not even called`, async (t) => {
      const origin = await startOrigin(t);
      const proxy = await startBroken(t, [origin.port], { mode });
      const peer = await connect(proxy.ports[0]).catch(() => null);
      t.after(() => peer?.destroy());
      peer?.send(HANDSHAKE);
      if (!MODES[mode].blocks) await readResponse(/** @type {any} */ (peer));
      await proxy.become('pass');
      assert.equal((await readResponse(await shakeHands(t, proxy.ports[0]))).status, 200);
      assert.equal(origin.connections, 1);
      assert.equal(peer?.unread.length ?? 0, 0);
    });
  }

  await t.test('silent-101: nothing comes behind it, in either direction', async (t) => {
    const { port, peer: origin } = await startSwitcher(t);
    const proxy = await startBroken(t, [port], { mode: 'silent-101' });
    const peer = await shakeHands(t, proxy.ports[0]);
    assert.equal((await readResponse(peer)).status, 101);
    peer.send('anybody there?');
    const server = await origin();
    server.send('more words');
    // The end does come: what was said before it does not.
    server.end().destroy();
    assert.equal(String(await peer.readToEnd()), '');
    assert.equal(String(server.unread), '');
  });

  await t.test('buffer: a WebSocket is held back until the server ends it', async (t) => {
    const { port, peer: origin } = await startSwitcher(t);
    const proxy = await startBroken(t, [port], { mode: 'buffer' });
    const peer = await shakeHands(t, proxy.ports[0]);
    const server = await origin();
    peer.send('anybody there?');
    assert.equal(String(await server.read(14)), 'anybody there?');
    assert.equal(String(peer.unread), '');
    server.send(', more words').end();
    const all = String(await peer.readToEnd());
    assert.match(all, /^HTTP\/1\.1 101 [^]*\r\n\r\nfirst words, more words$/);
  });

  await t.test('buffer: so is the stream of an answer, which pass passes', async (t) => {
    const server = await listen(t);
    const proxy = await startBroken(t, [server.port], { mode: 'pass' });
    for (const mode of ['pass', 'buffer']) {
      await proxy.become(mode);
      const peer = await connect(proxy.ports[0]);
      t.after(() => peer.destroy());
      peer.send('GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const origin = await server.accept();
      await readRequest(origin);
      origin.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n').send(chunks('one,'));
      if (mode === 'pass') await peer.readUntil('one,');
      // Whoever asks now has an answer before that one.
      const other = await connect(proxy.ports[0]);
      t.after(() => other.destroy());
      other.send('GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const second = await server.accept();
      await readRequest(second);
      second.send(response('other'));
      assert.equal((await readResponse(other)).text, 'other');
      assert.equal(String(peer.unread).trim(), '');
      origin.send(chunks('two')).send('0\r\n\r\n');
      if (mode === 'pass') await peer.readUntil('two');
      else assert.equal((await readResponse(peer)).text, 'one,two');
    }
  });
});

/* With our client */

/** How the first attempt on ws ends, with short patience where only patience ends it. */
const OUTCOMES = {
  'strip-upgrade': ['failed', /Unexpected server response: 426/],
  'answer-400': ['failed', /Unexpected server response: 400/],
  'wrong-accept': ['failed', /Invalid Sec-WebSocket-Accept header/],
  'no-upgrade': ['failed', /Invalid Upgrade header|Unexpected server response/],
  'silent-101': ['silent', /something on the way reads along and holds it back/],
  buffer: ['timeout', /a firewall or a proxy on the way swallows the connection/],
  refuse: ['failed', /ECONNREFUSED/],
  swallow: ['timeout', /a firewall or a proxy on the way swallows the connection/],
  'login-407': ['failed', /Unexpected server response: 407/],
  'portal-302': ['failed', /Unexpected server response: 302/],
};
const IS_PATIENCE = { 'silent-101': true, buffer: true, swallow: true };

/** @param {string[]} urls */
function openSession(urls, options = {}) {
  return connectSession(urls, { WebSocket: WebSocketDirect, attempts: 1, ...options });
}

test('our client in Node', { concurrency: true }, async (t) => {
  const realm = await startRealm(t, { more: MORE });
  const subtests = Object.entries(OUTCOMES).map(([mode, [outcome, why]]) =>
    t.test(`${mode}: ${outcome} on ws`, async (t) => {
      const { ports } = await startBroken(t, [realm.port, realm.tlsPort], { mode });
      const [plain, secure] = ports;
      const urls = [`ws://localhost:${plain}`, `wss://localhost:${secure}`];
      const connectTimeoutMs = IS_PATIENCE[mode] ? 2_000 : undefined;
      const error = await openSession(urls.slice(0, 1), { connectTimeoutMs }).catch((e) => e);
      assert.equal(error.path?.attempts[0].outcome, outcome, error);
      assert.match(`${error.path.attempts[0].detail} ${error.path.sentence}`, why);
      if (MODES[mode].blocks) return;
      // The same proxy, and what it cannot read: the way out that a client has.
      const session = await openSession(urls, { connectTimeoutMs });
      const outcomes = () => session.path().attempts.map((each) => each.outcome);
      await until('the first attempt has ended, too', () => !outcomes().includes('trying'));
      assert.deepEqual(outcomes(), [outcome, 'connected']);
      assert.match(session.path().sentence, /Connected to wss:.* Tried before: ws:/);
      await session.close();
    }),
  );
  await Promise.all(subtests);
});

test('cut-idle: a session is lost, and comes back by itself; wss stays', async (t) => {
  const realm = await startRealm(t, { more: MORE });
  const options = { mode: 'cut-idle', idleMs: 500 };
  const { ports } = await startBroken(t, [realm.port, realm.tlsPort], options);
  const secure = await openSession([`wss://localhost:${ports[1]}`]);
  t.after(() => secure.close());
  const lost = [];
  secure.on('disconnect', (error) => lost.push(error));
  const session = await openSession([`ws://localhost:${ports[0]}`]);
  t.after(() => session.close());
  for (const happening of /** @type {const} */ (['disconnect', 'reconnect', 'disconnect'])) {
    await new Promise((resolve) => session.on(happening, resolve));
  }
  assert.equal(session.path().attempts[0].ended, 'lost');
  await secure.ping();
  assert.deepEqual(lost, []);
});

/* With a browser */

/** What its console says; a page sees close code 1006 and nothing else. */
const CONSOLE = {
  'strip-upgrade': /Unexpected response code: 426/,
  'answer-400': /Unexpected response code: 400/,
  'wrong-accept': /Incorrect 'Sec-WebSocket-Accept' header value/,
  'no-upgrade': /'Upgrade' header is missing/,
  refuse: /net::ERR_CONNECTION_REFUSED/,
  'login-407': /net::ERR_UNEXPECTED_PROXY_AUTH/,
  'portal-302': /Unexpected response code: 302/,
};
/** What never ends by itself: whether it opens is all there is to see. */
const HANGING = { 'silent-101': true, buffer: false, swallow: false };

/** In the page: a WebSocket, what becomes of it, and what it hears. */
function openInPage([url, words]) {
  const socket = new WebSocket(url);
  const seen = { socket, opened: false, heard: /** @type {string[]} */ ([]), code: 0 };
  socket.onopen = () => {
    seen.opened = true;
    socket.send(words);
  };
  socket.onmessage = ({ data }) => seen.heard.push(data);
  Object.assign(globalThis, { seen });
  return new Promise((resolve) => {
    socket.onclose = ({ code }) => {
      seen.code = code;
      resolve(undefined);
    };
    setInterval(() => (seen.heard.length ? resolve(undefined) : null), 10);
  }).then(() => ({ opened: seen.opened, heard: seen.heard, code: seen.code }));
}

test('a browser', async (t) => {
  const realm = await startRealm(t, { more: MORE });
  const browser = await startBrowser(t);
  /** A page of the realm, past the proxy, and its console. */
  async function openPage() {
    const page = await browser.newPage();
    const said = [];
    page.on('console', (message) => said.push(message.text()));
    await page.goto(`http://localhost:${realm.port}/health`);
    return { page, said };
  }

  for (const mode of Object.keys(MODES)) {
    await t.test(mode, async (t) => {
      const options = { mode, idleMs: 1_000 };
      const { ports } = await startBroken(t, [realm.port, realm.tlsPort], options);
      const [plain, secure] = [
        `ws://localhost:${ports[0]}/echo`,
        `wss://localhost:${ports[1]}/echo`,
      ];
      const { page, said } = await openPage();
      const ending = page.evaluate(openInPage, [plain, 'plain words']);
      ending.catch(() => {}); // the page may be closed before
      if (mode in CONSOLE) {
        assert.deepEqual(await ending, { opened: false, heard: [], code: 1006 });
        await until(
          `the console says ${CONSOLE[mode]}`,
          () => said.some((s) => CONSOLE[mode].test(s)),
          {
            seen: () => said,
          },
        );
      } else if (!(mode in HANGING)) {
        assert.deepEqual(await ending, { opened: true, heard: ['plain words'], code: 0 });
      }
      if (!MODES[mode].blocks) {
        const other = await openPage();
        const seen = await other.page.evaluate(openInPage, [secure, 'secret words']);
        assert.deepEqual(seen, { opened: true, heard: ['secret words'], code: 0 });
        await other.page.close();
      }
      if (mode in HANGING) {
        const look = () => page.evaluate(() => ({ ...globalThis.seen, socket: undefined }));
        await until('it opens', async () => !HANGING[mode] || (await look()).opened);
        assert.deepEqual((({ heard, code }) => ({ heard, code }))(await look()), {
          heard: [],
          code: 0,
        });
        assert.equal((await look()).opened, HANGING[mode]);
      } else if (mode === 'cut-idle') {
        await page.waitForFunction(() => globalThis.seen.code === 1006);
        assert.deepEqual(said, []);
      }
      await page.close();
    });
  }
});

/* By itself */

test('a person can start it', async (t) => {
  const realm = await startRealm(t);
  const file = `${ROOT}test/lib/broken.mjs`;
  const args = ['--mode', 'answer-400', '--listen', '0', '--to', `localhost:${realm.port}`];
  const program = new Program(process.execPath, [file, ...args], { name: 'broken.mjs' });
  t.after(() => program.stop({ signal: 'SIGTERM' }));
  const line = await program.line(/^ready: 127\.0\.0\.1:\d+ /, { stream: 'stdout' });
  const port = Number(line.split(/[: ]+/)[2]);
  assert.equal((await readResponse(await shakeHands(t, port))).status, 400);

  const helpless = new Program(process.execPath, [file]);
  assert.equal((await helpless.exit).code, 2);
  for (const mode of Object.keys(MODES)) assert.ok(helpless.stderr.includes(MODES[mode].about));
});
