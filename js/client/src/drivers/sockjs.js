// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * What the drivers over HTTP have in common: a session by the SockJS protocol 0.3.3. Frames come
 * down by a receiver, which each driver brings along; what goes up is posted, in order, one request
 * in flight.
 *
 *     o            open              a["...","..."]   messages
 *     h            a heart-beat      c[3000,"..."]    the end
 *
 * https://sockjs.github.io/sockjs-protocol/sockjs-protocol-0.3.3.html
 */

import { ArgumentError } from '../errors.js';
import { randomId } from '../system.js';

/**
 * @typedef {object} Downstream
 * @property {(frame: string) => void} frame
 * @property {(detail: string) => void} failed nothing comes after it
 */

/** @typedef {(sessionUrl: string, down: Downstream) => () => void} Receiver begins, and can be stopped */

/** Characters of one message, and about as many in one request: proxies refuse large bodies. */
const PART = 32 * 1024;
const BATCH = 64 * 1024;
/** Characters of a frame: what a realm sends as one message, escaped. */
const FRAME_MAX = 128 * 1024 * 1024;
const PRELUDE = /^h{2,}$/;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @implements {Transport} @typedef {import('./websocket.js').Transport} Transport */
export class SockJsTransport {
  /** @type {'opening' | 'open' | 'closed'} */
  #state = 'opening';
  /** @type {string[]} */
  #queue = [];
  /** Gives up the request in flight. @type {(() => void) | null} */
  #abort = null;
  #stop;
  #url;
  #post;
  #on;

  /**
   * @param {string} base
   * @param {Receiver} receive
   * @param {{ post: import('./http.js').Post, random: () => number }} means
   * @param {import('./websocket.js').TransportHandlers} handlers
   */
  constructor(base, receive, { post, random }, handlers) {
    // Three digits by which gateways may keep a session at one server, then the session's name.
    const server = String(Math.floor(random() * 1000)).padStart(3, '0');
    this.#url = `${base}/${server}/${randomId(random)}`;
    this.#post = post;
    this.#on = handlers;
    this.#stop = receive(this.#url, {
      frame: (frame) => this.#onFrame(frame),
      failed: (detail) => this.#end(detail),
    });
  }

  /** @param {string | Uint8Array} data */
  send(data) {
    const text = toText(data);
    // One heart-beat that waits is as good as two.
    if (this.#state === 'closed' || (text === '\n' && this.#queue.at(-1) === text)) return;
    this.#queue.push(...parts(text));
    this.#pump();
  }

  close() {
    this.#end('closed by this side');
  }

  /** @param {string} frame */
  #onFrame(frame) {
    if (this.#state === 'closed') return;
    const rest = frame.slice(1);
    if (frame[0] === 'a') this.#onMessages(readJson(rest));
    else if (frame[0] === 'c') this.#onGoAway(readJson(rest));
    else if (frame === 'o') this.#onOpen();
    else if (frame !== 'h' && !PRELUDE.test(frame)) this.#end('what came is not SockJS');
  }

  #onOpen() {
    if (this.#state !== 'opening') return;
    this.#state = 'open';
    this.#on.opened();
    this.#pump();
  }

  /** @param {unknown} messages */
  #onMessages(messages) {
    const isGood = Array.isArray(messages) && messages.every((each) => typeof each === 'string');
    if (!isGood || this.#state !== 'open') {
      this.#end('what came is not SockJS');
      return;
    }
    for (const message of messages) if (this.#isOpen()) this.#on.message(message);
  }

  /** @param {unknown} close */
  #onGoAway(close) {
    const [code, reason] = Array.isArray(close) ? close : [];
    this.#end(`${reason || 'closed'} (code ${code})`);
  }

  /** What a handler does may end it. */
  #isOpen() {
    return this.#state === 'open';
  }

  #pump() {
    if (this.#state !== 'open' || this.#abort || this.#queue.length === 0) return;
    let size = 0;
    let count = 0;
    while (count < this.#queue.length && size + this.#queue[count].length <= BATCH) {
      size += this.#queue[count++].length;
    }
    const body = JSON.stringify(this.#queue.splice(0, count));
    this.#abort = this.#post(`${this.#url}/xhr_send`, body, {
      text: () => {},
      end: (status) => {
        this.#abort = null;
        if (status === 204 || status === 200) this.#pump();
        else this.#end(`sending was answered with status ${status}`);
      },
      failed: (detail) => this.#end(`sending failed: ${detail}`),
    });
  }

  /** @param {string} detail */
  #end(detail) {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#queue = [];
    this.#abort?.();
    this.#stop?.();
    this.#on.closed(detail);
  }
}

/**
 * A receiver that reads the answer to a POST, line by line, and asks again when it has ended:
 * polling and streaming differ only in when that is.
 * @param {import('./http.js').Post} post
 * @param {string} path
 * @returns {Receiver}
 */
export function postReceiver(post, path) {
  return (sessionUrl, { frame, failed }) => {
    let stop = () => {};
    const ask = () => {
      let frames = 0;
      const text = lineReader((line) => {
        if (!PRELUDE.test(line)) frames += 1;
        frame(line);
      }, failed);
      const end = (/** @type {number} */ status) => {
        if (status !== 200) failed(`${path} was answered with status ${status}`);
        else if (frames === 0) failed(`${path} was answered with nothing`);
        else ask();
      };
      stop = post(sessionUrl + path, '', { text, end, failed });
    };
    ask();
    return () => stop();
  };
}

/**
 * @param {(line: string) => void} line
 * @param {(detail: string) => void} failed
 */
function lineReader(line, failed) {
  let rest = '';
  return (/** @type {string} */ piece) => {
    const lines = piece.split('\n');
    lines[0] = rest + lines[0];
    rest = lines.pop() ?? '';
    if (rest.length > FRAME_MAX) failed('a frame is too long');
    lines.forEach(line);
  };
}

/**
 * SockJS carries text. What is bytes and no text has been turned into text before (outbox.js).
 * @param {string | Uint8Array} data
 */
function toText(data) {
  if (typeof data === 'string') return data;
  try {
    return strictUtf8.decode(data);
  } catch {
    throw new ArgumentError('bytes that are no text cannot travel over this driver');
  }
}

/** Pieces that a request can hold, and no surrogate pair cut in two. @param {string} text */
function parts(text) {
  if (text.length <= PART) return [text];
  const found = [];
  for (let at = 0; at < text.length; at += found[found.length - 1].length) {
    const last = text.charCodeAt(at + PART - 1);
    found.push(text.slice(at, at + PART - (last >= 0xd800 && last < 0xdc00 ? 1 : 0)));
  }
  return found;
}

/** @param {string} text @returns {unknown} */
function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
