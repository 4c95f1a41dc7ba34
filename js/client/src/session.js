// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A session with a realm, for as long as it is wanted, over as many connections as it takes. Its
 * clock, dice and drivers are handed in. What is promised across connections lives in
 * subscriptions.js and outbox.js; how a connection is come by, in dialer.js.
 *
 *     new ── open() ──> connecting ──> open <──> waiting ── close() ──> closed
 */

import { accessTo } from './access.js';
import { Dialer } from './dialer.js';
import { ClosedError } from './errors.js';
import { Listeners } from './listeners.js';
import { Outbox } from './outbox.js';
import { surroundingsOf } from './options.js';
import { watchPage } from './page.js';
import { Resources } from './resources.js';
import { RoundTrips } from './roundtrips.js';
import { Subscriptions } from './subscriptions.js';
import { Deferred, randomId } from './system.js';
import { Remembered, targetsOf } from './targets.js';

/** @typedef {import('./options.js').SessionOptions} SessionOptions */
/** @typedef {'open' | 'disconnect' | 'reconnect' | 'driver' | 'attempt' | 'close'} SessionEvent */

/** How long a clean end may take. */
const GOODBYE_MS = 2_000;
/** How long a connection in doubt has to show that it lives. */
const DOUBT_MS = 5_000;

export class Session {
  /** @type {'new' | 'connecting' | 'open' | 'waiting' | 'closed'} */
  #state = 'new';
  #timer;
  #dialer;
  #subscriptions;
  #outbox;
  /** @type {import('./protocol.js').Protocol | null} of the open connection */
  #protocol = null;
  #resources;
  /** @type {Listeners<SessionEvent>} */
  #listeners = new Listeners();
  #roundTrips;
  #id = '';
  /** @type {Deferred<Session> | null} */
  #opening = null;
  /** @type {Deferred<void> | null} */
  #closing = null;
  /** @type {any} */
  #goodbye;
  #page;
  #unwatch = () => {};

