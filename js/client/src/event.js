// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * An event, and how it travels (doc/wire.md, "Events"). With data only it is its own body; with a
 * dictionary or a tag it becomes one JSON object. Attributes travel in a header of their own.
 */

import { hasTwins, readDictionary, toBase64, writeDictionary } from './dictionary.js';
import { ArgumentError } from './errors.js';
import { toMembers, toPlainMembers } from './typed.js';

/** @typedef {import('./typed.js').Typed} Typed */

const EVENT_TYPE = 'application/vnd.wayleave.event+json';
const ATTRIBUTES = 'attributes';
/** Headers that are the frame's, not the event's. */
const FRAME_HEADERS = new Set([
  ...['subscription', 'destination', 'message-id', 'eid', 'content-length', 'content-type'],
  ...['receipt', 'transaction', 'publish-id', 'ttl', 'ack', 'redelivered', 'redelivery-count'],
  ...['timestamp', 'merge', 'delta', ATTRIBUTES],
]);

/**
 * What can be published. A string or bytes alone mean `{ data }`.
 * @typedef {object} EventInit
 * @property {string | Uint8Array} [data]
 * @property {Record<string, unknown> | Map<string, unknown>} [dict] values of natural types, or
 *   of those that `typed()` gives them
 * @property {string} [tag]
 * @property {number} [ttl] milliseconds after which nobody gets it any more
 * @property {boolean} [merge] the dictionary holds only what has changed: the realm merges it into
 *   the stored event of the same publish key
 * @property {Record<string, unknown>} [attributes] meta-data, like a publisher's name
 * @property {Record<string, string>} [headers] other STOMP headers, passed on as they are
 */

/** An event as it came from a channel or a queue. */
export class ChannelEvent {
  /** The name of the channel or queue. @readonly @type {string} */
  channel;
  /** Its number, increasing by one per channel. @readonly @type {number | undefined} */
  eid;
  /** The dictionary with its types. @readonly @type {Map<string, Typed>} */
  dictionary;
  /** @readonly @type {string} */
  tag;
  /** @readonly @type {Record<string, unknown>} */
  attributes;
  /** Every other header, as the publisher wrote it. @readonly @type {Record<string, string>} */
  headers;
  /** When it was published, by the realm's clock: ms since 1970. @readonly @type {number | undefined} */
  timestamp;
  /** How often it was delivered before and came back; 0 but from queues. @readonly @type {number} */
  redeliveryCount;
  /** The dictionary holds only what has changed since this subscription got the event of the same
   * publish key. @readonly @type {boolean} */
  isDelta;
  /** @type {string | Uint8Array} */
  #data;
  /** @type {Record<string, any> | undefined} */
  #dict;

  /** @param {EventInit & { channel: string, eid?: number, timestamp?: number, redeliveryCount?: number, isDelta?: boolean }} init */
  constructor({ channel, eid, data = '', dict = {}, tag = '', redeliveryCount = 0, ...init }) {
    this.channel = channel;
    this.eid = eid;
    this.dictionary = toMembers(dict);
    this.tag = tag;
    this.attributes = init.attributes ?? {};
    this.headers = init.headers ?? {};
    this.timestamp = init.timestamp;
    this.redeliveryCount = redeliveryCount;
    this.isDelta = init.isDelta ?? false;
    this.#data = data;
  }

  /** The dictionary as a plain object: numbers, text, arrays; a BigInt for a long past 2^53 - 1. */
  get dict() {
    this.#dict ??= toPlainMembers(this.dictionary);
    return this.#dict;
  }

  /** It was delivered before, to this reader or another, and came back to its queue. */
  get redelivered() {
    return this.redeliveryCount > 0;
  }

  /** The payload as text. */
  get data() {
    return typeof this.#data === 'string' ? this.#data : new TextDecoder().decode(this.#data);
  }

  /** The payload as bytes. */
  get bytes() {
    return typeof this.#data === 'string' ? new TextEncoder().encode(this.#data) : this.#data;
  }

  /** The payload read as JSON. */
  json() {
    return JSON.parse(this.data);
  }
}

/**
 * @param {string | Uint8Array | EventInit} event
 * @returns {{ headers: Array<[string, string]>, body: string | Uint8Array }}
 */
