// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * One subscription over the life of a session: where it stands in its channel, through any number
 * of connections. It promises that on a stored channel no event is lost and none comes twice.
 */

import { ProtocolError } from './errors.js';
import { decodeEvent } from './event.js';
import { harmless } from './system.js';

/** @typedef {import('./event.js').ChannelEvent} ChannelEvent */

/** Beyond, the place of a durable subscription moves later: with the first event that is new. */
const OLD_ACKS_MAX = 1000;
/** Events that may come before the answer to SUBSCRIBE. */
const EARLY_MAX = 10_000;

/** @typedef {import('./protocol.js').Position & { filter?: string, deltas?: boolean, durable?: string }} Wanted */

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
  #terms;
  /** Of a durable one: the last event that the reader is done with. */
  #done = 0;
  /** What the realm wants to hear of it, and has not heard. @type {string | undefined} */
  #unsaid;
  #isSaying = false;
  /** The same for events that were passed on, on this connection. @type {WeakMap<ChannelEvent, string>} */
  #acks = new WeakMap();
  /** And for those that were passed on before it. @type {Map<number, string>} */
  #oldAcks = new Map();
  /** The realm had agreed to it before. */
  isResumed = false;

  /**
   * @param {string} channel
   * @param {Wanted} wanted
   * @param {SubscriptionHandlers} handlers
   */
  constructor(channel, { from, epoch, filter, deltas, durable }, handlers) {
    this.channel = channel;
    this.#from = from;
    this.#epoch = epoch;
    // Who begins now lacks what came before, also when a later connection asks for an EID.
    const follows = deltas && from !== 'now';
    this.#terms = { filter, deltas: follows, durable, isAcknowledged: durable !== undefined };
    this.#on = handlers;
  }

  /** What the realm is asked for. */
  get terms() {
    return { ...this.position, ...this.#terms };
  }

  get isDurable() {
    return this.#terms.isAcknowledged;
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
    if (!isSameLife) this.#done = 0; // of another life of the channel
    this.#state = 'live';
    this.#epoch = epoch ?? this.#epoch;
    // The place of a durable subscription may be behind what was passed on and not acknowledged.
    const isBehind =
      this.isDurable && this.isResumed && isSameLife && Number(next) < Number(wanted);
    if (next !== undefined && !isBehind) this.#from = next;
    this.isResumed = true;
    if (typeof wanted === 'number' && next !== undefined && isSameLife && next > wanted) {
      harmless(() => this.#on.gap?.({ from: wanted, next }));
    }
    harmless(() => this.#on.ready?.(this.position));
    for (const event of this.#early.splice(0)) this.take(event);
  }

  /** @param {Extract<import('./protocol.js').Happening, { type: 'event' }>} message */
  take(message) {
    if (this.#state === 'asked') {
      if (this.#early.length >= EARLY_MAX) throw new ProtocolError('events, and no RECEIPT');
      this.#early.push(message);
      return;
    }
    if (this.#state !== 'live') return;
    const { eid } = message;
    const ack = message.headers.get('ack');
    if (eid !== undefined) {
      if (typeof this.#from === 'number' && eid < this.#from) {
        this.#hadBefore(eid, ack);
        return;
      }
      this.#from = eid + 1;
    }
    const event = decodeEvent(message);
    if (ack !== undefined) this.#acks.set(event, ack);
    harmless(() => this.#on.event(event));
  }

  /** The reader has this event and all before. @param {ChannelEvent} event */
  done(event) {
    const { eid = 0 } = event;
    if (eid <= this.#done) return;
    this.#done = eid;
    this.#unsaid = this.#acks.get(event) ?? this.#oldAcks.get(eid);
  }

  /**
   * What to acknowledge now: one at a time, so that what is done meanwhile is one more, not many.
   * @returns {string | undefined}
   */
  takeDone() {
    if (this.#state !== 'live' || this.#isSaying || this.#unsaid === undefined) return undefined;
    const ack = this.#unsaid;
    this.#isSaying = true;
    this.#unsaid = undefined;
    return ack;
  }

  /** What takeDone() gave was answered. */
  doneSaid() {
    this.#isSaying = false;
  }

  /** The connection is gone; the next one will be asked again. */
  lost() {
    this.#forgetConnection();
    if (this.#state === 'asked' || this.#state === 'live') this.#state = 'waiting';
  }

  /** The reader does not keep up. */
  pause() {
    if (this.#state !== 'ended') this.#state = 'paused';
    this.#forgetConnection();
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

  /** The place of a durable subscription was behind it. @param {number} eid @param {string} [ack] */
  #hadBefore(eid, ack) {
    if (ack === undefined) return;
    if (eid <= this.#done) this.#unsaid = ack;
    else if (this.#oldAcks.size < OLD_ACKS_MAX) this.#oldAcks.set(eid, ack);
  }

  #forgetConnection() {
    this.#early = [];
    this.#isSaying = false;
    this.#unsaid = undefined;
    this.#acks = new WeakMap();
    this.#oldAcks.clear();
  }
}
