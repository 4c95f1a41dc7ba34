// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** An event as the guides describe it: data, dictionary, tag, attributes, and where it came from. */

import { EventAttributes, attributesOf } from './attributes.js';
import { Dictionary, toText } from './dictionary.js';

/** @typedef {import('./attributes.js').NirvanaAttributes} NirvanaAttributes */
/** @typedef {import('./dictionary.js').NirvanaDictionary} NirvanaDictionary */
/** @typedef {import('../event.js').ChannelEvent} ChannelEvent */

/** Those that came, for the queue that one is committed to. @type {WeakMap<CompatEvent, ChannelEvent>} */
const CAME = new WeakMap();

/** @param {unknown} event @returns {ChannelEvent | undefined} as it came; undefined where it did not */
export function cameAs(event) {
  return CAME.get(/** @type {any} */ (event));
}

export class CompatEvent {
  /** The number of the event in its channel as a pair: [high, low] 32 bits. */
  eventID = [0, 0];
  /** @type {string | undefined} the name of the channel that it came from */
  resourceName;
  #data = '';
  #tag = '';
  /** @type {NirvanaDictionary | undefined} */
  #dictionary;
  /** @type {NirvanaAttributes | undefined} */
  #attributes;

  /**
   * @param {ChannelEvent} event
   * @param {string} resourceName as the program wrote it
   */
  static from(event, resourceName) {
    const one = new CompatEvent();
    const eid = event.eid ?? 0;
    one.eventID = [Math.floor(eid / 2 ** 32), eid % 2 ** 32];
    one.resourceName = resourceName;
    one.#data = event.data;
    one.#tag = event.tag;
    one.#dictionary = Dictionary.from(event.dictionary);
    one.#attributes = attributesOf(event);
    CAME.set(one, event);
    return one;
  }

  /** @returns {import('../event.js').EventInit} what travels */
  toInit() {
    return {
      data: this.#data,
      tag: this.#tag,
      dict: this.#dictionary?.toMembers(),
      ttl: this.#attributes?.ttl(),
      merge: this.#attributes?.isMerge(),
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
    this.#dictionary ??= Dictionary.from({});
    return this.#dictionary;
  }

  /** @param {unknown} dictionary ours, or a plain object */
  putDictionary(dictionary) {
    const isOurs = dictionary instanceof Dictionary;
    const isObject = typeof dictionary === 'object' && dictionary !== null;
    this.#dictionary = isOurs
      ? /** @type {NirvanaDictionary} */ (dictionary)
      : Dictionary.from(isObject ? /** @type {any} */ (dictionary) : {});
  }

  /** @param {unknown} dictionary */
  setDictionary(dictionary) {
    this.putDictionary(dictionary);
  }

  /** Made on first use. */
  getEventAttributes() {
    this.#attributes ??= EventAttributes.from({});
    return this.#attributes;
  }

  /** Only what has changed since the event of the same publish key that came before. */
  isDelta() {
    return this.getEventAttributes().isDelta();
  }

  /** Milliseconds; 0: no end. @param {unknown} ms */
  setTTL(ms) {
    this.getEventAttributes().setTimeToLive(ms);
  }

  getTTL() {
    return this.getEventAttributes().getTimeToLive();
  }
}
