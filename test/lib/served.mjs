// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Servers that know their protocol by Node or the npm package ws, for as long as a test runs.
 * Those whose every byte a test decides on are in tcp.mjs and origin.mjs. */

import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { within } from './wait.mjs';

/** @typedef {import('node:net').AddressInfo} AddressInfo */

/**
 * @param {{ after(end: () => unknown): void }} t
 * @param {import('node:http').RequestListener} onRequest
 * @param {{ host?: string }} [options]
 */
export async function serveHttp(t, onRequest, { host = '127.0.0.1' } = {}) {
  const server = createServer(onRequest);
  await new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, host, () => resolve(undefined));
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: /** @type {AddressInfo} */ (server.address()).port };
}

/**
 * @param {{ after(end: () => unknown): void }} t
 * @param {(socket: import('ws').WebSocket) => void} onConnection
 * @param {import('ws').ServerOptions} [options]
 * @returns {Promise<number>} its port
 */
export async function serveWebSocket(t, onConnection, options) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options });
  const listening = new Promise((resolve, reject) => {
    server.once('error', reject).once('listening', () => resolve(undefined));
  });
  await within('the server listens', listening);
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', onConnection);
  return /** @type {AddressInfo} */ (server.address()).port;
}
