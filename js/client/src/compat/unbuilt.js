// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Parts of the documented API that are not built yet. They can be asked for, so that a program
 * comes as far as its own ERROR listener; each request ends there, with the
 * UnsupportedOperationException that says so.
 */

import { Observable } from './observable.js';

export class Queue extends Observable {
  #name;

  /**
   * @param {unknown} name
   * @param {Observable} session
   */
  constructor(name, session) {
    super(session);
    this.#name = String(name ?? '');
  }

  getName() {
    return this.#name;
  }

  isSubscribed() {
    return false;
  }
}

for (const request of [
  ...['subscribe', 'unsubscribe', 'publish', 'setFilter', 'setWindowSize'],
  ...['commit', 'commitAll', 'rollback', 'rollbackAll'],
]) {
  Object.assign(Queue.prototype, {
    /** @this {Queue} */
    [request]() {
      this.failUnsupported('queues are');
    },
  });
}

export class Transaction extends Observable {
  /** Nothing is sent before publishAndCommit. */
  setEvent() {}

  publishAndCommit() {
    this.failUnsupported('transactions are');
  }
}
