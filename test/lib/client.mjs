// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Our client in Node, through a proxy by a third party's agent. */

import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';
import WebSocket from 'ws';
import { connect } from '../../js/client/src/index.js';
import { connector } from './netns.mjs';

/** @param {number} proxyPort */
export function agentFor(proxyPort) {
  return new HttpsProxyAgent(`http://127.0.0.1:${proxyPort}`);
}

/** @param {number} proxyPort @returns {any} a class that a session may open */
export function webSocketThrough(proxyPort) {
  return class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { agent: agentFor(proxyPort), rejectUnauthorized: false });
    }
  };
}

/** The same without any proxy, and content with every certificate. @type {any} */
export const WebSocketDirect = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { rejectUnauthorized: false });
  }
};

/** The same from inside a host. @param {import('./netns.mjs').Host} host @returns {any} */
export function webSocketFrom(host) {
  const plain = connector(host);
  const secure = (options, done) =>
    plain(options, (error, socket) => {
      const servername = isIP(options.host) ? '' : options.host;
      done(error, error ? socket : connectTls({ socket, servername, rejectUnauthorized: false }));
    });
  return class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, {
        createConnection: String(url).startsWith('wss:') ? secure : plain,
      });
    }
  };
}

/**
 * A session that ends with the test.
 * @param {import('./wayleave.mjs').Test} t
 * @param {string} url
 * @param {{ proxyPort?: number }} [options]
 */
export async function startSession(t, url, { proxyPort } = {}) {
  const WebSocketClass = proxyPort ? webSocketThrough(proxyPort) : WebSocket;
  const session = await connect(url, { WebSocket: /** @type {any} */ (WebSocketClass) });
  t.after(() => session.close());
  return session;
}
