// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A session in a world of its own: a clock, a network and a realm that do as they are told. */

import { Session } from '../../src/session.js';
import { FakeClock, diceOf } from './clock.js';
import { FakeNetwork } from './network.js';

export const PLAIN = 'ws://realm:9000/stomp';
/** Of `wideWorld`. */
export const WS = 'ws://realm/stomp';
export const WSS = 'wss://realm/stomp';
export const WEB = 'http://realm/sockjs';
export const SECURE_WEB = 'https://realm/sockjs';
export const SECURE = 'wss://realm:9443/stomp';

/** @param {Partial<import('../../src/session.js').SessionOptions>} [options] */
export function world(options = {}) {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock);
  const { WebSocket } = network;
  const system = { WebSocket, timer: clock, random: () => 0.5 };
  const session = new Session(['http://realm:9000', 'https://realm:9443/'], {
    ...system,
    ...options,
  });
  return { clock, network, realm: network.realm, session };
}

/** All that drivers are made of, over a fake network. @param {FakeNetwork} network */
export function meansOver({ WebSocket, web }) {
  return { WebSocket, fetch: web.fetch, EventSource: web.EventSource };
}

/**
 * The same with every driver, and one address.
 * @param {Partial<import('../../src/session.js').SessionOptions>} [options]
 * @param {FakeNetwork['paths']} [paths]
 */
export function wideWorld(options = {}, paths = {}) {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock);
  network.paths = paths;
  const system = { timer: clock, random: diceOf(7), ...meansOver(network) };
  const session = new Session('ws://realm:80', { ...system, ...options });
  return { clock, network, realm: network.realm, session };
}

/**
 * Everything that comes is kept, with the EID it had.
 * @param {Session} session
 * @param {string} name
 * @param {import('../../src/protocol.js').Position} [position]
 */
export function collect(session, name, position = { from: 'stored' }) {
  /** @type {string[]} */
  const seen = [];
  const listening = session
    .channel(name)
    .listen({ event: ({ eid, data }) => seen.push(`${eid}:${data}`) }, position);
  return { seen, listening };
}
