// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Events that are published, and events of queues that are committed, all or none:
 *
 *     const transaction = session.transaction();
 *     transaction.publish('/results', 'done');
 *     transaction.consume(job);
 *     await transaction.commit();
 *
 * Nothing is sent before commit(). The realm remembers by the id what came of it; so when the
 * connection is lost before the answer, the next one asks, and what was not committed is sent again.
 *
 *     idle ──> preparing ──> committing ──> (outcome)
 *                  ^             │ lost
 *                  └─ unknown ─ asking
 */

import { channelName } from './channel.js';
import { ArgumentError, RefusedError, StaleError, WayleaveError } from './errors.js';
import { encodeAsText, encodeEvent } from './event.js';
import { holderOf } from './queue-subscription.js';

/** @typedef {import('./outbox.js').Entry} Entry */
/** @typedef {import('./outbox.js').Outcome} Outcome */
/** @typedef {import('./protocol.js').Protocol} Protocol */
/** @typedef {import('./event.js').ChannelEvent} ChannelEvent */
/** @typedef {{ destination: string, headers: Array<[string, string]>, body: string | Uint8Array }} Sending */

/** It may be just being committed, of which the realm says `unknown`, too: ask again after this. */
const ASK_MS = 200;
const ASKS_MAX = 10;

/** What is on its way: one commit() of a transaction. @implements {Entry} */
class Commit {
  /** @type {'idle' | 'preparing' | 'committing' | 'asking' | 'refused'} */
  #state = 'idle';
  #missing = 0;
  /** How often the realm was asked what came of it. */
  #asks = 0;
  /** @type {Error | undefined} */
  #refusal;
  #sendings;
  #consumed;
  #later;
  resolve = (/** @type {void} */ _) => {};
  reject = (/** @type {Error} */ _error) => {};

  /**
   * @param {string} id
   * @param {Sending[]} sendings
   * @param {ChannelEvent[]} consumed
   * @param {(run: () => void, ms: number) => void} later
   */
  constructor(id, sendings, consumed, later) {
    this.id = id;
    this.bytes = sendings.reduce((sum, { body }) => sum + body.length, 0);
    this.#sendings = sendings;
    this.#consumed = consumed;
    this.#later = later;
  }

  get inDoubt() {
    return this.#state === 'committing' || this.#state === 'asking';
  }

  /** @param {Protocol} protocol */
  send(protocol) {
    if (this.inDoubt) {
      this.#ask(protocol);
      return;
    }
    const acks = this.#consumed.map((event) => holderOf(event)?.ackOf(event));
    if (!acks.every((ack) => ack !== undefined)) throw staleError();
    this.#state = 'preparing';
    this.#missing = 1 + this.#sendings.length + acks.length;
    protocol.begin(this.id);
    for (const sending of this.#sendings) {
      const { headers, body } = protocol.isText ? encodeAsText(sending) : sending;
      protocol.prepare(this.id, sending.destination, headers, body);
    }
    for (const ack of acks) protocol.acknowledge(this.id, ack, { transaction: this.id });
  }

