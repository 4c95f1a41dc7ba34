// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The client's half of one connection to a realm (doc/wire.md): what came in, happenings and
 * frames out. No socket, no timer; the sans-IO twin of the realm's side. A new connection gets a
 * new Protocol; what outlives a connection is kept in subscriptions.js and outbox.js.
 */

import { ProtocolError } from './errors.js';
import { StompDecoder, encodeFrame } from './stomp.js';

/**
 * @typedef {object} Position where a subscription begins
 * @property {'now' | 'stored' | number} from
 * @property {string} [epoch] the life of the channel that an EID belongs to
 */

/**
 * @typedef {{ type: 'connected', session: string, server: string, sendMs: number, expectMs: number }
 *   | { type: 'subscribed', id: string, epoch?: string, next?: number }
 *   | { type: 'unsubscribed', id: string }
 *   | { type: 'published', id: string, eid?: number }
 *   | { type: 'refused', request: Request, id: string, word: string, message: string }
 *   | { type: 'event', id: string, destination: string, eid?: number, headers: Map<string, string>, body: Uint8Array }
 *   | { type: 'answered' }
 *   | { type: 'disconnected' }
 *   | { type: 'error', word: string, message: string }} Happening
 */

/** @typedef {'subscribe' | 'unsubscribe' | 'publish' | 'ping' | 'disconnect'} Request */

/** An id that no subscription has: the realm has nothing to do but to answer. */
const NOBODY = 'wayleave-ping';

export class Protocol {
  /** @type {'connecting' | 'open' | 'closed'} */
  #state = 'connecting';
  /** @type {Array<string | Uint8Array>} */
  #outgoing = [];
  /** Requests whose RECEIPT has not come. @type {Map<string, { request: Request, id: string }>} */
  #awaited = new Map();
  #receipts = 0;
  #heartbeatMs;
  #decoder;

  /**
   * @param {object} options
   * @param {string} options.host
   * @param {number} [options.heartbeatMs] asked for and offered; 0: none
   * @param {string} [options.login]
   * @param {string} [options.passcode]
   * @param {{ maxHead?: number, maxBody?: number }} [options.limits]
   */
  constructor({ host, heartbeatMs = 20_000, login, passcode, limits }) {
    this.#heartbeatMs = heartbeatMs;
    this.#decoder = new StompDecoder(limits);
    /** @type {Array<[string, string | number]>} */
    const headers = [
      ['accept-version', '1.2'],
      ['host', host],
      ['heart-beat', `${heartbeatMs},${heartbeatMs}`],
      ['errors', 'receipt'],
    ];
    if (login) headers.push(['login', login]);
    if (passcode) headers.push(['passcode', passcode]);
    this.#put('CONNECT', headers);
  }

  get state() {
    return this.#state;
  }

  /** Everything that should go to the driver now, one item a message. */
  takeOutgoing() {
    return this.#outgoing.splice(0);
  }

  /**
   * Happenings come one by one, so that those before a fault are not lost with it.
   * @param {string | Uint8Array} data
   * @returns {Generator<Happening, void, void>}
   */
  *receive(data) {
    if (this.#state === 'closed') return;
    for (const frame of this.#decoder.push(data)) {
      const happening = this.#understand(frame);
      if (happening) yield happening;
    }
  }

  /**
   * @param {string} id
   * @param {string} destination
   * @param {Position} position
   */
  subscribe(id, destination, { from, epoch }) {
    /** @type {Array<[string, string | number]>} */
    const headers = [
      ['id', id],
      ['destination', destination],
      ['from', from],
    ];
    if (typeof from === 'number' && epoch !== undefined) headers.push(['epoch', epoch]);
    this.#ask('subscribe', id, 'SUBSCRIBE', headers);
  }

  /** @param {string} id */
  unsubscribe(id) {
    this.#ask('unsubscribe', id, 'UNSUBSCRIBE', [['id', id]]);
  }

  /**
   * @param {string} id makes the publish idempotent
   * @param {string} destination
   * @param {Array<[string, string]>} headers
   * @param {string | Uint8Array} body
   */
  publish(id, destination, headers, body) {
    /** @type {Array<[string, string]>} */
    const own = [
      ['destination', destination],
      ['publish-id', id],
    ];
    this.#ask('publish', id, 'SEND', [...own, ...headers], body);
  }

  /** A round trip that changes nothing: `answered` follows. */
  ping() {
    this.#ask('ping', NOBODY, 'UNSUBSCRIBE', [['id', NOBODY]]);
  }

  disconnect() {
    this.#ask('disconnect', '', 'DISCONNECT', []);
  }

  /** "A single newline byte": a heart-beat. */
  beat() {
    this.#outgoing.push('\n');
  }

  /**
   * @param {Request} request
   * @param {string} id
   * @param {string} command
   * @param {Array<[string, string | number]>} headers
   * @param {string | Uint8Array} [body]
   */
  #ask(request, id, command, headers, body) {
    const receipt = `${request}-${++this.#receipts}`;
    this.#put(command, [...headers, ['receipt', receipt]], body);
    this.#awaited.set(receipt, { request, id });
  }

