// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A data group of the realm in memory: which data streams are in it. */
export class FakeGroup {
  #hasAll;
  /** @type {Set<string>} */
  #members = new Set();
  /** Events so far. */
  published = 0;

  /** @param {boolean} hasAll */
  constructor(hasAll) {
    this.#hasAll = hasAll;
  }

  /** @param {string} id */
  add(id) {
    this.#members.add(id);
  }

  /** @param {string} id */
  remove(id) {
    this.#members.delete(id);
  }

  /** @param {string} id */
  has(id) {
    return this.#hasAll || this.#members.has(id);
  }
}
