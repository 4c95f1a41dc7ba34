// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Keeps one connection up: tries targets in order, one beginning while others still wait for an
 * answer; takes the first that answers, and moves to a better one when there is one; begins again
 * when the connection is lost; and keeps the account of it. What is said over the connection is the
 * session's business.
 *
 *     idle ── start() ──> dialling ──> up ──> waiting ──> dialling ... ──> stopped
 */

import { backoff, patience } from './backoff.js';
import { Beat } from './beat.js';
import { ClosedError, ConnectError, RefusedError } from './errors.js';
import { makeLink } from './link.js';
import { Path } from './path.js';
import { HEARTBEAT_MS } from './protocol.js';

/** @typedef {import('./protocol.js').Protocol} Protocol */
/** @typedef {import('./protocol.js').Happening} Happening */
/** @typedef {import('./link.js').Connected} Connected */
/** @typedef {import('./targets.js').Target} Target */
/** @typedef {import('./link.js').Link} Link */

/**
 * @typedef {object} DialerHandlers
 * @property {(protocol: Protocol, connected: Connected) => void} up
 * @property {(protocol: Protocol, connected: Connected) => void} moved to a better connection
 * @property {() => boolean} mayMove whether that can be now
 * @property {(happening: Happening) => void} happening once it is up
 * @property {(error: Error) => void} down it was up and will be again
 * @property {(error: Error) => void} failed it will not be tried again
 * @property {(attempt: import('./path.js').Attempt) => void} attempt one has ended
 */

/** A connection that did not last so long does not count as success for the back-off. */
const SETTLED_MS = 10_000;
/** After so long without an answer the next begins, too: what a dead path costs. */
const OVERLAP_MS = { alike: 400, worse: 1_000 };

export class Dialer {
  #targets;
  #options;
  #timer;
  #random;
  #on;
  #remembered;
  #beat;
  #path;
  /** @type {'idle' | 'dialling' | 'up' | 'waiting' | 'stopped'} */
  #state = 'idle';
  /** What this round has not begun yet. @type {Target[]} */
  #queue = [];
  /** Begun, and not connected yet. @type {Set<Link>} */
  #trying = new Set();
  /** In use. @type {Link | null} */
  #current = null;
  /** Connected and better, until the session can move. @type {Link | null} */
  #better = null;
  /** Failed rounds and short connections since the last good one. */
  #failures = 0;
  #probes = 0;
  #wasUp = false;
  /** What the realm said, where it let nobody in. @type {RefusedError | null} */
  #forbidden = null;
  /** @type {any} for the next of this round */ #overlap;
  /** @type {any} for the next round */ #alarm;

  /**
   * @param {Target[]} targets in order of preference
   * @param {import('./session.js').SessionOptions} options
   * @param {{ timer: import('./system.js').Timer, random: () => number, remembered: import('./targets.js').Remembered }} system
   * @param {DialerHandlers} handlers
   */
  constructor(targets, options, { timer, random, remembered }, handlers) {
    this.#targets = targets;
    this.#options = options;
    this.#timer = timer;
    this.#random = random;
    this.#remembered = remembered;
    this.#on = handlers;
    this.#beat = new Beat(options.heartbeatMs ?? HEARTBEAT_MS, remembered);
    this.#path = new Path(this.#beat);
  }

  get path() {
    return this.#path.report(this.#timer.now());
  }

  /** Milliseconds that the first round trip of this connection took. */
  get age() {
    return this.#current?.attempt.ms ?? 0;
  }

  start() {
    this.#state = 'dialling';
    this.#forbidden = null;
    this.#begin(this.#remembered.order(this.#targets));
  }

  flush() {
    this.#current?.connection.flush();
    this.#move();
  }

  /** What the session has asked for has to come by then. @param {number} ms */
  expect(ms) {
    this.#current?.connection.expect(ms);
  }

