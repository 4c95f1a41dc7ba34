// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A channel of a session: a name to publish to and to subscribe to. */

import { ArgumentError } from './errors.js';
import { EventStream } from './stream.js';
import { Subscription } from './subscription.js';

/**
 * `fx` and `/fx` are the same channel.
 * @param {unknown} name
 */
export function channelName(name) {
  const text = String(name ?? '').trim();
  if (text === '' || text === '/') throw new ArgumentError('a channel needs a name');
  return text.startsWith('/') ? text : `/${text}`;
}

export class Channel {
  #access;

  /**
   * @param {string} name
   * @param {import('./access.js').SessionAccess} access
   */
  constructor(name, access) {
    /** @readonly */
    this.name = name;
    this.#access = access;
  }

  /**
   * Events of this channel, as an async iterator. It may be called before there is a connection.
   * @param {import('./stream.js').SubscribeOptions} [options]
   */
  subscribe(options) {
    return new EventStream(this.name, this.#access, options);
  }

  /**
   * The same with callbacks and without a queue: each event is passed on as it comes.
   * @param {import('./subscription.js').SubscriptionHandlers} handlers
   * @param {import('./protocol.js').Position & { filter?: string, deltas?: boolean }} [wanted]
   */
  listen(handlers, wanted = { from: 'now' }) {
    const access = this.#access;
    const subscription = new Subscription(this.name, wanted, handlers);
    access.add(subscription);
    return {
      /** @returns {Promise<void>} resolved when no event is on its way any more */
      close: () => access.remove(subscription),
      /** Where it would begin if it began again. */
      get position() {
        return subscription.position;
      },
    };
  }

  /**
   * Nobody goes on with the durable subscription of this name: its place need not be kept.
   * @param {string} durable
   */
  async forget(durable) {
    await this.#access.forget(this.name, durable);
  }

  /**
   * @param {string | Uint8Array | import('./event.js').EventInit} event
   * @returns {Promise<number | undefined>} its EID, when the realm has it
   */
  async publish(event) {
    return this.#access.publish(this.name, event);
  }
}
