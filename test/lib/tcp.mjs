// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Sockets to speak and listen with byte by byte. Half-close is kept apart from close. */

import { connect as dial, createServer } from 'node:net';
import { within } from './wait.mjs';

/** One end of a connection: what arrived is kept until it is read. */
export class Peer {
  /** @type {Buffer} */
  #arrived = Buffer.alloc(0);
  #isEnded = false;
  #readers = new Set();
  /** @type {Error | null} what ended it, when that was no clean end */
  fault = null;

  /** @param {import('node:net').Socket} socket with allowHalfOpen */
  constructor(socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.#arrived = Buffer.concat([this.#arrived, bytes]);
      this.#wake();
    });
    const ended = () => {
      this.#isEnded = true;
      this.#wake();
    };
    socket.on('end', ended);
    socket.on('error', (error) => {
      this.fault = error;
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        ended();
        resolve(this.fault);
      });
    });
  }

  /** @param {string | Uint8Array} bytes */
  send(bytes) {
    this.socket.write(bytes);
    return this;
  }

  /** No more from this side; the other may go on. */
  end() {
    this.socket.end();
    return this;
  }

  /** Gone, with a reset. */
  reset() {
    this.socket.resetAndDestroy();
    return this;
  }

  destroy() {
    this.socket.destroy();
    return this;
  }

  /** @param {number} length @returns {Promise<Buffer>} */
  read(length) {
    return this.#take(`${length} bytes`, () => (this.#arrived.length >= length ? length : -1));
  }

  /** @param {string} mark @returns {Promise<Buffer>} up to its end */
  readUntil(mark) {
    return this.#take(JSON.stringify(mark), () => {
      const at = this.#arrived.indexOf(mark);
      return at < 0 ? -1 : at + mark.length;
    });
  }

  /** Everything up to the other side's end. @returns {Promise<Buffer>} */
  readToEnd() {
    return this.#take('the end', () => (this.#isEnded ? this.#arrived.length : -1));
  }

  /** What has arrived and was not read, without waiting. */
  get unread() {
    return this.#arrived;
  }

  /** Whether the other side has ended. */
  get isEnded() {
    return this.#isEnded;
  }

  #take(what, measure) {
    const taken = new Promise((resolve, reject) => {
      const look = () => {
        const length = measure();
        if (length < 0 && !this.#isEnded) return;
        this.#readers.delete(look);
        if (length < 0) {
          const why = this.fault ? ` (${this.fault.message})` : '';
          reject(new Error(`ended${why} before ${what}; there was: ${this.#arrived}`));
          return;
        }
        const bytes = this.#arrived.subarray(0, length);
        this.#arrived = this.#arrived.subarray(length);
        resolve(bytes);
      };
      this.#readers.add(look);
      look();
    });
    return within(what, taken);
  }

  #wake() {
    for (const look of [...this.#readers]) look();
  }
}

/**
 * @param {number} port
 * @param {{ host?: string, from?: string, in?: import('./netns.mjs').Host }} [options] `from`: one
 *   of our own addresses; `in`: the host that calls, this machine otherwise
 * @returns {Promise<Peer>}
 */
export async function connect(port, { host = '127.0.0.1', from, in: place } = {}) {
  if (place) {
    const socket = await place.dial({ port, host, localAddress: from });
    socket.allowHalfOpen = true;
    return new Peer(socket);
  }
  return new Promise((resolve, reject) => {
    const socket = dial({ port, host, localAddress: from, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      resolve(new Peer(socket));
    });
  });
}

/**
 * A server whose connections a test takes one by one, or hands to `serve`.
 * @param {{ after(end: () => unknown): void }} t whose end is its end
 * @param {{ host?: string, port?: number, serve?: (peer: Peer) => unknown, in?: import('./netns.mjs').Host }} [options]
 *   `in`: the host that listens, this machine otherwise
 */