  /**
   * COMMIT goes only when the realm has taken every part: else what it took would be committed.
   * @param {import('./protocol.js').Happening} happening
   * @param {Protocol} protocol
   * @returns {Outcome | undefined}
   */
  take(happening, protocol) {
    if (happening.type === 'outcome') return this.#onOutcome(happening.outcome, protocol);
    if (happening.type === 'refused') {
      const { request, word, message } = happening;
      if (request === 'abort') return { error: this.#refusal };
      const refusal = new RefusedError(word, message);
      // What was sent before may be just being committed: COMMIT again is refused like this then.
      const isPending = request === 'commit' && this.#asks > 0 && refusal.code === 'store';
      if (isPending) return this.#againLater(() => protocol.commit(this.id), refusal);
      this.#refusal ??= refusal;
      if (request !== 'prepare') return { error: this.#refusal };
    }
    if (happening.type === 'aborted') return { error: this.#refusal };
    if (--this.#missing > 0) return undefined;
    if (this.#refusal) {
      this.#state = 'refused';
      protocol.abort(this.id);
    } else {
      this.#state = 'committing';
      protocol.commit(this.id);
    }
    return undefined;
  }

  /** @returns {Error | undefined} */
  lost() {
    if (this.#refusal) return this.#refusal;
    if (this.inDoubt) return undefined;
    return this.#consumed.length > 0 ? staleError() : undefined;
  }

  /** @param {string} outcome @param {Protocol} protocol @returns {Outcome | undefined} */
  #onOutcome(outcome, protocol) {
    if (outcome === 'committed') {
      for (const event of this.#consumed) {
        const holder = holderOf(event);
        if (holder?.ackOf(event) !== undefined) holder.release(event); // else of a lost connection
      }
      return {};
    }
    if (outcome === 'aborted') {
      return { error: new WayleaveError('aborted', 'the transaction was aborted') };
    }
    if (this.#consumed.length > 0) {
      return this.#againLater(() => this.#ask(protocol), staleError({ inDoubt: true }));
    }
    this.#state = 'idle';
    this.send(protocol);
    return undefined;
  }

  /** @param {Protocol} protocol */
  #ask(protocol) {
    this.#asks++;
    this.#state = 'asking';
    protocol.query(this.id);
  }

  /**
   * @param {() => void} ask
   * @param {Error} error if that was the last time
   * @returns {Outcome | undefined}
   */
  #againLater(ask, error) {
    if (++this.#asks > ASKS_MAX) return { error };
    this.#later(() => this.inDoubt && ask(), ASK_MS);
    return undefined;
  }
}

/** @param {{ inDoubt?: boolean }} [more] */
function staleError(more) {
  const text = 'not committed: an event that the transaction consumes has gone back to its queue';
  return new StaleError(text, more);
}

/**
 * What a transaction needs from its session.
 * @typedef {object} TransactionAccess
 * @property {(entry: Entry) => Promise<any>} run
 * @property {(run: () => void, ms: number) => void} later
 * @property {(id: string) => Promise<string>} query
 */

export class Transaction {
  #access;
  /** @type {Sending[]} */
  #sendings = [];
  /** @type {ChannelEvent[]} */
  #consumed = [];
  /** @type {Promise<void> | undefined} while it is on its way, and when it was committed */
  #committing;

  /**
   * @param {string} id under which the realm remembers the outcome
   * @param {TransactionAccess} access
   */
  constructor(id, access) {
    if (id === '') throw new ArgumentError('a transaction needs an id');
    /** @readonly */
    this.id = id;
    this.#access = access;
  }

  /**
   * @param {string} name of a channel or a queue
   * @param {string | Uint8Array | import('./event.js').EventInit} event
   */
  publish(name, event) {
    this.#refuseIfCommitting();
    const { headers, body } = encodeEvent(event);
    this.#sendings.push({ destination: channelName(name), headers, body });
    return this;
  }

  /**
   * Commit an event of a queue, and with it those before it, if and when the rest is committed.
   * @param {ChannelEvent} event from a transactional reader
   */
  consume(event) {
    this.#refuseIfCommitting();
    if (!holderOf(event)) throw new ArgumentError('this event is not from a transactional reader');
    this.#consumed.push(event);
    return this;
  }

  /**
   * Asked for again, it is the same commit: a transaction is done once.
   * @returns {Promise<void>} when the realm has done it; a `stale` error: nothing was done
   */
  commit() {
    this.#committing ??= this.#access
      .run(new Commit(this.id, this.#sendings, this.#consumed, this.#access.later))
      .catch((error) => {
        this.#committing = undefined; // may be tried again
        throw error;
      });
    return this.#committing;
  }

  /** Forget what was not committed. */
  rollback() {
    this.#refuseIfCommitting();
    this.#sendings = [];
    this.#consumed = [];
  }

  /** @returns {Promise<string>} `committed`, `aborted` or `unknown`, asked of the realm; `unknown`
   *   it also is while it is being committed */
  outcome() {
    return this.#access.query(this.id);
  }

  #refuseIfCommitting() {
    if (this.#committing) throw new ArgumentError('the transaction is being committed, or was');
  }
}

/**
 * A question to the realm, put again on the next connection if it must be.
 * @implements {Entry}
 */
export class Query {
  bytes = 0;
  inDoubt = false;
  resolve = (/** @type {string} */ _outcome) => {};
  reject = (/** @type {Error} */ _error) => {};
  #commitId;

  /** @param {string} id of the question @param {string} commitId */
  constructor(id, commitId) {
    this.id = id;
    this.#commitId = commitId;
  }

  /** @param {Protocol} protocol */
  send(protocol) {
    protocol.query(this.#commitId, this.id);
  }

  /** @param {import('./protocol.js').Happening} happening @returns {Outcome | undefined} */
  take(happening) {
    if (happening.type === 'outcome') return { value: happening.outcome };
    if (happening.type !== 'refused') return undefined;
    return { error: new RefusedError(happening.word, happening.message) };
  }
}
