// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * What channels, queues and transactions may do with their session: ask for something that outlives
 * connections, and have it sent at once where there is one.
 */

import { ClosedError } from './errors.js';
import { encodeEvent } from './event.js';
import { Query } from './transaction.js';

/** @typedef {import('./subscriptions.js').AnySubscription} AnySubscription */
/** @typedef {import('./subscription.js').Subscription} Subscription */

/**
 * @typedef {object} SessionParts
 * @property {import('./subscriptions.js').Subscriptions} subscriptions
 * @property {import('./outbox.js').Outbox} outbox
 * @property {() => void} flush
 * @property {() => boolean} isOver
 * @property {(run: () => void, ms: number) => void} later
 */

/** @typedef {ReturnType<typeof accessTo>} SessionAccess */

/** @param {SessionParts} session */
export function accessTo({ subscriptions, outbox, flush, isOver, later }) {
  /** @type {<T>(run: () => T) => T} */
  const andFlush = (run) => {
    const result = run();
    flush();
    return result;
  };
  /** @type {<T>(run: () => T) => T} */
  const ifOpen = (run) => {
    if (isOver()) throw new ClosedError();
    return andFlush(run);
  };
  return {
    later,
    nextId: () => outbox.nextId(),
    /** @param {AnySubscription} one */
    add: (one) => ifOpen(() => subscriptions.add(one)),
    /** @param {AnySubscription} one */
    remove: (one) => andFlush(() => subscriptions.remove(one)),
    /** @param {Subscription} one */
    pause: (one) => andFlush(() => subscriptions.pause(one)),
    /** @param {Subscription} one */
    resume: (one) => andFlush(() => subscriptions.resume(one)),
    /** The reader of a durable subscription has this event and all before. @param {Subscription} one @param {import('./event.js').ChannelEvent} event */
    done: (one, event) => andFlush(() => subscriptions.done(one, event)),
    /** @param {string} ack @param {boolean} isBack @returns {Promise<void>} */
    acknowledge: (ack, isBack) => ifOpen(() => subscriptions.acknowledge(ack, isBack)),
    /** @param {string} channel @param {string} durable @returns {Promise<void>} */
    forget: (channel, durable) => ifOpen(() => subscriptions.forget(channel, durable)),
    /**
     * @param {string} to
     * @param {string | Uint8Array | import('./event.js').EventInit} event
     * @returns {Promise<number | undefined>}
     */
    publish: (to, event) => ifOpen(() => outbox.add(to, encodeEvent(event))),
    /** @param {import('./outbox.js').Entry} entry @returns {Promise<any>} */
    run: async (entry) => ifOpen(() => outbox.run(entry)),
    /** @param {string} commitId @returns {Promise<string>} */
    query: async (commitId) => ifOpen(() => outbox.run(new Query(outbox.nextId(), commitId))),
  };
}
