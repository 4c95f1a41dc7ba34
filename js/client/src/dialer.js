// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Keeps one connection up: tries realms and drivers in order, waits between rounds, begins again
 * when the connection is lost, and keeps the account of it. What is said over the connection is
 * the session's business.
 */

import { backoff } from './backoff.js';
import { Connection } from './connection.js';
import { ClosedError, ConnectError, RefusedError } from './errors.js';
import { Path } from './path.js';
import { Protocol } from './protocol.js';

/** @typedef {import('./drivers/websocket.js').Driver} Driver */
/** @typedef {import('./protocol.js').Happening} Happening */
/** @typedef {{ url: string, driver: Driver }} Target */

/**
 * @typedef {object} DialerHandlers
 * @property {(protocol: Protocol, happening: Extract<Happening, { type: 'connected' }>) => void} up
 * @property {(happening: Happening) => void} happening once it is up
 * @property {(error: Error) => void} down it was up and will be again
 * @property {(error: Error) => void} failed it will not be tried again
 * @property {(attempt: import('./path.js').Attempt) => void} attempt one has ended
 */

/** A connection that did not last so long does not count as success for the back-off. */
const SETTLED_MS = 10_000;

export class Dialer {
  #targets;
  #options;
  #timer;
  #random;
  #on;
  #path = new Path();
  /** The rest of this round. @type {Target[]} */
  #round = [];
  /** Failed rounds and short connections since the last good one. */
  #failures = 0;
  #wasUp = false;
  #isUp = false;
  #isStopped = false;
  /** @type {Connection | null} */
  #connection = null;
  /** What the realm said, where it let nobody in. @type {RefusedError | null} */
  #forbidden = null;
  /** @type {any} */
  #alarm;

  /**
   * @param {Target[]} targets in order of preference
   * @param {import('./session.js').SessionOptions} options
   * @param {{ timer: import('./system.js').Timer, random: () => number }} system
   * @param {DialerHandlers} handlers
   */
  constructor(targets, options, { timer, random }, handlers) {
    this.#targets = targets;
    this.#options = options;
    this.#timer = timer;
    this.#random = random;
    this.#on = handlers;
  }

  get path() {
    return this.#path.report();
  }

  /** Milliseconds that the first round trip of this connection took. */
  get age() {
    return this.#connection?.age ?? 0;
  }

  start() {
    this.#forbidden = null;
    this.#round = [...this.#targets];
    this.#tryNext();
  }

  flush() {
    if (this.#isUp) this.#connection?.flush();
  }

  /** End what there is; nothing is reported any more. */
  stop() {
    this.#isStopped = true;
    this.#timer.clear(this.#alarm);
    this.#connection?.close();
  }

  #tryNext() {
    const target = this.#round.shift();
    if (!target) {
      this.#onRoundFailed();
      return;
    }
    const { heartbeatMs, login, passcode, limits, connectTimeoutMs = 10_000 } = this.#options;
    const { url, driver } = target;
    const { hostname: host } = new URL(url);
    const bounds = { maxBody: limits?.message };
    const protocol = new Protocol({ host, heartbeatMs, login, passcode, limits: bounds });
    this.#connection = new Connection({
      url,
      driver,
      protocol,
      timer: this.#timer,
      onHappening: (happening) => this.#onHappening(happening, protocol, target),
      onEnd: (ending) => this.#onEnd(ending, target),
    });
    this.#connection.open(connectTimeoutMs);
  }

  /**
   * @param {Happening} happening
   * @param {Protocol} protocol
   * @param {Target} target
   */
  #onHappening(happening, protocol, target) {
    if (happening.type !== 'connected') {
      this.#on.happening(happening);
      return;
    }
    this.#isUp = this.#wasUp = true;
    this.#tried({ ...describe(target), outcome: 'connected', ms: this.age });
    if (this.#isStopped) return;
    this.#on.up(protocol, happening);
    this.flush();
  }

  /**
   * @param {import('./connection.js').Ending} ending
   * @param {Target} target
   */
  #onEnd(ending, target) {
    if (this.#isUp) this.#onLost(ending, target);
    else if (!this.#isStopped) this.#onAttemptFailed(ending, target);
  }

  /**
   * @param {import('./connection.js').Ending} ending
   * @param {Target} target
   */
  #onAttemptFailed({ outcome, detail, ms, error }, target) {
    this.#tried({ ...describe(target), outcome, ms, detail });
    if (error instanceof RefusedError && error.code === 'not-allowed') this.#forbidden = error;
    if (!this.#isStopped) this.#tryNext();
  }

  /**
   * @param {import('./connection.js').Ending} ending
   * @param {Target} target
   */
  #onLost({ outcome, detail, ms, error }, target) {
    this.#isUp = false;
    this.#path.ended(outcome);
    if (this.#isStopped) return;
    this.#failures = ms >= SETTLED_MS ? 0 : this.#failures + 1;
    // What worked last is tried first; the others keep their order.
    this.#targets = [target, ...this.#targets.filter((other) => other !== target)];
    const reason = error ?? new ClosedError(`the connection was lost: ${detail}`);
    if (this.#options.reconnect === false) {
      this.#fail(reason);
      return;
    }
    this.#on.down(reason);
    this.#startLater();
  }

  #onRoundFailed() {
    const { attempts = 2 } = this.#options;
    this.#failures += 1;
    if (this.#forbidden) this.#fail(this.#forbidden);
    else if (this.#wasUp || this.#failures < attempts) this.#startLater();
    else this.#fail(new ConnectError(this.path.sentence, this.path));
  }

  #startLater() {
    if (this.#isStopped) return;
    const wait = backoff(this.#failures, { random: this.#random });
    this.#alarm = this.#timer.set(() => this.start(), wait);
  }

  /** @param {Error} error */
  #fail(error) {
    this.#isStopped = true;
    this.#on.failed(error);
  }

  /** @param {import('./path.js').Attempt} attempt */
  #tried(attempt) {
    this.#path.tried(attempt);
    this.#on.attempt(attempt);
  }
}

/** @param {Target} target */
function describe({ url, driver }) {
  return { url, driver: driver.name };
}
