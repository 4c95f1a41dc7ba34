// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Between who pushes and who reads: a queue of values, of readers that wait, and an end. */

/** @template T */
export class Pipe {
  /** @type {T[]} */
  #values = [];
  /** @type {Array<{ resolve: (result: IteratorResult<T>) => void, reject: (error: unknown) => void }>} */
  #readers = [];
  #isEnded = false;
  /** @type {unknown} thrown once, after the values */
  #error;
  #onRead;

  /** @param {(value: T) => void} [onRead] a reader gets this now */
  constructor(onRead = () => {}) {
    this.#onRead = onRead;
  }

  /** How many wait for a reader. */
  get size() {
    return this.#values.length;
  }

  /** @param {T} value */
  push(value) {
    const reader = this.#readers.shift();
    if (!reader) {
      this.#values.push(value);
      return;
    }
    this.#onRead(value);
    reader.resolve({ done: false, value });
  }

  dropOldest() {
    this.#values.shift();
  }

  dropNewest() {
    this.#values.pop();
  }

  clear() {
    this.#values = [];
  }

  /** @returns {Promise<IteratorResult<T>>} */
  next() {
    if (this.#values.length > 0) {
      const value = /** @type {T} */ (this.#values.shift());
      this.#onRead(value);
      return Promise.resolve({ done: false, value });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** @param {unknown} [error] for one reader; the others are at the end */
  end(error) {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const readers = this.#readers.splice(0);
    const [first] = readers;
    if (error !== undefined && first) first.reject(error);
    else this.#error = error;
    for (const reader of error !== undefined ? readers.slice(1) : readers) {
      reader.resolve({ done: true, value: undefined });
    }
  }
}
