// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Many a proxy cuts what is silent for too long. Usual heart-beats are made for limits of 30 s; where
 * one is shorter, the cuts tell how long it is: connections that are lost three times in a row after
 * the same silence. From then on something is said, and answered, twice within it.
 */

const CUTS = 3;
/** Quieter than this is no silence. */
const SILENCE_MS = 2_000;
/** More often nobody is bothered, be the limit what it may. */
const LEAST_MS = 5_000;

/** @typedef {{ ms: number, beatMs: number }} IdleLimit how long a silence may be, and what is done about it; beatMs 0: nothing can be */

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
  /** Too short to be kept within. */
  #tooShortMs = 0;

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
    return this.#heartbeatMs && beatFor(this.#remembered.idleLimitMs);
  }

  /** @returns {IdleLimit | null} */
  get limit() {
    if (this.#tooShortMs) return { ms: this.#tooShortMs, beatMs: 0 };
    return this.everyMs ? { ms: this.#remembered.idleLimitMs, beatMs: this.everyMs } : null;
  }

  /**
   * A connection is gone that had been made.
   * @param {import('./connection.js').Ending} ending
   */
  lost({ outcome, idleMs, error }) {
    if (outcome !== 'lost' || error) return; // not cut by the path: silent for good, or ended by the realm
    this.#silences = [...this.#silences, idleMs].slice(-CUTS);
    const limitMs = alike(this.#silences);
    // After a longer silence the usual heart-beats were late: the machine slept, or the page did.
    if (limitMs === 0 || (this.#heartbeatMs && limitMs > this.#heartbeatMs)) return;
    this.#silences = [];
    const isShort = beatFor(limitMs) === 0 || this.#heartbeatMs === 0;
    this.#tooShortMs = isShort ? limitMs : 0;
    if (!isShort) this.#remembered.learn(limitMs);
  }
}

/** The shortest of them if they agree, else 0. @param {number[]} times */
export function alike(times) {
  const [least, most] = [Math.min(...times), Math.max(...times)];
  const agree = times.length >= CUTS && most - least <= 1000 + least / 20;
  return agree && least >= SILENCE_MS ? least : 0;
}
