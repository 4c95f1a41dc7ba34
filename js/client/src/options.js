// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What a session can be told, and what it takes from its surroundings where it is not told. */

import { currentPage, pageNetwork, pageStorage } from './page.js';
import { systemRandom, systemTimer } from './system.js';

/**
 * @typedef {object} OwnOptions
 * @property {Array<string | import('./drivers/websocket.js').Driver>} [drivers] in order of preference,
 *   by name (drivers/drivers.js); default all
 * @property {import('./targets.js').Memory | null} [storage] where it is kept what worked; default the page's
 * @property {() => string} [network] a name for the network that this machine is in
 * @property {import('./page.js').Page | null} [page] whose life is watched
 * @property {number} [connectTimeoutMs] for one attempt, up to CONNECTED; default 10,000
 * @property {number} [overlapMs] for so long an attempt has the network for itself; default
 *   400, and 1,000 before a worse driver
 * @property {number} [attempts] rounds through all realms before `open` gives up; default 2
 * @property {boolean} [reconnect] when a connection is lost; default true
 * @property {number} [heartbeatMs] both ways; default 20,000; 0: none
 * @property {string} [login]
 * @property {string} [passcode]
 * @property {{ events?: number, bytes?: number, subscriptions?: number, message?: number }} [limits]
 *   publishes that may wait for their receipt (1000, 16 MiB), subscriptions (1000), bytes of an event (64 MiB)
 * @property {import('./system.js').Timer} [timer]
 * @property {() => number} [date] milliseconds since 1970: what is stored is dated
 * @property {() => number} [random] in [0, 1)
 */

/** @typedef {OwnOptions & import('./drivers/drivers.js').Means} SessionOptions */

/** @param {SessionOptions} options */
export function surroundingsOf({
  timer = systemTimer,
  random = systemRandom,
  storage = pageStorage(),
  network = pageNetwork,
  page = currentPage(),
}) {
  return { timer, random, storage, network, page };
}
