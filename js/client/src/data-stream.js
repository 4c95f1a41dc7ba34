// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The data stream of a session: events of data groups, into which others put it (doc/datagroups.md).
 * The realm knows it by an id, which is another one on each connection; groups for everybody have
 * it again by themselves, others when somebody adds it again.
 *
 *     const stream = session.dataStream({ name: 'desk-7', onOpen: (id) => tellOurServer(id) });
 *     for await (const event of stream) console.log(event.channel, event.tag, event.data);
 */

import { ArgumentError, ClosedError, LimitError } from './errors.js';
import { decodeEvent } from './event.js';
import { Pipe } from './pipe.js';
import { Deferred, harmless } from './system.js';

/** @typedef {import('./event.js').ChannelEvent} ChannelEvent */

/** Names no channel: doc/wire.md. */
const DESTINATION = '/$data';

/**
 * @typedef {object} DataStreamOptions
 * @property {string} [name] what it calls itself to those who manage groups
 * @property {(id: string) => void} [onOpen] the realm has made it, under this id: on each connection
 * @property {(event: ChannelEvent) => void} [onEvent] gets the events as they come, in place of the
 *   iterator, which only ends then
 * @property {number} [limit] events that may wait for the reader, default 1000
 * @property {'drop-oldest' | 'fail'} [overflow] what happens beyond, default `drop-oldest`: a data
 *   stream cannot be paused
 * @property {AbortSignal} [signal] ends it
 */

/** What outlives connections. */
export class DataSubscription {
  channel = DESTINATION;
  /** @type {'waiting' | 'asked' | 'live' | 'ended'} */
  #state = 'waiting';
  #on;

  /**
   * @param {string | undefined} name
   * @param {{ event: (event: ChannelEvent) => void, ready: (id: string) => void, end: (error?: Error) => void }} handlers
   */
  constructor(name, handlers) {
    this.terms = { name };
    this.#on = handlers;
  }

  get state() {
    return this.#state;
  }

  /** A new connection would have another one, in other groups. */
  get held() {
    return Number(this.#state === 'live');
  }

  asked() {
    this.#state = 'asked';
  }

  /** @param {{ stream?: string }} receipt */
  accepted({ stream = '' }) {
    if (this.#state !== 'asked') return;
    this.#state = 'live';
    harmless(() => this.#on.ready(stream));
  }

  /** @param {Extract<import('./protocol.js').Happening, { type: 'event' }>} message */
  take(message) {
    if (this.#state === 'live') harmless(() => this.#on.event(decodeEvent(message)));
  }

  lost() {
    if (this.#state !== 'ended') this.#state = 'waiting';
  }

  /** @param {Error} [error] */
  end(error) {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    harmless(() => this.#on.end(error));
  }
}

/** @implements {AsyncIterableIterator<ChannelEvent>} */
export class DataStream {
  /** @type {Pipe<ChannelEvent>} */
  #pipe = new Pipe();
  #access;
  #subscription;
  #id = '';

  /**
   * @param {import('./access.js').SessionAccess} access
   * @param {DataStreamOptions} [options]
   */
  constructor(access, { name, onOpen, onEvent, limit = 1000, overflow, signal } = {}) {
    const fails = overflow === 'fail';
    if (!(Number.isInteger(limit) && limit > 0)) throw new ArgumentError(`limit is ${limit}`);
    if (!fails && overflow !== undefined && overflow !== 'drop-oldest') {
      throw new ArgumentError(`overflow is ${overflow}: 'drop-oldest' or 'fail'`);
    }
    this.#access = access;
    /** @type {Deferred<string>} */
    const ready = new Deferred();
    /** Resolves with the id when the realm has made it for the first time. */
    this.ready = ready.promise;
    this.ready.catch(() => {}); // the iterator throws it too
    this.#subscription = new DataSubscription(name, {
      event: onEvent ?? ((event) => this.#push(event, limit, fails)),
      ready: (id) => {
        this.#id = id;
        ready.resolve(id);
        onOpen?.(id);
      },
      end: (error) => {
        ready.reject(error ?? new ClosedError('the data stream was closed'));
        this.#pipe.end(error);
      },
    });
    access.add(this.#subscription);
    const abort = () => this.#stop(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
  }

  /** What the realm calls it on the present connection, or called it on the last one. */
  get id() {
    return this.#id;
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

  /** It leaves its groups; what waits for the reader is forgotten. */
  close() {
    this.#pipe.clear();
    return this.#access.remove(this.#subscription);
  }

  /** @param {ChannelEvent} event @param {number} limit @param {boolean} fails */
  #push(event, limit, fails) {
    this.#pipe.push(event);
    if (this.#pipe.size <= limit) return;
    if (!fails) {
      this.#pipe.dropOldest();
      return;
    }
    this.#pipe.dropNewest();
    this.#pipe.end(new LimitError(`${limit} events wait and nobody reads them`));
    this.#access.remove(this.#subscription);
  }

  /** @param {unknown} reason */
  #stop(reason) {
    this.#pipe.clear();
    this.#pipe.end(reason);
    this.#access.remove(this.#subscription);
  }
}
