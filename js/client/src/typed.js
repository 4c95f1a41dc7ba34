// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Values with the types that dictionaries have on the wire (doc/wire.md, "Dictionaries"): Java's
 * scalars, null, arrays and dictionaries. Plain JavaScript values have natural types: a whole
 * number within 32 bits is an int, another one up to 2^53 - 1 a long, any other number a double.
 */

import { ArgumentError } from './errors.js';

/** @typedef {'byte' | 'short' | 'int' | 'long' | 'float' | 'double' | 'char' | 'string' | 'boolean' | 'bytes'} ScalarType */
/** @typedef {ScalarType | 'null' | 'dict' | `${ScalarType}[]` | 'dict[]' | 'null[]' | 'array[]' | 'mixed[]'} Type */

/** Dictionaries and arrays inside each other, the outermost included. */
export const DEPTH_MAX = 16;

/** @type {Record<string, [bigint, bigint]>} */
const RANGES = {
  byte: [-(2n ** 7n), 2n ** 7n - 1n],
  short: [-(2n ** 15n), 2n ** 15n - 1n],
  int: [-(2n ** 31n), 2n ** 31n - 1n],
  long: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** @type {Array<[any, Type]>} */
const VIEWS = [
  [Int8Array, 'byte[]'],
  [Int16Array, 'short[]'],
  [Int32Array, 'int[]'],
  [BigInt64Array, 'long[]'],
  [Float32Array, 'float[]'],
  [Float64Array, 'double[]'],
];

/** A value and its type. Immutable by agreement; made by `typed()`. */
export class Typed {
  /**
   * @param {Type} type
   * @param {any} value of an array: Typed[]; of a dictionary: Map<string, Typed>; of a long past
   *   2^53 - 1: a BigInt
   */
  constructor(type, value) {
    this.type = type;
    this.value = value;
  }
}

/**
 * `typed('long', 5)`, `typed('float[]', [1.2261, 2])`: where the natural type would be the wrong one.
 * @param {Type} type
 * @param {unknown} value
 * @returns {Typed}
 */
export function typed(type, value) {
  const fitting = fit(type, value);
  if (!fitting) throw new ArgumentError(`${describe(value)} does not fit the type ${type}`);
  return fitting;
}

/** @param {unknown} value */
function describe(value) {
  return typeof value === 'object' && value !== null ? 'this value' : `${String(value)}`;
}

/**
 * @param {string} type
 * @param {unknown} value
 * @returns {Typed | undefined} where it does not fit, or there is no such type
 */
export function fit(type, value) {
  if (type.endsWith('[]')) return fitArray(type, value);
  const one = value instanceof Typed ? value : undefined;
  if (one && one.type === type) return one;
  if (type === 'dict' || type === 'null') {
    const natural = toTyped(value);
    return natural.type === type ? natural : undefined;
  }
  const scalar = fitScalar(type, one ? one.value : value);
  return scalar === undefined ? undefined : new Typed(/** @type {Type} */ (type), scalar);
}

/** @param {string} type @param {unknown} value */
function fitArray(type, value) {
  const isList = Array.isArray(value) || ArrayBuffer.isView(value);
  const given = value instanceof Typed && Array.isArray(value.value) ? value.value : value;
  if (!isList && given === value) return undefined;
  const of = type.slice(0, -2);
  const elements = Array.from(/** @type {Iterable<unknown>} */ (given), (element) =>
    ['mixed', 'array', 'null'].includes(of) ? toTyped(element) : fit(of, element),
  );
  if (!elements.every((element) => element !== undefined)) return undefined;
  const natural = arrayOf(/** @type {Typed[]} */ (elements));
  if (of === 'mixed' || of === 'array' || of === 'null') return natural;
  return new Typed(/** @type {Type} */ (type), elements);
}

/**
 * @param {string} type
 * @param {any} value
 * @returns {unknown} as it is kept, or undefined
 */
function fitScalar(type, value) {
  switch (type) {
    case 'byte':
    case 'short':
    case 'int':
    case 'long':
      return fitWhole(type, value);
    case 'float':
      return typeof value === 'number' ? shortestFloat(value) : undefined;
    case 'double':
      return typeof value === 'number' ? value : undefined;
    case 'char':
      return isText(value) && value.length === 1 ? value : undefined;
    case 'string':
      return isText(value) ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'bytes':
      return toBytes(value);
    default:
      return undefined;
  }
}

/** @param {string} type @param {unknown} value */
function fitWhole(type, value) {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return undefined;
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const [least, most] = RANGES[type];
  const whole = BigInt(value);
  if (whole < least || whole > most) return undefined;
  const number = Number(whole); // -0 becomes 0
  return Number.isSafeInteger(number) ? number : whole;
}

/**
 * The shortest decimal that means this float: 1.2261 stays 1.2261, although no float is exactly
 * that.
 * @param {number} value
 */
function shortestFloat(value) {
  const float = Math.fround(value);
  if (!Number.isFinite(value)) return value;
  if (!Number.isFinite(float)) return undefined;
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return float;
}

/** Half a surrogate pair is no character. @param {unknown} value @returns {value is string} */
function isText(value) {
  return typeof value === 'string' && !/\p{Surrogate}/u.test(value);
}

/** @param {unknown} value */
function toBytes(value) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/**
 * The natural type of a value. What JSON would leave out is null here.
 * @param {any} value
 * @param {number} [depth] of what it is in
 * @returns {Typed}
 */
export function toTyped(value, depth = 0) {
  if (value instanceof Typed) return value;
  switch (typeof value) {
    case 'boolean':
      return new Typed('boolean', value);
    case 'number':
      return numberOf(value);
    case 'bigint':
      return typed('long', value);
    case 'string':
      return typed('string', value);
    case 'object':
      return value === null ? new Typed('null', null) : toTypedObject(value, depth + 1);
    default:
      return new Typed('null', null);
  }
}

/** The rule for numbers without a mark. @param {number} value */
export function numberOf(value) {
  if (!Number.isSafeInteger(value)) return new Typed('double', value);
  return new Typed(value === (value | 0) ? 'int' : 'long', value + 0); // -0 + 0 is 0
}

/** @param {any} value @param {number} depth @returns {Typed} */
function toTypedObject(value, depth) {
  const view = VIEWS.find(([View]) => value instanceof View);
  if (view) return typed(view[1], value);
  const bytes = toBytes(value);
  if (bytes) return new Typed('bytes', bytes);
  if (depth > DEPTH_MAX)
    throw new ArgumentError(`a dictionary is nested more than ${DEPTH_MAX} deep`);
  if (Array.isArray(value)) return arrayOf(value.map((element) => toTyped(element, depth)));
  if (typeof value.toTyped === 'function') return value.toTyped();
  if (typeof value.toJSON === 'function') return toTyped(value.toJSON(), depth);
  return new Typed('dict', toMembers(value, depth));
}

/**
 * @param {Record<string, unknown> | Map<string, unknown>} object members without a value are left out
 * @param {number} [depth] its own
 * @returns {Map<string, Typed>}
 */
export function toMembers(object, depth = 1) {
  const entries = object instanceof Map ? [...object] : Object.entries(object);
  const isThere = (/** @type {unknown} */ value) =>
    value !== undefined && typeof value !== 'function' && typeof value !== 'symbol';
  return new Map(
    entries
      .filter(([, value]) => isThere(value))
      .map(([key, value]) => [typed('string', key).value, toTyped(value, depth)]),
  );
}

/**
 * "[...] of values of one type: an array of that type; ints, longs and doubles together become the
 * widest of them, if no long loses by it; any other, the empty one too: mixed values"
 * @param {Typed[]} elements
 */
export function arrayOf(elements) {
  const types = new Set(elements.map(({ type }) => (type.endsWith('[]') ? 'array' : type)));
  const widest = ['double', 'long', 'int'].find((type) => types.has(/** @type {any} */ (type)));
  const isNumeric = widest && [...types].every((type) => ['int', 'long', 'double'].includes(type));
  const losesNone = widest !== 'double' || elements.every(({ value }) => typeof value === 'number');
  if (types.size > 1 && isNumeric && losesNone) {
    const widened = elements.map(({ value }) => new Typed(/** @type {Type} */ (widest), value));
    return new Typed(/** @type {Type} */ (`${widest}[]`), widened);
  }
  const [only] = types;
  return new Typed(/** @type {Type} */ (types.size === 1 ? `${only}[]` : 'mixed[]'), elements);
}

/**
 * As a plain JavaScript value: numbers, BigInts for longs past 2^53 - 1, text, Uint8Array, arrays,
 * objects.
 * @param {Typed} typed
 * @returns {any}
 */
export function toPlain({ type, value }) {
  if (Array.isArray(value)) return value.map(toPlain);
  return type === 'dict' ? toPlainMembers(value) : value;
}

/** @param {Map<string, Typed>} members @returns {Record<string, any>} */
export function toPlainMembers(members) {
  return Object.fromEntries([...members].map(([key, member]) => [key, toPlain(member)]));
}
