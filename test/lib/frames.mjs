// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** WebSocket (RFC 6455) byte by byte, for saying what no library would. Client side. */

import { createHash, randomBytes } from 'node:crypto';
import { connect, field } from './tcp.mjs';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** What a server has to prove. @param {string} key */
export function acceptOf(key) {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/**
 * The opening handshake.
 * @param {number} port
 * @param {string} path
 * @param {{ fields?: string[], early?: Uint8Array }} [options] `early`: sent right behind
 */
export async function openWebSocket(port, path, { fields = [], early = Buffer.alloc(0) } = {}) {
  const peer = await connect(port);
  const key = randomBytes(16).toString('base64');
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: localhost:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...fields,
  ];
  peer.send(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), early]));
  const head = String(await peer.readUntil('\r\n\r\n'));
  if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`no 101:\n${head}`);
  if (field(head, 'sec-websocket-accept') !== acceptOf(key)) throw new Error(`no proof:\n${head}`);
  return { peer, head };
}

/**
 * A frame, masked as a client must.
 * @param {number} opcode
 * @param {string | Uint8Array} [payload]
 * @param {{ fin?: boolean, rsv?: number, isMasked?: boolean, length?: number, lengthBytes?: 1 | 2 | 8 }} [options]
 *   `length`: another one than the payload's; `lengthBytes`: not the shortest way to write it
 */
export function frame(
  opcode,
  payload = '',
  { fin = true, rsv = 0, isMasked = true, length, lengthBytes } = {},
) {
  const data = Buffer.from(payload);
  const said = length ?? data.length;
  const form = lengthBytes ?? (said < 126 ? 1 : said < 65536 ? 2 : 8);
  const head = Buffer.alloc(form === 1 ? 2 : 2 + form);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | (form === 1 ? said : form === 2 ? 126 : 127);
  if (form === 2) head.writeUInt16BE(said, 2);
  if (form === 8) head.writeBigUInt64BE(BigInt(said), 2);
  if (!isMasked) return Buffer.concat([head, data]);
  const mask = randomBytes(4);
  const masked = Buffer.from(data);
  for (let i = 0; i < masked.length; i += 1) masked[i] ^= mask[i & 3];
  return Buffer.concat([head, mask, masked]);
}

/** A close frame. @param {number} code @param {string | Uint8Array} [reason] */
export function closeFrame(code, reason = '') {
  return frame(OPCODE.close, closePayload(code, reason));
}

export function closePayload(code, reason = '') {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/**
 * The next frame of a server.
 * @param {import('./tcp.mjs').Peer} peer
 */
export async function readFrame(peer) {
  const [first, second] = await peer.read(2);
  let length = second & 0x7f;
  if (length === 126) length = (await peer.read(2)).readUInt16BE();
  else if (length === 127) length = Number((await peer.read(8)).readBigUInt64BE());
  const payload = Buffer.from(await peer.read(length));
  return {
    fin: Boolean(first & 0x80),
    rsv: (first >> 4) & 7,
    opcode: first & 15,
    isMasked: Boolean(second & 0x80),
    payload,
  };
}

/** The next whole message of a server, its fragments put together. @param {import('./tcp.mjs').Peer} peer */
export async function readMessage(peer) {
  const parts = [];
  for (let opcode; ;) {
    const piece = await readFrame(peer);
    opcode ??= piece.opcode;
    parts.push(piece.payload);
    if (piece.fin) return { opcode, payload: Buffer.concat(parts) };
  }
}

/** Reads on to the close frame. @param {import('./tcp.mjs').Peer} peer @returns {Promise<{ code: number | null, reason: string }>} */
export async function readClose(peer) {
  for (;;) {
    const { opcode, payload } = await readFrame(peer);
    if (opcode !== OPCODE.close) continue;
    const code = payload.length < 2 ? null : payload.readUInt16BE();
    return { code, reason: String(payload.subarray(2)) };
  }
}
