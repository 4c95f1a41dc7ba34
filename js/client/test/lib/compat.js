// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A compatible session in a world of its own, and a log of what its listeners are told. */

import { Nirvana } from '../../src/compat/nirvana.js';
import { FakeClock } from './clock.js';
import { FakeNetwork } from './network.js';

const { Observe } = Nirvana;

/** @param {Record<string, any>} [config] */
export function world(config) {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock);
  const system = { WebSocket: network.WebSocket, timer: clock, random: () => 0.5 };
  const session = Nirvana.createSession({ realms: ['http://realm:9000'], ...system, ...config });
  /** @type {string[]} */
  const log = [];
  for (const name of ['START', 'STOP', 'DISCONNECT', 'RECONNECT']) {
    session.on(name, (/** @type {any} */ given) => log.push(given === session ? name : 'wrong'));
  }
  session.on(Observe.ERROR, (/** @type {any} */ resource, /** @type {any} */ error) => {
    log.push(`ERROR ${resource.getName?.() ?? 'session'} ${error.name}`);
  });
  return { clock, network, realm: network.realm, session, log, system };
}

/** @param {any} channel @param {string[]} log */
export function watch(channel, log) {
  for (const name of ['SUBSCRIBE', 'UNSUBSCRIBE']) {
    channel.on(name, (/** @type {any} */ given) => log.push(`${name} ${given.getName()}`));
  }
  channel.on(Observe.DATA, (/** @type {any} */ event) => {
    log.push(`DATA ${event.eventID[1]} ${event.getData()}`);
  });
  return channel;
}
