// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * What a session may try, in order: WebSocket to the realms as asked, then to their secure
 * interfaces, then the same addresses by the other drivers; and before all, what worked here last.
 */

import { driversOf, meansOf } from './drivers/drivers.js';
import { ArgumentError } from './errors.js';
import { realmUrl, secureSibling, sockJsUrl } from './realms.js';
import { systemDate } from './system.js';

/**
 * @typedef {object} Target
 * @property {string} url that the driver opens
 * @property {import('./drivers/websocket.js').Driver} driver
 * @property {number} rank of the driver: a lower one is better
 */

/**
 * @param {string | string[]} realms
 * @param {import('./session.js').SessionOptions} options
 * @param {() => number} random
 * @returns {Target[]}
 */
export function targetsOf(realms, options, random) {
  const asked = [realms].flat().map((realm) => realmUrl(realm));
  const urls = [...new Set([...asked, ...asked.flatMap((url) => secureSibling(url, asked))])];
  const drivers = driversOf(options.drivers, meansOf(options), random);
  if (urls.length === 0 || drivers.length === 0) {
    throw new ArgumentError('no realm, or no driver that works here');
  }
  return drivers.flatMap((driver, rank) =>
    urls.map((url) => ({ url: driver.overHttp ? sockJsUrl(url) : url, driver, rank })),
  );
}

/** @typedef {{ ms: number, since: number }} Limit and the date when it was found */

/** As Web Storage has it. @typedef {Pick<Storage, 'getItem' | 'setItem'>} Memory */

/**
 * Which target worked last on this network, and how long it may be silent there (beat.js) and since
 * when that is known; where nothing can be kept, in this session. Written as `DRIVER URL`, or
 * `DRIVER URL MILLISECONDS DATE`.
 */
export class Remembered {
  #storage;
  #network;
  #realms;
  /** @type {string | undefined} */
  #latest;
  #date;
  /** Of the network that it was found in. @type {({ key: string } & Limit) | undefined} */
  #limit;

  /**
   * @param {Memory | null | undefined} storage
   * @param {() => string} network a name for the network that this machine is in now
   * @param {Target[]} targets
   * @param {() => number} [date]
   */
  constructor(storage, network, targets, date = systemDate) {
    this.#storage = storage;
    this.#network = network;
    this.#realms = new URL(targets[0].url).host;
    this.#date = date;
  }

  /** @param {Target} target */
  keep(target) {
    this.#latest = nameOf(target);
    this.#write();
  }

  /** What is silent for so long is cut here; `ms` 0: nothing is known. @returns {Limit} */
  get idleLimit() {
    const key = this.#key();
    if (this.#limit?.key !== key) {
      const [ms, since] = (this.#recall()?.split(' ') ?? []).slice(2).map(Number);
      const isLimit = Number.isSafeInteger(ms) && ms > 0 && Number.isSafeInteger(since);
      this.#limit = { key, ...(isLimit ? { ms, since } : { ms: 0, since: 0 }) };
    }
    return this.#limit;
  }

  /** The date of what is found now. */
  today() {
    return this.#date();
  }

  /** @param {Limit} limit */
  learn(limit) {
    this.#limit = { key: this.#key(), ...limit };
    this.#write();
  }

  /** @param {Target[]} targets @returns {Target[]} what worked here first */
  order(targets) {
    const name = this.#recall()?.split(' ').slice(0, 2).join(' ') ?? this.#latest;
    const first = targets.filter((target) => nameOf(target) === name);
    return [...first, ...targets.filter((target) => !first.includes(target))];
  }

  #write() {
    if (this.#latest === undefined) return;
    const { ms, since } = this.idleLimit;
    try {
      this.#storage?.setItem(this.#key(), `${this.#latest}${ms ? ` ${ms} ${since}` : ''}`);
    } catch {} // a full or forbidden storage costs the next session a moment
  }

  #recall() {
    try {
      return this.#storage?.getItem(this.#key());
    } catch {
      return undefined;
    }
  }

  #key() {
    return `wayleave ${this.#network()} ${this.#realms}`;
  }
}

/** @param {Target} target */
function nameOf({ url, driver }) {
  return `${driver.name} ${url}`;
}
