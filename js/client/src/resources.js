// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The channels and queues of a session, each made once, its transactions and its data stream. */

import { Channel, channelName } from './channel.js';
import { DataStream } from './data-stream.js';
import { Queue } from './queue.js';
import { Transaction } from './transaction.js';

export class Resources {
  /** @type {Map<string, Channel>} */
  #channels = new Map();
  /** @type {Map<string, Queue>} */
  #queues = new Map();
  #access;

  /** @param {import('./access.js').SessionAccess} access */
  constructor(access) {
    this.#access = access;
  }

  /** @param {string} name */
  channel(name) {
    const whole = channelName(name);
    const channel = this.#channels.get(whole) ?? new Channel(whole, this.#access);
    this.#channels.set(whole, channel);
    return channel;
  }

  /** @param {string} name */
  queue(name) {
    const whole = channelName(name);
    const queue = this.#queues.get(whole) ?? new Queue(whole, this.#access);
    this.#queues.set(whole, queue);
    return queue;
  }

  /** @param {import('./data-stream.js').DataStreamOptions} [options] */
  dataStream(options) {
    return new DataStream(this.#access, options);
  }

  /** @param {{ id?: string }} [options] */
  transaction({ id = this.#access.nextId() } = {}) {
    return new Transaction(id, this.#access);
  }
}
