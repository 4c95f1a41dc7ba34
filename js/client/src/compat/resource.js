// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What channels and queues of the guides have in common: they are subscribed to, or published to. */

import { ClosedError, ConnectError } from '../errors.js';
import { Observe } from './constants.js';
import { toText } from './dictionary.js';
import { CompatEvent } from './event.js';
import { NirvanaException, Observable } from './observable.js';
import { CompatTransaction } from './transaction.js';

/** @typedef {import('../session.js').Session} Session */
/** @typedef {import('../event.js').ChannelEvent} ChannelEvent */
/** @typedef {{ close: () => Promise<void> }} Listening */

/**
 * What a resource needs from its compatible session.
 * @typedef {object} Owner
 * @property {() => Session | undefined} core the session underneath, while it is started
 * @property {(resource: Observable, run: (core: Session) => void) => void} whenStarted
 */

/** @typedef {{ event: (event: ChannelEvent) => void, ready: () => void, end: (error?: Error) => void }} Handlers */

/** @abstract */
export class CompatResource extends Observable {
  #name;
  #owner;
  #filter = '';
  /**
   * - `no` · `asked`: by the program · `carried`: over from before a stop, until the program asks
   * @type {'no' | 'asked' | 'carried'}
   */
  #wanted = 'no';
  /** @type {Listening | undefined} */
  #listening;
  #isLive = false;

  /**
   * @param {unknown} name as the program wrote it
   * @param {Observable} session
   * @param {Owner} owner
   */
  constructor(name, session, owner) {
    super(session);
    this.#name = toText(name);
    this.#owner = owner;
  }

  getName() {
    return this.#name;
  }

  isSubscribed() {
    return this.#isLive;
  }

  /** Before subscribe(). @param {unknown} selector */
  setFilter(selector) {
    this.#filter = toText(selector).trim();
  }

  /** @param {{ filter?: unknown } | null} [options] of the older generation */
  subscribe(options) {
    if (options?.filter) this.setFilter(options.filter);
    if (this.#wanted === 'asked') return;
    const isCarried = this.#wanted === 'carried';
    this.#wanted = 'asked';
    this.forgetPlace();
    if (isCarried) this.#listening?.close();
    this.#listening = undefined;
    this.attach(this.#owner.core());
  }

  unsubscribe() {
    const listening = this.#listening;
    this.#wanted = 'no';
    this.#listening = undefined;
    this.#isLive = false;
    this.forgetPlace();
    listening?.close().then(() => this.notify(Observe.UNSUBSCRIBE, this));
  }

  /** @param {unknown} event */
  publish(event) {
    if (!(event instanceof CompatEvent) && typeof event !== 'string') {
      this.failLater('publish() takes an event made by Nirvana.createEvent()');
      return;
    }
    try {
      const init = event instanceof CompatEvent ? event.toInit() : { data: event };
      this.#owner.whenStarted(this, (core) => this.#publishTo(core, init));
    } catch (error) {
      queueMicrotask(() => this.fail(error)); // a dictionary that cannot travel
    }
  }

  createTransaction() {
    return new CompatTransaction(this, this.#owner);
  }

  /**
   * The session has been started.
   * @param {Session | undefined} core
   */
  attach(core) {
    if (!core || this.#wanted === 'no') return;
    try {
      this.#listening = this.#listen(core);
    } catch (error) {
      this.#wanted = 'no';
      queueMicrotask(() => this.fail(error));
    }
  }

  /** The session is stopped: what was subscribed goes on after the next start. */
  detach() {
    this.keepPlace();
    if (this.#wanted === 'asked') this.#wanted = 'carried';
    this.#listening = undefined;
    this.#isLive = false;
  }

  /**
   * @param {string} text what is wrong with what the program gave
   * @param {string} [name]
   */
  failLater(text, name = 'IllegalArgumentException') {
    const exception = new NirvanaException(name, text, this.#name);
    queueMicrotask(() => this.fail(exception));
  }

  /** @param {ChannelEvent} event */
  deliver(event) {
    this.notify(Observe.DATA, CompatEvent.from(event, this.#name));
  }

  /**
   * @abstract
   * @param {Session} _core
   * @param {Handlers} _handlers
   * @param {string} _filter
   * @returns {Listening}
   */
  listen(_core, _handlers, _filter) {
    throw new Error('each kind has its own');
  }

  /** Where to go on after a stop, for those that have a place. */
  keepPlace() {}

  forgetPlace() {}

  /** @param {Session} core */
  #listen(core) {
    const isMine = () => this.#listening === listening;
    const listening = this.listen(
      core,
      {
        event: (event) => isMine() && this.deliver(event),
        ready: () => isMine() && this.#onReady(),
        end: (error) => isMine() && this.#onEnd(error),
      },
      this.#filter,
    );
    return listening;
  }

  #onReady() {
    const wasLive = this.#isLive;
    this.#isLive = true;
    if (!wasLive) this.notify(Observe.SUBSCRIBE, this);
  }

  /** @param {Error} [error] */
  #onEnd(error) {
    if (error instanceof ClosedError || error instanceof ConnectError) return; // the session says so
    this.#wanted = 'no';
    this.#listening = undefined;
    this.#isLive = false;
    if (error) this.fail(error);
  }

  /**
   * Channels and queues are published to alike.
   * @param {Session} core
   * @param {import('../event.js').EventInit} init
   */
  #publishTo(core, init) {
    const published = async () => core.channel(this.#name).publish(init);
    published().then(
      () => this.notify(Observe.PUBLISH, 'OK', this),
      (error) => this.fail(error),
    );
  }
}
