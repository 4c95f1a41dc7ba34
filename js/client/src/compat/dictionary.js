// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The typed dictionary of an event: `putString`, `putFloat`, ... and `get` in its natural type.
 * What a program hands over is bent to the type where it can be; where it cannot, it keeps its
 * natural type. Nothing throws.
 */

import { Typed, fit, toTyped } from '../typed.js';

const SCALARS = /** @type {const} */ ({
  String: 'string',
  Character: 'char',
  Char: 'char',
  Boolean: 'boolean',
  Byte: 'byte',
  Short: 'short',
  Integer: 'int',
  Int: 'int',
  Long: 'long',
  Float: 'float',
  Double: 'double',
});

/** @typedef {keyof typeof SCALARS} ScalarName */
/**
 * The methods that exist for each type.
 * @typedef {Record<`put${ScalarName}` | `put${ScalarName}Array`, (key: unknown, value: unknown) => void>
 *   & Record<`get${ScalarName}` | `get${ScalarName}Array`, (key: unknown) => any>} TypedMethods
 */
/** @typedef {Dictionary & TypedMethods} NirvanaDictionary */

/** A text that can travel: half a surrogate pair cannot. @param {unknown} value */
export function toText(value) {
  if (value === null || value === undefined) return '';
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    return new TextDecoder().decode(/** @type {any} */ (value));
  }
  try {
    return String(value).replace(/\p{Surrogate}/gu, '\ufffd');
  } catch {
    return Object.prototype.toString.call(value); // an object that has no text
  }
}

/** NaN where there is none. @param {unknown} value */
export function toNumber(value) {
  try {
    return Number(value);
  } catch {
    return NaN; // a symbol, or an object that has no number
  }
}

/** Exact, where a program writes a long as text. @param {unknown} value */
function toWhole(value) {
  if (typeof value === 'bigint') return value;
  const isLong = typeof value === 'string' && /^-?\d{16,19}$/.test(value);
  return isLong ? BigInt(value) : Math.trunc(toNumber(value));
}

/** @param {string} type @param {any} value @returns {unknown} */
function bend(type, value) {
  if (type === 'string') return toText(value);
  if (type === 'char') return toText(value).slice(0, 1);
  if (type === 'boolean') return value === true || value === 'true';
  return type === 'float' || type === 'double' ? toNumber(value) : toWhole(value);
}

/** @param {string} type @param {unknown} value */
function bent(type, value) {
  const given = bend(type, value);
  return fit(type, given) ?? toTyped(given);
}

/** @param {unknown} values @returns {unknown[]} */
function toArray(values) {
  return Array.isArray(values) || ArrayBuffer.isView(values)
    ? Array.from(/** @type {any} */ (values))
    : [values];
}

/**
 * As programs want to see it: dictionaries with a `get` of their own, and numbers that can be
 * reckoned with, though a long past 2^53 loses its last digits then.
 * @param {Typed} typed
 * @returns {any}
 */
function show({ type, value }) {
  if (type === 'dict') return Dictionary.from(value);
  if (Array.isArray(value)) return value.map(show);
  return typeof value === 'bigint' ? Number(value) : value;
}

/** Plain objects become dictionaries, in arrays too. @param {any} value @param {number} [depth] @returns {any} */
function wrap(value, depth = 0) {
  if (value instanceof Typed) return show(value);
  if (Array.isArray(value)) return depth > 16 ? value : value.map((one) => wrap(one, depth + 1));
  const isPlain =
    Object.prototype.toString.call(value) === '[object Object]' && !(value instanceof Dictionary);
  return isPlain && typeof value.toJSON !== 'function' ? Dictionary.from(value) : value;
}

export class Dictionary {
  /** Walked with for...in by programs: its enumerable keys are the keys. @type {Record<string, any>} */
  innerProperties = {};
  /** What the values were put or came as. @type {Map<string, Typed>} */
  #typed = new Map();

  /** @param {Record<string, unknown> | Map<string, unknown>} members */
  static from(members) {
    const dictionary = /** @type {NirvanaDictionary} */ (new Dictionary());
    const entries = members instanceof Map ? members : Object.entries(members);
    for (const [key, value] of entries) dictionary.put(key, value);
    return dictionary;
  }

