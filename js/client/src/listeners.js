// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Who wants to know of what. */

import { harmless } from './system.js';

/** @template {string} Name */
export class Listeners {
  /** @type {Map<Name, Set<(argument?: any) => void>>} */
  #all = new Map();

  /**
   * @param {Name} name
   * @param {(argument?: any) => void} listener
   * @returns {() => void} takes the listener away
   */
  add(name, listener) {
    const listeners = this.#all.get(name) ?? new Set();
    this.#all.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** @param {Name} name @param {unknown} [argument] */
  tell(name, argument) {
    for (const listener of [...(this.#all.get(name) ?? [])]) harmless(() => listener(argument));
  }
}
