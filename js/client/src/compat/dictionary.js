// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The typed dictionary of an event: `putString`, `putFloat`, ... and `get` in its natural type. */

/** @typedef {Record<string, any>} Members */

/** How the put of each type reads what sloppy programs hand it. */
/** @type {Record<string, (value: any) => unknown>} */
const TYPES = {
  String: (value) => (value === null || value === undefined ? '' : String(value)),
  Character: (value) => String(value ?? '').slice(0, 1),
  Boolean: (value) => value === true || value === 'true',
  Byte: Number,
  Short: Number,
  Integer: Number,
  Long: Number,
  Float: Number,
  Double: Number,
};

/** A key may be any text, `__proto__` too. */
/** @param {Members} members @param {string} key @param {unknown} value */
function setMember(members, key, value) {
  const property = { value, enumerable: true, writable: true, configurable: true };
  Object.defineProperty(members, key, property);
}

/** What is inside, as programs want to see it: dictionaries as objects with a `get` of their own. */
/** @param {unknown} value @returns {any} */
function wrap(value) {
  if (Array.isArray(value)) return value.map(wrap);
  if (typeof value === 'object' && value !== null && !(value instanceof Dictionary)) {
    return Dictionary.from(/** @type {Members} */ (value));
  }
  return value;
}

/** @param {unknown} value @returns {unknown} what travels */
function unwrap(value) {
  if (value instanceof Dictionary) return value.toMembers();
  return Array.isArray(value) ? value.map(unwrap) : value;
}

export class Dictionary {
  /** Walked with for...in by programs: its enumerable keys are the keys. @type {Members} */
  innerProperties = {};

  /** @param {Members} members */
  static from(members) {
    const dictionary = new Dictionary();
    for (const [key, value] of Object.entries(members)) dictionary.put(key, wrap(value));
    return dictionary;
  }

  /** @returns {Members} plain, to travel */
  toMembers() {
    const members = {};
    for (const key of this.getKeys()) setMember(members, key, unwrap(this.get(key)));
    return members;
  }

  /** @param {unknown} key @param {unknown} value */
  put(key, value) {
    setMember(this.innerProperties, String(key), value);
  }

  /** @param {unknown} key @returns {any} undefined where there is none */
  get(key) {
    return this.contains(key) ? this.innerProperties[String(key)] : undefined;
  }

  /** @param {unknown} key */
  contains(key) {
    return Object.hasOwn(this.innerProperties, String(key));
  }

  /** @param {unknown} key */
  containsKey(key) {
    return this.contains(key);
  }

  /** @param {unknown} key */
  remove(key) {
    delete this.innerProperties[String(key)];
  }

  getKeys() {
    return Object.keys(this.innerProperties);
  }

  keys() {
    return this.getKeys();
  }

  size() {
    return this.getKeys().length;
  }

  isEmpty() {
    return this.size() === 0;
  }

  /** @param {unknown} key @param {unknown} value */
  putDictionary(key, value) {
    this.put(key, wrap(value));
  }

  /** @param {unknown} key @returns {any} */
  getDictionary(key) {
    return this.get(key);
  }

  /** @param {unknown} key @param {unknown} values */
  putDictionaryArray(key, values) {
    this.put(key, toArray(values).map(wrap));
  }

  /** @param {unknown} key @returns {any} */
  getDictionaryArray(key) {
    return this.get(key);
  }

  toString() {
    return JSON.stringify(this.toMembers());
  }
}

/** @param {unknown} values @returns {unknown[]} */
function toArray(values) {
  return Array.isArray(values) || ArrayBuffer.isView(values)
    ? Array.from(/** @type {any} */ (values))
    : [values];
}

for (const [type, read] of Object.entries(TYPES)) {
  Object.assign(Dictionary.prototype, {
    /** @this {Dictionary} @param {unknown} key @param {unknown} value */
    [`put${type}`](key, value) {
      this.put(key, read(value));
    },
    /** @this {Dictionary} @param {unknown} key @param {unknown} values */
    [`put${type}Array`](key, values) {
      this.put(key, toArray(values).map(read));
    },
    /** @this {Dictionary} @param {unknown} key */
    [`get${type}`](key) {
      return this.get(key);
    },
    /** @this {Dictionary} @param {unknown} key */
    [`get${type}Array`](key) {
      return this.get(key);
    },
  });
}