  /** The network may be back, or another. */
  wake() {
    this.#failures = this.#probes = 0;
    if (this.#state === 'waiting') this.start();
    else if (this.#state === 'up' && this.#trying.size === 0) this.#probeLater();
  }

  /** End what there is; nothing is reported any more. */
  stop() {
    this.#state = 'stopped';
    this.#timer.clear(this.#alarm);
    this.#timer.clear(this.#overlap);
    const links = [...this.#trying, this.#current, this.#better];
    this.#trying.clear();
    for (const link of links) link?.connection.close();
  }

  /** @param {Target[]} targets */
  #begin(targets) {
    this.#timer.clear(this.#alarm);
    const begun = [...this.#trying].map(({ target }) => target);
    this.#queue = targets.filter((target) => !begun.includes(target));
    this.#tryNext();
  }

  #tryNext() {
    this.#timer.clear(this.#overlap);
    const target = this.#queue.shift();
    if (!target) return;
    const { alike, worse } = OVERLAP_MS;
    const wait = this.#queue[0]?.rank > target.rank ? worse : alike; // it may be quicker
    const { connectTimeoutMs = 10_000, overlapMs = wait } = this.#options;
    const attempt = this.#path.begin(target, this.#timer.now());
    const link = makeLink(target, attempt, this.#options, this.#timer, this.#beat, {
      happening: (happening, link) => this.#onHappening(happening, link),
      end: (ending, link) => this.#onEnd(ending, link),
    });
    this.#trying.add(link);
    this.#overlap = this.#timer.set(() => this.#tryNext(), overlapMs);
    link.connection.open(connectTimeoutMs);
  }

  /** @param {Happening} happening @param {Link} link */
  #onHappening(happening, link) {
    if (happening.type === 'connected') this.#onConnected(happening, link);
    else if (link === this.#current) this.#on.happening(happening);
    this.#move();
  }

  /** @param {Connected} connected @param {Link} link */
  #onConnected(connected, link) {
    link.connected = connected;
    this.#trying.delete(link);
    this.#path.end(link.attempt, { outcome: 'connected', ms: link.connection.age });
    if (this.#state === 'up') {
      this.#offer(link);
      return;
    }
    this.#state = 'up';
    this.#wasUp = true;
    this.#current = link;
    this.#queue = [];
    this.#timer.clear(this.#alarm);
    this.#timer.clear(this.#overlap);
    this.#use(link);
    if (!this.#isStopped()) this.#on.up(link.protocol, connected);
    this.flush();
    if (this.#trying.size === 0) this.#probeLater();
  }

  /** One more is connected: it is kept if it is better. @param {Link} link */
  #offer(link) {
    const isBetter = link.target.rank < (this.#better ?? this.#current ?? link).target.rank;
    const unneeded = isBetter ? this.#better : link;
    if (isBetter) this.#better = link;
    if (unneeded) this.#path.leave(unneeded.attempt, { outcome: 'closed' });
    unneeded?.connection.close();
  }

  /** @param {Link} link */
  #use({ target, attempt }) {
    for (const other of [...this.#trying]) {
      // What answers yet may be better; how the others of its kind end belongs to the account.
      if (other.target.rank <= target.rank) continue;
      this.#trying.delete(other);
      this.#path.end(other.attempt, { outcome: 'closed', ms: other.connection.age });
      other.connection.close();
    }
    this.#path.use(attempt);
    this.#remembered.keep(target);
    this.#on.attempt(attempt);
  }

  /** To the better connection, if there is one and nothing hinders. */
  #move() {
    const [old, link] = [this.#current, this.#better];
    if (!link || (old && !this.#on.mayMove())) return;
    this.#better = null;
    this.#current = link;
    if (old) this.#path.leave(old.attempt, { outcome: 'closed' });
    this.#use(link);
    // Before the old one ends: what is on its way there comes again here, and must not come twice.
    const { protocol, connected } = link;
    if (!this.#isStopped() && connected) this.#on.moved(protocol, connected);
    old?.connection.close();
    link.connection.flush();
    if (this.#trying.size === 0) this.#probeLater();
  }

  /** @param {import('./connection.js').Ending} ending @param {Link} link */
  #onEnd(ending, link) {
    if (this.#trying.delete(link)) this.#onAttemptFailed(ending, link);
    else if (link === this.#better) this.#onBetterLost(ending);
    else if (link === this.#current) this.#onLost(ending, link);
  }

  /** @param {import('./connection.js').Ending} ending @param {Link} link */
  #onAttemptFailed({ outcome, detail, ms, error }, { attempt, target }) {
    this.#path.end(attempt, { outcome, ms, detail });
    this.#on.attempt(attempt);
    if (error instanceof RefusedError && error.code === 'not-allowed') {
      this.#forbidden = error;
      const { host } = new URL(target.url);
      this.#queue = this.#queue.filter(({ url }) => new URL(url).host !== host);
    }
    if (this.#queue.length > 0) this.#tryNext();
    else if (this.#trying.size > 0) return;
    else if (this.#state === 'up') this.#probeLater();
    else if (this.#state === 'dialling') this.#onRoundFailed();
  }

  /** @param {import('./connection.js').Ending} ending */
  #onBetterLost(ending) {
    if (this.#better) this.#path.leave(this.#better.attempt, ending);
    this.#better = null;
    if (this.#trying.size === 0) this.#probeLater();
  }

  /** @param {import('./connection.js').Ending} ending @param {Link} link */
  #onLost(ending, { attempt }) {
    this.#current = null;
    this.#beat.lost(ending);
    this.#path.leave(attempt, ending);
    if (!this.#isStopped()) this.#move(); // and then there is a connection again
    if (this.#isStopped() || this.#current) return;
    const { ms, detail, error } = ending;
    this.#failures = ms >= SETTLED_MS ? 0 : this.#failures + 1;
    this.#probes = 0;
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
    if (this.#isStopped()) return;
    this.#state = 'waiting';
    this.#timer.clear(this.#alarm);
    const wait = backoff(this.#failures, { random: this.#random });
    this.#alarm = this.#timer.set(() => this.start(), wait);
  }

  /** A worse driver is in use: the better ones are tried again after a while, and then less often. */
  #probeLater() {
    const rank = this.#current?.target.rank ?? 0;
    const better = this.#targets.filter((target) => target.rank < rank);
    if (this.#state === 'up') this.#timer.clear(this.#alarm);
    if (this.#state !== 'up' || better.length === 0) return;
    const wait = patience(this.#probes++, { random: this.#random });
    this.#alarm = this.#timer.set(() => this.#begin(better), wait);
  }

  /** @param {Error} error */
  #fail(error) {
    this.stop();
    this.#on.failed(error);
  }

  /** A listener may have stopped it. */
  #isStopped() {
    return this.#state === 'stopped';
  }
}
