// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A clock that goes only when it is wound, and lets promises settle at each of its steps. */

/** Let everything that can happen now happen. */
export async function settle() {
  for (let turn = 0; turn < 20; turn++) await null;
}

/** Dice that always fall alike. @param {number} seed @returns {() => number} in [0, 1) */
export function diceOf(seed) {
  let state = (seed % 2147483646) + 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** @implements {Timer} @typedef {import('../../src/system.js').Timer} Timer */
export class FakeClock {
  #now = 0;
  #count = 0;
  /** @type {Map<number, { at: number, run: () => void }>} */
  #alarms = new Map();

  now = () => this.#now;

  /** @param {() => void} run @param {number} ms */
  set = (run, ms) => {
    const id = ++this.#count;
    this.#alarms.set(id, { at: this.#now + Math.max(0, ms), run });
    return id;
  };

  /** @param {any} id */
  clear = (id) => {
    this.#alarms.delete(id);
  };

  get alarms() {
    return this.#alarms.size;
  }

  /** @param {number} ms */
  async advance(ms) {
    const until = this.#now + ms;
    await settle();
    for (let next = this.#next(until); next; next = this.#next(until)) {
      const [id, { at, run }] = next;
      this.#alarms.delete(id);
      this.#now = at;
      run();
      await settle();
    }
    this.#now = until;
  }

  /** @param {number} until */
  #next(until) {
    const due = [...this.#alarms].filter(([, { at }]) => at <= until);
    return due.sort(([a, one], [b, other]) => one.at - other.at || a - b)[0];
  }
}
