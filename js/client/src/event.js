// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * An event, and how it travels (doc/wire.md, "Events"). With data only it is its own body; with a
 * dictionary or a tag it becomes one JSON object. Attributes travel in a header of their own.
 */

import { ArgumentError } from './errors.js';

const EVENT_TYPE = 'application/vnd.wayleave.event+json';
const ATTRIBUTES = 'attributes';
/** Headers that are the frame's, not the event's. */
const FRAME_HEADERS = new Set([
  ...['subscription', 'destination', 'message-id', 'eid', 'content-length', 'content-type'],
  ...['receipt', 'transaction', 'publish-id', 'timestamp', ATTRIBUTES],
]);

/**
 * What can be published. A string or bytes alone mean `{ data }`.
 * @typedef {object} EventInit
 * @property {string | Uint8Array} [data]
 * @property {Record<string, unknown>} [dict] strings, finite numbers, booleans; arrays and nested ones of them
 * @property {string} [tag]
 * @property {Record<string, unknown>} [attributes] meta-data, like a publisher's name
 * @property {Record<string, string>} [headers] other STOMP headers, passed on as they are
 */

/** An event as it came from a channel. */
export class ChannelEvent {
  /** The channel's name. @readonly @type {string} */
  channel;
  /** Its number, increasing by one per channel. @readonly @type {number | undefined} */
  eid;
  /** @readonly @type {Record<string, unknown>} */
  dict;
  /** @readonly @type {string} */
  tag;
  /** @readonly @type {Record<string, unknown>} */
  attributes;
  /** Every other header, as the publisher wrote it. @readonly @type {Record<string, string>} */
  headers;
  /** @type {string | Uint8Array} */
  #data;

  /** @param {EventInit & { channel: string, eid?: number }} init */
  constructor({ channel, eid, data = '', dict = {}, tag = '', attributes = {}, headers = {} }) {
    this.channel = channel;
    this.eid = eid;
    this.dict = dict;
    this.tag = tag;
    this.attributes = attributes;
    this.headers = headers;
    this.#data = data;
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
  const { data = '', dict = {}, tag = '', attributes = {}, headers = {} } = init ?? {};
  /** @type {Array<[string, string]>} */
  const sent = Object.entries(headers).filter(([name]) => !FRAME_HEADERS.has(name));
  if (hasMembers(attributes)) sent.unshift([ATTRIBUTES, toJson(attributes)]);
  if (hasMembers(dict) || tag !== '') {
    return { headers: [['content-type', EVENT_TYPE], ...sent], body: toBody(data, dict, tag) };
  }
  const type = typeof data === 'string' ? 'text/plain' : 'application/octet-stream';
  return { headers: [['content-type', type], ...sent], body: data };
}

/**
 * @param {string | Uint8Array} data
 * @param {Record<string, unknown>} dict
 * @param {string} tag
 */
function toBody(data, dict, tag) {
  if (typeof data !== 'string') {
    throw new ArgumentError('bytes cannot travel with a dictionary or a tag: give text as data');
  }
  return toJson({
    ...(data !== '' && { data }),
    ...(hasMembers(dict) && { dict }),
    ...(tag !== '' && { tag }),
  });
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
 * @param {{ destination: string, eid?: number, headers: Map<string, string>, body: Uint8Array }} message
 * @returns {ChannelEvent}
 */
export function decodeEvent({ destination, eid, headers, body }) {
  const others = Object.fromEntries([...headers].filter(([name]) => !FRAME_HEADERS.has(name)));
  const attributes = toObject(parse(headers.get(ATTRIBUTES)));
  const base = { channel: destination, eid, attributes, headers: others };
  const isObject = headers.get('content-type') === EVENT_TYPE;
  const parsed = isObject ? parse(new TextDecoder().decode(body)) : undefined;
  if (parsed === undefined) return new ChannelEvent({ ...base, data: body });
  const { data, dict, tag } = toObject(parsed);
  return new ChannelEvent({
    ...base,
    data: typeof data === 'string' ? data : '',
    dict: toObject(dict),
    tag: typeof tag === 'string' ? tag : '',
  });
}

/**
 * What is not JSON although it says so is passed on as it is: one publisher's mistake must not
 * end the sessions of all who read the channel.
 * @param {string | undefined} text
 */
function parse(text) {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param {unknown} value
 * @returns {Record<string, any>}
 */
function toObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

/** @param {object} value */
function hasMembers(value) {
  return Object.keys(value).length > 0;
}
