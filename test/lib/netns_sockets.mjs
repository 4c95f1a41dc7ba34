// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Runs inside a host (netns.mjs) and makes sockets there for the test that started it. A socket
 * stays in the network namespace where it was made, whoever holds it: here it is made, and handed
 * over.
 */

import { connect, createServer } from 'node:net';

function dial(id, options) {
  const socket = connect(options);
  socket.pause(); // the first byte is read by who it is for
  socket.once('error', ({ code, message }) => process.send?.({ id, error: { code, message } }));
  socket.once('connect', () => {
    socket.removeAllListeners('error').on('error', () => {});
    process.send?.({ id }, socket, {}, () => {});
  });
}

function bind(id, options) {
  const server = createServer();
  server.once('error', ({ code, message }) => process.send?.({ id, error: { code, message } }));
  server.listen(options, () => process.send?.({ id }, server, {}, () => server.close()));
}

process.on('message', ({ id, what, options }) => (what === 'dial' ? dial : bind)(id, options));
process.on('disconnect', () => process.exit());
