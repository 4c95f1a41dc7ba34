// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A queue of a session: each event goes to one reader.
 *
 *     for await (const job of session.queue('/jobs').read()) work(job);
 *
 *     const reader = session.queue('/jobs').read({ transactional: true });
 *     for await (const job of reader) {
 *       await work(job);
 *       await reader.commit(job);
 *     }
 */

import { ArgumentError, ClosedError, StaleError } from './errors.js';
import { Pipe } from './pipe.js';
import { QueueBrowser } from './queue-browser.js';
import { QueueSubscription } from './queue-subscription.js';
import { Deferred } from './system.js';

/** @typedef {import('./event.js').ChannelEvent} ChannelEvent */
/** @typedef {import('./access.js').SessionAccess} SessionAccess */

/** Events that a reader may have at once, as the guides say. */
const WINDOW = 5;
/** The same for who commits by reading on: a round trip must not hold him up. */
const PLAIN_WINDOW = 100;

/**
 * @typedef {object} ReadOptions
 * @property {boolean} [transactional] the program commits; else each event is committed when the
 *   program gets it. Default false
 * @property {number} [window] events that may be out at this reader at once; default 5, of a plain
 *   reader 100. It is also the bound of what waits here
 * @property {string} [filter] a selector: which events (doc/selectors.md)
 * @property {AbortSignal} [signal] ends the reading
 */

export class Queue {
  #access;

  /**
   * @param {string} name
   * @param {SessionAccess} access
   */
  constructor(name, access) {
    /** @readonly */
    this.name = name;
    this.#access = access;
  }

  /**
   * Events of this queue, as an async iterator.
   * @param {ReadOptions} [options]
   */
  read(options) {
    return new QueueReader(this.name, this.#access, options);
  }

  /**
   * What is in the queue now and no reader has, as an async iterator that ends. Nothing is taken.
   * @param {import('./queue-browser.js').BrowseOptions} [options]
   */
  browse(options) {
    return new QueueBrowser(this.name, this.#access, options);
  }

  /**
   * Reading with callbacks and without a queue: each event is passed on as it comes, and has to be
   * committed.
   * @param {import('./queue-subscription.js').QueueHandlers} handlers
   * @param {{ window?: number, filter?: string }} [terms]
   */
  listen(handlers, { window = WINDOW, filter } = {}) {
    const access = this.#access;
    const subscription = new QueueSubscription(this.name, { window, filter }, handlers);
    access.add(subscription);
    return {
      /** @returns {Promise<void>} resolved when no event is on its way any more */
      close: () => access.remove(subscription),
      /** This event and those before it are done. @param {ChannelEvent} event */
      commit: (event) => settle(access, subscription, event, false),
      /** This event and those before it go back to the queue. @param {ChannelEvent} event */
      rollback: (event) => settle(access, subscription, event, true),
    };
  }

  /**
   * @param {string | Uint8Array | import('./event.js').EventInit} event
   * @returns {Promise<number | undefined>} its EID, when the realm has it
   */
  async publish(event) {
    return this.#access.publish(this.name, event);
  }
}

/**
 * @param {SessionAccess} access
 * @param {QueueSubscription} subscription
 * @param {ChannelEvent} event
 * @param {boolean} isBack
 * @returns {Promise<void>}
 */
async function settle(access, subscription, event, isBack) {
  const ack = subscription.release(event);
  if (ack !== undefined) await access.acknowledge(ack, isBack);
}

/** @implements {AsyncIterableIterator<ChannelEvent>} */
export class QueueReader {
  /** @type {Pipe<ChannelEvent>} */
  #pipe;
  #access;
  #subscription;
  #isPlain;
  /** What the program got last. @type {ChannelEvent | undefined} */
  #last;

  /**
   * @param {string} name
   * @param {SessionAccess} access
   * @param {ReadOptions} [options]
   */
  constructor(name, access, { transactional = false, window, filter, signal } = {}) {
    const size = window ?? (transactional ? WINDOW : PLAIN_WINDOW);
    if (!(Number.isSafeInteger(size) && size > 0)) throw new ArgumentError(`window is ${window}`);
    this.#access = access;
    this.#isPlain = !transactional;
    this.#pipe = new Pipe((event) => this.#onRead(event));
    /** @type {Deferred<void>} */
    const ready = new Deferred();
    /** Resolves when the realm has agreed. */
    this.ready = ready.promise;
    this.ready.catch(() => {}); // the iterator throws it too
    this.#subscription = new QueueSubscription(
      name,
      { window: size, filter },
      {
        event: (event) => this.#pipe.push(event),
        ready: () => ready.resolve(),
        lost: () => this.#onLost(),
        end: (error) => {
          ready.reject(error ?? new ClosedError('the reader was closed'));
          this.#pipe.end(error);
        },
      },
    );
    access.add(this.#subscription);
    signal?.addEventListener('abort', () => this.#abort(signal.reason), { once: true });
    if (signal?.aborted) this.#abort(signal.reason);
  }

  /** @returns {Promise<IteratorResult<ChannelEvent>>} */
  next() {
    return this.#pipe.next();
  }

  /** @returns {Promise<IteratorResult<ChannelEvent>>} what leaving a `for await` calls */
  async return() {
    await this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** This event and those before it are done. @param {ChannelEvent} event */
  commit(event) {
    return settle(this.#access, this.#subscription, event, false);
  }

  /** This event and those before it go back to the queue. @param {ChannelEvent} event */
  rollback(event) {
    return settle(this.#access, this.#subscription, event, true);
  }

  /** Commit all that the program got. */
  async commitAll() {
    if (this.#last) await this.commit(this.#last);
  }

  /** All that the program got and did not commit goes back to the queue. */
  async rollbackAll() {
    if (this.#last) await this.rollback(this.#last);
  }

  /** End the reading; what is not committed goes back to the queue. */
  close() {
    this.#pipe.clear();
    return this.#access.remove(this.#subscription);
  }

  /** @param {ChannelEvent} event */
  #onRead(event) {
    this.#last = event;
    if (!this.#isPlain) return;
    this.commit(event).catch((error) => {
      // On a lost connection it comes again, marked as redelivered; a closed session has nobody to tell.
      if (!(error instanceof StaleError || error instanceof ClosedError)) this.#pipe.end(error);
    });
  }

  /** What waits here comes again; so does what the program got and did not commit. */
  #onLost() {
    this.#pipe.clear();
    this.#last = undefined;
  }

  /** @param {unknown} reason */
  #abort(reason) {
    this.#pipe.clear();
    this.#pipe.end(reason);
    this.#access.remove(this.#subscription);
  }
}
