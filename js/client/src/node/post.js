// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** POST for the drivers over HTTP, on sockets that were dialled: through proxies as WebSocket. */

import { Agent, request as ask } from 'node:http';
import { told } from './told.js';

/** More connections to one place than drivers ever use at a time. */
const MAX_SOCKETS = 8;
const DIAL_MS = 10_000;

/**
 * @param {import('./dial.js').Dial} dial
 * @param {{ credentials?: boolean }} [options] `credentials`: cookies are kept and sent back, so that a
 *   gateway before the realm can tell its clients apart
 * @returns {import('../drivers/http.js').Post}
 */
export function postOver(dial, { credentials = false } = {}) {
  const agents = { 'http:': agentOver(dial, 'http:'), 'https:': agentOver(dial, 'https:') };
  const cookies = new Cookies();
  return (url, body, { text, end, failed }) => {
    const { protocol, hostname, port, host, pathname, search, origin } = new URL(url);
    const agent = agents[/** @type {'http:' | 'https:'} */ (protocol)];
    const cookie = credentials && cookies.of(origin);
    const headers = {
      host,
      'content-type': 'text/plain;charset=UTF-8',
      'content-length': Buffer.byteLength(body),
      ...(cookie && { cookie }),
    };
    let isOver = false;
    const once = (/** @type {() => void} */ run) => {
      if (!isOver) run();
      isOver = true;
    };
    const path = pathname + search;
    const request = ask(
      { agent, host: hostname, port, path, method: 'POST', headers },
      (answer) => {
        cookies.keep(origin, answer.headers['set-cookie'] ?? []);
        answer.setEncoding('utf8');
        answer.on('data', (piece) => !isOver && answer.statusCode === 200 && text(piece));
        answer.on('end', () => once(() => end(answer.statusCode ?? 0)));
        answer.on('error', ({ message }) => once(() => failed(message)));
      },
    );
    request.on('error', (error) => once(() => failed(told(error, url))));
    request.end(body);
    return () => {
      isOver = true;
      request.destroy();
    };
  };
}

/** @param {import('./dial.js').Dial} dial @param {string} scheme */
function agentOver(dial, scheme) {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  /** @type {any} */ (agent).createConnection = (
    /** @type {{ host: string, port: number }} */ { host, port },
    /** @type {(error: Error | null, socket?: import('node:net').Socket) => void} */ done,
  ) => {
    const authority = port ? `${host}:${port}` : host;
    dial(`${scheme}//${authority}`, AbortSignal.timeout(DIAL_MS)).then(
      (socket) => {
        done(null, socket);
        socket.resume(); // it rested since the proxy's answer
      },
      (error) => done(error),
    );
  };
  return agent;
}

/** Names and values alone: they live as long as the session and go to where they came from. */
class Cookies {
  /** @type {Map<string, Map<string, string>>} */
  #jars = new Map();

  /** @param {string} origin */
  of(origin) {
    return [...(this.#jars.get(origin) ?? [])]
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
  }

  /** @param {string} origin @param {string[]} fields */
  keep(origin, fields) {
    const jar = this.#jars.get(origin) ?? new Map();
    for (const field of fields.slice(0, 20)) {
      const [, name, value] = /^\s*([^=;\s]+)=([^;]*)/.exec(field) ?? [];
      if (name && (jar.has(name) || jar.size < 50)) jar.set(name, value.trim());
    }
    this.#jars.set(origin, jar);
  }
}
