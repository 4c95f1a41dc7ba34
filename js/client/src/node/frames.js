// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * WebSocket frames, a client's side (RFC 6455 section 5): bytes in, messages out, and back. No
 * socket, no extension, every size bounded.
 */

import { ProtocolError } from '../errors.js';

export const OPCODES = Object.freeze({ TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 });
const CONTINUATION = 0;
const CONTROL_MAX = 125;
const NO_STATUS = 1005;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** "_Fail the WebSocket Connection_": with this close code. */
export class FrameError extends ProtocolError {
  /** @param {number} closeCode @param {string} message */
  constructor(closeCode, message) {
    super(message);
    this.closeCode = closeCode;
  }
}

/**
 * "A client MUST mask all frames that it sends to the server."
 * @param {number} opcode
 * @param {Uint8Array} payload
 * @param {Uint8Array} key four bytes that nobody could foresee
 */
export function encodeFrame(opcode, payload, key) {
  const { length } = payload;
  const wide = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(6 + wide + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (wide === 0 ? length : wide === 2 ? 126 : 127);
  if (wide === 2) frame.writeUInt16BE(length, 2);
  if (wide === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(key, 2 + wide);
  for (let i = 0; i < length; i++) frame[6 + wide + i] = payload[i] ^ key[i % 4];
  return frame;
}

/** @param {number} code @param {string} reason */
export function closePayload(code, reason = '') {
  const payload = Buffer.from(`  ${reason}`).subarray(0, CONTROL_MAX);
  payload.writeUInt16BE(code);
  return payload;
}

/**
 * @typedef {object} Message
 * @property {number} opcode
 * @property {Buffer} payload
 * @property {string} text of a text; of a close, its reason
 * @property {number} code of a close; 1005: it had none
 */

export class FrameDecoder {
  /** What came and is no whole frame yet, and how many bytes it has to be. @type {Buffer[]} */
  #pieces = [];
  #size = 0;
  #need = 2;
  /** Of the message that is being put together; CONTINUATION: none is. */
  #opcode = CONTINUATION;
  /** @type {Buffer[]} */
  #fragments = [];
  #length = 0;
  #max;

  /** @param {number} [max] bytes of a message */
  constructor(max = 64 * 1024 * 1024) {
    this.#max = max;
  }

  /** @param {Buffer} bytes @returns {Generator<Message, void, void>} whole ones, and controls between */
  *push(bytes) {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    while (this.#size >= this.#need) {
      const all = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
      const frame = this.#read(all);
      this.#pieces = [all.subarray(frame ? this.#need : 0)];
      this.#size = this.#pieces[0].length;
      if (!frame) continue;
      this.#need = 2;
      const message = this.#take(frame);
      if (message) yield message;
    }
  }

  /** One frame, of the length that is needed then; or null, and that is known better. @param {Buffer} bytes */
  #read(bytes) {
    const short = bytes[1] & 0x7f;
    const wide = short === 126 ? 2 : short === 127 ? 8 : 0;
    if ((bytes[0] & 0x70) !== 0) throw new FrameError(1002, 'reserved bits are set');
    if ((bytes[1] & 0x80) !== 0) throw new FrameError(1002, 'a server must not mask');
    this.#need = 2 + wide;
    if (bytes.length < this.#need) return null;
    const long =
      wide === 8 ? Number(bytes.readBigUInt64BE(2)) : wide ? bytes.readUInt16BE(2) : short;
    if (wide === 8 && (bytes[2] & 0x80) !== 0) throw new FrameError(1002, 'a length below zero');
    // "the minimal number of bytes MUST be used to encode the length"
    if (wide && long < (wide === 8 ? 65_536 : 126)) throw new FrameError(1002, 'a padded length');
    if (this.#length + long > this.#max) throw new FrameError(1009, 'a message is too long');
    this.#need += long;
    if (bytes.length < this.#need) return null;
    const payload = bytes.subarray(2 + wide, this.#need);
    return { isFinal: (bytes[0] & 0x80) !== 0, opcode: bytes[0] & 0x0f, payload };
  }

  /** @param {{ isFinal: boolean, opcode: number, payload: Buffer }} frame @returns {Message | null} */
  #take({ isFinal, opcode, payload }) {
    if (opcode >= OPCODES.CLOSE) return checkControl(opcode, isFinal, payload);
    if (opcode > OPCODES.BINARY) throw new FrameError(1002, `opcode ${opcode}`);
    if ((opcode === CONTINUATION) !== (this.#opcode !== CONTINUATION)) {
      throw new FrameError(1002, 'fragments out of order');
    }
    if (opcode !== CONTINUATION) this.#opcode = opcode;
    if (payload.length > 0) this.#fragments.push(payload); // empty ones may come for ever
    this.#length += payload.length;
    if (!isFinal) return null;
    const [kind, whole] = [this.#opcode, Buffer.concat(this.#fragments.splice(0))];
    this.#opcode = CONTINUATION;
    this.#length = 0;
    const text = kind === OPCODES.TEXT ? toText(whole) : '';
    return { opcode: kind, payload: whole, text, code: 0 };
  }
}

/** @param {number} opcode @param {boolean} isFinal @param {Buffer} payload @returns {Message} */
function checkControl(opcode, isFinal, payload) {
  if (opcode > OPCODES.PONG) throw new FrameError(1002, `opcode ${opcode}`);
  if (!isFinal || payload.length > CONTROL_MAX)
    throw new FrameError(1002, 'a control frame too long');
  if (opcode !== OPCODES.CLOSE) return { opcode, payload, text: '', code: 0 };
  if (payload.length === 1) throw new FrameError(1002, 'half a close code');
  const code = payload.length ? payload.readUInt16BE() : NO_STATUS;
  if (payload.length && !mayTravel(code)) throw new FrameError(1002, `close code ${code}`);
  return { opcode, payload, text: toText(payload.subarray(2)), code };
}

/** RFC 6455 section 7.4: "MUST NOT be set as a status code in a Close control frame". @param {number} code */
function mayTravel(code) {
  const isOwn = code >= 3000 && code <= 4999;
  return isOwn || (code >= 1000 && code <= 1014 && ![1004, NO_STATUS, 1006].includes(code));
}

/** @param {Buffer} bytes */
function toText(bytes) {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new FrameError(1007, 'a text is not UTF-8');
  }
}
