// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The client's half of one connection to a realm (doc/wire.md): what came in, happenings and
 * frames out. No socket, no timer; the sans-IO twin of the realm's side. A new connection gets a
 * new Protocol; what outlives a connection is kept in subscriptions.js and outbox.js.
 */

import { ProtocolError } from './errors.js';
import { onAnswer, onMessage, readHeartBeat, readError, unwrap } from './happenings.js';
import { StompDecoder, encodeFrame } from './stomp.js';

/** @typedef {import('./happenings.js').Happening} Happening */
/** @typedef {import('./happenings.js').Position} Position */
/** @typedef {import('./happenings.js').Request} Request */
/** @typedef {import('./happenings.js').Terms} Terms */

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
   * @param {boolean} [options.isText] the driver carries text only
   * @param {{ maxHead?: number, maxBody?: number }} [options.limits]
   */
  constructor({ host, heartbeatMs = 20_000, login, passcode, isText = false, limits }) {
    /** @readonly */
    this.isText = isText;
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
      if (frame.command === 'ERROR') yield* this.#onBlamed(frame);
      const happening = this.#understand(frame);
      if (happening) yield happening;
    }
  }

  /**
   * @param {string} id
   * @param {string} destination
   * @param {Terms & Partial<Position>} terms
   */
  subscribe(id, destination, { from, epoch, filter, durable, isAcknowledged, window, name }) {
    this.#ask('subscribe', id, 'SUBSCRIBE', [
      ['id', id],
      ['destination', destination],
      ...given('from', from),
      ...given('epoch', typeof from === 'number' ? epoch : undefined),
      ...given('selector', filter),
      ...given('durable', durable),
      ...given('ack', isAcknowledged ? 'client' : undefined),
      ...given('window', window),
      ...given('name', name),
    ]);
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

  /**
   * The realm need not keep the place of a durable subscription any longer.
   * @param {string} id of the request
   * @param {string} destination
   * @param {string} durable
   */
  forget(id, destination, durable) {
    this.#ask('forget', id, 'UNSUBSCRIBE', [
      ['id', NOBODY],
      ['destination', destination],
      ['durable', durable],
    ]);
  }

  /**
   * @param {string} id of the request
   * @param {string} ack as the MESSAGE had it
   * @param {{ isBack?: boolean, transaction?: string }} [how] `isBack`: it goes back to its queue
   */
  acknowledge(id, ack, { isBack = false, transaction } = {}) {
    /** @type {Array<[string, string]>} */
    const headers = [['id', ack], ...given('transaction', transaction)];
    this.#ask(transaction ? 'prepare' : 'acknowledge', id, isBack ? 'NACK' : 'ACK', headers);
  }

  /** @param {string} id of the transaction, and in what follows */
  begin(id) {
    this.#ask('prepare', id, 'BEGIN', [['transaction', id]]);
  }

  /**
   * A publish within a transaction.
   * @param {string} id
   * @param {string} destination
   * @param {Array<[string, string]>} headers
   * @param {string | Uint8Array} body
   */
  prepare(id, destination, headers, body) {
    /** @type {Array<[string, string]>} */
    const own = [
      ['destination', destination],
      ['transaction', id],
    ];
    this.#ask('prepare', id, 'SEND', [...own, ...headers], body);
  }

  /** Under this id the realm remembers what came of it. @param {string} id */
  commit(id) {
    this.#ask('commit', id, 'COMMIT', [
      ['transaction', id],
      ['commit-id', id],
    ]);
  }

  /** @param {string} id */
  abort(id) {
    this.#ask('abort', id, 'ABORT', [['transaction', id]]);
  }

  /** What came of it? @param {string} commitId @param {string} [id] of the request */
  query(commitId, id = commitId) {
    this.#ask('query', id, 'COMMIT', [
      ['commit-id', commitId],
      ['query', 'true'],
    ]);
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
    if (frame.command === 'MESSAGE') return onMessage(this.isText ? unwrap(frame) : frame);
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
    return onAnswer(request, id, headers);
  }

  /**
   * "ERROR": its receipt-id says which frame was to blame. That one has failed for good: sent
   * again on the next connection, it would end that one, too.
   * @param {import('./stomp.js').Frame} frame
   * @returns {Generator<Happening, void, void>}
   */
  *#onBlamed(frame) {
    const asked = this.#awaited.get(frame.headers.get('receipt-id') ?? '');
    if (asked?.request !== 'publish' && asked?.request !== 'subscribe') return;
    const { word, message } = readError(frame);
    yield { type: 'refused', ...asked, word, message };
  }

  /**
   * @param {import('./stomp.js').Frame} frame
   * @returns {Happening}
   */
  #onError(frame) {
    this.#state = 'closed';
    return { type: 'error', ...readError(frame) };
  }
}

/**
 * A header, if there is something to say.
 * @param {string} name
 * @param {string | number | undefined} value
 * @returns {Array<[string, string]>}
 */
function given(name, value) {
  return value === undefined || value === '' ? [] : [[name, String(value)]];
}
