// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A realm in memory that speaks doc/wire.md: channels, EIDs, epochs, receipts, publish-ids. */

import { FakeGroup } from './groups.js';
import { FakePeer } from './peer.js';
import { FakeQueue } from './queues.js';

/**
 * @typedef {object} Stored
 * @property {number} eid
 * @property {Array<[string, string]>} headers
 * @property {Uint8Array} body
 * @property {string} [publishId]
 */

/** @typedef {{ epoch: string, next: number, events: Stored[] }} Life */

export class FakeRealm {
  /** @type {Map<string, Life>} */
  channels = new Map();
  /** @type {Set<FakePeer>} */
  peers = new Set();
  /** Every frame that came, as `COMMAND destination-or-id`. @type {string[]} */
  log = [];
  /** Those names are queues. @type {Map<string, FakeQueue>} */
  queues = new Map();
  /** Those names are data groups. @type {Map<string, FakeGroup>} */
  groups = new Map();
  /** How many data streams there were. */
  streams = 0;
  /** What came of transactions, by commit-id. @type {Map<string, string>} */
  outcomes = new Map();
  /** Where durable subscriptions stand, by channel and name. @type {Map<string, number>} */
  places = new Map();
  /** Which durable subscriptions have a reader elsewhere. @type {Set<string>} */
  taken = new Set();
  /** What selectors mean. @type {(selector: string, event: Stored) => boolean} */
  chooses = () => true;
  /** Refuse requests with these commands. @type {Record<string, string>} */
  refusing = {};
  /** Channels that do not exist. */
  missing = new Set(['/missing']);
  /** @type {string | null} refuse every CONNECT with this word */
  refuse = null;
  heartbeat = '0,0';
  /** How many events a channel keeps. */
  kept = Infinity;
  #lives = 0;

  /** @param {string} name */
  queue(name) {
    const queue = this.queues.get(name) ?? new FakeQueue();
    this.queues.set(name, queue);
    return queue;
  }

  /** @param {string} name @param {boolean} [hasAll] every data stream is in it */
  group(name, hasAll = false) {
    const group = this.groups.get(name) ?? new FakeGroup(hasAll);
    this.groups.set(name, group);
    return group;
  }

  /** @param {string} name */
  life(name) {
    const known = this.channels.get(name);
    if (known) return known;
    const life = { epoch: `life-${++this.#lives}`, next: 1, events: [] };
    this.channels.set(name, life);
    return life;
  }

  /** A heart-beat to each, and the end of those who were silent for two. */
  beat() {
    for (const peer of [...this.peers]) {
      peer.silent += 1;
      if (peer.silent > 2) peer.kick();
      else peer.say('\n');
    }
  }

  /** @param {(data: string | Uint8Array) => void} send @param {() => void} [kick] */
  accept(send, kick = () => {}) {
    const peer = new FakePeer(this, send, kick);
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
    const queue = this.queues.get(name);
    if (queue) return queue.put(headers, body, publishId);
    const group = this.groups.get(name);
    if (group) {
      const event = { eid: ++group.published, headers, body };
      for (const peer of this.peers) peer.deliverTo(group, name, event);
      return event.eid;
    }
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
