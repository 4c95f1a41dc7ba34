// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A queue as the guides describe it, over queue.js. A plain reader has taken an event when its DATA
 * listeners have run; a transactional one says itself what it is done with.
 */

import { ClosedError, StaleError } from '../errors.js';
import { harmless } from '../system.js';
import { Observe } from './constants.js';
import { toNumber } from './dictionary.js';
import { cameAs } from './event.js';
import { CompatResource } from './resource.js';

/** @typedef {import('../event.js').ChannelEvent} ChannelEvent */
/** @typedef {ReturnType<import('../queue.js').Queue['listen']>} Listening */

/** Of a plain reader, which commits by itself: a round trip must not hold it up. */
const PLAIN_WINDOW = 100;
const MAX_WINDOW = 1_000_000;

export class CompatQueue extends CompatResource {
  #isTransactional;
  /** @type {number | undefined} */
  #window;
  /** @type {Listening | undefined} */
  #listening;
  /** What the program got last. @type {ChannelEvent | undefined} */
  #last;

  /**
   * @param {unknown} name
   * @param {import('./observable.js').Observable} session
   * @param {import('./resource.js').Owner} owner
   * @param {boolean} isTransactional
   */
  constructor(name, session, owner, isTransactional) {
    super(name, session, owner);
    this.#isTransactional = isTransactional;
  }

  /** How many events may be out and not committed; before subscribe(). @param {unknown} size */
  setWindowSize(size) {
    const number = Math.floor(toNumber(size));
    this.#window = number > 0 ? Math.min(number, MAX_WINDOW) : undefined;
  }

  /** This event and those before it are done. @param {unknown} event */
  commit(event) {
    this.#settle(cameAs(event), Observe.COMMIT);
  }

  /** All that came and was not committed is done. */
  commitAll() {
    if (this.#last || !this.#isTransactional) this.#settle(this.#last, Observe.COMMIT);
  }

  /** This event and those before it go back to the queue. @param {unknown} event */
  rollback(event) {
    this.#settle(cameAs(event), Observe.ROLLBACK);
  }

  /** All that came and was not committed goes back to the queue. */
  rollbackAll() {
    if (this.#last || !this.#isTransactional) this.#settle(this.#last, Observe.ROLLBACK);
  }

  /** @override @param {ChannelEvent} event */
  deliver(event) {
    this.#last = event;
    const listening = this.#listening;
    super.deliver(event);
    if (this.#isTransactional) return;
    listening?.commit(event).catch((error) => {
      // After a lost connection it comes again, marked as redelivered.
      if (!(error instanceof StaleError || error instanceof ClosedError)) this.fail(error);
    });
  }

  /**
   * @override
   * @param {import('../session.js').Session} core
   * @param {import('./resource.js').Handlers} handlers
   * @param {string} filter
   */
  listen(core, handlers, filter) {
    const window = this.#window ?? (this.#isTransactional ? undefined : PLAIN_WINDOW);
    const lost = () => (this.#last = undefined);
    const queue = core.queue(this.getName());
    this.#listening = queue.listen({ ...handlers, lost }, { window, filter });
    return this.#listening;
  }

  /** @override */
  keepPlace() {
    this.forgetPlace();
  }

  /** @override */
  forgetPlace() {
    this.#last = undefined;
  }

  /**
   * @param {ChannelEvent | undefined} event
   * @param {'COMMIT' | 'ROLLBACK'} observable
   */
  #settle(event, observable) {
    if (!this.#isTransactional) {
      const text = 'this reader is not transactional: it is made by getQueue(name, true)';
      this.failLater(text, 'IllegalStateException');
      return;
    }
    if (!event || !this.#listening) {
      this.failLater('this is no event that came from this queue');
      return;
    }
    const isBack = observable === Observe.ROLLBACK;
    const settling = isBack ? this.#listening.rollback(event) : this.#listening.commit(event);
    settling.then(
      () => harmless(() => this.notify(observable, this)),
      (error) => this.fail(error),
    );
  }
}
