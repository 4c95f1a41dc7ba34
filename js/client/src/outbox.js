// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * What the realm has not confirmed, in the order in which it was asked: publishes and
 * transactions. Those that wait for a connection and those in doubt (sent, no receipt) go out on
 * the next one, with the same id, so the realm takes each once. Bounded: beyond that, a LimitError.
 */

import { ArgumentError, ClosedError, LimitError, RefusedError } from './errors.js';
import { encodeAsText } from './event.js';

/** @typedef {import('./protocol.js').Protocol} Protocol */
/** @typedef {import('./protocol.js').Happening} Happening */

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {number} bytes
 * @property {boolean} inDoubt it may have been done
 * @property {(protocol: Protocol) => void} send may throw: it cannot be written
 * @property {(happening: Happening, protocol: Protocol) => Outcome | undefined} take
 * @property {() => Error | undefined} [lost] the connection is gone, and with it, maybe, this
 * @property {(value: any) => void} resolve
 * @property {(error: Error) => void} reject
 */

/** What came of an entry. @typedef {{ value?: any, error?: Error }} Outcome */

/** A publish. @implements {Entry} */
class Publish {
  inDoubt = false;
  resolve = (/** @type {any} */ _eid) => {};
  reject = (/** @type {Error} */ _error) => {};
  #event;

  /**
   * @param {string} id makes it idempotent
   * @param {string} destination
   * @param {{ headers: Array<[string, string]>, body: string | Uint8Array }} event
   */
  constructor(id, destination, event) {
    this.id = id;
    this.destination = destination;
    this.bytes = event.body.length;
    this.#event = event;
  }

  /** @param {Protocol} protocol */
  send(protocol) {
    const { headers, body } = protocol.isText ? encodeAsText(this.#event) : this.#event;
    protocol.publish(this.id, this.destination, headers, body);
    this.inDoubt = true;
  }

  /** @param {Happening} happening @returns {Outcome | undefined} */
  take(happening) {
    if (happening.type === 'published') return { value: happening.eid };
    if (happening.type !== 'refused') return undefined;
    return { error: new RefusedError(happening.word, happening.message, this.destination) };
  }
}

export class Outbox {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  #bytes = 0;
  #count = 0;
  #prefix;
  #maxEvents;
  #maxBytes;
  /** @type {Protocol | null} */
  #protocol = null;
  /** @type {Array<() => void>} who waits for room */
  #waiting = [];

  /** @param {{ prefix: string, maxEvents?: number, maxBytes?: number }} options */
  constructor({ prefix, maxEvents = 1000, maxBytes = 16 * 1024 * 1024 }) {
    this.#prefix = prefix;
    this.#maxEvents = maxEvents;
    this.#maxBytes = maxBytes;
  }

  get size() {
    return this.#entries.size;
  }

  /** An id that no other session uses. */
  nextId() {
    return `${this.#prefix}-${++this.#count}`;
  }

  /**
   * @param {string} destination
   * @param {{ headers: Array<[string, string]>, body: string | Uint8Array }} event
   * @returns {Promise<number | undefined>} the EID
   */
  add(destination, event) {
    return this.run(new Publish(this.nextId(), destination, event));
  }

  /**
   * @param {Entry} entry
   * @returns {Promise<any>} what came of it
   */
  run(entry) {
    if (this.#entries.has(entry.id)) {
      return Promise.reject(new ArgumentError(`${entry.id} is on its way already`));
    }
    if (this.#entries.size >= this.#maxEvents || this.#bytes + entry.bytes > this.#maxBytes) {
      const message = `${this.#entries.size} requests (${this.#bytes} bytes) wait for a receipt`;
      return Promise.reject(new LimitError(`${message}: no more can wait`));
    }
    return new Promise((resolve, reject) => {
      Object.assign(entry, { resolve, reject });
      this.#entries.set(entry.id, entry);
      this.#bytes += entry.bytes;
      this.#send(entry);
    });
  }

  /** @returns {Promise<void>} when half of what may wait is free again, or nothing ever will be */
  room() {
    if (this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #hasRoom() {
    return this.#entries.size <= this.#maxEvents / 2 && this.#bytes <= this.#maxBytes / 2;
  }

  /** @param {Protocol} protocol of a connection that has just been made */
  connected(protocol) {
    this.#protocol = protocol;
    for (const entry of [...this.#entries.values()]) this.#send(entry);
  }

  lost() {
    this.#protocol = null;
    for (const entry of [...this.#entries.values()]) {
      const error = entry.lost?.();
      if (error) this.#settle(entry, { error });
    }
  }

  /**
   * @param {Happening} happening
   * @returns {boolean} whether it was for something here
   */
  take(happening) {
    const entry = 'id' in happening ? this.#entries.get(happening.id) : undefined;
    if (!entry || !this.#protocol) return false;
    const outcome = entry.take(happening, this.#protocol);
    if (outcome) this.#settle(entry, outcome);
    return true;
  }

  close() {
    this.#protocol = null;
    for (const entry of [...this.#entries.values()]) {
      const { inDoubt } = entry;
      const end = inDoubt ? 'before the receipt came: it may have been done' : 'before it was done';
      this.#settle(entry, { error: new ClosedError(`the session closed ${end}`, { inDoubt }) });
    }
  }

  /** @param {Entry} entry */
  #send(entry) {
    if (!this.#protocol) return;
    try {
      entry.send(this.#protocol);
    } catch (error) {
      this.#settle(entry, { error: /** @type {Error} */ (error) }); // a header that cannot be written
    }
  }

  /** @param {Entry} entry @param {Outcome} outcome */
  #settle(entry, { value, error }) {
    if (!this.#entries.delete(entry.id)) return;
    this.#bytes -= entry.bytes;
    if (this.#waiting.length > 0 && this.#hasRoom()) this.#waiting.splice(0).forEach((go) => go());
    if (error) entry.reject(error);
    else entry.resolve(value);
  }
}
