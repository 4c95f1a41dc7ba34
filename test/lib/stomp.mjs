// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** STOMP frames over somebody else's WebSocket. */

import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { until, within } from './wait.mjs';

/** @typedef {{ command: string, headers: Record<string, string>, body: string }} Frame */

/** A STOMP session over the npm package ws: frames as they are, nothing is done for the caller. */
export class Stomp {
  /** @type {Frame[]} */
  inbox = [];
  /** @type {number | null} the close code */
  closed = null;

  /** @param {string} url @param {object} [options] of ws */
  constructor(url, options) {
    this.socket = new WebSocket(url, ['v12.stomp'], { perMessageDeflate: false, ...options });
    this.socket.on('message', (data) => {
      const text = String(data);
      if (text !== '\n') this.inbox.push(parse(text));
    });
    this.socket.on('close', (code) => {
      this.closed = code;
    });
    this.socket.on('error', () => {});
  }

  /** @param {import('node:test').TestContext} t @param {number} port @param {Record<string, string>} [headers] @param {{ secure?: boolean }} [options] */
  static async connect(t, port, headers = {}, { secure = false } = {}) {
    const stomp = new Stomp(`${secure ? 'wss' : 'ws'}://localhost:${port}/stomp`, {
      rejectUnauthorized: false,
    });
    t.after(() => stomp.socket.terminate());
    await within('open', new Promise((resolve) => stomp.socket.once('open', resolve)));
    stomp.send('CONNECT', { 'accept-version': '1.2', host: 'localhost', ...headers });
    stomp.connected = await stomp.next();
    assert.equal(stomp.connected.command, 'CONNECTED');
    return stomp;
  }

  send(command, headers = {}, body = '') {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.socket.send(`${command}\n${lines.join('')}\n${body}\0`);
  }

  /** @returns {Promise<Frame>} */
  next() {
    return until('a frame', () => this.inbox.shift(), { seen: () => `closed: ${this.closed}` });
  }

  /** Sends with a receipt and waits for it. */
  async ask(command, headers, body) {
    this.send(command, { ...headers, receipt: 'r' }, body);
    const answer = await this.next();
    assert.equal(answer.command, 'RECEIPT', JSON.stringify(answer));
    assert.equal(answer.headers['receipt-id'], 'r');
    return answer.headers;
  }

  /** @param {RegExp} says */
  async isRefused(says) {
    const { command, headers } = await this.next();
    assert.equal(command, 'ERROR');
    assert.match(headers.message, says);
    await until('the end', () => this.closed !== null);
  }
}

/** @param {string} text @returns {Frame} */
function parse(text) {
  const [, command, head, body] = text.match(/^([A-Z]+)\n((?:[^\n]+\n)*)\n([^]*)\0$/) ?? [];
  assert.ok(command, `no frame: ${JSON.stringify(text)}`);
  const pairs = head.split('\n').slice(0, -1);
  const headers = {};
  for (const pair of pairs) {
    const colon = pair.indexOf(':');
    headers[pair.slice(0, colon)] ??= pair.slice(colon + 1); // the first one counts
  }
  return { command, headers, body };
}
