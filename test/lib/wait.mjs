// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Waiting for something to become so: bounded, and over as soon as it is so. */

const LONG = 30_000;

/**
 * @template T
 * @param {string} what ends the sentence "waited in vain: "
 * @param {() => T | Promise<T>} look
 * @param {{ ms?: number, seen?: () => unknown }} [options] `seen`: what there was instead
 * @returns {Promise<T>} the first truthy answer
 */
export async function until(what, look, { ms = LONG, seen } = {}) {
  const end = performance.now() + ms;
  for (let pause = 5; ; pause = Math.min(pause * 1.5, 100)) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end) {
      const instead = seen ? `; there was: ${JSON.stringify(await seen())}` : '';
      throw new Error(`waited in vain: ${what}${instead}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/**
 * A promise, but not for ever.
 * @template T
 * @param {string} what
 * @param {Promise<T>} promise
 * @param {number} [ms]
 * @returns {Promise<T>}
 */
export function within(what, promise, ms = LONG) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
