// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A port that is listened on and yet answers nobody: its queue is full, so the system drops every
 * further SYN. How an overloaded server or a silent firewall looks, without any privilege.
 */

import { readFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { Program } from '../../tool/lib/program.mjs';
import { until } from './wait.mjs';

/** Listens, tells its port, and never looks again. */
const LISTEN_AND_SLEEP = `
  const server = require('node:net').createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, 'port ' + server.address().port + '\\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

/** @param {import('./wayleave.mjs').Test} t @returns {Promise<number>} */
export async function deafPort(t) {
  const program = new Program(process.execPath, ['-e', LISTEN_AND_SLEEP], { name: 'deaf' });
  t.after(() => program.stop({ signal: 'SIGKILL' }));
  const line = await program.line(/^port \d+$/, { stream: 'stdout' });
  const port = Number(line.split(' ')[1]);
  const fillers = Array.from({ length: 4 }, () => dial(port, '127.0.0.1'));
  t.after(() => fillers.forEach((socket) => socket.destroy()));
  for (const socket of fillers) socket.on('error', () => {});
  await until(`port ${port} is full`, () => queued(port) > 1);
  return port;
}

/** Connections that wait to be accepted. */
function queued(port) {
  const listener = sockets().find(({ local, state }) => local === hex(port) && state === LISTEN);
  return listener ? parseInt(listener.queues.split(':')[1], 16) : 0;
}

/** How many sockets call a port and have no answer yet. @param {number} port */
export function callersOf(port) {
  return sockets().filter(({ remote, state }) => remote === hex(port) && state === SYN_SENT).length;
}

const [SYN_SENT, LISTEN] = ['02', '0A'];

/** 127.0.0.1 and a port as proc(5) writes them. */
function hex(port) {
  return `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}

function sockets() {
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  return rows.map((row) => {
    const [, local, remote, state, queues] = row.trim().split(/\s+/);
    return { local, remote, state, queues };
  });
}
