// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** SockJS's frames as they travel, over raw sockets: nothing is done for the caller. */

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import { askOnce, requestOf } from './ask.mjs';
import { connect, field } from './tcp.mjs';

/** How frames end. */
const ENDS = { xhr: '\n', xhr_streaming: '\n', eventsource: '\r\n\r\n' };

export const CONNECT = 'CONNECT\naccept-version:1.2\nhost:localhost\n\n\0';

/** As askOnce(), with fields by name. @type {typeof askOnce} */
export async function askWhole(...asked) {
  const answer = await askOnce(...asked);
  return { ...answer, field: (name) => field(answer.head, name) };
}

/** A frame of STOMP. @param {string} command @param {Record<string, unknown>} [headers] */
export function stompFrame(command, headers = {}, body = '') {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  return `${command}\n${lines.join('')}\n${body}\0`;
}

/** The answer to a receiver, frame by frame while it comes. */
export class Receiver {
  #rest = '';
  /** Chunks may be cut inside a character. */
  #text = new StringDecoder('utf8');
  #isOver = false;

  /** @param {import('./tcp.mjs').Peer} peer @param {string} head @param {string} end of a frame */
  constructor(peer, head, end) {
    this.peer = peer;
    this.head = head;
    this.status = Number(head.split(' ')[1]);
    this.end = end;
    this.isChunked = field(head, 'transfer-encoding') === 'chunked';
  }

  field(name) {
    return field(this.head, name);
  }

  async #more() {
    if (!this.isChunked) {
      const byte = await this.peer.read(1).catch((error) => {
        if (!this.peer.isEnded) throw error;
      });
      this.#isOver = byte === undefined;
      this.#rest += this.#text.write(byte ?? Buffer.alloc(0));
      return;
    }
    const size = parseInt(String(await this.peer.readUntil('\r\n')), 16);
    this.#rest += this.#text.write(await this.peer.read(size));
    assert.equal(String(await this.peer.read(2)), '\r\n');
    this.#isOver = size === 0;
  }

  /** The next frame; `null` when the answer has ended. @returns {Promise<string | null>} */
  async next() {
    for (;;) {
      const at = this.#rest.indexOf(this.end);
      if (at >= 0) {
        const frame = this.#rest.slice(0, at);
        this.#rest = this.#rest.slice(at + this.end.length);
        return frame;
      }
      if (this.#isOver) {
        assert.equal(this.#rest, '', 'a frame that is cut off');
        return null;
      }
      await this.#more();
    }
  }

  /** The strings of the next frames with messages, joined, once `count` have come. */
  async messages(count = 1) {
    let all = [];
    while (all.length < count) {
      const frame = (await this.next()).replace(/^data: /, '');
      assert.match(frame, /^a/, 'not messages');
      all = all.concat(JSON.parse(frame.slice(1)));
    }
    return all.join('');
  }

  /** What is left of the answer. */
  async all() {
    const frames = [];
    for (let frame; (frame = await this.next()) !== null;) frames.push(frame);
    return frames;
  }
}

/** One session, with a connection for each request. */
export class SockSession {
  /** @param {import('node:test').TestContext} t @param {number} port @param {{ id?: string, server?: string, fields?: string[] }} [options] */
  constructor(t, port, { id = randomUUID(), server = '000', fields = [] } = {}) {
    this.t = t;
    this.port = port;
    this.id = id;
    this.path = `/sockjs/${server}/${id}`;
    this.fields = fields;
  }

  /** @param {'xhr' | 'xhr_streaming' | 'eventsource'} kind */
  async receive(kind = 'xhr', { fields = [], version = '1.1', body } = {}) {
    const peer = await connect(this.port);
    this.t.after(() => peer.destroy());
    const method = kind === 'eventsource' ? 'GET' : 'POST';
    const request = String(
      requestOf(`${method} ${this.path}/${kind}`, { fields: [...this.fields, ...fields], body }),
    ).replace('HTTP/1.1', `HTTP/${version}`);
    peer.send(request);
    const head = String(await peer.readUntil('\r\n\r\n'));
    const receiver = new Receiver(peer, head, ENDS[kind]);
    if (receiver.status === 200 && kind === 'xhr_streaming') {
      assert.equal(await receiver.next(), 'h'.repeat(2048));
    }
    if (receiver.status === 200 && kind === 'eventsource') {
      const prelude = receiver.isChunked ? '2\r\n\r\n\r\n' : '\r\n';
      assert.equal(String(await peer.read(prelude.length)), prelude);
    }
    return receiver;
  }

  /** All frames of one poll. */
  async poll(options) {
    return (await this.receive('xhr', options)).all();
  }

  /** Polls until so many messages have come. */
  async pollMessages(count = 1) {
    let all = [];
    while (all.length < count) {
      for (const frame of await this.poll()) {
        assert.match(frame, /^a/);
        all = all.concat(JSON.parse(frame.slice(1)));
      }
    }
    return all.join('');
  }

  /** @param {string} body as it is */
  post(body, { fields = [] } = {}) {
    return askWhole(this.t, this.port, `POST ${this.path}/xhr_send`, {
      fields: [...this.fields, ...fields],
      body,
    });
  }

  /** Each of them becomes one message of one request. @param {string[]} messages */
  async say(...messages) {
    const answer = await this.post(JSON.stringify(messages));
    assert.equal(answer.status, 204, answer.text);
    return answer;
  }

  /** A session that is connected in STOMP, with its receiver. @param {'xhr_streaming' | 'eventsource'} [kind] */
  async connect(kind = 'xhr_streaming') {
    const receiver = await this.receive(kind);
    assert.equal((await receiver.next()).replace(/^data: /, ''), 'o');
    await this.say(CONNECT);
    assert.match(await receiver.messages(), /^CONNECTED\n/);
    return receiver;
  }
}
