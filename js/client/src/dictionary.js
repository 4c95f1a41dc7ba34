// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Dictionaries as texts of JSON (doc/wire.md, "Dictionaries"): read with their type marks, written
 * with each mark that changes something. The twin of the realm's, with the same test vectors.
 */

import { ArgumentError } from './errors.js';
import { DEPTH_MAX, Typed, arrayOf, fit, numberOf, toTyped } from './typed.js';

const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'];
const NUMBERS = ['byte', 'short', 'int', 'long', 'float', 'double'];
const MARKED = new Set([...NUMBERS, 'char', 'string', 'boolean', 'bytes', 'dict']);

/* ---- reading ---- */

/** @param {string} why @returns {never} */
function refuse(why) {
  throw new ArgumentError(why);
}

/**
 * @param {string} text
 * @returns {Map<string, Typed>} throws where it is no dictionary
 */
export function parseDictionary(text) {
  const parsed = JSON.parse(text);
  if (hasTwins(text)) refuse('a dictionary has two members of one name');
  return readDictionary(parsed);
}

/**
 * JSON.parse keeps the last of two members of one name, and nobody would know which of them the
 * realm's selectors have seen.
 * @param {string} text that JSON.parse has taken
 */
export function hasTwins(text) {
  /** @type {Array<Set<string>>} */
  const scopes = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') scopes.push(new Set());
    if (text[at] === '}') scopes.pop();
    if (text[at] !== '"') continue;
    const start = at;
    for (at++; text[at] !== '"'; at++) if (text[at] === '\\') at++;
    let next = at + 1;
    while (/\s/.test(text[next])) next++;
    if (text[next] !== ':') continue;
    const name = JSON.parse(text.slice(start, at + 1));
    const names = scopes[scopes.length - 1];
    if (names.has(name)) return true;
    names.add(name);
  }
  return false;
}

/**
 * @param {unknown} parsed what JSON.parse made
 * @returns {Map<string, Typed>}
 */
export function readDictionary(parsed) {
  const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  const { type, value } = isObject ? readValue(parsed, 0) : new Typed('null', null);
  return type === 'dict' ? value : refuse('a dictionary was expected: an object, {...}');
}

/** @param {any} value @param {number} depth of what it is in @returns {Typed} */
function readValue(value, depth) {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? numberOf(value) : refuse('a number is past a double');
  }
  if (typeof value !== 'object' || value === null) return toTyped(value);
  if (Array.isArray(value)) {
    deeper(depth);
    return arrayOf(value.map((element) => readValue(element, depth + 1)));
  }
  const [name, ...others] = Object.keys(value);
  if (others.length > 0 || !name?.startsWith('$')) return readBare('dict', value, depth);
  return readMarked(name.slice(1), value[name], depth);
}

/** @param {string} type @param {unknown} value @param {number} depth */
function readMarked(type, value, depth) {
  const of = type.endsWith('[]') ? type.slice(0, -2) : type;
  if (!MARKED.has(of)) refuse(`there is no type mark $${type}`);
  if (of === type) return readBare(type, value, depth);
  if (!Array.isArray(value)) refuse(`the value does not fit its mark $${type}`);
  deeper(depth);
  const elements = /** @type {unknown[]} */ (value).map((one) => readBare(of, one, depth + 1));
  return new Typed(/** @type {any} */ (type), elements);
}

/**
 * What stands under a mark.
 * @param {string} type
 * @param {any} value
 * @param {number} depth
 * @returns {Typed}
 */
function readBare(type, value, depth) {
  if (type === 'dict') {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject) refuse('the value does not fit its mark $dict');
    deeper(depth);
    const members = Object.entries(value).map(([key, member]) => {
      return /** @type {[string, Typed]} */ ([toTyped(key).value, readValue(member, depth + 1)]);
    });
    return new Typed('dict', new Map(members));
  }
  return fit(type, fromText(type, value)) ?? refuse(`the value does not fit its mark $${type}`);
}

