// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * STOMP 1.2 frames: text and bytes in, frames out, and back. No socket, no timer, any cut of the
 * input, every size bounded. Which frames make sense when is the business of protocol.js.
 *
 *     COMMAND EOL  *( name ":" value EOL )  EOL  *OCTET  NUL  *( EOL )
 *
 * https://stomp.github.io/stomp-specification-1.2.html
 */

import { ArgumentError, ProtocolError } from './errors.js';

/**
 * @typedef {object} Frame
 * @property {string} command
 * @property {Map<string, string>} headers first one wins where a name is repeated
 * @property {Uint8Array} body
 */

const NUL = 0;
const LF = 10;
const CR = 13;

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** "C style string literal escapes are used": only these four, and never in CONNECT(ED). */
/** @type {Record<string, string>} */
const ESCAPES = { '\\': '\\\\', '\r': '\\r', '\n': '\\n', ':': '\\c' };
/** @type {Record<string, string>} */
const UNESCAPES = { '\\\\': '\\', '\\r': '\r', '\\n': '\n', '\\c': ':' };

/** @param {string} command */
const isUnescaped = (command) => command === 'CONNECT' || command === 'CONNECTED';

/**
 * @param {string} command
 * @param {string} text
 */
function escape(command, text) {
  if (!isUnescaped(command)) return text.replace(/[\\\r\n:]/g, (found) => ESCAPES[found]);
  if (/[\r\n]/.test(text)) throw new ArgumentError(`a header of ${command} cannot hold a line end`);
  return text;
}

/**
 * "Undefined escape sequences such as \t MUST be treated as a fatal protocol error."
 * @param {string} command
 * @param {string} text
 */
function unescape(command, text) {
  if (isUnescaped(command) || !text.includes('\\')) return text;
  return text.replace(/\\[^]?/g, (found) => {
    const plain = UNESCAPES[found];
    if (plain === undefined) throw new ProtocolError(`unknown escape ${found} in a header`);
    return plain;
  });
}

/**
 * One frame as it goes into one WebSocket message: text where the body is text, else bytes.
 * @param {string} command
 * @param {Iterable<[string, string | number]>} headers
 * @param {string | Uint8Array} [body]
 * @returns {string | Uint8Array}
 */
export function encodeFrame(command, headers, body) {
  let head = `${command}\n`;
  for (const [name, value] of headers) {
    if (name === '') throw new ArgumentError('a header needs a name');
    head += `${escape(command, name)}:${escape(command, String(value))}\n`;
  }
  if (head.includes('\0')) throw new ArgumentError('a header cannot hold a NUL');
  if (body === undefined) return `${head}\n\0`;
  if (typeof body === 'string') {
    return `${head}content-length:${utf8.encode(body).length}\n\n${body}\0`;
  }
  const front = utf8.encode(`${head}content-length:${body.length}\n\n`);
  const whole = new Uint8Array(front.length + body.length + 1);
  whole.set(front);
  whole.set(body, front.length);
  return whole;
}

/** Frames out of a stream that arrives in pieces. After a ProtocolError the decoder is spent. */
export class StompDecoder {
  #maxHead;
  #maxBody;
  /** What came and is not yet part of a finished frame: #bytes[#start .. #end). */
  /** @type {Uint8Array} */
  #bytes = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** How far the search for the end of the head, or of the body, has come. */
  #seen = 0;
  /** The head is read and the body is awaited: this frame. @type {Frame | null} */
  #frame = null;
  /** Its length, or -1: up to the next NUL. */
  #length = -1;

  /** @param {{ maxHead?: number, maxBody?: number }} [limits] bytes */
  constructor({ maxHead = 64 * 1024, maxBody = 64 * 1024 * 1024 } = {}) {
    this.#maxHead = maxHead;
    this.#maxBody = maxBody;
  }

  /**
   * Take the next piece of the stream. Heart-beats (line ends between frames) vanish here: that
   * something came at all is known to whoever called.
   * @param {string | Uint8Array} input
   * @returns {Frame[]} the frames that it finished
   */
  push(input) {
    this.#append(typeof input === 'string' ? utf8.encode(input) : input);
    const frames = [];
    while (this.#frame || this.#readHead()) {
      const frame = this.#readBody();
      if (!frame) break;
      frames.push(frame);
    }
    return frames;
  }

