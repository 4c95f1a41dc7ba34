// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The same client in Node 18 and later, where there is no browser to know of proxies: options
 * `proxy`, `ca` and `rejectUnauthorized`, and the environment (environment.js).
 */

import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { opened } from '../opening.js';
import { Session as AnySession } from '../session.js';
import { dialer } from './dial.js';
import { postOver } from './post.js';
import { webSocketOver } from './websocket.js';

export * from '../index.js';

/** @typedef {import('../session.js').SessionOptions & import('./dial.js').DialOptions} NodeOptions */

export class Session extends AnySession {
  /**
   * @param {string | string[]} realms
   * @param {NodeOptions} [options]
   */
  constructor(realms, options = {}) {
    const dial = dialer(options);
    super(realms, {
      WebSocket: webSocketOver(dial),
      post: postOver(dial, options),
      network,
      random,
      ...options,
    });
  }
}

/**
 * @param {string | string[]} realms
 * @param {NodeOptions & { signal?: AbortSignal }} [options]
 * @returns {Promise<AnySession>} rejects with a ConnectError that says what was tried
 */
export async function connect(realms, { signal, ...options } = {}) {
  return opened(() => new Session(realms, options), signal);
}

/** In [0, 1). Node 18 has no global `crypto`, and names of sessions must not be guessed. */
function random() {
  return randomBytes(4).readUInt32BE() / 2 ** 32;
}

/** Networks that this machine has addresses in, by their prefixes. */
function network() {
  const found = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ internal, family }) => !internal && family === 'IPv4'),
  );
  return found
    .map(({ address }) => address.replace(/\d+$/, '0'))
    .sort()
    .join(' ');
}
