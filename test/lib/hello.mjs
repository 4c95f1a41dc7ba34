// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What a TLS client says first, as bytes: a real one's, and what is made of them. */

import { Duplex } from 'node:stream';
import { connect } from 'node:tls';

/** RFC 8446 section 5.1: type, version 3.1, and the length to come. */
const record = (bytes) =>
  Buffer.concat([Buffer.from([0x16, 3, 1, bytes.length >> 8, bytes.length & 255]), bytes]);

/**
 * The ClientHello of Node's OpenSSL, in one record.
 * @param {{ servername?: string, alpn?: string[] }} [options]
 * @returns {Promise<Buffer>}
 */
export function clientHello({ servername, alpn } = {}) {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(bytes, _, done) {
        resolve(bytes);
        done();
      },
    });
    const socket = connect({ socket: wire, servername, ALPNProtocols: alpn });
    socket.on('error', () => {});
  });
}

/** The same message in records of so many bytes. @param {Buffer} hello @param {number} size */
export function inRecords(hello, size) {
  const message = hello.subarray(5);
  const parts = [];
  for (let at = 0; at < message.length; at += size) {
    parts.push(record(message.subarray(at, at + size)));
  }
  return Buffer.concat(parts);
}

/** A TLS record with a fatal alert, RFC 8446 section 6. @param {number} description */
export const alert = (description) => Buffer.from([0x15, 3, 3, 0, 2, 2, description]);
