// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A tunnel carries what is put into it: all of it, both ways, to its end, in little memory. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { memory } from '../lib/memory.mjs';
import { connect, cuttable, echo, listen, tunnel } from '../lib/tcp.mjs';
import { until, within } from '../lib/wait.mjs';
import { RELEASE, startProxy } from '../lib/wayleave.mjs';

const KIB = 1024;
const MIB = 1024 * KIB;

test('bytes sent right behind the CONNECT are kept', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startProxy(t, { allow: [server.port] });
  for (const length of [1, 1000, 200 * KIB]) {
    const early = randomBytes(length);
    const { status, peer } = await tunnel(proxy.port, `localhost:${server.port}`, { early });
    assert.equal(status, 200);
    assert.ok((await peer.read(length)).equals(early));
    peer.destroy();
  }
});

test('a request may arrive byte by byte', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startProxy(t, { allow: [server.port] });
  const peer = await connect(proxy.port);
  const target = `127.0.0.1:${server.port}`;
  for (const byte of Buffer.from(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\nhello`)) {
    peer.send(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.match(String(await peer.readUntil('\r\n\r\n')), /^HTTP\/1\.1 200 /);
  assert.equal(String(await peer.read(5)), 'hello');
  peer.destroy();
});

test('the 200 has neither length nor coding', async (t) => {
  const server = await listen(t, { serve: echo });
  const proxy = await startProxy(t, { allow: [server.port] });
  const { head, peer } = await tunnel(proxy.port, `127.0.0.1:${server.port}`);
  peer.destroy();
  assert.doesNotMatch(head, /content-length|transfer-encoding/i); // RFC 9110 9.3.6
});

test('the log line has both directions and who closed', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t, { allow: [server.port] });
  const target = `127.0.0.1:${server.port}`;
  const line = () => proxy.accessLine(new RegExp(`"CONNECT ${target} HTTP/1.1" 200 `));

  const near = (await tunnel(proxy.port, target)).peer;
  const far = await server.accept();
  near.send('question');
  await far.read(8);
  far.send('a long answer').end();
  await near.readToEnd();
  near.end();
  assert.match(
    await line(),
    /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] ".*" 200 13 "-" "-" up=8 down=13 ms=\d+ closed-by=server/,
  );
});

for (const [first, second] of [
  ['client', 'server'],
  ['server', 'client'],
]) {
  test(`when the ${first} has said all, the ${second} may go on`, async (t) => {
    const server = await listen(t);
    const proxy = await startProxy(t, { allow: [server.port] });
    const near = (await tunnel(proxy.port, `127.0.0.1:${server.port}`)).peer;
    const far = await server.accept();
    const [early, late] = first === 'client' ? [near, far] : [far, near];
    early.send('my last word').end();
    assert.equal(String(await late.readToEnd()), 'my last word');
    const rest = randomBytes(3 * MIB);
    late.send(rest).end();
    assert.ok((await early.readToEnd()).equals(rest));
    await proxy.accessLine(
      new RegExp(` 200 \\d+ "-" "-" up=\\d+ down=\\d+ ms=\\d+ closed-by=${first}`),
    );
  });
}

test('a connection that is reset on one side ends on the other', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t, { allow: [server.port] });
  for (const who of ['client', 'server']) {
    const near = (await tunnel(proxy.port, `127.0.0.1:${server.port}`)).peer;
    const far = await server.accept();
    const [gone, left] = who === 'client' ? [near, far] : [far, near];
    gone.reset();
    await left.readToEnd();
    left.destroy();
    await proxy.accessLine(new RegExp(`closed-by=${who}`));
  }
});

test('a silent tunnel is closed by TunnelIdleTimeout, a speaking one is not', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t, { allow: [server.port], more: 'TunnelIdleTimeout 1s' });
  const target = `127.0.0.1:${server.port}`;
  const silent = (await tunnel(proxy.port, target)).peer;
  const silentFar = await server.accept();
  const speaking = (await tunnel(proxy.port, target)).peer;
  const speakingFar = await server.accept();
  // Words every 50 ms until the silent one has ended, and then one more.
  const end = silent.readToEnd();
  await until('the silent tunnel ends', async () => {
    speaking.send('.');
    await speakingFar.read(1);
    return silent.isEnded;
  });
  await end;
  await silentFar.readToEnd();
  speakingFar.send('still here');
  assert.equal(String(await speaking.read(10)), 'still here');
  await proxy.accessLine(/closed-by=proxy/);
  for (const peer of [silent, silentFar, speaking]) peer.destroy();
});

test('100 MB pass one tunnel to a slow reader in bounded memory', async (t) => {
  const LENGTH = 100 * 1000 * 1000;
  const server = await listen(t);
  const proxy = await startProxy(t, { allow: [server.port], binary: RELEASE });
  const target = `127.0.0.1:${server.port}`;

  const warm = (await tunnel(proxy.port, target)).peer;
  echo(await server.accept());
  warm.send(randomBytes(MIB));
  await warm.read(MIB);
  warm.destroy();
  writeFileSync(`/proc/${proxy.pid}/clear_refs`, '5'); // the peak begins anew
  const before = memory(proxy.pid, 'VmRSS');

  const near = (await tunnel(proxy.port, target)).peer.socket;
  near.removeAllListeners('data');
  near.pause();
  const far = (await server.accept()).socket;
  const block = randomBytes(MIB);
  const [sent, got] = [createHash('sha256'), createHash('sha256')];
  const sending = (async () => {
    for (let left = LENGTH; left > 0; left -= block.length) {
      const piece = block.subarray(0, Math.min(left, block.length));
      sent.update(piece);
      if (!far.write(piece)) await new Promise((resolve) => far.once('drain', resolve));
    }
    far.end();
  })();
  // Nobody reads: everything on the way fills up, and the sender has to wait.
  let seen = -1;
  await until('the sender is held up', async () => {
    const stood = far.bytesWritten - far.writableLength === seen && far.writableNeedDrain;
    seen = far.bytesWritten - far.writableLength;
    return stood;
  });
  let length = 0;
  const reading = new Promise((resolve, reject) => {
    near.on('error', reject);
    near.on('end', resolve);
    near.on('data', (bytes) => {
      length += bytes.length;
      got.update(bytes);
      near.pause();
      setImmediate(() => near.resume()); // a sip a turn
    });
    near.resume();
  });
  await within('all has arrived', Promise.all([sending, reading]), 120_000);
  near.destroy();
  assert.equal(length, LENGTH);
  assert.equal(got.digest('hex'), sent.digest('hex'));
  const grown = memory(proxy.pid, 'VmHWM') - before;
  assert.ok(grown < 8 * MIB, `the proxy grew by ${Math.round(grown / KIB)} KiB`);
});

test('100 MB pass the other way, and through a reader that stops for good', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t, { allow: [server.port], binary: RELEASE });
  const target = `127.0.0.1:${server.port}`;
  const near = (await tunnel(proxy.port, target)).peer.socket;
  const far = (await server.accept()).socket;
  far.removeAllListeners('data');
  far.pause();
  const before = memory(proxy.pid, 'VmRSS');
  const block = Buffer.alloc(MIB, 'x');
  for (let i = 0; i < 100; i += 1) near.write(block); // held by this process, not by the proxy
  let seen = -1;
  await until('the sender is held up', async () => {
    const out = near.bytesWritten - near.writableLength;
    const stood = out === seen && out < 100 * MIB;
    seen = out;
    return stood;
  });
  const grown = memory(proxy.pid, 'VmHWM') - before;
  assert.ok(grown < 8 * MIB, `the proxy grew by ${Math.round(grown / KIB)} KiB`);
  let length = 0;
  far.on('data', (bytes) => {
    length += bytes.length;
  });
  far.resume();
  await until('all has arrived', () => length === 100 * MIB);
  near.destroy();
  far.destroy();
});

test('2,000 tunnels at once, each with its own bytes, and no buffer in an idle one', async (t) => {
  const COUNT = 2000;
  const [, limit] = readFileSync('/proc/self/limits', 'utf8').match(/^Max open files +(\d+)/m);
  assert.ok(Number(limit) > 2 * COUNT + 200, `needs more descriptors than ulimit -n ${limit}`);
  const server = await listen(t, { serve: echo });
  const proxy = await startProxy(t, { allow: [server.port], binary: RELEASE });
  const target = `127.0.0.1:${server.port}`;
  const open = async (i) => {
    const { status, peer } = await tunnel(proxy.port, target);
    t.after(() => peer.destroy());
    assert.equal(status, 200, `tunnel ${i}`);
    return peer;
  };
  const echoes = async (peer, i) => {
    const word = `I am number ${i}. `.repeat(50);
    peer.send(word);
    assert.equal(String(await peer.read(word.length)), word);
  };
  // 100 first, so that what every worker takes once is not counted.
  const peers = [];
  const grow = async (count) => {
    while (peers.length < count) {
      const batch = Array.from({ length: 50 }, (_, i) => open(peers.length + i));
      peers.push(...(await Promise.all(batch)));
    }
    for (let i = 0; i < peers.length; i += 50) {
      await Promise.all(peers.slice(i, i + 50).map((peer, n) => echoes(peer, i + n)));
    }
  };
  await grow(100);
  const before = memory(proxy.pid, 'VmRSS');
  await grow(COUNT);
  assert.equal(server.peers.size, COUNT);
  const each = (memory(proxy.pid, 'VmRSS') - before) / (COUNT - 100);
  assert.ok(each < 8 * KIB, `an idle tunnel takes ${Math.round(each)} bytes`);
  await grow(COUNT);
  for (const peer of peers) peer.end();
  await Promise.all(peers.map((peer) => peer.readToEnd()));
  await until('all are logged', () => proxy.accessLines.length === COUNT, {
    seen: () => proxy.accessLines.length,
  });
});

test('tunnels that are open when the proxy ends are closed and logged', async (t) => {
  const server = await listen(t);
  const proxy = await startProxy(t, { allow: [server.port] });
  const middle = await cuttable(t, proxy.port);
  const { peer } = await tunnel(middle.port, `127.0.0.1:${server.port}`);
  const far = await server.accept();
  peer.send('x');
  await far.read(1);
  await proxy.stop('SIGINT');
  await peer.readToEnd();
  await far.readToEnd();
  assert.match(proxy.accessLines.join('\n'), / 200 - "-" "-" up=1 down=0 ms=\d+ closed-by=proxy/);
});
