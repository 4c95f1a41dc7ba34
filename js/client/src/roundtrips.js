// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Round trips to the realm and back, asked for in order and answered in order. */

export class RoundTrips {
  /** The last one measured, in milliseconds. @type {number | undefined} */
  latest;
  /** @type {Array<{ at: number, resolve: (ms: number) => void, reject: (error: Error) => void }>} */
  #asked = [];
  #timer;

  /** @param {import('./system.js').Timer} timer */
  constructor(timer) {
    this.#timer = timer;
  }

  get areDue() {
    return this.#asked.length > 0;
  }

  /** @param {() => void} ask @returns {Promise<number>} */
  begin(ask) {
    return new Promise((resolve, reject) => {
      this.#asked.push({ at: this.#timer.now(), resolve, reject });
      ask();
    });
  }

  answered() {
    const first = this.#asked.shift();
    if (!first) return;
    this.latest = Math.round((this.#timer.now() - first.at) * 10) / 10;
    first.resolve(this.latest);
  }

  /** @param {Error} error */
  lost(error) {
    for (const { reject } of this.#asked.splice(0)) reject(error);
  }
}
