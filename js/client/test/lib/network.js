// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** WebSockets over a fake clock: each message takes `delay` to its other end, unless it is cut. */

import { FakeRealm } from './realm.js';

export class FakeNetwork {
  delay = 5;
  realm = new FakeRealm();
  /** What happens at a URL: the realm answers, or one of the ways in which a path fails. */
  /** @type {Record<string, 'refuse' | 'swallow' | 'mute' | 'slam' | 'garble' | 'realm'>} */
  paths = {};
  /** @type {string[]} */
  dialled = [];
  /** @type {Set<{ drop: () => void, mute: () => void, muteReplies: () => void }>} */
  lines = new Set();

  /** @param {import('./clock.js').FakeClock} clock */
  constructor(clock) {
    this.clock = clock;
    const network = this;
    this.WebSocket = class {
      /** @param {string} url */
      constructor(url) {
        network.dial(url, this);
      }
      /** Each is replaced when the line stands. @param {any} _data */
      send(_data) {}
      close() {}
    };
  }

  /** Every connection is gone, and both ends learn of it. */
  cut() {
    for (const line of [...this.lines]) line.drop();
  }

  /** Every connection passes nothing any more, and nobody is told. */
  mute() {
    for (const line of this.lines) line.mute();
  }

  /** What the clients send arrives; what the realm answers does not. */
  muteReplies() {
    for (const line of this.lines) line.muteReplies();
  }

  /** @param {string} url @param {any} socket */
  dial(url, socket) {
    const { clock, delay } = this;
    const how = this.paths[url] ?? 'realm';
    this.dialled.push(url);
    if (how === 'swallow') return;
    const close = (code = 1006) => socket.onclose({ code, reason: '' });
    if (how === 'refuse') {
      clock.set(close, delay);
      return;
    }
    clock.set(() => {
      if (how === 'realm') this.#connect(socket, close);
      socket.onopen();
      if (how === 'slam') clock.set(close, delay);
      if (how === 'garble')
        clock.set(() => socket.onmessage({ data: 'HTTP/1.1 200\n\n\0' }), delay);
    }, delay);
  }

  /** @param {any} socket @param {(code?: number) => void} close */
  #connect(socket, close) {
    const { clock, delay, realm } = this;
    let [isUp, isDown, isGone] = [true, true, false];
    const peer = realm.accept((data) => {
      const copy = typeof data === 'string' ? data : data.slice().buffer;
      clock.set(() => isDown && !isGone && socket.onmessage({ data: copy }), delay);
    });
    const end = (/** @type {number} */ code) => {
      if (isGone) return;
      isGone = true;
      peer.gone();
      this.lines.delete(line);
      clock.set(() => close(code), delay);
    };
    const line = {
      drop: () => end(1006),
      mute: () => ([isUp, isDown] = [false, false]),
      muteReplies: () => (isDown = false),
    };
    this.lines.add(line);
    socket.send = (/** @type {any} */ data) => {
      clock.set(() => isUp && !isGone && peer.receive(data), delay);
    };
    socket.close = () => end(1000);
  }
}
