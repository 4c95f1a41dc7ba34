// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A subscription as an async iterator, over a bounded queue. When the reader does not keep up:
 *
 * - `pause` (the default): the realm is asked to stop, and to go on at the next EID when half of
 *   the queue has been read. Nothing is lost on a stored channel; on one that stores nothing,
 *   what happens meanwhile is missed.
 * - `drop-oldest`: the oldest queued event goes.
 * - `fail`: the queue is read to its end, then the iterator throws a LimitError.
 */

import { ArgumentError, ClosedError, LimitError } from './errors.js';
import { Subscription } from './subscription.js';

/** @typedef {'pause' | 'drop-oldest' | 'fail'} Overflow */

/**
 * @typedef {object} SubscribeOptions
 * @property {'now' | 'stored' | number} [from] where to begin; a number is the first EID wanted. Default `now`
 * @property {string} [epoch] with a number: the life of the channel that it belongs to
 * @property {number} [limit] events that may wait for the reader, default 1000
 * @property {Overflow} [overflow] what happens beyond, default `pause`
 * @property {AbortSignal} [signal] ends the subscription
 * @property {(gap: { from: number, next: number }) => void} [onGap] events that are no longer stored
 */

/**
 * What a channel needs from its session.
 * @typedef {object} SessionAccess
 * @property {(subscription: Subscription) => void} add
 * @property {(subscription: Subscription) => Promise<void>} remove
 * @property {(subscription: Subscription) => void} pause
 * @property {(subscription: Subscription) => void} resume
 * @property {(destination: string, event: string | Uint8Array | import('./event.js').EventInit) => Promise<number | undefined>} publish
 */

/** @typedef {import('./event.js').ChannelEvent} ChannelEvent */

/** @implements {AsyncIterableIterator<ChannelEvent>} */
export class EventStream {
  /** @type {ChannelEvent[]} */
  #queue = [];
  /** @type {Array<{ resolve: (result: IteratorResult<ChannelEvent>) => void, reject: (error: unknown) => void }>} */
  #readers = [];
  #isEnded = false;
  /** @type {unknown} thrown once, after the queue */
  #error;
  #access;
  #limit;
  #overflow;
  #subscription;

  /**
   * @param {string} channel
   * @param {SessionAccess} access
   * @param {SubscribeOptions} options
   */
  constructor(channel, access, options = {}) {
    const { from = 'now', epoch, limit = 1000, overflow = 'pause', signal, onGap } = options;
    checkOptions(from, limit, overflow);
    this.#access = access;
    this.#limit = limit;
    this.#overflow = overflow;
    /** @type {(position: import('./protocol.js').Position) => void} */
    let ready = () => {};
    /** @type {(error: unknown) => void} */
    let failed = () => {};
    /** Resolves when the realm has agreed, with where the subscription stands. */
    this.ready = new Promise((resolve, reject) => {
      [ready, failed] = [resolve, reject];
    });
    this.ready.catch(() => {}); // the iterator throws it too
    this.#subscription = new Subscription(
      channel,
      { from, epoch },
      {
        event: (event) => this.#push(event),
        ready,
        gap: onGap,
        end: (error) => {
          failed(error ?? new ClosedError('the subscription was closed'));
          this.#end(error);
        },
      },
    );
    access.add(this.#subscription);
    signal?.addEventListener('abort', () => this.#abort(signal.reason), { once: true });
    if (signal?.aborted) this.#abort(signal.reason);
  }

  /** Where it would begin if it began again. */
  get position() {
    return this.#subscription.position;
  }

  /** @returns {Promise<IteratorResult<ChannelEvent>>} */
  next() {
    const event = this.#queue.shift();
    if (event) {
      const { state } = this.#subscription;
      if (state === 'paused' && this.#queue.length <= this.#limit / 2) {
        this.#access.resume(this.#subscription);
      }
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** @returns {Promise<IteratorResult<ChannelEvent>>} what leaving a `for await` calls */
  async return() {
    await this.close();
    return { done: true, value: undefined };
  }

  /** End the subscription; what is queued is forgotten. */
  close() {
    this.#queue = [];
    return this.#access.remove(this.#subscription);
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @param {ChannelEvent} event */
  #push(event) {
    const reader = this.#readers.shift();
    if (reader) {
      reader.resolve({ done: false, value: event });
      return;
    }
    this.#queue.push(event);
    if (this.#overflow === 'pause') {
      if (this.#queue.length >= this.#limit) this.#access.pause(this.#subscription);
    } else if (this.#queue.length > this.#limit) {
      if (this.#overflow === 'drop-oldest') this.#queue.shift();
      else this.#overrun();
    }
  }

  #overrun() {
    this.#queue.pop();
    this.#end(new LimitError(`${this.#limit} events wait and nobody reads them`));
    this.#access.remove(this.#subscription);
  }

  /** @param {unknown} reason */
  #abort(reason) {
    this.#queue = [];
    this.#end(reason);
    this.#access.remove(this.#subscription);
  }

  /** @param {unknown} [error] */
  #end(error) {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const readers = this.#readers.splice(0);
    const [first] = readers;
    if (error !== undefined && first) first.reject(error);
    else this.#error = error;
    for (const reader of error !== undefined ? readers.slice(1) : readers) {
      reader.resolve({ done: true, value: undefined });
    }
  }
}

/**
 * @param {unknown} from
 * @param {number} limit
 * @param {string} overflow
 */
function checkOptions(from, limit, overflow) {
  const isEid = typeof from === 'number' && Number.isSafeInteger(from) && from >= 0;
  if (!isEid && from !== 'now' && from !== 'stored') {
    throw new ArgumentError(`from is ${from}: 'now', 'stored' or an EID`);
  }
  if (!(Number.isInteger(limit) && limit > 0)) throw new ArgumentError(`limit is ${limit}`);
  if (!['pause', 'drop-oldest', 'fail'].includes(overflow)) {
    throw new ArgumentError(`overflow is ${overflow}: 'pause', 'drop-oldest' or 'fail'`);
  }
}