  /** @param {Uint8Array} input */
  #append(input) {
    const rest = this.#end - this.#start;
    if (rest === 0) {
      this.#bytes = input; // borrowed until the next piece: the usual message is a whole frame
    } else if (this.#end + input.length <= this.#bytes.length) {
      this.#bytes.set(input, this.#end);
      this.#end += input.length;
      return;
    } else {
      const grown = new Uint8Array(Math.max(rest + input.length, rest * 2));
      grown.set(this.#bytes.subarray(this.#start, this.#end));
      grown.set(input, rest);
      this.#bytes = grown;
    }
    this.#seen -= this.#start;
    this.#start = 0;
    this.#end = rest + input.length;
  }

  /** @returns {boolean} whether a whole head has been read */
  #readHead() {
    this.#skipLineEnds();
    const bytes = this.#bytes;
    for (let at = Math.max(this.#seen, this.#start); at < this.#end; at++) {
      if (bytes[at] === NUL) throw new ProtocolError('a NUL inside the head of a frame');
      if (at - this.#start >= this.#maxHead) {
        throw new ProtocolError(`the head of a frame is longer than ${this.#maxHead} bytes`);
      }
      if (bytes[at] === LF && this.#endsHead(at)) {
        this.#frame = this.#parseHead(strictText(bytes.subarray(this.#start, at)));
        this.#start = this.#seen = at + 1;
        return true;
      }
    }
    this.#seen = Math.max(this.#end, this.#start);
    return false;
  }

  #skipLineEnds() {
    while (this.#start < this.#end) {
      const octet = this.#bytes[this.#start];
      const isPair = octet === CR && this.#bytes[this.#start + 1] === LF;
      if (octet === CR && this.#start + 1 === this.#end) return; // its LF may come
      if (octet !== LF && !isPair) return;
      this.#start += isPair ? 2 : 1;
    }
  }

  /** An empty line: this LF follows a line end, with or without a CR between. @param {number} at */
  #endsHead(at) {
    const before = this.#bytes[at - 1] === CR ? at - 2 : at - 1;
    return before >= this.#start && this.#bytes[before] === LF;
  }

  /**
   * @param {string} text
   * @returns {Frame}
   */
  #parseHead(text) {
    const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
    const command = lines[0];
    if (!/^[A-Z]+$/.test(command)) throw new ProtocolError('a frame begins with no command');
    const headers = new Map();
    for (const line of lines.slice(1, -1)) {
      const colon = line.indexOf(':');
      if (colon < 1 || line.includes('\r')) throw new ProtocolError(`no header: ${line}`);
      const name = unescape(command, line.slice(0, colon));
      if (!headers.has(name)) headers.set(name, unescape(command, line.slice(colon + 1)));
    }
    this.#length = this.#readLength(headers.get('content-length'));
    return { command, headers, body: new Uint8Array(0) };
  }

  /** @param {string | undefined} text */
  #readLength(text) {
    if (text === undefined) return -1;
    if (!/^\d{1,15}$/.test(text)) throw new ProtocolError(`content-length is ${text}`);
    if (Number(text) > this.#maxBody) this.#refuseBody();
    return Number(text);
  }

  /** @returns {Frame | null} */
  #readBody() {
    const end = this.#length < 0 ? this.#findNul() : this.#start + this.#length;
    if (end < 0 || end >= this.#end) return null;
    if (this.#bytes[end] !== NUL) throw new ProtocolError('no NUL after content-length bytes');
    const frame = /** @type {Frame} */ (this.#frame);
    frame.body = this.#bytes.slice(this.#start, end);
    this.#start = this.#seen = end + 1;
    this.#frame = null;
    return frame;
  }

  #findNul() {
    const at = this.#bytes.subarray(0, this.#end).indexOf(NUL, this.#seen);
    this.#seen = at < 0 ? this.#end : at;
    if (this.#seen - this.#start > this.#maxBody) this.#refuseBody();
    return at;
  }

  /** @returns {never} */
  #refuseBody() {
    throw new ProtocolError(`the body of a frame is longer than ${this.#maxBody} bytes`);
  }
}

/** @param {Uint8Array} bytes */
function strictText(bytes) {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new ProtocolError('the head of a frame is not UTF-8');
  }
}
