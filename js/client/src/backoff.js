// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** How long to wait between attempts. The dice are handed in: a test knows what they show. */

/**
 * How long to wait before reconnect number `attempt` (from 0): exponential, capped, full jitter.
 * @param {number} attempt
 * @param {{ baseMs?: number, maxMs?: number, random?: () => number }} [options]
 * @returns {number} milliseconds
 */
export function backoff(attempt, { baseMs = 250, maxMs = 30_000, random = Math.random } = {}) {
  const ceiling = Math.min(maxMs, baseMs * 2 ** attempt);
  return Math.floor(random() * ceiling);
}

/**
 * How long to stay with what works, but not well, before something better is tried for the
 * `attempt`th time (from 0): from half a minute to ten, of which half is left to the dice.
 * @param {number} attempt
 * @param {{ random?: () => number }} [options]
 * @returns {number} milliseconds
 */
export function patience(attempt, { random = Math.random } = {}) {
  const ceiling = Math.min(600_000, 30_000 * 2 ** attempt);
  return Math.floor(ceiling / 2 + (random() * ceiling) / 2);
}
