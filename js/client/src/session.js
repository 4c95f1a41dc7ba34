// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A session with a realm, for as long as it is wanted, over as many connections as it takes. Its
 * clock, dice and drivers are handed in. What is promised across connections lives in
 * subscriptions.js and outbox.js; how a connection is come by, in dialer.js.
 *
 *     new ── open() ──> connecting ──> open <──> waiting ── close() ──> closed
 */

import { Channel, channelName } from './channel.js';
import { Dialer } from './dialer.js';
import { webSocketDriver } from './drivers/websocket.js';
import { ArgumentError, ClosedError, RefusedError } from './errors.js';
import { encodeEvent } from './event.js';
import { Outbox } from './outbox.js';
import { realmUrl } from './realms.js';
import { Subscriptions } from './subscriptions.js';
import { Deferred, harmless, randomId, systemRandom, systemTimer } from './system.js';

/**
 * @typedef {object} SessionOptions
 * @property {import('./drivers/websocket.js').WebSocketClass} [WebSocket] instead of the global one
 * @property {import('./drivers/websocket.js').Driver[]} [drivers] in order of preference
 * @property {number} [connectTimeoutMs] for one attempt, up to CONNECTED; default 10,000
 * @property {number} [attempts] rounds through all realms before `open` gives up; default 2
 * @property {boolean} [reconnect] when a connection is lost; default true
 * @property {number} [heartbeatMs] both ways; default 20,000; 0: none
 * @property {string} [login]
 * @property {string} [passcode]
 * @property {{ events?: number, bytes?: number, subscriptions?: number, message?: number }} [limits]
 *   publishes that may wait for their receipt (1000, 16 MiB), subscriptions (1000), bytes of an event (64 MiB)
 * @property {import('./system.js').Timer} [timer]
 * @property {() => number} [random] in [0, 1)
 */

/** @typedef {'open' | 'disconnect' | 'reconnect' | 'attempt' | 'close'} SessionEvent */

/** How long a clean end may take. */
const GOODBYE_MS = 2_000;

export class Session {
  /** @type {'new' | 'connecting' | 'open' | 'waiting' | 'closed'} */
  #state = 'new';
  #timer;
  #dialer;
  #subscriptions;
  #outbox;
  /** @type {import('./protocol.js').Protocol | null} of the open connection */
  #protocol = null;
  /** @type {Map<string, Channel>} */
  #channels = new Map();
  /** @type {Map<string, Set<(argument?: any) => void>>} */
  #listeners = new Map();
  /** @type {Array<{ at: number, resolve: (ms: number) => void, reject: (error: Error) => void }>} */
  #pings = [];
  /** @type {number | undefined} */
  #latency;
  #id = '';
  /** @type {Deferred<Session> | null} */
  #opening = null;
  /** @type {Deferred<void> | null} */
  #closing = null;
  /** @type {any} */
  #goodbye;

