// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** An origin server whose every byte a test decides on, and which tells what reached it. */

import { readRequest, response } from './http.mjs';
import { listen } from './tcp.mjs';
import { until } from './wait.mjs';

/** @typedef {NonNullable<Awaited<ReturnType<typeof readRequest>>> & { connection: number }} Request */

/**
 * @param {import('./wayleave.mjs').Test} t
 * @param {object} [script]
 * @param {(request: Request, peer: import('./tcp.mjs').Peer) => unknown} [script.answer] what it
 *   returns is sent, `false` ends the connection's service: the script has it then
 * @param {(head: { method: string, target: string, line: string, head: string }, peer:
 *   import('./tcp.mjs').Peer) => unknown} [script.onHead] before the body is read; `false` as above
 * @param {number} [script.port]
 * @param {string} [script.host]
 * @param {import('./netns.mjs').Host} [script.in]
 */
export async function startOrigin(
  t,
  { answer = ({ method, target }) => response(`${method} ${target}`), onHead, ...where } = {},
) {
  /** @type {Request[]} whole ones */
  const requests = [];
  /** Every byte that came on each connection. @type {Buffer[][]} */
  const raw = [];
  const serve = async (peer) => {
    const connection = raw.push([]) - 1;
    peer.socket.on('data', (bytes) => raw[connection].push(bytes));
    while (!peer.isEnded || peer.unread.length > 0) {
      const read = await readRequest(peer, onHead && ((head) => onHead(head, peer))).catch(
        () => 'cut', // a client that leaves in the middle of something is nobody's fault here
      );
      if (read === 'cut') break;
      if (!read) return;
      const request = { ...read, connection };
      requests.push(request);
      const bytes = await answer(request, peer);
      if (bytes === false) return;
      if (bytes !== undefined) peer.send(/** @type {string} */ (bytes));
    }
    peer.end();
  };
  const server = await listen(t, { serve, ...where });
  return {
    port: server.port,
    peers: server.peers,
    requests,
    /** @param {string} path */
    url: (path) => `http://127.0.0.1:${server.port}${path}`,
    /** How many connections it was ever called on. */
    get connections() {
      return raw.length;
    },
    /** Everything that ever came, connection after connection. */
    get heard() {
      return raw.map((parts) => String(Buffer.concat(parts))).join('\n----\n');
    },
    /** The n-th request, waited for. @param {number} n @returns {Promise<Request>} */
    request: (n = 0) => until(`request ${n} reaches the origin`, () => requests[n]),
  };
}
