// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The documented globals, a thin skin over session.js: programs written for them run unchanged.
 *
 *     const session = Nirvana.createSession({ realms: ['http://realm.example:9000'] });
 *     session.start();
 *     const channel = session.getChannel('/fx');
 *     channel.on(Nirvana.Observe.DATA, (event) => console.log(event.getData()));
 *     channel.subscribe();
 *
 * and of the older generation:
 *
 *     NirvanaSession.start({ webSocket: true, webSocketPort: 9000 });
 *     const channel = new NirvanaChannel('/fx');
 *     channel.onData = (event) => console.log(event.getData());
 *     channel.subscribe();
 */

import { harmless } from '../system.js';
import { Driver, Observe } from './constants.js';
import { Dictionary } from './dictionary.js';
import { CompatEvent } from './event.js';
import { Observable } from './observable.js';
import { CompatSession, PageSession } from './session.js';

/** @typedef {import('./dictionary.js').NirvanaDictionary} NirvanaDictionary */

class NirvanaRoot extends Observable {
  Observe = Observe;
  Driver = Driver;
  nConsumeEvent = CompatEvent;
  nEventProperties = /** @type {new () => NirvanaDictionary} */ (
    /** @type {unknown} */ (Dictionary)
  );

  /**
   * Nothing happens on the network before start().
   * @param {Record<string, any>} [config]
   */
  createSession(config) {
    return new CompatSession(config, this);
  }

  createEvent() {
    return new CompatEvent();
  }

  createDictionary() {
    return Dictionary.from({});
  }
}

/** With the aliases that the guides use: `Nirvana.PUBLISH` for `Nirvana.Observe.PUBLISH`. */
export const Nirvana = Object.assign(new NirvanaRoot(), Observe);

export const NirvanaSession = new PageSession({}, Nirvana);

/** A channel of NirvanaSession. Two of the same name share one subscription. */
export class NirvanaChannel {
  /** @type {((event: CompatEvent) => void) | undefined} */
  onData;
  /** @type {((status: string) => void) | undefined} 'OK', or what went wrong */
  onPublish;
  #channel;

  /** @param {unknown} name */
  constructor(name) {
    this.#channel = NirvanaSession.getChannel(name);
    this.#channel.on(Observe.DATA, (/** @type {CompatEvent} */ event) => {
      harmless(() => this.onData?.(event));
    });
    this.#channel.on(Observe.PUBLISH, (/** @type {string} */ status) => {
      harmless(() => this.onPublish?.(status));
    });
  }

  getName() {
    return this.#channel.getName();
  }

  isSubscribed() {
    return this.#channel.isSubscribed();
  }

  /** @param {{ filter?: unknown }} [options] */
  subscribe(options) {
    this.#channel.subscribe(options);
  }

  unsubscribe() {
    this.#channel.unsubscribe();
  }

  /** @param {unknown} event */
  publish(event) {
    this.#channel.publish(event);
  }

  /** @param {unknown} selector */
  setFilter(selector) {
    this.#channel.setFilter(selector);
  }

  /** @param {unknown} eid */
  setStartEID(eid) {
    this.#channel.setStartEID(eid);
  }

  /** @param {unknown} observable @param {unknown} listener */
  on(observable, listener) {
    this.#channel.on(observable, listener);
  }

  /** @param {unknown} observable @param {unknown} listener */
  removeListener(observable, listener) {
    this.#channel.removeListener(observable, listener);
  }
}
