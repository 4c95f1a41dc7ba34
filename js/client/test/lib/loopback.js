// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Servers on this machine's loopback that do as a test says, and end with it. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** For localhost and 127.0.0.1, signed by itself, good for a century, and good for nothing else. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUOoCTHmYy7jCY79vZiv92KaRfpJ0wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIwMjExOFoYDzIxMjYxMDI5
MjAyMTE4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARq7ZewpfX4ziPeZvOx2Ra4djY5ExRUGsqHi1hY2go6VbQWtvVl/B3i
8sM/qFP0t0NIQi5ptQ+wNIN2jG6abHYWo28wbTAdBgNVHQ4EFgQUja/sKl6H8sXl
8ckYizD+IyIBtDwwHwYDVR0jBBgwFoAUja/sKl6H8sXl8ckYizD+IyIBtDwwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAPhl/MM0Oc128TJ4SahtAGDQ7oW7zTSkRyZCqE2BMSpFAiEA
wVLTGnCaMGSaOwTevw8Pn4lkDPq413ohfag0U5wre8c=
-----END CERTIFICATE-----`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgc80GN9kHxNNvyCoD
rnzktxvmsnm6GzVMEy6uA0iroIqhRANCAARq7ZewpfX4ziPeZvOx2Ra4djY5ExRU
GsqHi1hY2go6VbQWtvVl/B3i8sM/qFP0t0NIQi5ptQ+wNIN2jG6abHYW
-----END PRIVATE KEY-----`;

/** @typedef {{ after: (end: () => void) => void }} Test */
/** @typedef {import('node:net').Socket} Socket */

/**
 * @param {Test} t
 * @param {(socket: Socket) => void} onSocket
 * @param {{ isSecure?: boolean }} [options]
 * @returns {Promise<number>} its port
 */
export async function serve(t, onSocket, { isSecure = false } = {}) {
  /** @type {Set<Socket>} */
  const sockets = new Set();
  const accept = (/** @type {Socket} */ socket) => {
    sockets.add(socket.on('error', () => {}));
    onSocket(socket);
  };
  const server = isSecure
    ? createTlsServer({ key: KEY, cert: CERTIFICATE }, accept).on('tlsClientError', () => {})
    : createServer(accept);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
}

/**
 * A proxy whose answer to each head is the test's; after a 200 it does as it was asked.
 * @param {Test} t
 * @param {(head: string) => string} answer
 * @param {{ isSecure?: boolean, early?: string }} [options]
 */
export async function serveProxy(t, answer, { early = '', ...options } = {}) {
  /** @type {string[]} */
  const heads = [];
  const port = await serve(
    t,
    (socket) => {
      let head = '';
      const take = (/** @type {Buffer} */ bytes) => {
        head += bytes;
        if (!head.endsWith('\r\n\r\n')) return;
        socket.off('data', take);
        heads.push(head);
        const said = answer(head);
        socket.write(said + early);
        if (!/^HTTP\/1.. 200/.test(said)) return;
        const [, host, to] = /^CONNECT ([^:]+):(\d+) /.exec(head) ?? [];
        const far = connect(Number(to), host).on('error', () => socket.destroy());
        socket.on('close', () => far.destroy());
        far.on('close', () => socket.destroy());
        socket.pipe(far).pipe(socket);
      };
      socket.on('data', take);
    },
    options,
  );
  return { port, heads };
}