  /**
   * @param {string} command
   * @param {Array<[string, string | number]>} headers
   * @param {string | Uint8Array} [body]
   */
  #put(command, headers, body) {
    this.#outgoing.push(encodeFrame(command, headers, body));
  }

  /**
   * @param {import('./stomp.js').Frame} frame
   * @returns {Happening | null}
   */
  #understand(frame) {
    if (frame.command === 'ERROR') return this.#onError(frame);
    if (this.#state === 'connecting') return this.#onConnected(frame);
    if (frame.command === 'MESSAGE') return onMessage(frame);
    if (frame.command === 'RECEIPT') return this.#onReceipt(frame.headers);
    throw new ProtocolError(`${frame.command} in an open session`);
  }

  /**
   * @param {import('./stomp.js').Frame} frame
   * @returns {Happening}
   */
  #onConnected({ command, headers }) {
    if (command !== 'CONNECTED') throw new ProtocolError(`${command} in answer to CONNECT`);
    if (headers.get('version') !== '1.2') throw new ProtocolError('the realm has no STOMP 1.2');
    const [theirs, wanted] = readHeartBeat(headers.get('heart-beat'));
    const own = this.#heartbeatMs;
    this.#state = 'open';
    return {
      type: 'connected',
      session: headers.get('session') ?? '',
      server: headers.get('server') ?? '',
      sendMs: own && wanted ? Math.max(own, wanted) : 0,
      expectMs: own && theirs ? Math.max(own, theirs) : 0,
    };
  }

  /**
   * @param {Map<string, string>} headers
   * @returns {Happening | null}
   */
  #onReceipt(headers) {
    const receipt = headers.get('receipt-id') ?? '';
    const asked = this.#awaited.get(receipt);
    if (!asked) return null;
    this.#awaited.delete(receipt);
    const { request, id } = asked;
    const word = headers.get('refused');
    if (request === 'ping') return { type: 'answered' };
    if (request === 'unsubscribe') return { type: 'unsubscribed', id };
    if (word !== undefined) {
      return { type: 'refused', request, id, word, message: headers.get('message') ?? word };
    }
    if (request === 'disconnect') return { type: 'disconnected' };
    if (request === 'publish') return { type: 'published', id, eid: readEid(headers.get('eid')) };
    const next = readEid(headers.get('next'));
    return { type: 'subscribed', id, epoch: headers.get('epoch'), next };
  }

  /**
   * @param {import('./stomp.js').Frame} frame
   * @returns {Happening}
   */
  #onError({ headers, body }) {
    this.#state = 'closed';
    const message = headers.get('message') ?? '';
    const word = headers.get('refused') ?? message.split(/[^A-Za-z]/, 1)[0];
    return { type: 'error', word, message: message || new TextDecoder().decode(body) };
  }
}

/**
 * @param {import('./stomp.js').Frame} frame
 * @returns {Happening}
 */
function onMessage({ headers, body }) {
  const id = headers.get('subscription');
  const destination = headers.get('destination');
  if (id === undefined || destination === undefined) {
    throw new ProtocolError('a MESSAGE without subscription or destination');
  }
  return { type: 'event', id, destination, eid: readEid(headers.get('eid')), headers, body };
}

/** @param {string | undefined} text */
function readEid(text) {
  if (text === undefined) return undefined;
  if (!/^\d{1,16}$/.test(text)) throw new ProtocolError(`${text} is no EID`);
  return Number(text);
}

/**
 * "heart-beat:<sx>,<sy>": what the realm can do, and what it would like to get.
 * @param {string} [text]
 */
function readHeartBeat(text = '0,0') {
  const found = /^(\d{1,9}),(\d{1,9})$/.exec(text);
  if (!found) throw new ProtocolError(`heart-beat is ${text}`);
  return [Number(found[1]), Number(found[2])];
}