export async function listen(t, { host = '127.0.0.1', port = 0, serve, in: place } = {}) {
  const peers = new Set();
  const waiting = [];
  const takers = [];
  const where = { host, port, backlog: 4096 };
  const server = place ? await place.bind(where) : createServer({ allowHalfOpen: true });
  server.on('connection', (socket) => {
    socket.allowHalfOpen = true;
    const peer = new Peer(socket);
    peers.add(peer);
    peer.closed.then(() => peers.delete(peer));
    if (serve) serve(peer);
    else if (takers.length) takers.shift()(peer);
    else waiting.push(peer);
  });
  await new Promise((resolve, reject) => {
    if (place) resolve(undefined);
    server.once('error', reject);
    if (!place) server.listen(where, () => resolve(undefined));
  });
  t.after(() => {
    for (const peer of peers) peer.destroy();
    server.close();
  });
  return {
    port: /** @type {import('node:net').AddressInfo} */ (server.address()).port,
    peers,
    /** @returns {Promise<Peer>} the next connection */
    accept() {
      const next = waiting.length
        ? Promise.resolve(waiting.shift())
        : new Promise((resolve) => takers.push(resolve));
      return within('a connection', next);
    },
  };
}

/** Sends back what it gets, its end too. @param {Peer} peer */
export function echo(peer) {
  peer.socket.removeAllListeners('data');
  peer.socket.pipe(peer.socket);
}

/**
 * CONNECT through a proxy.
 * @param {number} proxyPort
 * @param {string} target host:port
 * @param {{ fields?: string[], early?: string | Uint8Array, from?: string }} [options] `early`: sent
 *   right behind
 * @returns {Promise<{ status: number, head: string, peer: Peer }>}
 */
export async function tunnel(proxyPort, target, { fields = [], early = '', from } = {}) {
  const peer = await connect(proxyPort, { from });
  const head = [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`, ...fields, '', ''].join('\r\n');
  peer.send(Buffer.concat([Buffer.from(head), Buffer.from(early)]));
  const answer = String(await peer.readUntil('\r\n\r\n'));
  return { status: statusOf(answer), head: answer, peer };
}

/**
 * Sends bytes and reads to the end of what is answered.
 * @param {number} port
 * @param {string | Uint8Array} bytes
 */
export async function exchange(port, bytes) {
  const peer = await connect(port);
  peer.send(bytes);
  const answer = String(await peer.readToEnd());
  peer.destroy();
  const [head, ...rest] = answer.split('\r\n\r\n');
  return { status: statusOf(head), head: `${head}\r\n`, body: rest.join('\r\n\r\n') };
}

/** @param {string} head @param {string} name @returns {string | undefined} */
export function field(head, name) {
  const prefix = `${name.toLowerCase()}:`;
  const line = head.split('\r\n').find((each) => each.toLowerCase().startsWith(prefix));
  return line?.slice(prefix.length).trim();
}

function statusOf(head) {
  return Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1]);
}

/**
 * A forwarder between two programs whose connections can be cut at any time.
 * @param {{ after(end: () => unknown): void }} t
 * @param {number} port where to
 */
export async function cuttable(t, port) {
  /** @type {Set<[Peer, Peer]>} */
  const pairs = new Set();
  let count = 0;
  const server = await listen(t, {
    serve: async (near) => {
      near.socket.pause();
      const far = await connect(port).catch(() => null);
      if (!far) {
        near.reset();
        return;
      }
      count += 1;
      const pair = /** @type {[Peer, Peer]} */ ([near, far]);
      pairs.add(pair);
      near.closed.then(() => pairs.delete(pair));
      for (const [from, to] of [pair, [far, near]]) {
        from.socket.removeAllListeners('data');
        from.socket.pipe(to.socket);
        from.closed.then(() => to.destroy());
      }
    },
  });
  return {
    port: server.port,
    /** Connections made so far. */
    get count() {
      return count;
    },
    /** Cuts all that stand, in mid-word if need be. @returns {number} how many */
    cut() {
      const all = [...pairs];
      for (const [near, far] of all) {
        near.reset();
        far.reset();
      }
      return all.length;
    },
  };
}
