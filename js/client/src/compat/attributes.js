// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Meta-data of an event. What a publisher sets is delivered with the event; the time to live is
 * heeded by the realm, too; where an event was before (redelivery, join, dead events) only the
 * realm says.
 */

import { toNumber, toText } from './dictionary.js';

const NAMES = /** @type {const} */ ([
  ...['PublisherName', 'PublisherHost', 'ApplicationId', 'CorrelationId', 'MessageId'],
  ...['MessageType', 'Priority', 'Expiration', 'TimeToLive', 'ReplyToName', 'ReplyType'],
  ...['DeliveryMode', 'Redelivered', 'RedeliveryCount', 'Timestamp', 'SubscriberName'],
  ...['SubscriberHost', 'JoinChannel', 'JoinEid', 'JoinPath', 'DeadEventChannel'],
  ...['DeadEventEid', 'DeadEventReason', 'AllowMerge'],
]);

/** @typedef {typeof NAMES[number]} AttributeName */
/**
 * A getter and a setter for each.
 * @typedef {Record<`get${AttributeName}`, () => any>
 *   & Record<`set${AttributeName}`, (value: unknown) => void>} Accessors
 */
/** @typedef {EventAttributes & Accessors} NirvanaAttributes */

/** Headers of the realm, and what they are called here. */
const HEADERS = {
  'join-channel': 'joinChannel',
  'join-eid': 'joinEid',
  'dead-event-channel': 'deadEventChannel',
  'dead-event-eid': 'deadEventEid',
  'dead-event-reason': 'deadEventReason',
};

/** What only the realm can know: nothing that a publisher says of it is believed, or sent. */
const OF_REALM = new Set([
  ...['redelivered', 'redeliveryCount', 'joinPath', 'delta'],
  ...Object.values(HEADERS),
]);

export class EventAttributes {
  /** @type {Record<string, unknown>} */
  #members = {};

  /** @param {Record<string, unknown>} members */
  static from(members) {
    const attributes = /** @type {NirvanaAttributes} */ (new EventAttributes());
    for (const [name, value] of Object.entries(members)) {
      if (!OF_REALM.has(name)) attributes.put(name, value);
    }
    return attributes;
  }

  /** @param {unknown} name */
  get(name) {
    const key = toText(name);
    return Object.hasOwn(this.#members, key) ? this.#members[key] : undefined;
  }

  /** @param {unknown} name @param {unknown} value */
  put(name, value) {
    this.#members = { ...this.#members, [toText(name)]: value };
  }

  isRedelivered() {
    return this.get('redelivered') === true;
  }

  /** The event holds only what has changed since the one of the same publish key that came before. */
  isDelta() {
    return this.get('delta') === true;
  }

  /** The event holds only what has changed, and the realm is to merge it into the stored one. */
  isMerge() {
    return this.get('allowMerge') === true;
  }

  /** Only what JSON can carry. */
  toMembers() {
    const travels = (/** @type {unknown} */ value) =>
      ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
    const ours = Object.entries(this.#members).filter(([name]) => !OF_REALM.has(name));
    return Object.fromEntries(ours.filter(([, value]) => travels(value)));
  }

  /** @returns {number | undefined} as the realm heeds it */
  ttl() {
    const ms = Math.floor(toNumber(this.get('timeToLive')));
    return Number.isSafeInteger(ms) && ms > 0 ? ms : undefined;
  }
}

for (const name of NAMES) {
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

/** @param {import('../event.js').ChannelEvent} event */
export function attributesOf(event) {
  const { attributes, headers, redelivered, redeliveryCount, timestamp, isDelta } = event;
  const all = EventAttributes.from(attributes);
  for (const [header, name] of Object.entries(HEADERS)) {
    const text = headers[header];
    if (text !== undefined) all.put(name, header.endsWith('-eid') ? Number(text) : text);
  }
  if (timestamp !== undefined) all.put('timestamp', timestamp);
  if (isDelta) all.put('delta', true);
  if (redelivered) {
    all.put('redelivered', true);
    all.put('redeliveryCount', redeliveryCount);
  }
  return all;
}
