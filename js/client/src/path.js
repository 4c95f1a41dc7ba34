// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The account of how a session got to its realm, or did not: every attempt, what is in use, and one
 * sentence for a person with the likely cause (causes.js).
 */

import { explain } from './causes.js';

/**
 * @typedef {object} Attempt
 * @property {string} url
 * @property {string} driver
 * @property {'trying' | 'connected' | import('./connection.js').Outcome} outcome
 * @property {number} ms until then; so far, where it is still being tried
 * @property {string} [detail] what the driver or the realm said
 * @property {import('./connection.js').Outcome} [ended] how a connection ended that had been made
 * @property {number} [lastedMs] and after how long
 * @property {number} [idleMs] of these, at the end, nothing had passed
 */

/**
 * @typedef {object} PathReport
 * @property {Attempt[]} attempts in the order in which they began, the last 32
 * @property {{ url: string, driver: string, ms: number } | null} inUse
 * @property {import('./beat.js').IdleLimit | null} idleLimit of something on the way, as far as it is known
 * @property {string} sentence
 */

const KEPT = 32;

export class Path {
  /** @type {Attempt[]} */
  #attempts = [];
  /** When those began that are still being tried. @type {Map<Attempt, number>} */
  #begun = new Map();
  /** @type {Attempt | null} */
  #current = null;
  /** Attempts since the last connection ended. */
  #fresh = 0;
  #beat;

  /** @param {{ limit: import('./beat.js').IdleLimit | null }} [beat] */
  constructor(beat = { limit: null }) {
    this.#beat = beat;
  }

  /**
   * @param {{ url: string, driver: { name: string } }} target
   * @param {number} now
   * @returns {Attempt}
   */
  begin({ url, driver }, now) {
    /** @type {Attempt} */
    const attempt = { url, driver: driver.name, outcome: 'trying', ms: 0 };
    this.#begun.set(attempt, now);
    this.#attempts.push(attempt);
    this.#fresh = Math.min(this.#fresh + 1, KEPT);
    if (this.#attempts.length > KEPT) this.#attempts.shift();
    return attempt;
  }

  /**
   * @param {Attempt} attempt
   * @param {{ outcome: Attempt['outcome'], ms: number, detail?: string }} ending
   */
  end(attempt, { outcome, ms, detail }) {
    this.#begun.delete(attempt);
    Object.assign(attempt, { outcome, ms }, detail && { detail });
  }

  /** @param {Attempt} attempt that is connected */
  use(attempt) {
    this.#current = attempt;
  }

  /**
   * The end of a connection that had been made.
   * @param {Attempt} attempt
   * @param {{ outcome: import('./connection.js').Outcome, ms?: number, idleMs?: number }} ending
   */
  leave(attempt, { outcome, ms, idleMs }) {
    Object.assign(attempt, { ended: outcome, lastedMs: ms, idleMs });
    if (attempt !== this.#current) return;
    this.#current = null;
    this.#fresh = 0;
  }

  /** @param {number} now @returns {PathReport} */
  report(now) {
    const attempts = this.#attempts.map((attempt) => {
      const begun = this.#begun.get(attempt);
      return begun === undefined ? { ...attempt } : { ...attempt, ms: Math.round(now - begun) };
    });
    const current = this.#current;
    const inUse = current && { url: current.url, driver: current.driver, ms: current.ms };
    const fresh = this.#fresh ? attempts.slice(-this.#fresh) : [];
    const idleLimit = this.#beat.limit;
    const sentence = explain(attempts, fresh, inUse, idleLimit);
    return { attempts, inUse, idleLimit, sentence };
  }
}
