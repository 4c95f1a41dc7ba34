// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A reader of a queue over the life of a session. The realm has at most `window` events out at it
 * that are not committed; it holds them here, in the order in which they came. When the connection
 * is lost the realm takes them back, and they come again, here or elsewhere.
 */

import { ArgumentError, ProtocolError, StaleError } from './errors.js';
import { decodeEvent } from './event.js';
import { harmless } from './system.js';

/** @typedef {import('./event.js').ChannelEvent} ChannelEvent */

/**
 * @typedef {object} QueueHandlers
 * @property {(event: ChannelEvent) => void} event
 * @property {() => void} [ready] the realm agreed
 * @property {() => void} [lost] what was held has gone back
 * @property {(error?: Error) => void} [end] refused, or the session closed
 */

/** Who got an event. @type {WeakMap<ChannelEvent, QueueSubscription>} */
const HOLDERS = new WeakMap();

/** @param {ChannelEvent} event */
export function holderOf(event) {
  return HOLDERS.get(event);
}

export class QueueSubscription {
  /** @type {'waiting' | 'asked' | 'live' | 'ended'} */
  #state = 'waiting';
  /** Not committed, with what the realm wants to hear of each. @type {Map<ChannelEvent, string>} */
  #held = new Map();
  /** Came on this connection. @type {WeakSet<ChannelEvent>} */
  #current = new WeakSet();
  #on;

  /**
   * @param {string} channel the queue's name
   * @param {{ window: number, filter?: string }} terms
   * @param {QueueHandlers} handlers
   */
  constructor(channel, { window, filter }, handlers) {
    this.channel = channel;
    this.terms = { isAcknowledged: true, window, filter };
    this.#on = handlers;
  }

  get state() {
    return this.#state;
  }

  /** How many events are not committed. */
  get held() {
    return this.#held.size;
  }

  asked() {
    this.#state = 'asked';
  }

  /** Its RECEIPT came. */
  accepted() {
    if (this.#state !== 'asked') return;
    this.#state = 'live';
    harmless(() => this.#on.ready?.());
  }

  /** @param {Extract<import('./protocol.js').Happening, { type: 'event' }>} message */
  take(message) {
    if (this.#state === 'ended') return;
    // As many again may come before the answer to a COMMIT that says that the old ones are done.
    if (this.#held.size >= 2 * this.terms.window) throw new ProtocolError('past the window');
    const event = decodeEvent(message);
    this.#held.set(event, message.headers.get('ack') ?? '');
    this.#current.add(event);
    HOLDERS.set(event, this);
    harmless(() => this.#on.event(event));
  }

  /**
   * What the realm wants to hear of this event, if it is still held.
   * @param {ChannelEvent} event
   */
  ackOf(event) {
    return this.#held.get(event);
  }

  /**
   * The event and all before it are let go.
   * @param {ChannelEvent} event
   * @returns {string | undefined} what to tell the realm; undefined: it was let go before
   */
  release(event) {
    if (HOLDERS.get(event) !== this) throw new ArgumentError('this event is not of this reader');
    if (!this.#current.has(event)) throw new StaleError('the event has gone back to its queue');
    const ack = this.#held.get(event);
    if (ack === undefined) return undefined;
    for (const held of [...this.#held.keys()]) {
      this.#held.delete(held);
      if (held === event) break;
    }
    return ack;
  }

  lost() {
    this.#drop();
    if (this.#state === 'asked' || this.#state === 'live') this.#state = 'waiting';
    harmless(() => this.#on.lost?.());
  }

  /** @param {Error} [error] */
  end(error) {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#drop();
    harmless(() => this.#on.end?.(error));
  }

  #drop() {
    this.#held.clear();
    this.#current = new WeakSet();
  }
}
