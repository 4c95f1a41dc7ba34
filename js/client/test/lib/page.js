// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A window and its document, which hear what a test says. */

class FakePlace {
  /** @type {Map<string, Set<(event: any) => void>>} */
  #listeners = new Map();

  /** @param {string} name @param {(event: any) => void} listener */
  addEventListener(name, listener) {
    this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener));
  }

  /** @param {string} name @param {(event: any) => void} listener */
  removeEventListener(name, listener) {
    this.#listeners.get(name)?.delete(listener);
  }

  /** @param {string} name */
  hear(name, event = {}) {
    for (const listener of this.#listeners.get(name) ?? []) listener(event);
  }

  get listening() {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

export class FakePage extends FakePlace {
  document = Object.assign(new FakePlace(), { visibilityState: 'visible' });
}
