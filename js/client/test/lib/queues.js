// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The queues and transactions of the realm in memory. */

/** @typedef {import('./realm.js').Stored & { returns: number }} Queued */
/** @typedef {{ window: number, wants: (event: Queued) => boolean, deliver: (event: Queued) => void }} ReaderOptions */

export class FakeQueue {
  /** @type {Queued[]} */
  waiting = [];
  /** @type {Set<Reader>} */
  readers = new Set();
  #next = 1;
  /** @type {Map<string, number>} */
  #ids = new Map();

  /** @param {Array<[string, string]>} headers @param {Uint8Array} body @param {string} [publishId] */
  put(headers, body, publishId) {
    const known = publishId && this.#ids.get(publishId);
    if (known) return known;
    const eid = this.#next++;
    if (publishId) this.#ids.set(publishId, eid);
    this.waiting.push({ eid, headers, body, returns: 0 });
    this.pump();
    return eid;
  }

  /** @param {ReaderOptions} options */
  read(options) {
    const reader = new Reader(this, options);
    this.readers.add(reader);
    return reader;
  }

  /** To whoever has room, in turn. */
  pump() {
    for (const event of [...this.waiting]) {
      const reader = [...this.readers].find((one) => one.takes(event));
      if (!reader) continue;
      this.waiting.splice(this.waiting.indexOf(event), 1);
      this.readers.delete(reader);
      this.readers.add(reader);
      reader.take(event);
    }
  }
}

export class Reader {
  /** @type {Queued[]} */
  #held = [];
  #queue;
  #options;

  /** @param {FakeQueue} queue @param {ReaderOptions} options */
  constructor(queue, options) {
    this.#queue = queue;
    this.#options = options;
  }

  pump() {
    this.#queue.pump();
  }

  /** @param {Queued} event */
  takes(event) {
    return this.#held.length < this.#options.window && this.#options.wants(event);
  }

  /** @param {Queued} event */
  take(event) {
    this.#held.push(event);
    this.#options.deliver(event);
  }

  /** @param {number} eid */
  holds(eid) {
    return this.#held.some((event) => event.eid === eid);
  }

  /** This one and those before it. @param {number} eid @param {boolean} isBack */
  settle(eid, isBack) {
    const count = this.#held.findIndex((event) => event.eid === eid) + 1;
    const settled = this.#held.splice(0, count);
    if (isBack) this.#giveBack(settled);
    this.pump();
  }

  leave() {
    this.#queue.readers.delete(this);
    this.#giveBack(this.#held.splice(0));
    this.pump();
  }

  /** @param {Queued[]} events */
  #giveBack(events) {
    for (const event of events) event.returns++;
    this.#queue.waiting.unshift(...events);
  }
}

export class FakeTransactions {
  /** @type {Map<string, Array<() => void>>} */
  #open = new Map();
  #outcomes;

  /** @param {Map<string, string>} outcomes */
  constructor(outcomes) {
    this.#outcomes = outcomes;
  }

  /** @param {string} id @param {() => void} act */
  add(id, act) {
    return this.#open.get(id)?.push(act);
  }

  /**
   * @param {string} command
   * @param {Map<string, string>} headers
   * @returns {string | undefined} the outcome, or '' where none is said; undefined: out of order
   */
  take(command, headers) {
    const id = headers.get('transaction') ?? '';
    const commitId = headers.get('commit-id') ?? '';
    const known = this.#outcomes.get(commitId);
    const isPending = known === 'pending';
    if (headers.get('query') === 'true') return (!isPending && known) || 'unknown';
    if (command === 'BEGIN') {
      this.#open.set(id, []);
      return '';
    }
    if (command === 'COMMIT' && known) return isPending ? undefined : known;
    const acts = this.#open.get(id);
    if (!acts) return undefined;
    this.#open.delete(id);
    if (command === 'ABORT') return '';
    for (const act of acts) act();
    this.#outcomes.set(commitId, 'committed');
    return 'committed';
  }
}
