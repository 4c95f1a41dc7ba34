// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A session as the guides describe it, over session.js. Starting it makes a new one underneath. */

import { Session } from '../session.js';
import { randomId, systemRandom } from '../system.js';
import { CompatChannel } from './channel.js';
import { Observe } from './constants.js';
import { NirvanaException, Observable } from './observable.js';
import { hostRealmsOf, optionsOf, realmsOf } from './options.js';
import { Queue } from './unbuilt.js';

/** @typedef {import('./options.js').Config} Config */

/** Publishes that may wait for start(). */
const MAX_WAITING = 1000;

/** @type {Record<string, string>} */
const STATUS = { open: 'CONNECTED', waiting: 'RECONNECTING', connecting: 'CONNECTING' };

export class CompatSession extends Observable {
  /** @type {Config} */
  #config = {};
  #realmsOf = realmsOf;
  /** Underneath, while started. @type {Session | undefined} */
  #core;
  /** The last one, for those who ask what happened. @type {Session | undefined} */
  #latest;
  /** @type {Map<string, CompatChannel>} */
  #channels = new Map();
  /** @type {Map<string, Queue>} */
  #queues = new Map();
  /** @type {Array<[CompatChannel, import('../event.js').EventInit]>} */
  #waiting = [];

  /**
   * @param {unknown} config
   * @param {Observable} [parent]
   */
  constructor(config, parent) {
    super(parent);
    this.configure(config);
  }

  start() {
    if (this.#core) return;
    const core = this.#makeCore();
    if (!core) return;
    this.#core = this.#latest = core;
    const ifMine = (/** @type {() => void} */ run) => () => this.#core === core && run();
    core.on(
      'open',
      ifMine(() => this.notify(Observe.START, this)),
    );
    core.on(
      'disconnect',
      ifMine(() => this.notify(Observe.DISCONNECT, this)),
    );
    core.on(
      'reconnect',
      ifMine(() => this.notify(Observe.RECONNECT, this)),
    );
    core.on('close', (error) => ifMine(() => this.#onFailed(error))());
    core.open().catch(() => {}); // 'close' tells
    for (const channel of this.#channels.values()) channel.attach(core);
    for (const [channel, init] of this.#waiting.splice(0)) channel.publishTo(core, init);
  }

  stop() {
    const core = this.#core;
    if (!core) return;
    this.#letGo();
    core.close().then(() => this.notify(Observe.STOP, this));
  }

  /** @param {unknown} name with or without a leading slash; the same object each time */
  getChannel(name) {
    const key = String(name ?? '').replace(/^\/?/, '/');
    const owner = {
      core: () => this.#core,
      wait: this.#wait.bind(this),
    };
    const channel = this.#channels.get(key) ?? new CompatChannel(name, this, owner);
    this.#channels.set(key, channel);
    return channel;
  }

  /**
   * Queues are not built yet: what is asked of one ends in its ERROR.
   * @param {unknown} name
   * @param {boolean} [_transactional]
   */
  getQueue(name, _transactional) {
    const key = String(name ?? '').replace(/^\/?/, '/');
    const queue = this.#queues.get(key) ?? new Queue(name, this);
    this.#queues.set(key, queue);
    return queue;
  }

  /** Valid from START on. */
  getSessionID() {
    return this.#latest?.id ?? '';
  }

  getConfig() {
    return this.#config;
  }

  getStatus() {
    return STATUS[this.#core?.state ?? ''] ?? 'DISCONNECTED';
  }

  getResources() {
    return [...this.#channels.values(), ...this.#queues.values()];
  }

  getCurrentDriver() {
    return this.path().inUse?.driver;
  }

  /** Ours: what was tried, what is in use, and one sentence for a person. */
  path() {
    return (
      this.#latest?.path() ?? { attempts: [], inUse: null, sentence: 'Nothing was tried yet.' }
    );
  }

  /** Ours: the last measured round trip in milliseconds. */
  latency() {
    return this.#core?.latency();
  }

  /** Ours: measure one now. @returns {Promise<number>} */
  ping() {
    return this.#core?.ping() ?? Promise.reject(new Error('the session is not started'));
  }

  /**
   * @param {unknown} config
   * @param {(config: Config) => string[]} [toRealms]
   */
  configure(config, toRealms = realmsOf) {
    const given = typeof config === 'object' && config !== null ? config : {};
    this.#realmsOf = toRealms;
    this.#config = { sessionName: `wayleave-${randomId(systemRandom).slice(0, 8)}`, ...given };
  }

  #makeCore() {
    try {
      return new Session(this.#realmsOf(this.#config), optionsOf(this.#config));
    } catch (error) {
      queueMicrotask(() => this.fail(error));
      return undefined;
    }
  }

  /** @param {Error | undefined} error */
  #onFailed(error) {
    this.#letGo();
    if (error) this.fail(error);
  }

  #letGo() {
    this.#core = undefined;
    for (const channel of this.#channels.values()) channel.detach();
  }

  /**
   * @param {CompatChannel} channel
   * @param {import('../event.js').EventInit} init
   */
  #wait(channel, init) {
    if (this.#waiting.length < MAX_WAITING) {
      this.#waiting.push([channel, init]);
      return;
    }
    const text = `${MAX_WAITING} publishes wait for start()`;
    queueMicrotask(() => channel.fail(new NirvanaException('LimitException', text)));
  }
}

/** The one session of the older generation: options come with start(), the host from the page. */
export class PageSession extends CompatSession {
  /** @param {unknown} [config] */
  start(config) {
    if (config !== undefined && this.getStatus() === 'DISCONNECTED') {
      this.configure(config, hostRealmsOf);
    }
    super.start();
  }
}
