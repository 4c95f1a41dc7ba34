// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A target that is being tried or is in use: its connection, its protocol, its place in the account. */

import { Connection } from './connection.js';
import { Protocol } from './protocol.js';

/** @typedef {import('./protocol.js').Happening} Happening */
/** @typedef {Extract<Happening, { type: 'connected' }>} Connected */

/**
 * @typedef {object} Link
 * @property {import('./targets.js').Target} target
 * @property {import('./path.js').Attempt} attempt
 * @property {Protocol} protocol
 * @property {Connection} connection
 * @property {Connected} [connected] once it is
 */

/**
 * @param {import('./targets.js').Target} target
 * @param {import('./path.js').Attempt} attempt
 * @param {import('./options.js').SessionOptions} options
 * @param {import('./system.js').Timer} timer
 * @param {import('./beat.js').Beat} beat
 * @param {{ happening: (happening: Happening, link: Link) => void, end: (ending: import('./connection.js').Ending, link: Link) => void }} on
 * @returns {Link}
 */
export function makeLink(target, attempt, options, timer, beat, on) {
  const { url, driver } = target;
  const { heartbeatMs, login, passcode, limits } = options;
  const { hostname: host } = new URL(url);
  const isText = driver.overHttp === true;
  const bounds = { maxBody: limits?.message };
  const protocol = new Protocol({ host, heartbeatMs, login, passcode, isText, limits: bounds });
  const connection = new Connection({
    url,
    driver,
    protocol,
    timer,
    beatMs: () => beat.everyMs,
    onHappening: (happening) => on.happening(happening, link),
    onEnd: (ending) => on.end(ending, link),
  });
  /** @type {Link} */
  const link = { target, attempt, protocol, connection };
  return link;
}
