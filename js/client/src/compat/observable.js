// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Listeners as the guides have them. An ERROR goes to the listeners of the resource; where it has
 * none, to those of what it belongs to; in the end to the console: no error is swallowed.
 */

import { WayleaveError } from '../errors.js';
import { harmless } from '../system.js';
import { Observe } from './constants.js';

/** An exception as programs read it: `name`, `message`, `resourceName`. */
export class NirvanaException extends Error {
  /**
   * @param {string} name
   * @param {string} message
   * @param {string} [resourceName]
   */
  constructor(name, message, resourceName = '') {
    super(message);
    this.name = name;
    this.resourceName = resourceName;
  }
}

/** @type {Record<string, string>} */
const NAMES = {
  'connect-failed': 'SessionNotConnectedException',
  closed: 'SessionNotConnectedException',
  limit: 'LimitException',
  argument: 'IllegalArgumentException',
  stale: 'IllegalStateException',
  aborted: 'TransactionNotCommittedException',
};

/**
 * @param {unknown} error
 * @param {string} [resourceName]
 */
export function toException(error, resourceName) {
  if (error instanceof NirvanaException) return error;
  const { code, word, message } = /** @type {any} */ (error ?? {});
  const known = error instanceof WayleaveError ? word || NAMES[code] : undefined;
  return new NirvanaException(known ?? 'Exception', message ?? String(error), resourceName);
}

export class Observable {
  /** @type {Map<unknown, Array<Function>>} */
  #listeners = new Map();
  /** @type {Observable | undefined} */
  #parent;

  /** The guide's own listeners take one argument and read this of it: the last error's text. */
  message = '';

  /** @param {Observable} [parent] gets the errors that nobody here listens for */
  constructor(parent) {
    this.#parent = parent;
    Object.defineProperty(this, 'message', { enumerable: false });
  }

  /** @param {unknown} observable @param {unknown} listener */
  on(observable, listener) {
    if (typeof listener !== 'function') return;
    const listeners = this.#listeners.get(observable) ?? [];
    this.#listeners.set(observable, [...listeners, listener]);
  }

  /** @param {unknown} observable @param {unknown} listener */
  removeListener(observable, listener) {
    const listeners = this.#listeners.get(observable) ?? [];
    const rest = listeners.filter((other) => other !== listener);
    this.#listeners.set(observable, rest);
  }

  /**
   * @param {string} observable
   * @param {...unknown} parameters
   * @returns {boolean} whether anybody listened
   */
  notify(observable, ...parameters) {
    const listeners = this.#listeners.get(observable) ?? [];
    for (const listener of listeners) harmless(() => listener.apply(this, parameters));
    return listeners.length > 0;
  }

  /**
   * @param {unknown} error
   * @param {Observable} [resource] that it happened to
   */
  fail(error, resource = this) {
    const named = /** @type {any} */ (resource);
    const exception = toException(error, named.getName?.());
    named.message = exception.message;
    if (this.notify(Observe.ERROR, resource, exception)) return;
    if (this.#parent) this.#parent.fail(exception, resource);
    else console.error(`wayleave: ${exception.name}: ${exception.message}`);
  }
}