export function encodeEvent(event) {
  const init = typeof event === 'string' || event instanceof Uint8Array ? { data: event } : event;
  const { data = '', dict = {}, tag = '', ttl, merge, attributes = {}, headers = {} } = init ?? {};
  /** @type {Array<[string, string]>} */
  const sent = Object.entries(headers).filter(([name]) => !FRAME_HEADERS.has(name));
  if (Object.keys(attributes).length > 0) sent.unshift([ATTRIBUTES, toJson(attributes)]);
  if (merge === true) sent.unshift(['merge', 'true']);
  if (ttl !== undefined) sent.unshift(['ttl', String(checkTtl(ttl))]);
  const members = toMembers(dict);
  if (members.size > 0 || tag !== '') {
    return { headers: [['content-type', EVENT_TYPE], ...sent], body: toBody(data, members, tag) };
  }
  const type = typeof data === 'string' ? 'text/plain' : 'application/octet-stream';
  return { headers: [['content-type', type], ...sent], body: data };
}

/** @param {unknown} ttl */
function checkTtl(ttl) {
  if (Number.isSafeInteger(ttl) && Number(ttl) >= 0) return ttl;
  throw new ArgumentError(`ttl is ${ttl}: whole milliseconds, 0 for no end`);
}

/**
 * The same event for a driver that carries text only: bytes as doc/wire.md, "Events", writes them.
 * @param {{ headers: Array<[string, string]>, body: string | Uint8Array }} event
 * @returns {{ headers: Array<[string, string]>, body: string | Uint8Array }}
 */
export function encodeAsText({ headers, body }) {
  if (typeof body === 'string') return { headers, body };
  const others = headers.filter(([name]) => name !== 'content-type');
  return { headers: [['content-type', EVENT_TYPE], ...others], body: toBody(body, new Map(), '') };
}

/**
 * @param {string | Uint8Array} data
 * @param {Map<string, Typed>} dict
 * @param {string} tag
 */
function toBody(data, dict, tag) {
  const payload = typeof data === 'string' ? data : { $bytes: toBase64(data) };
  const members = [
    data.length > 0 && `"data":${JSON.stringify(payload)}`,
    dict.size > 0 && `"dict":${writeDictionary(dict)}`,
    tag !== '' && `"tag":${JSON.stringify(tag)}`,
  ];
  return `{${members.filter(Boolean).join(',')}}`;
}

/** @param {unknown} value */
function toJson(value) {
  return JSON.stringify(value, (key, member) => {
    if (typeof member === 'number' && !Number.isFinite(member)) {
      throw new ArgumentError(`${key} is ${member}: only finite numbers can travel`);
    }
    if (typeof member === 'bigint') throw new ArgumentError(`${key} is a BigInt: give a number`);
    return member;
  });
}

/**
 * What is not readable although it says so is passed on as it is: one publisher's mistake must
 * not end the sessions of all who read the channel.
 * @param {{ destination: string, eid?: number, headers: Map<string, string>, body: Uint8Array }} message
 * @returns {ChannelEvent}
 */
export function decodeEvent({ destination, eid, headers, body }) {
  const isAgain = headers.get('redelivered') === 'true';
  const isObject = headers.get('content-type') === EVENT_TYPE;
  return new ChannelEvent({
    channel: destination,
    eid,
    attributes: parseAttributes(headers.get(ATTRIBUTES)),
    headers: Object.fromEntries([...headers].filter(([name]) => !FRAME_HEADERS.has(name))),
    timestamp: readCount(headers.get('timestamp')),
    redeliveryCount: readCount(headers.get('redelivery-count')) ?? Number(isAgain),
    isDelta: headers.get('delta') === 'true',
    ...((isObject && parseBody(new TextDecoder().decode(body))) || { data: body }),
  });
}

/** @param {string | undefined} text */
function readCount(text) {
  const count = Number(text);
  return Number.isSafeInteger(count) && count > 0 ? count : undefined;
}

/** @param {string} text @returns {EventInit | undefined} where it cannot be read */
function parseBody(text) {
  try {
    const parsed = JSON.parse(text);
    if (hasTwins(text)) return undefined;
    const { data = '', dict = {}, tag = '' } = parsed;
    const payload = typeof data === 'string' ? data : fromMark(data);
    if (payload === undefined || typeof tag !== 'string') return undefined;
    return { data: payload, dict: readDictionary(dict), tag };
  } catch {
    return undefined;
  }
}

/** `{"$bytes":"..."}` @param {any} data */
function fromMark(data) {
  const value = readDictionary({ data }).get('data');
  return value?.type === 'bytes' ? value.value : undefined;
}

/** @param {string} [text] @returns {Record<string, any>} */
function parseAttributes(text = '{}') {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
