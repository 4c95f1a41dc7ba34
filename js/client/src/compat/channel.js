// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A channel as the guides describe it, over channel.js. */

import { ClosedError, ConnectError } from '../errors.js';
import { Observe } from './constants.js';
import { CompatEvent } from './event.js';
import { Observable, NirvanaException } from './observable.js';
import { Transaction } from './unbuilt.js';

/** @typedef {import('../session.js').Session} Session */
/** @typedef {ReturnType<import('../channel.js').Channel['listen']>} Listening */

/**
 * What a channel needs from its compatible session.
 * @typedef {object} Owner
 * @property {() => Session | undefined} core the session underneath, while it is started
 * @property {(channel: CompatChannel, event: import('../event.js').EventInit) => void} wait publish after start
 */

export class CompatChannel extends Observable {
  #name;
  #owner;
  #filter = '';
  #startEid = 0;
  /**
   * - `no` · `asked`: by the program · `carried`: over from before a stop, until the program asks
   * @type {'no' | 'asked' | 'carried'}
   */
  #wanted = 'no';
  /** @type {Listening | undefined} */
  #listening;
  /** Where to go on after a stop. @type {import('../protocol.js').Position | undefined} */
  #resume;
  #isLive = false;

  /**
   * @param {unknown} name as the program wrote it
   * @param {Observable} session
   * @param {Owner} owner
   */
  constructor(name, session, owner) {
    super(session);
    this.#name = String(name ?? '');
    this.#owner = owner;
  }

  getName() {
    return this.#name;
  }

  isSubscribed() {
    return this.#isLive;
  }

  /** @param {unknown} selector */
  setFilter(selector) {
    this.#filter = String(selector ?? '').trim();
  }

  /** @param {unknown} eid the first event wanted; 0: all that is stored */
  setStartEID(eid) {
    const number = Math.floor(Number(eid));
    this.#startEid = Number.isSafeInteger(number) && number > 0 ? number : 0;
  }

  /** @param {{ filter?: unknown }} [options] of the older generation */
  subscribe(options) {
    if (options?.filter) this.setFilter(options.filter);
    if (this.#filter) {
      this.failUnsupported('selectors (setFilter) are');
      return;
    }
    if (this.#wanted === 'asked') return;
    this.#wanted = 'asked';
    this.#resume = undefined;
    this.#listening?.close();
    this.#listening = undefined;
    this.attach(this.#owner.core());
  }

  unsubscribe() {
    const listening = this.#listening;
    this.#wanted = 'no';
    this.#listening = undefined;
    this.#isLive = false;
    this.#resume = undefined;
    listening?.close().then(() => this.notify(Observe.UNSUBSCRIBE, this));
  }

  /** @param {unknown} event */
  publish(event) {
    const init = event instanceof CompatEvent ? event.toInit() : { data: event };
    if (!(event instanceof CompatEvent) && typeof event !== 'string') {
      const text = 'publish() takes an event made by Nirvana.createEvent()';
      const exception = new NirvanaException('IllegalArgumentException', text, this.#name);
      queueMicrotask(() => this.fail(exception));
      return;
    }
    const core = this.#owner.core();
    if (core) this.publishTo(core, /** @type {any} */ (init));
    else this.#owner.wait(this, /** @type {any} */ (init));
  }

  createTransaction() {
    return new Transaction(this);
  }

  /**
   * @param {Session} core
   * @param {import('../event.js').EventInit} init
   */
  publishTo(core, init) {
    const published = async () => core.channel(this.#name).publish(init);
    published().then(
      () => this.notify(Observe.PUBLISH, 'OK', this),
      (error) => this.fail(error),
    );
  }

  /**
   * The session has been started.
   * @param {Session | undefined} core
   */
  attach(core) {
    if (!core || this.#wanted === 'no') return;
    const start = this.#startEid > 0 ? this.#startEid : /** @type {const} */ ('stored');
    try {
      this.#listening = this.#listen(core, this.#resume ?? { from: start });
    } catch (error) {
      this.#wanted = 'no';
      queueMicrotask(() => this.fail(error));
    }
  }

  /** The session is stopped: what was subscribed goes on after the next start. */
  detach() {
    const position = this.#listening?.position;
    if (typeof position?.from === 'number') this.#resume = position;
    if (this.#wanted === 'asked') this.#wanted = 'carried';
    this.#listening = undefined;
    this.#isLive = false;
  }

  /**
   * @param {Session} core
   * @param {import('../protocol.js').Position} position
   */
  #listen(core, position) {
    const isMine = () => this.#listening === listening;
    const listening = core.channel(this.#name).listen(
      {
        event: (event) => {
          if (isMine()) this.notify(Observe.DATA, CompatEvent.from(event, this.#name));
        },
        ready: () => {
          if (isMine()) this.#onReady();
        },
        end: (error) => {
          if (isMine()) this.#onEnd(error);
        },
      },
      position,
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
}
