// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Publishes that the realm has not confirmed, in the order in which they were made. Those that
 * wait for a connection and those in doubt (sent, no receipt) are put on the next connection with
 * the same publish-id, so the realm takes each once. Bounded: beyond that, a LimitError.
 */

import { ClosedError, LimitError } from './errors.js';

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} destination
 * @property {Array<[string, string]>} headers
 * @property {string | Uint8Array} body
 * @property {boolean} isSent
 * @property {(eid: number | undefined) => void} resolve
 * @property {(error: Error) => void} reject
 */

export class Outbox {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  #bytes = 0;
  #count = 0;
  #prefix;
  #maxEvents;
  #maxBytes;
  /** @type {import('./protocol.js').Protocol | null} */
  #protocol = null;

  /** @param {{ prefix: string, maxEvents?: number, maxBytes?: number }} options */
  constructor({ prefix, maxEvents = 1000, maxBytes = 16 * 1024 * 1024 }) {
    this.#prefix = prefix;
    this.#maxEvents = maxEvents;
    this.#maxBytes = maxBytes;
  }

  get size() {
    return this.#entries.size;
  }

  /**
   * @param {string} destination
   * @param {{ headers: Array<[string, string]>, body: string | Uint8Array }} event
   * @returns {Promise<number | undefined>} the EID
   */
  add(destination, { headers, body }) {
    if (this.#entries.size >= this.#maxEvents || this.#bytes + body.length > this.#maxBytes) {
      const message = `${this.#entries.size} publishes (${this.#bytes} bytes) wait for a receipt`;
      return Promise.reject(new LimitError(`${message}: no more can wait`));
    }
    return new Promise((resolve, reject) => {
      const id = `${this.#prefix}-${++this.#count}`;
      const entry = { id, destination, headers, body, isSent: false, resolve, reject };
      this.#entries.set(id, entry);
      this.#bytes += body.length;
      this.#send(entry);
    });
  }

  /** @param {import('./protocol.js').Protocol} protocol of a connection that has just been made */
  connected(protocol) {
    this.#protocol = protocol;
    for (const entry of this.#entries.values()) this.#send(entry);
  }

  lost() {
    this.#protocol = null;
  }

  /**
   * @param {string} id
   * @param {number | Error | undefined} outcome the EID, or why not
   */
  settle(id, outcome) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#remove(entry);
    if (outcome instanceof Error) entry.reject(outcome);
    else entry.resolve(outcome);
  }

  /**
   * The channel that a publish goes to, for the error's sake.
   * @param {string} id
   */
  destinationOf(id) {
    return this.#entries.get(id)?.destination;
  }

  close() {
    this.#protocol = null;
    for (const entry of [...this.#entries.values()]) {
      this.#remove(entry);
      const inDoubt = entry.isSent;
      const end = inDoubt ? 'before the receipt came: the event may be published' : 'unpublished';
      entry.reject(new ClosedError(`the session closed ${end}`, { inDoubt }));
    }
  }

  /** @param {Entry} entry */
  #send(entry) {
    if (!this.#protocol) return;
    const { id, destination, headers, body } = entry;
    try {
      this.#protocol.publish(id, destination, headers, body);
      entry.isSent = true;
    } catch (error) {
      this.settle(id, /** @type {Error} */ (error)); // a header that cannot be written
    }
  }

  /** @param {Entry} entry */
  #remove(entry) {
    this.#entries.delete(entry.id);
    this.#bytes -= entry.body.length;
  }
}
