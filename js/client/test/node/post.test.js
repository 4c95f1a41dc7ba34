// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { dialer } from '../../src/node/dial.js';
import { postOver } from '../../src/node/post.js';
import { serveProxy } from '../lib/loopback.js';

/** @param {any} t @param {import('node:http').RequestListener} onRequest */
async function serveHttp(t, onRequest) {
  let connections = 0;
  const server = createServer(onRequest).on('connection', () => (connections += 1));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}/sockjs`, connections: () => connections };
}

const direct = (options = {}) => postOver(dialer({ environment: {} }), options);

/** @param {import('../../src/drivers/http.js').Post} post @param {string} url @param {string} [body] */
function ask(post, url, body = '') {
  /** @type {any[]} */
  const log = [];
  return new Promise((resolve) => {
    post(url, body, {
      text: (piece) => log.push(piece),
      end: (status) => resolve([...log, status]),
      failed: (detail) => resolve([...log, detail]),
    });
  });
}

test('one connection carries one request after another, through the proxy too', async (t) => {
  const { url, connections } = await serveHttp(t, (request, response) => {
    request.on('data', (bytes) => response.write(`got ${bytes}`)).on('end', () => response.end());
  });
  const proxy = await serveProxy(t, () => 'HTTP/1.1 200 OK\r\n\r\n');
  const post = postOver(dialer({ proxy: `http://127.0.0.1:${proxy.port}`, environment: {} }));
  for (const words of ['one', 'two ö']) {
    assert.deepEqual(await ask(post, url, words), [`got ${words}`, 200]);
  }
  assert.equal(connections(), 1);
  assert.match(proxy.heads.join(), /^CONNECT 127\.0\.0\.1:\d+ HTTP\/1\.1\r\n[^,]*$/);
});

test('an answer is read as it comes, and of another status only the status', async (t) => {
  /** @type {any} */
  let stream;
  const { url } = await serveHttp(t, (request, response) => {
    response.statusCode = request.url?.endsWith('bad') ? 404 : 200;
    response.write('first');
    if (request.url?.endsWith('bad')) response.end();
    else stream = response;
  });
  assert.deepEqual(await ask(direct(), `${url}/bad`), [404]);
  /** @type {any[]} */
  const log = [];
  await new Promise((resolve) => {
    direct()(url, '', {
      text: (piece) => {
        log.push(piece);
        if (piece === 'first') stream.end('ö');
      },
      end: (status) => resolve(log.push(status)),
      failed: assert.fail,
    });
  });
  assert.deepEqual(log, ['first', 'ö', 200]);
});

test('what fails says why, once, and in the words of the proxy', async (t) => {
  const { url } = await serveHttp(t, (request, response) => {
    response.write('half');
    setImmediate(() => request.socket.destroy());
  });
  assert.deepEqual(await ask(direct(), url), ['half', 'aborted']);
  const proxy = await serveProxy(t, () => 'HTTP/1.1 403 Never\r\n\r\n');
  const post = postOver(dialer({ proxy: `http://127.0.0.1:${proxy.port}`, environment: {} }));
  assert.match(
    String(await ask(post, url)),
    /^the proxy .* answered CONNECT .* with 403 Never: it does not allow CONNECT .*\.$/,
  );
});

test('given up, nothing comes any more, and the server learns of it', async (t) => {
  /** @type {() => void} */
  let giveUp = () => {};
  const closed = new Promise((resolve) => {
    serveHttp(t, (_request, response) => {
      response.on('close', () => resolve(null)).write('first');
    }).then(({ url }) => {
      const text = (/** @type {string} */ piece) => {
        assert.equal(piece, 'first');
        giveUp();
      };
      const never = () => assert.fail('it was given up');
      giveUp = direct()(url, '', { text, end: never, failed: never });
    });
  });
  await closed;
});

test('cookies are kept where they are wanted, for the place that they are from', async (t) => {
  const { url } = await serveHttp(t, (request, response) => {
    response.setHeader('set-cookie', ['JSESSIONID=7; path=/', 'b="x y"', '=nonsense']);
    response.end(request.headers.cookie ?? 'none');
  });
  const [keeping, forgetting] = [direct({ credentials: true }), direct()];
  assert.deepEqual(await ask(keeping, url), ['none', 200]);
  assert.deepEqual(await ask(keeping, url), ['JSESSIONID=7; b="x y"', 200]);
  assert.deepEqual(await ask(keeping, url.replace('127.0.0.1', 'localhost')), ['none', 200]);
  await ask(forgetting, url);
  assert.deepEqual(await ask(forgetting, url), ['none', 200]);
});
