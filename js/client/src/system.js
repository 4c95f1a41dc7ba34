// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What a session takes from its surroundings unless the caller hands in something else. */

/**
 * @typedef {object} Timer
 * @property {() => number} now milliseconds, never going back
 * @property {(run: () => void, ms: number) => any} set
 * @property {(id: any) => void} clear
 */

/** @type {Timer} */
export const systemTimer = {
  now: () => performance.now(),
  set: (run, ms) => setTimeout(run, ms),
  clear: (id) => clearTimeout(id),
};

/** What day it is, unlike a timer's time in every session; it may be set, also back. */
export const systemDate = () => Date.now();

/**
 * A number in [0, 1), from the good source where there is one: publish ids are made of it.
 * @returns {number}
 */
export function systemRandom() {
  const crypto = globalThis.crypto;
  if (!crypto?.getRandomValues) return Math.random();
  return crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32;
}

/**
 * 128 bits of a random source as 32 hexadecimal digits.
 * @param {() => number} random
 */
export function randomId(random) {
  const word = () => Math.floor(random() * 2 ** 32);
  return Array.from({ length: 4 }, () => word().toString(16).padStart(8, '0')).join('');
}

/**
 * Run somebody else's function: what it throws is reported on the console and harms nobody.
 * @param {(() => void) | undefined} run
 */
export function harmless(run) {
  try {
    run?.();
  } catch (error) {
    console.error('wayleave: a listener failed:', error);
  }
}

/** A promise and its two ends. @template T */
export class Deferred {
  constructor() {
    /** @type {(value: T) => void} */
    this.resolve = () => {};
    /** @type {(error: Error) => void} */
    this.reject = () => {};
    /** @type {Promise<T>} */
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