/** @param {number} depth */
function deeper(depth) {
  if (depth >= DEPTH_MAX) refuse('dictionaries and arrays are nested too deeply');
}

/**
 * Texts that stand for what JSON has not.
 * @param {string} type
 * @param {unknown} value
 */
function fromText(type, value) {
  if (type === 'float' || type === 'double') {
    if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
    return NOT_FINITE.includes(String(value)) && typeof value === 'string'
      ? Number(value)
      : undefined;
  }
  if (type === 'long' && typeof value === 'string') {
    return /^-?(0|[1-9]\d{0,18})$/.test(value) ? BigInt(value) : undefined;
  }
  return type === 'bytes' ? fromBase64(value) : value;
}

/** RFC 4648 section 4, padded, and nothing else. @param {unknown} text */
function fromBase64(text) {
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  try {
    const binary = atob(text);
    if (btoa(binary) !== text) return undefined; // atob forgives more than we may
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/* ---- writing ---- */

/** @param {Map<string, Typed>} members */
export function writeDictionary(members) {
  return isLikeMark(members) ? `{"$dict":${writeMembers(members)}}` : writeMembers(members);
}

/** @param {Map<string, Typed>} members */
function isLikeMark(members) {
  const [name] = members.keys();
  return members.size === 1 && name.startsWith('$');
}

/** @param {Map<string, Typed>} members */
function writeMembers(members) {
  const texts = [...members].map(([key, member]) => `${JSON.stringify(key)}:${writeValue(member)}`);
  return `{${texts.join(',')}}`;
}

/** @param {Typed} typed @returns {string} */
function writeValue({ type, value }) {
  if (type === 'dict') return writeDictionary(value);
  if (Array.isArray(value)) return writeArray(type.slice(0, -2), value);
  return isNatural(type, value) ? writeBare(type, value) : mark(type, writeBare(type, value));
}

/** @param {string} type @param {string} text */
function mark(type, text) {
  return `{"$${type}":${text}}`;
}

/** Would it be read as this type without a mark? @param {string} type @param {any} value */
function isNatural(type, value) {
  if (['int', 'string', 'boolean', 'null'].includes(type)) return true;
  const isNumber = typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0);
  return (type === 'long' || type === 'double') && isNumber && numberOf(value).type === type;
}

/**
 * "Who writes a dictionary leaves out each mark that changes nothing": without one for the whole
 * the elements are read one by one, and the type follows from theirs.
 * @param {string} of
 * @param {Typed[]} elements
 */
function writeArray(of, elements) {
  const bare = (/** @type {Typed} */ { value }) => writeBare(of, value);
  if (MARKED.has(of) && !isReadAs(of, elements)) {
    return mark(`${of}[]`, `[${elements.map(bare).join(',')}]`);
  }
  const isNumeric = of === 'long' || of === 'double'; // among its like each does without a mark
  return `[${elements.map(isNumeric ? bare : writeValue).join(',')}]`;
}

/** @param {string} of @param {Typed[]} elements */
function isReadAs(of, elements) {
  if (elements.length === 0) return false;
  if (['int', 'string', 'boolean', 'dict'].includes(of)) return true;
  if (of !== 'long' && of !== 'double') return false;
  const isPlain = elements.every(
    ({ value }) => typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0),
  );
  return isPlain && arrayOf(elements.map(({ value }) => numberOf(value))).type === `${of}[]`;
}

/**
 * As it stands under its mark.
 * @param {string} type
 * @param {any} value
 */
function writeBare(type, value) {
  if (type === 'dict') return writeMembers(value);
  if (type === 'bytes') return JSON.stringify(toBase64(value));
  if (typeof value === 'bigint') return `"${value}"`;
  if (typeof value !== 'number') return JSON.stringify(value);
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0' : JSON.stringify(value);
}

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
