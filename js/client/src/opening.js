// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A session that is made and opened, or given up. */

/** @typedef {import('./session.js').Session} Session */

/**
 * @param {() => Session} make
 * @param {AbortSignal} [signal] gives up while it is still connecting
 * @returns {Promise<Session>}
 */
export async function opened(make, signal) {
  signal?.throwIfAborted();
  const session = make();
  const giveUp = () => session.close();
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    return await session.open();
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}
