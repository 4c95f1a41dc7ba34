// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** An event as the guides describe it: data, dictionary, tag, attributes, and where it came from. */

import { Dictionary } from './dictionary.js';

/** Meta-data that a publisher may set; each has a getter and a setter. */
const ATTRIBUTES = [
  ...['PublisherName', 'PublisherHost', 'ApplicationId', 'CorrelationId', 'MessageId'],
  ...['MessageType', 'Priority', 'Expiration', 'TimeToLive', 'ReplyToName', 'ReplyType'],
  ...['DeliveryMode', 'Redelivered', 'Timestamp', 'SubscriberName', 'SubscriberHost'],
  ...['JoinChannel', 'JoinEid', 'JoinPath', 'DeadEventChannel', 'DeadEventEid', 'AllowMerge'],
];

export class EventAttributes {
  /** @type {Record<string, unknown>} */
  #members;

  /** @param {Record<string, unknown>} [members] */
  constructor(members = {}) {
    this.#members = { ...members };
  }

  /** @param {string} name */
  get(name) {
    return this.#members[name];
  }

  /** @param {string} name @param {unknown} value */
  put(name, value) {
    this.#members[name] = value;
  }

  toMembers() {
    return this.#members;
  }
}

for (const name of ATTRIBUTES) {
  const key = name[0].toLowerCase() + name.slice(1);
  Object.assign(EventAttributes.prototype, {
    /** @this {EventAttributes} */
    [`get${name}`]() {
      return this.get(key);
    },
    /** @this {EventAttributes} @param {unknown} value */
    [`set${name}`](value) {
      this.put(key, value);
    },
  });
}

export class CompatEvent {
  /** The number of the event in its channel as a pair: [high, low] 32 bits. */
  eventID = [0, 0];
  /** @type {string | undefined} the name of the channel that it came from */
  resourceName;
  #data = '';
  #tag = '';
  /** @type {Dictionary | undefined} */
  #dictionary;
  /** @type {EventAttributes | undefined} */
  #attributes;

  /**
   * @param {import('../event.js').ChannelEvent} event
   * @param {string} resourceName as the program wrote it
   */
  static from(event, resourceName) {
    const one = new CompatEvent();
    const eid = event.eid ?? 0;
    one.eventID = [Math.floor(eid / 2 ** 32), eid % 2 ** 32];
    one.resourceName = resourceName;
    one.#data = event.data;
    one.#tag = event.tag;
    one.#dictionary = Dictionary.from(event.dict);
    one.#attributes = new EventAttributes(event.attributes);
    return one;
  }

  /** @returns {import('../event.js').EventInit} what travels */
  toInit() {
    return {
      data: this.#data,
      tag: this.#tag,
      dict: this.#dictionary?.toMembers(),
      attributes: this.#attributes?.toMembers(),
    };
  }

  getData() {
    return this.#data;
  }

  getDataAsText() {
    return this.#data;
  }

  /** @param {unknown} data */
  setData(data) {
    this.#data = toText(data);
  }

  getTag() {
    return this.#tag;
  }

  /** @param {unknown} tag */
  setTag(tag) {
    this.#tag = toText(tag);
  }

  getEID() {
    return this.eventID[0] * 2 ** 32 + this.eventID[1];
  }

  /** Live, and made on first use. */
  getDictionary() {
    this.#dictionary ??= new Dictionary();
    return this.#dictionary;
  }

  /** @param {unknown} dictionary ours, or a plain object */
  putDictionary(dictionary) {
    const isObject = typeof dictionary === 'object' && dictionary !== null;
    if (dictionary instanceof Dictionary) this.#dictionary = dictionary;
    else this.#dictionary = Dictionary.from(isObject ? dictionary : {});
  }

  /** @param {unknown} dictionary */
  setDictionary(dictionary) {
    this.putDictionary(dictionary);
  }

  /** Made on first use. */
  getEventAttributes() {
    this.#attributes ??= new EventAttributes();
    return this.#attributes;
  }
}

/** @param {unknown} value */
function toText(value) {
  if (value === null || value === undefined) return '';
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    return new TextDecoder().decode(/** @type {any} */ (value));
  }
  return String(value);
}
