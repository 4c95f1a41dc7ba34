// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * One connection: a driver, a Protocol and the timers between them, from the first try to the
 * end. It is connected when CONNECTED has come: a round trip, since some paths open and then pass
 * nothing. It ends once, and says how. What comes after is the session's business.
 */

import { ProtocolError, RefusedError } from './errors.js';

/**
 * How an attempt or a connection ended.
 * - `unusable` the driver would not even try · `failed` closed before it opened · `timeout` neither
 *   opened nor closed in time · `silent` opened, then nothing · `cut` opened and closed before the
 *   first answer · `refused` the realm said no · `garbled` no STOMP
 * - once connected: `lost` the connection closed · `dead` no heart-beat came · `closed` by us
 * @typedef {'unusable' | 'failed' | 'timeout' | 'silent' | 'cut' | 'refused' | 'garbled'
 *   | 'lost' | 'dead' | 'closed'} Outcome
 */

/**
 * @typedef {object} Ending
 * @property {Outcome} outcome
 * @property {string} detail
 * @property {number} ms its age: until it was connected, or since then
 * @property {number} idleMs for so long nothing had been sent and nothing had come
 * @property {Error} [error]
 */

/** Send a little earlier than promised: a timer is never early. */
const BEAT_EARLY = 0.9;

export class Connection {
  /** @type {import('./drivers/websocket.js').Transport | null} */
  #transport = null;
  /** @type {'new' | 'opening' | 'asking' | 'open' | 'ended'} */
  #state = 'new';
  #driver;
  #protocol;
  #timer;
  #beatMs;
  #on;
  /** @type {any} */
  #alarm;
  #startedAt = 0;
  #sentAt = 0;
  #receivedAt = 0;
  #heartbeat = { sendMs: 0, expectMs: 0 };
  /** Something has to come by then. */
  #doubtedUntil = Infinity;

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {import('./drivers/websocket.js').Driver} options.driver
   * @param {import('./protocol.js').Protocol} options.protocol
   * @param {import('./system.js').Timer} options.timer
   * @param {() => number} [options.beatMs] how often the path wants to be used both ways; 0: the
   *   heart-beats that are agreed on do
   * @param {(happening: import('./protocol.js').Happening) => void} options.onHappening
   * @param {(ending: Ending) => void} options.onEnd
   */
  constructor({ url, driver, protocol, timer, beatMs = () => 0, onHappening, onEnd }) {
    this.url = url;
    this.#driver = driver;
    this.#protocol = protocol;
    this.#timer = timer;
    this.#beatMs = beatMs;
    this.#on = { happening: onHappening, end: onEnd };
  }

  get driverName() {
    return this.#driver.name;
  }

