// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The head of an HTTP/1 answer, out of bytes that come in any pieces (RFC 9112). */

import { ProtocolError } from '../errors.js';

const MAX = 16 * 1024;

/**
 * @typedef {object} Head
 * @property {number} status
 * @property {string} reason
 * @property {(name: string) => string[]} all fields of that name, in order
 * @property {Buffer} rest what came behind it
 */

export class HeadReader {
  #bytes = Buffer.alloc(0);

  /** @param {Buffer} bytes @returns {Head | null} null: more is needed */
  push(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const end = this.#bytes.indexOf('\r\n\r\n');
    if ((end < 0 ? this.#bytes.length : end) > MAX) throw new ProtocolError('its head is too long');
    if (end < 0) return null;
    return read(this.#bytes.toString('latin1', 0, end), this.#bytes.subarray(end + 4));
  }
}

/** @param {string} text @param {Buffer} rest @returns {Head} */
function read(text, rest) {
  const [first, ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(first);
  if (!status) throw new ProtocolError('it does not speak HTTP');
  const fields = lines.map((line) => {
    const field = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (!field) throw new ProtocolError('a line of its head is no field');
    return [field[1].toLowerCase(), field[2]];
  });
  return {
    status: Number(status[1]),
    reason: status[2] ?? '',
    all: (name) => fields.filter(([each]) => each === name).map(([, value]) => value),
    rest,
  };
}

/** "403 Forbidden (Proxy-Status: ...)". @param {Head} head */
export function describe({ status, reason, all }) {
  const said = all('proxy-status').join(', ');
  return `${status}${reason && ` ${reason}`}${said && ` (Proxy-Status: ${said})`}`;
}