  /**
   * @param {string | string[]} realms addresses in order of preference
   * @param {SessionOptions} [options]
   */
  constructor(realms, options = {}) {
    const { timer, random, storage, network, page } = surroundingsOf(options);
    const { limits = {}, date } = options;
    const targets = targetsOf(realms, options, random);
    const remembered = new Remembered(storage, network, targets, date);
    this.#timer = timer;
    this.#roundTrips = new RoundTrips(timer);
    this.#page = page;
    this.#dialer = new Dialer(
      targets,
      options,
      { timer, random, remembered },
      {
        up: (protocol, happening) => this.#onUp(protocol, happening),
        moved: (protocol, happening) => this.#onMoved(protocol, happening),
        mayMove: () => this.#mayMove(),
        happening: (happening) => this.#onHappening(happening),
        down: (error) => this.#onDown(error),
        failed: (error) => this.#finish(error),
        attempt: (attempt) => this.#listeners.tell('attempt', attempt),
      },
    );
    const bounds = { maxEvents: limits.events, maxBytes: limits.bytes };
    const outbox = new Outbox({ prefix: randomId(random), ...bounds });
    const flush = () => this.#dialer.flush();
    const later = (/** @type {() => void} */ run, /** @type {number} */ ms) => {
      timer.set(() => {
        run();
        flush();
      }, ms);
    };
    const subscriptions = new Subscriptions(limits.subscriptions ?? 1000, later);
    const isOver = () => this.#closing !== null || this.#state === 'closed';
    this.#resources = new Resources(accessTo({ subscriptions, outbox, flush, isOver, later }));
    this.#subscriptions = subscriptions;
    this.#outbox = outbox;
  }

  get state() {
    return this.#state;
  }

  /** The realm's name for this session; empty before the first connection. */
  get id() {
    return this.#id;
  }

  /** @returns {Promise<Session>} when a round trip to a realm has been made */
  open() {
    if (this.#state === 'closed') return Promise.reject(new ClosedError());
    if (!this.#opening) {
      this.#opening = new Deferred();
      this.#state = 'connecting';
      this.#unwatch = watchPage(this.#page, {
        doubt: () => this.#doubt(),
        wake: () => {
          this.#doubt();
          this.#dialer.wake();
        },
      });
      this.#dialer.start();
    }
    return this.#opening.promise;
  }

  /**
   * The channel of that name: always the same object.
   * @param {string} name
   */
  channel(name) {
    return this.#resources.channel(name);
  }

  /**
   * The queue of that name: always the same object.
   * @param {string} name
   */
  queue(name) {
    return this.#resources.queue(name);
  }

  /**
   * Publishes and commits that happen all or none.
   * @param {{ id?: string }} [options] `id`: under which the realm remembers the outcome; one that
   *   the program keeps lets it ask in a later session
   */
  transaction(options) {
    return this.#resources.transaction(options);
  }

  /**
   * Events of the data groups into which others put this session; it has one such stream.
   * @param {import('./data-stream.js').DataStreamOptions} [options]
   */
  dataStream(options) {
    return this.#resources.dataStream(options);
  }

  /** What was tried, what is in use, and one sentence for a person. */
  path() {
    return this.#dialer.path;
  }

  /**
   * Back-pressure: publishing beyond the limits is refused; who waits for this is not.
   * @returns {Promise<void>} when at most half of the publishes that may wait do
   */
  room() {
    return this.#outbox.room();
  }

  /** The last measured round trip in milliseconds. */
  latency() {
    return this.#roundTrips.latest;
  }

  /** @returns {Promise<number>} milliseconds of a round trip to the realm and back, made now */
  ping() {
    const protocol = this.#protocol;
    if (!protocol) return Promise.reject(new ClosedError('there is no connection to measure'));
    return this.#roundTrips.begin(() => {
      protocol.ping();
      this.#dialer.flush();
    });
  }

  /**
   * - `open`: the first connection is made · `driver`: the session moved to a better one
   * - `disconnect` (error): the connection was lost, the session goes on · `reconnect`: it is back
   * - `attempt` (attempt): an attempt ended · `close` (error or nothing): the session is over
   * @param {SessionEvent} name
   * @param {(argument?: any) => void} listener
   * @returns {() => void} takes the listener away
   */
  on(name, listener) {
    return this.#listeners.add(name, listener);
  }

  /** Say goodbye, wait a moment for receipts that are due, and end. Never rejects. */
  close() {
    if (this.#closing || this.#state === 'closed')
      return this.#closing?.promise ?? Promise.resolve();
    this.#closing = new Deferred();
    const { promise } = this.#closing;
    if (this.#protocol) {
      this.#protocol.disconnect();
      this.#dialer.flush();
      this.#goodbye = this.#timer.set(() => this.#finish(), GOODBYE_MS);
    } else {
      this.#finish();
    }
    return promise;
  }

  /** What is measured or held on this connection would be lost. */
  #mayMove() {
    return !this.#roundTrips.areDue && !this.#closing && this.#subscriptions.isMovable;
  }

  /**
   * @param {import('./protocol.js').Protocol} protocol
   * @param {{ session: string }} connected
   */
  #onUp(protocol, { session }) {
    const isFirst = this.#state === 'connecting';
    this.#state = 'open';
    this.#attach(protocol, session);
    this.#listeners.tell(isFirst ? 'open' : 'reconnect');
    this.#opening?.resolve(this);
  }

  /**
   * As after a loss, but nobody has to know: subscriptions go on where they stood, publishes in
   * doubt are sent again.
   * @param {import('./protocol.js').Protocol} protocol
   * @param {{ session: string }} connected
   */
  #onMoved(protocol, { session }) {
    this.#detach(new ClosedError());
    this.#attach(protocol, session);
    this.#listeners.tell('driver');
  }

  /** @param {import('./protocol.js').Protocol} protocol @param {string} session */
  #attach(protocol, session) {
    this.#id = session;
    this.#roundTrips.latest = this.#dialer.age;
    this.#protocol = protocol;
    this.#subscriptions.connected(protocol);
    this.#outbox.connected(protocol);
    this.#dialer.flush();
  }

  /** The connection may be gone: it has to answer, or it is. */
  #doubt() {
    if (!this.#protocol) return;
    this.ping().catch(() => {}); // the loss is told where losses are told
    this.#dialer.expect(DOUBT_MS);
  }

  /** @param {import('./protocol.js').Happening} happening */
  #onHappening(happening) {
    if (happening.type === 'answered') {
      this.#roundTrips.answered();
    } else if (happening.type === 'disconnected') {
      this.#finish();
    } else if (!this.#outbox.take(happening)) {
      this.#subscriptions.take(happening);
    }
    this.#dialer.flush(); // an answer may have been the condition of the next request
  }

  /** @param {Error} error */
  #onDown(error) {
    if (this.#closing) {
      this.#finish();
      return;
    }
    this.#state = 'waiting';
    this.#detach(error);
    this.#listeners.tell('disconnect', error);
  }

  /** @param {Error} error */
  #detach(error) {
    this.#protocol = null;
    this.#subscriptions.lost();
    this.#outbox.lost();
    this.#roundTrips.lost(error);
  }

  /** @param {Error} [error] */
  #finish(error) {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#timer.clear(this.#goodbye);
    this.#unwatch();
    this.#dialer.stop();
    this.#detach(error ?? new ClosedError());
    this.#outbox.close();
    this.#subscriptions.close(error);
    this.#opening?.promise.catch(() => {}); // who closes has no interest in it
    this.#opening?.reject(error ?? new ClosedError());
    this.#closing?.resolve();
    this.#listeners.tell('close', error);
  }
}
