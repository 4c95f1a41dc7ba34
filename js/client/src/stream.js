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
import { Pipe } from './pipe.js';
import { Subscription } from './subscription.js';
import { Deferred } from './system.js';

/** @typedef {'pause' | 'drop-oldest' | 'fail'} Overflow */

/**
 * @typedef {object} SubscribeOptions
 * @property {'now' | 'stored' | number} [from] where to begin; a number is the first EID wanted. Default `now`
 * @property {string} [epoch] with a number: the life of the channel that it belongs to
 * @property {string} [filter] a selector: which events (doc/selectors.md)
 * @property {boolean} [deltas] of events that were published as changes, only what has changed, if
 *   the realm can: `isDelta` tells. Not with `from: 'now'`, `filter` or `durable`
 * @property {string} [durable] a name under which the realm keeps the place of this subscription:
 *   whoever subscribes with it later goes on there, and `from` counts for the first time only
 * @property {boolean} [acknowledges] with `durable`: the place moves when the program calls
 *   acknowledge(); else when it asks for the next event
 * @property {number} [limit] events that may wait for the reader, default 1000
 * @property {Overflow} [overflow] what happens beyond, default `pause`
 * @property {AbortSignal} [signal] ends the subscription
 * @property {(gap: { from: number, next: number }) => void} [onGap] events that are no longer stored
 */

/** @typedef {import('./access.js').SessionAccess} SessionAccess */
/** @typedef {import('./event.js').ChannelEvent} ChannelEvent */

/** @implements {AsyncIterableIterator<ChannelEvent>} */
export class EventStream {
  /** @type {Pipe<ChannelEvent>} */
  #pipe = new Pipe((event) => (this.#last = event));
  #access;
  #limit;
  #overflow;
  #subscription;
  #acknowledges;
  /** What the program got last. @type {ChannelEvent | undefined} */
  #last;

  /**
   * @param {string} channel
   * @param {SessionAccess} access
   * @param {SubscribeOptions} options
   */
  constructor(channel, access, options = {}) {
    const { from = 'now', epoch, filter, durable, limit = 1000, overflow = 'pause' } = options;
    const { signal, onGap, acknowledges = false, deltas = false } = options;
    checkOptions(from, limit, overflow);
    if (deltas && overflow === 'drop-oldest') {
      throw new ArgumentError(
        'deltas mean nothing when events are dropped: overflow pause or fail',
      );
    }
    if (durable === '') throw new ArgumentError('durable is a name of one letter or more');
    this.#access = access;
    this.#limit = limit;
    this.#overflow = overflow;
    this.#acknowledges = durable !== undefined && !acknowledges;
    /** @type {Deferred<import('./protocol.js').Position>} */
    const ready = new Deferred();
    /** Resolves when the realm has agreed, with where the subscription stands. */
    this.ready = ready.promise;
    this.ready.catch(() => {}); // the iterator throws it too
    this.#subscription = new Subscription(
      channel,
      { from, epoch, filter, deltas, durable },
      {
        event: (event) => this.#push(event),
        ready: ready.resolve,
        gap: onGap,
        end: (error) => {
          ready.reject(error ?? new ClosedError('the subscription was closed'));
          this.#pipe.end(error);
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
    if (this.#acknowledges && this.#last) this.acknowledge(this.#last);
    const isPaused = this.#subscription.state === 'paused';
    const result = this.#pipe.next();
    if (isPaused && this.#pipe.size <= this.#limit / 2) this.#access.resume(this.#subscription);
    return result;
  }

  /** @returns {Promise<IteratorResult<ChannelEvent>>} what leaving a `for await` calls */
  async return() {
    await this.close();
    return { done: true, value: undefined };
  }

  /**
   * The place of a durable subscription: this event and all before it are done.
   * @param {ChannelEvent} event
   */
  acknowledge(event) {
    this.#access.done(this.#subscription, event);
  }

  /** End the subscription; what is queued is forgotten. */
  close() {
    this.#pipe.clear();
    return this.#access.remove(this.#subscription);
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @param {ChannelEvent} event */
  #push(event) {
    this.#pipe.push(event);
    if (this.#overflow === 'pause') {
      if (this.#pipe.size >= this.#limit) this.#access.pause(this.#subscription);
    } else if (this.#pipe.size > this.#limit) {
      if (this.#overflow === 'drop-oldest') this.#pipe.dropOldest();
      else this.#overrun();
    }
  }

  #overrun() {
    this.#pipe.dropNewest();
    this.#pipe.end(new LimitError(`${this.#limit} events wait and nobody reads them`));
    this.#access.remove(this.#subscription);
  }

  /** @param {unknown} reason */
  #abort(reason) {
    this.#pipe.clear();
    this.#pipe.end(reason);
    this.#access.remove(this.#subscription);
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
