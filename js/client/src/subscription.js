// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * One subscription over the life of a session: where it stands in its channel, through any number
 * of connections. It promises that on a stored channel no event is lost and none comes twice.
 */

import { decodeEvent } from './event.js';
import { harmless } from './system.js';

/**
 * @typedef {object} SubscriptionHandlers
 * @property {(event: import('./event.js').ChannelEvent) => void} event
 * @property {(position: import('./protocol.js').Position) => void} [ready] the realm agreed
 * @property {(gap: { from: number, next: number }) => void} [gap] events between them are gone
 * @property {(error?: Error) => void} [end] refused, or the session closed
 */

export class Subscription {
  /**
   * - `waiting` for a connection · `asked` SUBSCRIBE is on its way · `live`
   * - `paused` by the reader · `ended`
   * @type {'waiting' | 'asked' | 'live' | 'paused' | 'ended'}
   */
  #state = 'waiting';
  #from;
  /** @type {string | undefined} */
  #epoch;
  /** Events that came before the receipt that says what their EIDs mean. */
  /** @type {Array<Extract<import('./protocol.js').Happening, { type: 'event' }>>} */
  #early = [];
  #on;

  /**
   * @param {string} channel
   * @param {import('./protocol.js').Position} position
   * @param {SubscriptionHandlers} handlers
   */
  constructor(channel, { from, epoch }, handlers) {
    this.channel = channel;
    this.#from = from;
    this.#epoch = epoch;
    this.#on = handlers;
  }

  get state() {
    return this.#state;
  }

  /**
   * Where it would begin if it began again: after the last event that was passed on.
   * @returns {import('./protocol.js').Position}
   */
  get position() {
    return { from: this.#from, epoch: this.#epoch };
  }

  /** SUBSCRIBE has been put on the wire. */
  asked() {
    this.#state = 'asked';
  }

  /**
   * Its RECEIPT came.
   * @param {{ epoch?: string, next?: number }} receipt
   */
  accepted({ epoch, next }) {
    if (this.#state !== 'asked') return;
    const wanted = this.#from;
    const isSameLife = epoch === undefined || this.#epoch === undefined || epoch === this.#epoch;
    this.#state = 'live';
    this.#epoch = epoch ?? this.#epoch;
    if (next !== undefined) this.#from = next;
    if (typeof wanted === 'number' && next !== undefined && isSameLife && next > wanted) {
      harmless(() => this.#on.gap?.({ from: wanted, next }));
    }
    harmless(() => this.#on.ready?.(this.position));
    for (const event of this.#early.splice(0)) this.take(event);
  }

  /** @param {Extract<import('./protocol.js').Happening, { type: 'event' }>} message */
  take(message) {
    if (this.#state === 'asked') {
      this.#early.push(message);
      return;
    }
    if (this.#state !== 'live') return;
    const { eid } = message;
    if (eid !== undefined) {
      if (typeof this.#from === 'number' && eid < this.#from) return; // had it before
      this.#from = eid + 1;
    }
    harmless(() => this.#on.event(decodeEvent(message)));
  }

  /** The connection is gone; the next one will be asked again. */
  lost() {
    this.#early = [];
    if (this.#state === 'asked' || this.#state === 'live') this.#state = 'waiting';
  }

  /** The reader does not keep up. */
  pause() {
    if (this.#state !== 'ended') this.#state = 'paused';
    this.#early = [];
  }

  /** The reader has caught up. */
  resume() {
    if (this.#state === 'paused') this.#state = 'waiting';
  }

  /** @param {Error} [error] */
  end(error) {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#early = [];
    harmless(() => this.#on.end?.(error));
  }
}
