// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A transactional publish as the guides describe it: one event, COMMIT when the realm has it. Asked
 * for twice it is published once. After a DISCONNECT in between, isCommitted(true) asks the realm.
 */

import { randomId, systemRandom } from '../system.js';
import { Observe } from './constants.js';
import { CompatEvent } from './event.js';
import { NirvanaException, Observable } from './observable.js';

export class CompatTransaction extends Observable {
  #id = randomId(systemRandom);
  #resource;
  #owner;
  /** @type {CompatEvent | undefined} */
  #event;
  #isCommitted = false;
  #isUnderWay = false;

  /**
   * @param {import('./resource.js').CompatResource} resource
   * @param {import('./resource.js').Owner} owner
   */
  constructor(resource, owner) {
    super(resource);
    this.#resource = resource;
    this.#owner = owner;
  }

  getName() {
    return this.#resource.getName();
  }

  /** @param {unknown} event */
  setEvent(event) {
    this.#event = event instanceof CompatEvent ? event : undefined;
  }

  publishAndCommit() {
    const event = this.#event;
    if (!event) {
      const text = 'setEvent() takes an event made by Nirvana.createEvent()';
      this.#failLater(new NirvanaException('IllegalArgumentException', text, this.getName()));
      return;
    }
    if (this.#isUnderWay) return; // its COMMIT or ERROR is still to come
    try {
      const init = event.toInit();
      this.#isUnderWay = true;
      this.#owner.whenStarted(this, (core) => this.#commit(core, init));
    } catch (error) {
      this.#failLater(error);
    }
  }

  /**
   * Whether the realm has said so; with `queryServer` it is asked, and COMMIT or ERROR follows.
   * @param {unknown} [queryServer]
   */
  isCommitted(queryServer) {
    const core = this.#owner.core();
    if (queryServer && core && !this.#isCommitted && !this.#isUnderWay) this.#query(core);
    return this.#isCommitted;
  }

  /** The realm is asked; COMMIT or ERROR follows. */
  checkCommitStatus() {
    return this.isCommitted(true);
  }

  /**
   * @param {import('../session.js').Session} core
   * @param {import('../event.js').EventInit} init
   */
  #commit(core, init) {
    const committed = async () => {
      const transaction = core.transaction({ id: this.#id });
      return transaction.publish(this.#resource.getName(), init).commit();
    };
    this.#settle(committed());
  }

  /** @param {import('../session.js').Session} core */
  #query(core) {
    const asked = async () => {
      const outcome = await core.transaction({ id: this.#id }).outcome();
      if (outcome === 'committed') return;
      const text = `the realm says of this transaction: ${outcome}`;
      throw new NirvanaException('TransactionNotCommittedException', text, this.getName());
    };
    this.#isUnderWay = true;
    this.#settle(asked());
  }

  /** @param {Promise<void>} done */
  #settle(done) {
    done.then(
      () => {
        this.#isUnderWay = false;
        this.#isCommitted = true;
        this.notify(Observe.COMMIT, this);
      },
      (error) => {
        this.#isUnderWay = false;
        this.fail(error);
      },
    );
  }

  /** @param {unknown} error */
  #failLater(error) {
    queueMicrotask(() => this.fail(error));
  }
}
