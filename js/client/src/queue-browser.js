// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A look into a queue: the events that are in it now and that no reader has, in order. Nothing is
 * taken, so there is nothing to commit.
 *
 *     for await (const job of session.queue('/jobs').browse()) console.log(job.eid, job.data);
 *
 * It is what one connection saw: when that is lost before the first event it is looked again, later
 * the iterator throws, since the queue is another by then.
 */

import { ArgumentError, ClosedError } from './errors.js';
import { decodeEvent } from './event.js';
import { Pipe } from './pipe.js';

/** @typedef {import('./event.js').ChannelEvent} ChannelEvent */
/** @typedef {import('./access.js').SessionAccess} SessionAccess */

/**
 * @typedef {object} BrowseOptions
 * @property {string} [filter] a selector: which events (doc/selectors.md)
 * @property {number} [limit] events after which the look is over; default 1000. It is also the bound
 *   of what waits here
 * @property {AbortSignal} [signal] ends it
 */

/** @implements {AsyncIterableIterator<ChannelEvent>} */
export class QueueBrowser {
  /** @type {Pipe<ChannelEvent>} */
  #pipe = new Pipe();
  #access;
  #look;

  /**
   * @param {string} name
   * @param {SessionAccess} access
   * @param {BrowseOptions} [options]
   */
  constructor(name, access, { filter, limit = 1000, signal } = {}) {
    if (!(Number.isSafeInteger(limit) && limit > 0)) throw new ArgumentError(`limit is ${limit}`);
    this.#access = access;
    this.#look = new Look(name, filter, limit, {
      event: (event) => this.#pipe.push(event),
      over: (error) => this.#onOver(error),
      end: (error) => this.#pipe.end(error),
    });
    access.add(this.#look);
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

  /** Look no further; what is queued here is forgotten. */
  close() {
    this.#pipe.clear();
    return this.#access.remove(this.#look);
  }

  /** The iterator ends with what came, and the realm need not remember it. @param {Error} [error] */
  #onOver(error) {
    this.#pipe.end(error);
    this.#access.remove(this.#look);
  }

  /** @param {unknown} reason */
  #abort(reason) {
    this.#pipe.clear();
    this.#pipe.end(reason);
    this.#access.remove(this.#look);
  }
}

/** What the session knows of it. */
export class Look {
  /** @type {'waiting' | 'asked' | 'live' | 'ended'} */
  #state = 'waiting';
  #left;
  #on;
  #hasBegun = false;

  /**
   * @param {string} channel the queue's name
   * @param {string | undefined} filter
   * @param {number} limit
   * @param {{ event: (event: ChannelEvent) => void, over: (error?: Error) => void, end: (error?: Error) => void }} handlers
   */
  constructor(channel, filter, limit, handlers) {
    this.channel = channel;
    this.terms = { isBrowse: true, filter };
    this.#left = limit;
    this.#on = handlers;
  }

  get state() {
    return this.#state;
  }

  /** On another connection it would be another look. */
  get held() {
    return this.#state === 'asked' || this.#state === 'live' ? 1 : 0;
  }

  asked() {
    this.#state = 'asked';
  }

  /** Its RECEIPT came. @param {{ epoch?: string }} receipt */
  accepted({ epoch }) {
    if (this.#state !== 'asked') return;
    this.#state = 'live';
    // Only channels have one: the realm took it for a subscription, which would never end.
    if (epoch !== undefined)
      this.#over(new ArgumentError(`${this.channel} is a channel, no queue`));
  }

  /** @param {Extract<import('./protocol.js').Happening, { type: 'event' }>} message */
  take(message) {
    if (this.#state !== 'asked' && this.#state !== 'live') return;
    if (message.headers.get('browser') === 'end') {
      this.#over();
      return;
    }
    this.#hasBegun = true;
    this.#on.event(decodeEvent(message));
    if (--this.#left === 0) this.#over();
  }

  lost() {
    if (this.#state !== 'asked' && this.#state !== 'live') return;
    this.#state = 'waiting';
    const text = 'the connection was lost in the middle of the look: look again';
    if (this.#hasBegun) this.#over(new ClosedError(text));
  }

  /** By the reader, by a refusal, or with the session. @param {Error} [error] */
  end(error) {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#on.end(error);
  }

  /** @param {Error} [error] */
  #over(error) {
    this.#state = 'ended';
    this.#on.over(error);
  }
}
