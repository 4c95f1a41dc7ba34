// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The subscriptions of a session: which id each has on the present connection, who is asked again
 * on the next. An id is the channel's name, so that all sessions share one encoded stream at the
 * realm; a second subscription to the same channel gets `name#2`. An id is used again only after
 * the receipt of its UNSUBSCRIBE: until then events of the old one may still come.
 */

import { LimitError, RefusedError, StaleError } from './errors.js';
import { Deferred } from './system.js';

/** @typedef {import('./subscription.js').Subscription} Subscription */
/** @typedef {import('./queue-subscription.js').QueueSubscription} QueueSubscription */
/** @typedef {import('./data-stream.js').DataSubscription} DataSubscription */
/** @typedef {Subscription | QueueSubscription | DataSubscription} AnySubscription */
/** @typedef {import('./protocol.js').Protocol} Protocol */

/** The realm may not know yet that the last connection of a durable reader is gone. */
const TAKEN_MS = 2_000;

export class Subscriptions {
  /** @type {Set<AnySubscription>} */
  #all = new Set();
  /** On this connection; null where the id waits for its last receipt. */
  /** @type {Map<string, AnySubscription | null>} */
  #ids = new Map();
  /** @type {Map<string, () => void>} who waits for that receipt */
  #leaving = new Map();
  /** @type {Protocol | null} */
  #protocol = null;
  /** Acknowledgements and the like that have no receipt yet. @type {Map<string, Deferred<void>>} */
  #requests = new Map();
  #count = 0;
  #max;
  #later;

  /**
   * @param {number} max
   * @param {(run: () => void, ms: number) => void} [later] what it asks for then is sent
   */
  constructor(max, later = () => {}) {
    this.#max = max;
    this.#later = later;
  }

  /** Nothing is held that a new connection would not have. */
  get isMovable() {
    const holds = (/** @type {AnySubscription} */ one) => 'held' in one && one.held > 0;
    return this.#requests.size === 0 && ![...this.#all].some(holds);
  }

  /** @param {AnySubscription} subscription */
  add(subscription) {
    if (this.#all.size >= this.#max) {
      throw new LimitError(`a session has at most ${this.#max} subscriptions`);
    }
    this.#all.add(subscription);
    this.#ask(subscription);
  }

  /**
   * @param {AnySubscription} subscription
   * @returns {Promise<void>} no event of it is on its way any more
   */
  remove(subscription) {
    this.#all.delete(subscription);
    subscription.end();
    return this.#leave(subscription);
  }

  /** @param {Subscription} subscription */
  pause(subscription) {
    subscription.pause();
    this.#leave(subscription);
  }

  /** @param {Subscription} subscription */
  resume(subscription) {
    subscription.resume();
    this.#ask(subscription);
  }

  /**
   * An event of a queue, and those before it, are done or go back.
   * @param {string} ack as the event had it
   * @param {boolean} isBack
   * @returns {Promise<void>}
   */
  acknowledge(ack, isBack) {
    return this.#request((protocol, id) => protocol.acknowledge(id, ack, { isBack }));
  }

  /**
   * @param {string} channel
   * @param {string} durable
   * @returns {Promise<void>}
   */
  forget(channel, durable) {
    return this.#request((protocol, id) => protocol.forget(id, channel, durable));
  }

  /** @param {Subscription} subscription @param {import('./event.js').ChannelEvent} event */
  done(subscription, event) {
    subscription.done(event);
    this.#sayDone(subscription);
  }

