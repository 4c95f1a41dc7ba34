// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The subscriptions of a session: which id each has on the present connection, who is asked again
 * on the next. An id is the channel's name, so that all sessions share one encoded stream at the
 * realm; a second subscription to the same channel gets `name#2`. An id is used again only after
 * the receipt of its UNSUBSCRIBE: until then events of the old one may still come.
 */

import { LimitError, RefusedError } from './errors.js';

/** @typedef {import('./subscription.js').Subscription} Subscription */
/** @typedef {import('./protocol.js').Protocol} Protocol */

export class Subscriptions {
  /** @type {Set<Subscription>} */
  #all = new Set();
  /** On this connection; null where the id waits for its last receipt. */
  /** @type {Map<string, Subscription | null>} */
  #ids = new Map();
  /** @type {Map<string, () => void>} who waits for that receipt */
  #leaving = new Map();
  /** @type {Protocol | null} */
  #protocol = null;
  #max;

  /** @param {number} max */
  constructor(max) {
    this.#max = max;
  }

  /** @param {Subscription} subscription */
  add(subscription) {
    if (this.#all.size >= this.#max) {
      throw new LimitError(`a session has at most ${this.#max} subscriptions`);
    }
    this.#all.add(subscription);
    this.#ask(subscription);
  }

  /**
   * @param {Subscription} subscription
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
        this.#ids.get(happening.id)?.take(happening);
        break;
      case 'subscribed':
        this.#ids.get(happening.id)?.accepted(happening);
        break;
      case 'unsubscribed':
        this.#left(happening.id);
        break;
      case 'refused':
        if (happening.request === 'subscribe') this.#refused(happening);
        break;
    }
  }

  /** @param {Subscription} subscription */
  #ask(subscription) {
    if (!this.#protocol || subscription.state !== 'waiting') return;
    const { channel } = subscription;
    let id = channel;
    for (let n = 2; this.#ids.has(id); n++) id = `${channel}#${n}`;
    this.#ids.set(id, subscription);
    subscription.asked();
    this.#protocol.subscribe(id, channel, subscription.position);
  }

  /**
   * @param {Subscription} subscription
   * @returns {Promise<void>}
   */
  #leave(subscription) {
    const id = [...this.#ids].find(([, owner]) => owner === subscription)?.[0];
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
    this.#all.delete(subscription);
    subscription.end(new RefusedError(word, message, subscription.channel));
  }
}
