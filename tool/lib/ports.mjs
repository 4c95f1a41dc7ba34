// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Ports of this machine's loopback: is one free, who has it, give me one. */

import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * @param {number} port
 * @param {string} [host]
 * @returns {Promise<number | null>} the port, or null when it is taken
 */
export function tryPort(port, host = '127.0.0.1') {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => {
      server.close(() => resolve(port));
    });
  });
}

/** Below the range that the system takes ports of outgoing connections from. */
const [FIRST, LAST] = [10_000, 32_000];

/** A port that nobody had a moment ago, and that no outgoing connection will take meanwhile. */
export async function freePort(host = '127.0.0.1') {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if ((await tryPort(port, host)) !== null) return port;
  }
}

/**
 * The process that listens on a port, as far as this user may know.
 * @param {number} port
 * @returns {string} "name (pid 123)", or "another program"
 */
export function whoHas(port) {
  const inodes = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeners(table, port));
  for (const pid of attempt(() => readdirSync('/proc'), []).filter((name) => /^\d+$/.test(name))) {
    const files = attempt(() => readdirSync(`/proc/${pid}/fd`), []);
    for (const file of files) {
      const link = attempt(() => readlinkSync(`/proc/${pid}/fd/${file}`), '');
      if (inodes.some((inode) => link === `socket:[${inode}]`)) {
        return `${attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), '?')} (pid ${pid})`;
      }
    }
  }
  return 'another program';
}

/** Inodes of the sockets that listen (state 0A) on a port, from a table of proc(5). */
function listeners(table, port) {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return attempt(() => readFileSync(table, 'utf8'), '')
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
    .filter((cells) => cells[3] === '0A' && cells[1].endsWith(wanted))
    .map((cells) => cells[9]);
}

function attempt(read, otherwise) {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