  /** @param {Protocol} protocol of a connection that has just been made */
  connected(protocol) {
    this.#protocol = protocol;
    for (const subscription of this.#all) this.#ask(subscription);
  }

  lost() {
    this.#protocol = null;
    this.#ids.clear();
    for (const subscription of this.#all) subscription.lost();
    for (const left of [...this.#leaving.values()]) left();
    this.#leaving.clear();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    const text = 'the connection was lost before the answer came';
    for (const { reject } of requests) reject(new StaleError(text, { inDoubt: true }));
  }

  /** @param {Error} [error] where it was not wished */
  close(error) {
    this.lost();
    const all = [...this.#all];
    this.#all.clear();
    for (const subscription of all) subscription.end(error);
  }

  /** @param {import('./protocol.js').Happening} happening */
  take(happening) {
    switch (happening.type) {
      case 'event':
        this.#onEvent(happening);
        break;
      case 'subscribed':
        this.#ids.get(happening.id)?.accepted(happening);
        break;
      case 'acknowledged':
      case 'forgotten':
        this.#onAnswer(happening.id);
        break;
      case 'unsubscribed':
        this.#left(happening.id);
        break;
      case 'refused':
        if (happening.request === 'subscribe') this.#refused(happening);
        else this.#onAnswer(happening.id, new RefusedError(happening.word, happening.message));
        break;
    }
  }

  /**
   * @param {(protocol: Protocol, id: string) => void} ask
   * @returns {Promise<void>}
   */
  #request(ask) {
    if (!this.#protocol) return Promise.reject(new StaleError('there is no connection now'));
    const id = `request-${++this.#count}`;
    /** @type {Deferred<void>} */
    const answer = new Deferred();
    this.#requests.set(id, answer);
    ask(this.#protocol, id);
    return answer.promise;
  }

  /** Of a request, or of what a durable subscription is done with. @param {string} id @param {Error} [error] */
  #onAnswer(id, error) {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    if (error) request?.reject(error);
    else request?.resolve();
    const subscription = this.#ids.get(id);
    if (request || !subscription || !('doneSaid' in subscription)) return;
    subscription.doneSaid(); // refused or not: the next one says it for this one, too
    this.#sayDone(subscription);
  }

  /** @param {Subscription} subscription */
  #sayDone(subscription) {
    const id = this.#idOf(subscription);
    const ack = subscription.takeDone();
    if (id !== undefined && ack !== undefined) this.#protocol?.acknowledge(id, ack);
  }

  /** @param {AnySubscription} subscription */
  #idOf(subscription) {
    return [...this.#ids].find(([, owner]) => owner === subscription)?.[0];
  }

  /** @param {Extract<import('./protocol.js').Happening, { type: 'event' }>} happening */
  #onEvent(happening) {
    const subscription = this.#ids.get(happening.id);
    subscription?.take(happening);
    if (subscription && 'doneSaid' in subscription) this.#sayDone(subscription);
  }

  /** @param {AnySubscription} subscription */
  #ask(subscription) {
    if (!this.#protocol || subscription.state !== 'waiting') return;
    const { channel } = subscription;
    let id = channel;
    for (let n = 2; this.#ids.has(id); n++) id = `${channel}#${n}`;
    this.#ids.set(id, subscription);
    subscription.asked();
    this.#protocol.subscribe(id, channel, subscription.terms);
  }

  /**
   * @param {AnySubscription} subscription
   * @returns {Promise<void>}
   */
  #leave(subscription) {
    const id = this.#idOf(subscription);
    if (id === undefined || !this.#protocol) return Promise.resolve();
    this.#ids.set(id, null);
    this.#protocol.unsubscribe(id);
    return new Promise((resolve) => this.#leaving.set(id, resolve));
  }

  /** @param {string} id */
  #left(id) {
    this.#ids.delete(id);
    this.#leaving.get(id)?.();
    this.#leaving.delete(id);
  }

  /** @param {{ id: string, word: string, message: string }} refusal */
  #refused({ id, word, message }) {
    const subscription = this.#ids.get(id);
    if (!subscription) return;
    this.#ids.delete(id);
    const mayBeTaken = word === 'IllegalArgumentException' && 'isResumed' in subscription;
    if (mayBeTaken && subscription.isDurable && subscription.isResumed) {
      subscription.lost();
      this.#later(() => this.#ask(subscription), TAKEN_MS);
      return;
    }
    this.#all.delete(subscription);
    subscription.end(new RefusedError(word, message, subscription.channel));
  }
}
