// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** HTTP/1 messages read from raw sockets, strictly, and with their framing to be seen. */

import { createHash } from 'node:crypto';
import { field } from './tcp.mjs';

/** @typedef {import('./tcp.mjs').Peer} Peer */

/** Of a body only this much is kept; of all of it, length and digest. */
const KEPT = 1024 * 1024;
const PIECE = 64 * 1024;

class Body {
  length = 0;
  /** @type {Buffer[]} */
  #kept = [];
  #hash = createHash('sha256');

  /** @param {Buffer} bytes */
  add(bytes) {
    if (this.length < KEPT) this.#kept.push(bytes);
    this.length += bytes.length;
    this.#hash.update(bytes);
  }

  finish() {
    const body = Buffer.concat(this.#kept);
    return { body, text: String(body), length: this.length, sha256: this.#hash.digest('hex') };
  }
}

export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @param {Peer} peer @param {number} length @param {Body} body */
async function readLength(peer, length, body) {
  for (let left = length; left > 0;) {
    const bytes = await peer.read(Math.min(left, PIECE));
    body.add(bytes);
    left -= bytes.length;
  }
}

/** @param {Peer} peer @param {Body} body @returns {Promise<{ sizes: string[], trailers: string }>} */
async function readChunks(peer, body) {
  const sizes = [];
  for (;;) {
    const line = String(await peer.readUntil('\r\n')).slice(0, -2);
    sizes.push(line);
    const size = parseInt(line, 16);
    if (!(size >= 0)) throw new Error(`no chunk size: ${JSON.stringify(line)}`);
    if (size === 0) break;
    await readLength(peer, size, body);
    const end = String(await peer.read(2));
    if (end !== '\r\n') throw new Error(`no end of a chunk: ${JSON.stringify(end)}`);
  }
  let trailers = '';
  for (let line; line !== '\r\n';) {
    line = String(await peer.readUntil('\r\n'));
    if (line !== '\r\n') trailers += line;
  }
  return { sizes, trailers };
}

/** @param {Peer} peer @param {string} head @param {'none' | 'end'} otherwise */
async function readBody(peer, head, otherwise) {
  const body = new Body();
  let chunked = { sizes: /** @type {string[]} */ ([]), trailers: '' };
  const length = field(head, 'content-length');
  if (field(head, 'transfer-encoding')) chunked = await readChunks(peer, body);
  else if (length !== undefined) await readLength(peer, Number(length), body);
  else if (otherwise === 'end') body.add(await peer.readToEnd());
  return { ...body.finish(), ...chunked };
}

/** All fields of one name. @param {string} head @param {string} name */
export function fieldsOf(head, name) {
  const prefix = `${name.toLowerCase()}:`;
  return head
    .split('\r\n')
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}

/**
 * The next request. `onHead` may answer before the body is read, and stop the reading with `false`.
 * @param {Peer} peer
 * @param {(request: { method: string, target: string, line: string, head: string }) => unknown} [onHead]
 */
export async function readRequest(peer, onHead) {
  const head = String(await peer.readUntil('\r\n\r\n'));
  const line = head.slice(0, head.indexOf('\r\n'));
  const [method, target, version] = line.split(' ');
  const request = { line, method, target, version, head };
  if ((await onHead?.(request)) === false) return null;
  return { ...request, ...(await readBody(peer, head, 'none')) };
}

/**
 * The next response, a 1xx too.
 * @param {Peer} peer
 * @param {string} [method] of the request
 */
export async function readResponse(peer, method = 'GET') {
  const head = String(await peer.readUntil('\r\n\r\n'));
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  if (!status) throw new Error(`no status line:\n${head}`);
  const isBodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  if (isBodiless) return { status, head, ...new Body().finish(), sizes: [], trailers: '' };
  return { status, head, ...(await readBody(peer, head, 'end')) };
}

/** The chunks of a chunked body, without its end. @param {...(string | Uint8Array)} parts */
export function chunks(...parts) {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part);
      return [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')];
    }),
  );
}

/**
 * A request for a proxy, in absolute form.
 * @param {string} method
 * @param {string} url
 * @param {{ fields?: string[], body?: string | Uint8Array, version?: string }} [options] `body`: with
 *   its Content-Length, unless a field says how it is framed
 */
export function request(method, url, { fields = [], body, version = 'HTTP/1.1' } = {}) {
  const isFramed = fields.some((each) => /^(content-length|transfer-encoding):/i.test(each));
  const lines = [
    `${method} ${url} ${version}`,
    ...(fields.some((each) => /^host:/i.test(each)) ? [] : [`Host: ${new URL(url).host}`]),
    ...fields,
    ...(body !== undefined && !isFramed ? [`Content-Length: ${Buffer.byteLength(body)}`] : []),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body ?? '')]);
}

/** A response. @param {string} body @param {{ status?: string, fields?: string[] }} [options] */
export function response(body, { status = '200 OK', fields = [] } = {}) {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return `${[`HTTP/1.1 ${status}`, length, ...fields].join('\r\n')}\r\n\r\n${body}`;
}
