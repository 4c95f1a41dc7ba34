// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A session as the guides describe it, over session.js. Starting it makes a new one underneath. */

import { RefusedError } from '../errors.js';
import { Session } from '../session.js';
import { harmless, randomId, systemRandom } from '../system.js';
import { CompatChannel } from './channel.js';
import { Observe } from './constants.js';
import { debug, levelOf } from './debug.js';
import { toText } from './dictionary.js';
import { CompatEvent } from './event.js';
import { NirvanaException, Observable } from './observable.js';
import { dataStreamOf, hostRealmsOf, optionsOf, realmsOf } from './options.js';
import { CompatQueue } from './queue.js';

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
  /** @type {Map<string, CompatQueue>} */
  #queues = new Map();
  /** @type {Array<(core: Session) => void>} */
  #waiting = [];
  #owner;
  #driver = '';

  /**
   * @param {unknown} config
   * @param {Observable} [parent]
   */
  constructor(config, parent) {
    super(parent);
    this.#owner = { core: () => this.#core, whenStarted: this.#whenStarted.bind(this) };
    this.configure(config);
  }

  start() {
    if (this.#core) return;
    const core = this.#makeCore();
    if (!core) return;
    this.#core = this.#latest = core;
    debug(core, levelOf(this.#config));
    const ifMine = (/** @type {() => void} */ run) => () => {
      if (this.#core === core) run();
    };
    /** @type {(name: any, run: () => void) => void} */
    const on = (name, run) => void core.on(name, ifMine(run));
    on('open', () => this.#onUp(Observe.START));
    on('disconnect', () => this.notify(Observe.DISCONNECT, this));
    on('reconnect', () => this.#onUp(Observe.RECONNECT));
    on('driver', () => this.#onUp(undefined));
    core.on('close', (error) => ifMine(() => this.#onFailed(error))());
    core.open().catch(() => {}); // 'close' tells
    this.#listenToData(core);
    for (const resource of this.getResources()) resource.attach(core);
    for (const run of this.#waiting.splice(0)) run(core);
  }

  stop() {
    const core = this.#core;
    if (!core) return;
    this.#letGo();
    core.close().then(() => this.notify(Observe.STOP, this));
  }

  /** @param {unknown} name with or without a leading slash; the same object each time */
  getChannel(name) {
    const key = keyOf(name);
    const channel = this.#channels.get(key) ?? new CompatChannel(name, this, this.#owner);
    this.#channels.set(key, channel);
    return channel;
  }

  /**
   * @param {unknown} name
   * @param {unknown} [transactional] the program says which events it is done with
   */
  getQueue(name, transactional) {
    const isTransactional = Boolean(transactional) && transactional !== 'false';
    const key = `${isTransactional} ${keyOf(name)}`;
    const queue =
      this.#queues.get(key) ?? new CompatQueue(name, this, this.#owner, isTransactional);
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

  /** Events of data groups are the session's own. @param {Session} core */
  #listenToData(core) {
    const wanted = dataStreamOf(this.#config);
    if (!wanted) return;
    /** @param {import('../event.js').ChannelEvent} event */
    const onEvent = (event) => {
      if (this.#core !== core) return;
      this.notify(Observe.DATA, CompatEvent.from(event, event.channel));
    };
    const ended = core.dataStream({ ...wanted, onEvent }).next();
    ended.catch((error) => error instanceof RefusedError && this.fail(error));
  }

  /** @param {string | undefined} observable */
  #onUp(observable) {
    const driver = this.getCurrentDriver() ?? '';
    const isOther = this.#driver !== '' && driver !== this.#driver;
    this.#driver = driver;
    if (observable) this.notify(observable, this);
    if (isOther) this.notify(Observe.DRIVER, this, driver);
  }

  /** @param {Error | undefined} error */
  #onFailed(error) {
    this.#letGo();
    if (error) this.fail(error);
  }

  #letGo() {
    this.#core = undefined;
    for (const resource of this.getResources()) resource.detach();
  }

  /**
   * Now, or after start().
   * @param {Observable} resource
   * @param {(core: Session) => void} run
   */
  #whenStarted(resource, run) {
    if (this.#core) {
      run(this.#core);
      return;
    }
    if (this.#waiting.length < MAX_WAITING) {
      this.#waiting.push(run);
      return;
    }
    const text = `${MAX_WAITING} publishes wait for start()`;
    queueMicrotask(() => resource.fail(new NirvanaException('LimitException', text)));
  }
}

/** `fx` and `/fx` are the same. @param {unknown} name */
function keyOf(name) {
  return toText(name).trim().replace(/^\/?/, '/');
}

/** The one session of the older generation: options come with start(), the host from the page. */
export class PageSession extends CompatSession {
  /** For DataGroup events. @type {((event: CompatEvent) => void) | undefined} */
  onData;

  /**
   * @param {unknown} config
   * @param {Observable} [parent]
   */
  constructor(config, parent) {
    super(config, parent);
    this.on(Observe.DATA, (/** @type {CompatEvent} */ event) => {
      harmless(() => this.onData?.(event));
    });
  }

  /** @param {unknown} [config] */
  start(config) {
    if (config !== undefined && this.getStatus() === 'DISCONNECTED') {
      this.configure(config, hostRealmsOf);
    }
    super.start();
  }
}
