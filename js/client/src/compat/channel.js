// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A channel as the guides describe it, over channel.js. */

import { toNumber } from './dictionary.js';
import { CompatResource } from './resource.js';

/** @typedef {ReturnType<import('../channel.js').Channel['listen']>} Listening */

export class CompatChannel extends CompatResource {
  #startEid = 0;
  /** @type {Listening | undefined} */
  #listening;
  /** Where to go on after a stop. @type {import('../protocol.js').Position | undefined} */
  #resume;

  /** @param {unknown} eid the first event wanted; 0: all that is stored */
  setStartEID(eid) {
    const number = Math.floor(toNumber(eid));
    this.#startEid = Number.isSafeInteger(number) && number > 0 ? number : 0;
  }

  /**
   * @override
   * @param {import('../session.js').Session} core
   * @param {import('./resource.js').Handlers} handlers
   * @param {string} filter
   */
  listen(core, handlers, filter) {
    const start = this.#startEid > 0 ? this.#startEid : /** @type {const} */ ('stored');
    const position = this.#resume ?? { from: start };
    // Who begins at an EID may lack what changes of other keys build on.
    const wanted = { ...position, filter, deltas: this.#startEid === 0 };
    this.#listening = core.channel(this.getName()).listen(handlers, wanted);
    return this.#listening;
  }

  /** @override */
  keepPlace() {
    const position = this.#listening?.position;
    if (typeof position?.from === 'number') this.#resume = position;
    this.#listening = undefined;
  }

  /** @override */
  forgetPlace() {
    this.#resume = undefined;
  }
}
