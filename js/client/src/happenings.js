// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What a client learns from the frames of a realm (doc/wire.md). */

import { ProtocolError } from './errors.js';

/** Of a body: RFC 2045 section 6. */
const ENCODING = 'content-transfer-encoding';

/**
 * @typedef {object} Position where a subscription begins
 * @property {'now' | 'stored' | number} from
 * @property {string} [epoch] the life of the channel that an EID belongs to
 */

/**
 * @typedef {object} Terms of a subscription, beside where it begins
 * @property {string} [filter] a selector: which events
 * @property {string} [durable] the name under which the realm keeps its place
 * @property {boolean} [isAcknowledged] the reader says what it is done with
 * @property {number} [window] events that a queue's reader may have at once
 * @property {string} [name] what a data stream calls itself
 */

/**
 * @typedef {{ type: 'connected', session: string, server: string, sendMs: number, expectMs: number }
 *   | { type: 'subscribed', id: string, epoch?: string, next?: number, stream?: string }
 *   | { type: 'unsubscribed', id: string }
 *   | { type: 'published', id: string, eid?: number }
 *   | { type: 'acknowledged' | 'prepared' | 'aborted' | 'forgotten', id: string }
 *   | { type: 'outcome', id: string, outcome: string }
 *   | { type: 'refused', request: Request, id: string, word: string, message: string }
 *   | { type: 'event', id: string, destination: string, eid?: number, headers: Map<string, string>, body: Uint8Array }
 *   | { type: 'answered' }
 *   | { type: 'disconnected' }
 *   | { type: 'error', word: string, message: string }} Happening
 */

/** @typedef {'subscribe' | 'unsubscribe' | 'forget' | 'publish' | 'acknowledge' | 'prepare' | 'commit' | 'abort' | 'query' | 'ping' | 'disconnect'} Request */

/**
 * What a receipt without a refusal means.
 * @param {Request} request
 * @param {string} id
 * @param {Map<string, string>} headers
 * @returns {Happening}
 */
export function onAnswer(request, id, headers) {
  switch (request) {
    case 'disconnect':
      return { type: 'disconnected' };
    case 'publish':
      return { type: 'published', id, eid: readEid(headers.get('eid')) };
    case 'acknowledge':
      return { type: 'acknowledged', id };
    case 'prepare':
      return { type: 'prepared', id };
    case 'abort':
      return { type: 'aborted', id };
    case 'forget':
      return { type: 'forgotten', id };
    case 'commit':
    case 'query':
      return { type: 'outcome', id, outcome: headers.get('outcome') ?? 'committed' };
  }
  const next = readEid(headers.get('next'));
  const stream = headers.get('stream');
  if (stream !== undefined) return { type: 'subscribed', id, stream };
  return { type: 'subscribed', id, epoch: headers.get('epoch'), next };
}

/**
 * @param {import('./stomp.js').Frame} frame
 * @returns {Happening}
 */
export function onMessage({ headers, body }) {
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
export function readHeartBeat(text = '0,0') {
  const found = /^(\d{1,9}),(\d{1,9})$/.exec(text);
  if (!found) throw new ProtocolError(`heart-beat is ${text}`);
  return [Number(found[1]), Number(found[2])];
}

/**
 * Why the realm has ended the session, by its ERROR.
 * @param {import('./stomp.js').Frame} frame
 */
export function readError({ headers, body }) {
  const message = headers.get('message') ?? '';
  const word = headers.get('refused') ?? message.split(/[^A-Za-z]/, 1)[0];
  return { word, message: message || new TextDecoder().decode(body) };
}

/**
 * Where only text can travel the realm sends bytes as base64, and says so.
 * @param {import('./stomp.js').Frame} frame
 */
export function unwrap(frame) {
  const { command, headers, body } = frame;
  if (headers.get(ENCODING) !== 'base64') return frame;
  const others = new Map([...headers].filter(([name]) => name !== ENCODING));
  try {
    const text = atob(new TextDecoder().decode(body));
    return { command, headers: others, body: Uint8Array.from(text, (each) => each.charCodeAt(0)) };
  } catch {
    return frame; // a publisher's own header, about a body that travels as it is
  }
}
