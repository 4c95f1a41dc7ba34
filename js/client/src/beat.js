// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Many a proxy cuts what is silent for too long. Usual heart-beats are made for limits of 30 s; where
 * one is shorter, the cuts tell how long it is: connections that are lost three times in a row after
 * the same silence. From then on something is said, and answered, twice within it; for a while, as
 * networks change, and then it is tried without. While that is new, what was known counts for two of
 * the three: a limit that is still there costs one connection each time, and one that is not, none.
 */

const CUTS = 3;
/** Quieter than this is no silence. */
const SILENCE_MS = 2_000;
/** More often nobody is bothered, be the limit what it may. */
const LEAST_MS = 5_000;
/** For so long a limit is kept within once it was found, and for so long after that it counts. */
const KEPT_MS = 7 * 24 * 3_600_000;

/** @typedef {{ ms: number, beatMs: number }} IdleLimit how long a silence may be, and what is done about it; beatMs 0: nothing can be */

/** @typedef {import('./targets.js').Limit} Limit */

/** @param {number} limitMs @returns {number} */
function beatFor(limitMs) {
  const every = Math.max(LEAST_MS, Math.floor(limitMs / 2));
  return every < limitMs ? every : 0;
}

export class Beat {
  /** Of the last losses: for so long nothing had passed. @type {number[]} */
  #silences = [];
  #heartbeatMs;
  #remembered;
  /** Too short to be kept within. @type {Limit} */
  #tooShort = { ms: 0, since: 0 };

  /**
   * @param {number} heartbeatMs as usual, each way; 0: the program wants none
   * @param {import('./targets.js').Remembered} remembered
   */
  constructor(heartbeatMs, remembered) {
    this.#heartbeatMs = heartbeatMs;
    this.#remembered = remembered;
  }

  /** How often something has to be said and answered; 0: the usual heart-beats do. */
  get everyMs() {
    const known = this.#remembered.idleLimit;
    return this.#heartbeatMs && this.#ageOf(known) < KEPT_MS ? beatFor(known.ms) : 0;
  }

  /** @returns {IdleLimit | null} */
  get limit() {
    const { ms } = this.#tooShort;
    if (ms && this.#ageOf(this.#tooShort) < KEPT_MS) return { ms, beatMs: 0 };
    return this.everyMs ? { ms: this.#remembered.idleLimit.ms, beatMs: this.everyMs } : null;
  }

  /**
   * A connection is gone that had been made.
   * @param {import('./connection.js').Ending} ending
   */
  lost({ outcome, idleMs, error }) {
    if (outcome !== 'lost' || error) return; // not cut by the path: silent for good, or ended by the realm
    this.#silences = [...this.#silences, idleMs].slice(-CUTS);
    const limitMs = alike(this.#silences) || this.#again(idleMs);
    // After a longer silence the usual heart-beats were late: the machine slept, or the page did.
    if (limitMs === 0 || (this.#heartbeatMs && limitMs > this.#heartbeatMs)) return;
    this.#silences = [];
    const isShort = beatFor(limitMs) === 0 || this.#heartbeatMs === 0;
    const found = { ms: limitMs, since: this.#remembered.today() };
    this.#tooShort = isShort ? found : { ms: 0, since: 0 };
    if (!isShort) this.#remembered.learn(found);
  }

  /** The limit that was tried without, if this is how it cuts; else 0. @param {number} idleMs */
  #again(idleMs) {
    const known = this.#remembered.idleLimit;
    const age = this.#ageOf(known);
    const isTriedWithout = age >= KEPT_MS && age < 2 * KEPT_MS;
    return isTriedWithout ? alike([known.ms, known.ms, idleMs]) : 0;
  }

  /** Of a date to come, too: the clock was set back, and nobody knows how far. @param {Limit} limit */
  #ageOf({ since }) {
    return Math.abs(this.#remembered.today() - since);
  }
}

/** The shortest of them if they agree, else 0. @param {number[]} times */
export function alike(times) {
  const [least, most] = [Math.min(...times), Math.max(...times)];
  const agree = times.length >= CUTS && most - least <= 1000 + least / 20;
  return agree && least >= SILENCE_MS ? least : 0;
}