  /** @returns {Typed} what travels */
  toTyped() {
    return new Typed('dict', this.toMembers());
  }

  /** @returns {Map<string, Typed>} */
  toMembers() {
    return new Map(this.getKeys().map((key) => [toText(key), this.#typedOf(key)]));
  }

  /** The program may have changed what it was shown. @param {string} key */
  #typedOf(key) {
    const value = this.innerProperties[key];
    const typed = this.#typed.get(key);
    if (!typed) return toTyped(value);
    const isAsShown =
      value === (typeof typed.value === 'bigint' ? Number(typed.value) : typed.value);
    return isAsShown ? typed : (fit(typed.type, value) ?? toTyped(value));
  }

  /** A key may be any text, `__proto__` too. @param {unknown} key @param {unknown} value */
  put(key, value) {
    const name = toText(key);
    const property = { enumerable: true, writable: true, configurable: true };
    Object.defineProperty(this.innerProperties, name, { ...property, value: wrap(value) });
    if (value instanceof Typed) this.#typed.set(name, value);
    else this.#typed.delete(name);
  }

  /** @param {unknown} key @returns {any} undefined where there is none */
  get(key) {
    return this.contains(key) ? this.innerProperties[toText(key)] : undefined;
  }

  /** @param {unknown} key @returns {string | undefined} like 'int', 'string[]', 'dict'; undefined: it cannot travel */
  getType(key) {
    try {
      return this.contains(key) ? this.#typedOf(toText(key)).type : undefined;
    } catch {
      return undefined;
    }
  }

  /** @param {unknown} key */
  contains(key) {
    return Object.hasOwn(this.innerProperties, toText(key));
  }

  /** @param {unknown} key */
  containsKey(key) {
    return this.contains(key);
  }

  /** @param {unknown} key */
  remove(key) {
    delete this.innerProperties[toText(key)];
    this.#typed.delete(toText(key));
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

  /** @param {unknown} key @param {unknown} value ours, or a plain object */
  putDictionary(key, value) {
    const isObject = typeof value === 'object' && value !== null;
    this.put(
      key,
      value instanceof Dictionary
        ? value
        : Dictionary.from(isObject ? /** @type {any} */ (value) : {}),
    );
  }

  /** @param {unknown} key @returns {any} */
  getDictionary(key) {
    return this.get(key);
  }

  /** @param {unknown} key @param {unknown} values */
  putDictionaryArray(key, values) {
    this.put(key, toArray(values));
  }

  /** @param {unknown} key @returns {any} */
  getDictionaryArray(key) {
    return this.get(key);
  }

  /** Java's byte[]. @param {unknown} key @param {unknown} values bytes, or an array of numbers */
  putByteArray(key, values) {
    const bytes = fit('bytes', values) ?? fit('bytes', Uint8Array.from(toArray(values), toNumber));
    this.put(key, bytes);
  }

  toString() {
    try {
      return JSON.stringify(this, (_, value) =>
        typeof value === 'bigint' ? String(value) : value,
      );
    } catch {
      return toText(this.getKeys()); // it holds itself
    }
  }

  toJSON() {
    return this.innerProperties;
  }
}

for (const [name, type] of Object.entries(SCALARS)) {
  const methods = {
    /** @this {Dictionary} @param {unknown} key @param {unknown} value */
    [`put${name}`](key, value) {
      this.put(key, bent(type, value));
    },
    /** @this {Dictionary} @param {unknown} key @param {unknown} values */
    [`put${name}Array`](key, values) {
      const elements = toArray(values).map((value) => bent(type, value));
      this.put(key, fit(`${type}[]`, elements) ?? toTyped(elements));
    },
    /** @this {Dictionary} @param {unknown} key */
    [`get${name}`](key) {
      return this.get(key);
    },
    /** @this {Dictionary} @param {unknown} key */
    [`get${name}Array`](key) {
      return this.get(key);
    },
  };
  for (const [method, run] of Object.entries(methods)) {
    if (!(method in Dictionary.prototype)) Object.assign(Dictionary.prototype, { [method]: run });
  }
}
