// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** WebSockets over a fake clock: each message takes `delay` to its other end, unless it is cut. */

import { FakeRealm } from './realm.js';
import { FakeWeb } from './web.js';

export class FakeNetwork {
  delay = 5;
  realm = new FakeRealm();
  /** What happens at a URL: the realm answers, or one of the ways in which a path fails. */
  /** @type {Record<string, 'refuse' | 'swallow' | 'mute' | 'slam' | 'garble' | 'hold' | 'realm'>} */
  paths = {};
  /** Milliseconds more until a path opens. @type {Record<string, number>} */
  slow = {};
  /** WebSockets over which nothing has passed for so long are cut. */
  idleLimitMs = Infinity;
  /** The same network for HTTP. */
  web = new FakeWeb(this);
  /** @type {string[]} */
  dialled = [];
  /** @type {Set<{ url: string, drop: () => void, mute: () => void, muteReplies: () => void }>} */
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

  /** Every connection is gone, and both ends learn of it; or those of some kind. */
  cut(scheme = '') {
    for (const line of [...this.lines]) if (line.url.startsWith(scheme)) line.drop();
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
    const opening = delay + (this.slow[url] ?? 0);
    const close = (code = 1006) => socket.onclose({ code, reason: '' });
    if (how === 'refuse') {
      clock.set(close, delay);
      return;
    }
    clock.set(() => {
      if (how === 'realm') this.#connect(url, socket, close);
      socket.onopen();
      if (how === 'slam') clock.set(close, delay);
      if (how === 'garble')
        clock.set(() => socket.onmessage({ data: 'HTTP/1.1 200\n\n\0' }), delay);
    }, opening);
  }

  /** @param {string} url @param {any} socket @param {(code?: number) => void} close */
  #connect(url, socket, close) {
    const { clock, delay, realm } = this;
    let [isUp, isDown, isGone] = [true, true, false];
    /** @type {any} */
    let idle;
    const passed = () => {
      clock.clear(idle);
      if (this.idleLimitMs < Infinity && !isGone)
        idle = clock.set(() => end(1006), this.idleLimitMs);
    };
    const peer = realm.accept(
      (data) => {
        passed();
        const copy = typeof data === 'string' ? data : data.slice().buffer;
        clock.set(() => isDown && !isGone && socket.onmessage({ data: copy }), delay);
      },
      () => end(1006),
    );
    const end = (/** @type {number} */ code) => {
      if (isGone) return;
      isGone = true;
      clock.clear(idle);
      peer.gone();
      this.lines.delete(line);
      clock.set(() => close(code), delay);
    };
    const line = {
      url,
      drop: () => end(1006),
      mute: () => ([isUp, isDown] = [false, false]),
      muteReplies: () => (isDown = false),
    };
    this.lines.add(line);
    socket.send = (/** @type {any} */ data) => {
      passed();
      clock.set(() => isUp && !isGone && peer.receive(data), delay);
    };
    socket.close = () => end(1000);
  }
}
