// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A WebSocket over any socket (RFC 6455), with the part of the browser's interface that drivers use.
 * Node's own, where it has one, cannot be sent through a proxy.
 */

import { createHash, randomBytes } from 'node:crypto';
import { readHead } from './dial.js';
import { FrameDecoder, FrameError, OPCODES, closePayload, encodeFrame } from './frames.js';
import { describe } from './head.js';
import { told } from './told.js';

/** @typedef {import('node:net').Socket} Socket */

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** How long the other side has for its end of the closing handshake. */
const CLOSING_MS = 2_000;

/** @param {import('./dial.js').Dial} dial */
export function webSocketOver(dial) {
  return class extends NodeWebSocket {
    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      super(dial, url, protocols);
    }
  };
}

class NodeWebSocket {
  binaryType = 'arraybuffer';
  protocol = '';
  /** @type {(() => void) | null} */ onopen = null;
  /** @type {((event: { data: string | ArrayBuffer }) => void) | null} */ onmessage = null;
  /** @type {((event: { message: string }) => void) | null} */ onerror = null;
  /** @type {((event: { code: number, reason: string }) => void) | null} */ onclose = null;
  /** @type {'connecting' | 'open' | 'closing' | 'closed'} */
  #state = 'connecting';
  /** @type {Socket | null} */
  #socket = null;
  #decoder = new FrameDecoder();
  #abort = new AbortController();
  #ending = { code: 1006, reason: '' };

  /**
   * @param {import('./dial.js').Dial} dial
   * @param {string} url
   * @param {string[]} protocols
   */
  constructor(dial, url, protocols) {
    this.#open(dial, url, protocols).catch((error) => {
      if (!this.#abort.signal.aborted) this.onerror?.({ message: told(error, url) });
      this.#closed();
    });
  }

  /** @param {string | Uint8Array} data */
  send(data) {
    if (this.#state !== 'open') return;
    const isText = typeof data === 'string';
    this.#put(isText ? OPCODES.TEXT : OPCODES.BINARY, isText ? Buffer.from(data) : data);
  }

  close(code = 1000) {
    if (this.#state === 'connecting') this.#abort.abort();
    else if (this.#state === 'open') this.#goodbye(code);
  }

  /**
   * @param {import('./dial.js').Dial} dial
   * @param {string} url
   * @param {string[]} protocols
   */
  async #open(dial, url, protocols) {
    const { signal } = this.#abort;
    const socket = await dial(url, signal);
    const key = randomBytes(16).toString('base64');
    socket.write(handshake(new URL(url), key, protocols));
    const head = await readHead(socket, signal);
    const wrong = whatIsWrong(head, key, protocols);
    if (wrong) {
      socket.destroy();
      throw new Error(wrong);
    }
    this.#socket = socket;
    this.#state = 'open';
    [this.protocol = ''] = head.all('sec-websocket-protocol');
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('end', () => socket.end());
    socket.on('error', ({ message }) => this.onerror?.({ message }));
    socket.on('close', () => this.#closed());
    this.onopen?.();
    if (head.rest.length > 0) this.#take(head.rest);
    socket.resume();
  }

  /** @param {Buffer} bytes */
  #take(bytes) {
    if (this.#state === 'closed') return;
    try {
      for (const message of this.#decoder.push(bytes)) this.#onMessage(message);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.onerror?.({ message: error.message });
      this.#goodbye(error.closeCode);
      this.#socket?.destroy();
    }
  }

  /** @param {import('./frames.js').Message} message */
  #onMessage({ opcode, payload, text, code }) {
    if (opcode === OPCODES.PING) this.#put(OPCODES.PONG, payload);
    else if (opcode === OPCODES.CLOSE) this.#onClose(code, text);
    else if (this.#state !== 'open') return;
    else if (opcode === OPCODES.TEXT) this.onmessage?.({ data: text });
    else if (opcode === OPCODES.BINARY) this.onmessage?.({ data: toArrayBuffer(payload) });
  }

  /** @param {number} code @param {string} reason */
  #onClose(code, reason) {
    this.#ending = { code, reason };
    this.#goodbye(code === 1005 ? 1000 : code);
    this.#socket?.end();
  }

  /** @param {number} code */
  #goodbye(code) {
    if (this.#state !== 'open') return;
    this.#put(OPCODES.CLOSE, closePayload(code));
    this.#state = 'closing';
    const socket = this.#socket;
    socket?.setTimeout(CLOSING_MS, () => socket.destroy());
  }

  /** @param {number} opcode @param {Uint8Array} payload */
  #put(opcode, payload) {
    if (this.#socket?.writable) this.#socket.write(encodeFrame(opcode, payload, randomBytes(4)));
  }

  #closed() {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.onclose?.(this.#ending);
  }
}

/** @param {URL} url @param {string} key @param {string[]} protocols */
function handshake(url, key, protocols) {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...(protocols.length ? [`Sec-WebSocket-Protocol: ${protocols.join(', ')}`] : []),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/**
 * RFC 6455 section 4.1, what a client must check.
 * @param {import('./head.js').Head} head
 * @param {string} key
 * @param {string[]} protocols
 */
function whatIsWrong(head, key, protocols) {
  const { status, all } = head;
  if (status !== 101) {
    return `the opening handshake was answered with ${describe(head)}: there is no realm, or something before it does not pass WebSocket on`;
  }
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  const has = (/** @type {string} */ name, /** @type {string} */ word) =>
    all(name)
      .join(',')
      .toLowerCase()
      .split(/\s*,\s*/)
      .includes(word);
  if (!has('upgrade', 'websocket')) return 'the 101 came without Upgrade: websocket';
  if (!has('connection', 'upgrade')) return 'the 101 came without Connection: Upgrade';
  if (all('sec-websocket-accept').join() !== accept)
    return 'the 101 proves nothing: Sec-WebSocket-Accept is wrong';
  if (all('sec-websocket-extensions').length)
    return 'the 101 has an extension that nobody asked for';
  const chosen = all('sec-websocket-protocol');
  const isFine = chosen.length === 0 || (chosen.length === 1 && protocols.includes(chosen[0]));
  return isFine ? '' : 'the 101 has a subprotocol that nobody asked for';
}

/** @param {Buffer} bytes */
function toArrayBuffer(bytes) {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