  /**
   * @param {string | string[]} realms addresses in order of preference
   * @param {SessionOptions} [options]
   */
  constructor(realms, options = {}) {
    const { timer = systemTimer, random = systemRandom, limits = {} } = options;
    const { drivers = [webSocketDriver({ WebSocket: options.WebSocket })] } = options;
    const urls = [...new Set([realms].flat().map((realm) => realmUrl(realm)))];
    if (urls.length === 0 || drivers.length === 0) throw new ArgumentError('no realm or no driver');
    const targets = urls.flatMap((url) => drivers.map((driver) => ({ url, driver })));
    this.#timer = timer;
    this.#dialer = new Dialer(
      targets,
      options,
      { timer, random },
      {
        up: (protocol, happening) => this.#onUp(protocol, happening),
        happening: (happening) => this.#onHappening(happening),
        down: (error) => this.#onDown(error),
        failed: (error) => this.#finish(error),
        attempt: (attempt) => this.#emit('attempt', attempt),
      },
    );
    this.#subscriptions = new Subscriptions(limits.subscriptions ?? 1000);
    const bounds = { maxEvents: limits.events, maxBytes: limits.bytes };
    this.#outbox = new Outbox({ prefix: randomId(random), ...bounds });
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
      this.#dialer.start();
    }
    return this.#opening.promise;
  }

  /**
   * The channel of that name: always the same object.
   * @param {string} name
   */
  channel(name) {
    const whole = channelName(name);
    const channel = this.#channels.get(whole) ?? new Channel(whole, this.#access());
    this.#channels.set(whole, channel);
    return channel;
  }

  /** What was tried, what is in use, and one sentence for a person. */
  path() {
    return this.#dialer.path;
  }

  /** The last measured round trip in milliseconds. */
  latency() {
    return this.#latency;
  }

  /** @returns {Promise<number>} milliseconds of a round trip to the realm and back, made now */
  ping() {
    const protocol = this.#protocol;
    if (!protocol) return Promise.reject(new ClosedError('there is no connection to measure'));
    return new Promise((resolve, reject) => {
      this.#pings.push({ at: this.#timer.now(), resolve, reject });
      protocol.ping();
      this.#dialer.flush();
    });
  }

  /**
   * - `open`: the first connection is made
   * - `disconnect` (error): the connection was lost, the session goes on · `reconnect`: it is back
   * - `attempt` (attempt): an attempt ended · `close` (error or nothing): the session is over
   * @param {SessionEvent} name
   * @param {(argument?: any) => void} listener
   * @returns {() => void} takes the listener away
   */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
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

  /** @returns {import('./stream.js').SessionAccess} */
  #access() {
    /** @type {<T>(run: () => T) => T} */
    const andFlush = (run) => {
      if (this.#closing || this.#state === 'closed') throw new ClosedError();
      const result = run();
      this.#dialer.flush();
      return result;
    };
    return {
      add: (one) => andFlush(() => this.#subscriptions.add(one)),
      publish: (to, event) => andFlush(() => this.#outbox.add(to, encodeEvent(event))),
      remove: (one) => {
        const left = this.#subscriptions.remove(one);
        this.#dialer.flush();
        return left;
      },
      pause: (one) => {
        this.#subscriptions.pause(one);
        this.#dialer.flush();
      },
      resume: (one) => {
        this.#subscriptions.resume(one);
        this.#dialer.flush();
      },
    };
  }

  /**
   * @param {import('./protocol.js').Protocol} protocol
   * @param {{ session: string }} connected
   */
  #onUp(protocol, { session }) {
    const isFirst = this.#state === 'connecting';
    this.#state = 'open';
    this.#id = session;
    this.#latency = this.#dialer.age;
    this.#protocol = protocol;
    this.#subscriptions.connected(protocol);
    this.#outbox.connected(protocol);
    this.#dialer.flush();
    this.#emit(isFirst ? 'open' : 'reconnect');
    this.#opening?.resolve(this);
  }

  /** @param {import('./protocol.js').Happening} happening */
  #onHappening(happening) {
    if (happening.type === 'published') {
      this.#outbox.settle(happening.id, happening.eid);
    } else if (happening.type === 'refused' && happening.request === 'publish') {
      const { id, word, message } = happening;
      const error = new RefusedError(word, message, this.#outbox.destinationOf(id));
      this.#outbox.settle(id, error);
    } else if (happening.type === 'answered') {
      this.#onAnswered();
    } else if (happening.type === 'disconnected') {
      this.#finish();
    } else {
      this.#subscriptions.take(happening);
    }
  }

  #onAnswered() {
    const ping = this.#pings.shift();
    if (!ping) return;
    this.#latency = Math.round((this.#timer.now() - ping.at) * 10) / 10;
    ping.resolve(this.#latency);
  }

  /** @param {Error} error */
  #onDown(error) {
    if (this.#closing) {
      this.#finish();
      return;
    }
    this.#state = 'waiting';
    this.#detach(error);
    this.#emit('disconnect', error);
  }

  /** @param {Error} error */
  #detach(error) {
    this.#protocol = null;
    this.#subscriptions.lost();
    this.#outbox.lost();
    for (const { reject } of this.#pings.splice(0)) reject(error);
  }

  /** @param {Error} [error] */
  #finish(error) {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#timer.clear(this.#goodbye);
    this.#dialer.stop();
    this.#detach(error ?? new ClosedError());
    this.#outbox.close();
    this.#subscriptions.close(error);
    this.#opening?.promise.catch(() => {}); // who closes has no interest in it
    this.#opening?.reject(error ?? new ClosedError());
    this.#closing?.resolve();
    this.#emit('close', error);
  }

  /**
   * @param {SessionEvent} name
   * @param {unknown} [argument]
   */
  #emit(name, argument) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      harmless(() => listener(argument));
    }
  }
}