  /** Milliseconds since `open`, then since it was connected. */
  get age() {
    return Math.round(this.#timer.now() - this.#startedAt);
  }

  /** @param {number} timeoutMs for everything up to CONNECTED */
  open(timeoutMs) {
    this.#state = 'opening';
    this.#startedAt = this.#timer.now();
    this.#alarm = this.#timer.set(() => this.#onTimeout(timeoutMs), timeoutMs);
    try {
      this.#transport = this.#driver.open(this.url, {
        opened: () => this.#onOpened(),
        message: (data) => this.#onMessage(data),
        closed: (detail) => this.#onClosed(detail),
      });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      // Not now: whoever called has not finished.
      this.#timer.clear(this.#alarm);
      this.#alarm = this.#timer.set(() => this.#end('unusable', detail), 0);
    }
  }

  /** Send what the protocol has put. */
  flush() {
    if (this.#state !== 'asking' && this.#state !== 'open') return;
    for (const data of this.#protocol.takeOutgoing()) {
      this.#transport?.send(data);
      this.#sentAt = this.#timer.now();
    }
  }

  /** It may be dead: something that was asked for has to come within so many milliseconds. @param {number} ms */
  expect(ms) {
    if (this.#state !== 'open') return;
    this.#doubtedUntil = Math.min(this.#doubtedUntil, this.#timer.now() + ms);
    this.#keepBeating();
  }

  /** @param {string} [detail] */
  close(detail = 'closed by this side') {
    this.#end('closed', detail);
  }

  #onOpened() {
    if (this.#state !== 'opening') return;
    this.#state = 'asking';
    this.flush();
  }

  /** @param {string | Uint8Array} data */
  #onMessage(data) {
    this.#receivedAt = this.#timer.now();
    this.#doubtedUntil = Infinity;
    try {
      for (const happening of this.#protocol.receive(data)) {
        if (!this.#isUp()) return;
        this.#onHappening(happening);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#end('garbled', error.message, error);
      return;
    }
    // A hidden page's timers are throttled to one a minute; the realm's own heart-beats are not.
    const isBeatDue = this.#timer.now() >= this.#sentAt + this.#beatEvery();
    if (this.#state === 'open' && (this.#alarm === undefined || isBeatDue)) this.#keepBeating();
  }

  #beatEvery() {
    const { sendMs } = this.#heartbeat;
    const agreed = sendMs ? Math.floor(sendMs * BEAT_EARLY) : Infinity;
    return Math.min(agreed, this.#beatMs() || Infinity);
  }

  #isUp() {
    return this.#state === 'asking' || this.#state === 'open';
  }

  /** @param {import('./protocol.js').Happening} happening */
  #onHappening(happening) {
    if (happening.type === 'error') {
      const { word, message } = happening;
      const outcome = this.#state === 'open' ? 'lost' : 'refused';
      this.#end(outcome, message, new RefusedError(word, message));
      return;
    }
    if (happening.type === 'connected') {
      this.#state = 'open';
      this.#heartbeat = happening;
      this.#timer.clear(this.#alarm);
      this.#alarm = undefined;
    }
    this.#on.happening(happening);
    if (happening.type === 'connected') this.#startedAt = this.#timer.now();
  }

  /** @param {string} detail */
  #onClosed(detail) {
    if (this.#state === 'opening') this.#end('failed', detail);
    else if (this.#state === 'asking') this.#end('cut', detail);
    else this.#end('lost', detail);
  }

  /** @param {number} timeoutMs */
  #onTimeout(timeoutMs) {
    const outcome = this.#state === 'asking' ? 'silent' : 'timeout';
    this.#end(outcome, `no answer within ${timeoutMs} ms`);
  }

  /** Both directions by one alarm, set for whichever comes first. */
  #keepBeating() {
    if (this.#state !== 'open') return;
    const { expectMs } = this.#heartbeat;
    const every = this.#beatEvery();
    const now = this.#timer.now();
    const silentUntil = expectMs ? this.#receivedAt + 2 * expectMs : Infinity;
    const deadAt = Math.min(silentUntil, this.#doubtedUntil);
    if (now >= deadAt) {
      this.#end('dead', `nothing came for ${Math.round(now - this.#receivedAt)} ms`);
      return;
    }
    if (now >= this.#sentAt + every) {
      if (this.#beatMs()) this.#protocol.nudge();
      else this.#protocol.beat();
      this.flush();
    }
    const next = Math.min(deadAt, this.#sentAt + every);
    this.#timer.clear(this.#alarm);
    this.#alarm = undefined;
    if (next < Infinity) this.#alarm = this.#timer.set(() => this.#keepBeating(), next - now);
  }

  /**
   * @param {Outcome} outcome
   * @param {string} detail
   * @param {Error} [error]
   */
  #end(outcome, detail, error) {
    if (this.#state === 'ended') return;
    const ms = this.age;
    const idleMs = Math.round(this.#timer.now() - Math.max(this.#sentAt, this.#receivedAt));
    this.#state = 'ended';
    this.#timer.clear(this.#alarm);
    this.#transport?.close();
    this.#on.end({ outcome, detail, ms, idleMs, error });
  }
}
