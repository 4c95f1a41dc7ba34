// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A realm in memory that speaks doc/wire.md: channels, EIDs, epochs, receipts, publish-ids. */

import { StompDecoder, encodeFrame } from '../../src/stomp.js';

/**
 * @typedef {object} Stored
 * @property {number} eid
 * @property {Array<[string, string]>} headers
 * @property {Uint8Array} body
 * @property {string} [publishId]
 */

/** @typedef {{ epoch: string, next: number, events: Stored[] }} Life */

const OWN = ['destination', 'receipt', 'publish-id', 'content-length'];

export class FakeRealm {
  /** @type {Map<string, Life>} */
  channels = new Map();
  /** @type {Set<FakePeer>} */
  peers = new Set();
  /** Every frame that came, as `COMMAND destination-or-id`. @type {string[]} */
  log = [];
  /** Channels that do not exist. */
  missing = new Set(['/missing']);
  /** @type {string | null} refuse every CONNECT with this word */
  refuse = null;
  heartbeat = '0,0';
  /** How many events a channel keeps. */
  kept = Infinity;
  #lives = 0;

  /** @param {string} name */
  life(name) {
    const known = this.channels.get(name);
    if (known) return known;
    const life = { epoch: `life-${++this.#lives}`, next: 1, events: [] };
    this.channels.set(name, life);
    return life;
  }

  /** @param {(data: string | Uint8Array) => void} send */
  accept(send) {
    const peer = new FakePeer(this, send);
    this.peers.add(peer);
    return peer;
  }

  /** A memory channel after this: a new life, and numbers begin again. */
  restart() {
    this.channels.clear();
    this.peers.clear();
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  publish(name, text) {
    return this.store(name, [['content-type', 'text/plain']], new TextEncoder().encode(text));
  }

  /**
   * @param {string} name
   * @param {Array<[string, string]>} headers
   * @param {Uint8Array} body
   * @param {string} [publishId]
   */
  store(name, headers, body, publishId) {
    const life = this.life(name);
    const twice = publishId && life.events.find((event) => event.publishId === publishId);
    if (twice) return twice.eid;
    const event = { eid: life.next++, headers, body, publishId };
    life.events.push(event);
    if (life.events.length > this.kept) life.events.shift();
    for (const peer of this.peers) peer.deliver(name, event);
    return event.eid;
  }
}

export class FakePeer {
  #realm;
  #send;
  #decoder = new StompDecoder();
  /** @type {Map<string, string>} id to channel */
  #subscriptions = new Map();

  /** @param {FakeRealm} realm @param {(data: string | Uint8Array) => void} send */
  constructor(realm, send) {
    this.#realm = realm;
    this.#send = send;
  }

  gone() {
    this.#realm.peers.delete(this);
  }

  /** @param {string | Uint8Array} data */
  receive(data) {
    if (data === '\n') this.#realm.log.push('beat');
    for (const { command, headers, body } of this.#decoder.push(data)) {
      this.#realm.log.push(
        `${command} ${headers.get('destination') ?? headers.get('id') ?? ''}`.trim(),
      );
      this.#answer(command, headers, body);
    }
  }

  /** @param {string} name @param {Stored} event */
  deliver(name, event) {
    for (const [id, channel] of this.#subscriptions) {
      if (channel === name) this.#message(id, name, event);
    }
  }

  /** @param {string} command @param {Map<string, string>} headers @param {Uint8Array} body */
  #answer(command, headers, body) {
    if (command === 'CONNECT') this.#connect();
    if (command === 'SUBSCRIBE') this.#subscribe(headers);
    if (command === 'SEND') this.#publish(headers, body);
    if (command === 'UNSUBSCRIBE') {
      this.#subscriptions.delete(headers.get('id') ?? '');
      this.#receipt(headers);
    }
    if (command === 'DISCONNECT') this.#receipt(headers);
  }

  #connect() {
    const { refuse, heartbeat } = this.#realm;
    if (refuse) {
      this.#put('ERROR', [['message', `${refuse}: nobody comes in`]]);
      return;
    }
    this.#put('CONNECTED', [
      ['version', '1.2'],
      ['session', 's-1'],
      ['server', 'wayleave/test'],
      ['heart-beat', heartbeat],
    ]);
  }

  /** @param {Map<string, string>} headers */
  #subscribe(headers) {
    const name = headers.get('destination') ?? '';
    if (this.#isMissing(name, headers)) return;
    const id = headers.get('id') ?? '';
    const life = this.#realm.life(name);
    const oldest = life.events[0]?.eid ?? life.next;
    const asked = headers.get('from') ?? 'now';
    let next = asked === 'now' ? life.next : oldest;
    const epoch = headers.get('epoch');
    if (/^\d/.test(asked) && (epoch === undefined || epoch === life.epoch)) {
      next = Math.min(Math.max(Number(asked), oldest), life.next);
    }
    this.#subscriptions.set(id, name);
    this.#receipt(headers, [
      ['epoch', life.epoch],
      ['next', String(next)],
    ]);
    for (const event of life.events) if (event.eid >= next) this.#message(id, name, event);
  }

  /** @param {Map<string, string>} headers @param {Uint8Array} body */
  #publish(headers, body) {
    const name = headers.get('destination') ?? '';
    if (this.#isMissing(name, headers)) return;
    const passed = [...headers].filter(([header]) => !OWN.includes(header));
    const eid = this.#realm.store(name, passed, body, headers.get('publish-id'));
    this.#receipt(headers, [['eid', String(eid)]]);
  }

  /** @param {string} name @param {Map<string, string>} headers */
  #isMissing(name, headers) {
    if (!this.#realm.missing.has(name)) return false;
    this.#receipt(headers, [
      ['refused', 'MissingResourceException'],
      ['message', `there is no channel ${name}`],
    ]);
    return true;
  }

  /** @param {Map<string, string>} headers @param {Array<[string, string]>} [more] */
  #receipt(headers, more = []) {
    this.#put('RECEIPT', [['receipt-id', headers.get('receipt') ?? ''], ...more]);
  }

  /** @param {string} id @param {string} name @param {Stored} event */
  #message(id, name, { eid, headers, body }) {
    /** @type {Array<[string, string]>} */
    const own = [
      ['subscription', id],
      ['destination', name],
      ['message-id', `${name}@${eid}`],
      ['eid', String(eid)],
    ];
    this.#put('MESSAGE', [...own, ...headers], body);
  }

  /** @param {string} command @param {Array<[string, string]>} headers @param {Uint8Array} [body] */
  #put(command, headers, body) {
    this.#send(encodeFrame(command, headers, body));
  }
}
