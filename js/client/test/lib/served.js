// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The realm in memory on this machine's loopback, behind the npm package ws. */

import { WebSocketServer } from 'ws';
import { FakeRealm } from './realm.js';

/** @param {import('./loopback.js').Test} t */
export async function serveRealm(t) {
  const realm = new FakeRealm();
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    handleProtocols: () => 'v12.stomp',
  });
  server.on('connection', (socket) => {
    const peer = realm.accept((data) => socket.send(data));
    socket.on('message', (data, isBinary) =>
      peer.receive(isBinary ? /** @type {Buffer} */ (data) : String(data)),
    );
    socket.on('close', () => peer.gone());
  });
  await new Promise((resolve) => server.once('listening', () => resolve(null)));
  t.after(() => server.close());
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { realm, port };
}
