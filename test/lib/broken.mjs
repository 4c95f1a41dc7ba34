// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A transparent proxy that breaks WebSocket, each mode in one way that proxies in the field do.
 * It reads and rewrites plain HTTP. TLS it cannot read, and passes it on, unless its mode is to
 * block the port. Clients of it know nothing of it: they are called here in place of the server,
 * by a test on loopback or by REDIRECT in a network namespace.
 *
 *     node test/lib/broken.mjs --mode strip-upgrade --listen 9000 --to 192.0.2.7:9000
 */

import { Server, STATUS_CODES, request as ask } from 'node:http';
import { connect, createServer } from 'node:net';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { MODES, modeOf, pairs, without } from './broken_modes.mjs';

/** The first byte of a TLS record with a handshake message, RFC 8446 section 5.1. */
const TLS_HANDSHAKE = 0x16;
const IDLE_MS = 5_000;

/** @typedef {import('./broken_modes.mjs').Fields} Fields */
/** @typedef {import('./broken_modes.mjs').Mode} Mode */

/** Those for the next hop alone, RFC 9110 section 7.6.1. @param {Fields} fields */
const withoutUpgrade = (fields) => without('upgrade')(without('connection')(fields));

/** @param {number} status @param {string} reason @param {Fields} fields */
function headText(status, reason, fields) {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`;
}

/** One that passes nothing on from now on. @param {import('node:net').Socket} socket */
const drop = (socket) => socket.resume();

/** Whoever ends ends both. */
function tie(near, far) {
  near.on('close', () => far.destroy()).on('error', () => far.destroy());
  far.on('close', () => near.destroySoon()).on('error', () => near.destroy());
}

/** @typedef {{ host: string, port: number }} Place */

export class BrokenProxy {
  /** @type {Mode} */
  #mode;
  #idleMs;
  #dial;
  #bind;
  /** Where it listens, and for whom. @type {{ at: Place, to: Place, server: import('node:net').Server | null }[]} */
  #doors = [];
  /** @type {Set<import('node:net').Socket>} */
  #sockets = new Set();
  #knowing;
  #unknowing;
  /** Where requests of a client go. @type {WeakMap<object, Place>} */
  #destination = new WeakMap();

  /**
   * @param {object} [options]
   * @param {string} [options.mode] one of MODES
   * @param {number} [options.idleMs] of silence, for `cut-idle`
   * @param {import('./netns.mjs').Host} [options.in] the host that it runs on, this machine otherwise
   */
  constructor({ mode = 'pass', idleMs = IDLE_MS, in: host } = {}) {
    this.#mode = modeOf(mode);
    this.#idleMs = idleMs;
    this.#dial = async (to) => (host ? host.dial(to) : connect(to));
    this.#bind = (at) => (host ? host.bind(at) : bindHere(at));
    const limits = { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 };
    const serve = (request, response) => this.#onRequest(request, response);
    this.#unknowing = new Server(limits, serve);
    this.#knowing = new Server(limits, serve).on('upgrade', (request, near, early) =>
      this.#onUpgrade(request, near, early),
    );
  }

  /**
   * @param {Place} at port 0: any
   * @param {Place} to the server that clients mean
   * @returns {Promise<number>} the port
   */
  async listen(at, to) {
    const door = { at: { ...at }, to, server: null };
    await this.#open(door);
    this.#doors.push(door);
    if (this.#mode.blocks === 'refuse') await this.#shut(door);
    return door.at.port;
  }

  /** Another mode, for connections that are made from now on. @param {string} mode */
  async become(mode) {
    this.#mode = modeOf(mode);
    for (const door of this.#doors) {
      if (this.#mode.blocks === 'refuse') await this.#shut(door);
      else if (!door.server) await this.#open(door);
    }
  }

  async close() {
    for (const socket of this.#sockets) socket.destroy();
    for (const door of this.#doors) await this.#shut(door);
  }

  async #open(door) {
    door.server = await this.#bind(door.at);
    door.at.port = door.server.address().port;
    door.server.on('connection', (socket) => this.#onConnection(socket, door.to));
  }

  async #shut(door) {
    door.server?.close();
    door.server = null;
  }

  #onConnection(near, to) {
    this.#sockets.add(near);
    near.on('close', () => this.#sockets.delete(near)).on('error', () => {});
    if (this.#mode.blocks === 'swallow') {
      drop(near);
      return;
    }
    near.once('data', (bytes) => {
      near.pause().unshift(bytes);
      if (bytes[0] === TLS_HANDSHAKE) this.#pass(near, to);
      else this.#speak(near, to);
    });
  }

  async #pass(near, to) {
    const far = await this.#dial(to).catch(() => null);
    if (!far) {
      near.destroy();
      return;
    }
    tie(near, far);
    near.pipe(far).pipe(near);
  }

  #speak(near, to) {
    this.#destination.set(near, to);
    if (this.#mode.cutsIdle) near.setTimeout(this.#idleMs, () => near.destroy());
    const server = this.#mode.knowsUpgrade === false ? this.#unknowing : this.#knowing;
    server.emit('connection', near);
    near.resume();
  }

  /** Sends a request on. */
  #forward(request, near, fields) {
    const to = /** @type {Place} */ (this.#destination.get(near));
    const onward = ask({
      method: request.method,
      path: request.url,
      headers: /** @type {any} */ (fields.flat()),
      createConnection: (_, done) => {
        this.#dial(to).then(
          (far) => done(null, far),
          (error) => done(error, /** @type {any} */ (null)),
        );
        return /** @type {any} */ (undefined);
      },
    });
    near.once('close', () => onward.destroy());
    return onward;
  }

  #onRequest(request, response) {
    const answer = this.#mode.answers?.(request);
    if (answer) {
      const { status, fields = [], body } = answer;
      request.resume();
      response.writeHead(status, [...fields, ['Content-Type', 'text/plain']].flat()).end(body);
      return;
    }
    const { holdsBack } = this.#mode;
    const onward = this.#forward(
      request,
      request.socket,
      withoutUpgrade(pairs(request.rawHeaders)),
    );
    onward.on('error', () => response.writeHead(502).end());
    onward.on('response', async (answer) => {
      const { statusCode, statusMessage, rawHeaders } = answer;
      const held = [];
      try {
        if (holdsBack) for await (const bytes of answer) held.push(bytes);
      } catch {
        response.destroy(); // the client has left before the answer was whole
        return;
      }
      response.writeHead(statusCode, statusMessage, withoutUpgrade(pairs(rawHeaders)).flat());
      response.flushHeaders();
      if (holdsBack) response.end(Buffer.concat(held));
      else answer.pipe(response);
    });
    request.pipe(onward);
  }

  #onUpgrade(request, near, early) {
    const mode = this.#mode;
    const onward = this.#forward(request, near, pairs(request.rawHeaders));
    onward.on('error', () => near.end(headText(502, STATUS_CODES[502], [['Connection', 'close']])));
    onward.on('response', (answer) => {
      const fields = [...withoutUpgrade(pairs(answer.rawHeaders)), ['Connection', 'close']];
      near.write(headText(answer.statusCode, answer.statusMessage, fields));
      answer.pipe(near);
    });
    onward.on('upgrade', (answer, far, first) => {
      const { statusCode, statusMessage } = answer;
      const fields = pairs(answer.rawHeaders);
      const head = headText(statusCode, statusMessage, mode.rewrites?.(fields) ?? fields);
      tie(near, far);
      near.unshift(early);
      far.unshift(first);
      join(mode, near, far, head);
    });
    onward.end();
  }
}

/**
 * The two speak with each other, as far as the mode lets them.
 * @param {Mode} mode
 * @param {import('node:net').Socket} near
 * @param {import('node:net').Socket} far
 * @param {string} head of the 101
 */
function join({ isSilent, holdsBack }, near, far, head) {
  if (isSilent) {
    near.write(head);
    drop(near);
    drop(far);
    return;
  }
  near.pipe(far);
  if (!holdsBack) {
    near.write(head);
    far.pipe(near);
    return;
  }
  const held = [Buffer.from(head)];
  far.on('data', (bytes) => held.push(bytes));
  far.on('end', () => near.end(Buffer.concat(held)));
}

/** @param {Place} at @returns {Promise<import('node:net').Server>} */
function bindHere(at) {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(at, () => resolve(server));
  });
}

/**
 * One in front of ports of this machine, as long as the test runs.
 * @param {import('./wayleave.mjs').Test} t
 * @param {number[]} servers their ports
 * @param {ConstructorParameters<typeof BrokenProxy>[0]} options
 */
export async function startBroken(t, servers, options) {
  const proxy = new BrokenProxy(options);
  t.after(() => proxy.close());
  const host = '127.0.0.1';
  /** In the order of the servers. @type {number[]} */
  const ports = [];
  for (const port of servers) ports.push(await proxy.listen({ host, port: 0 }, { host, port }));
  return Object.assign(proxy, { ports });
}

/* For a person */

/** @param {string} text [HOST:]PORT @param {string} [host] @returns {Place} */
function placeOf(text, host = '127.0.0.1') {
  const [, name, port] = /^(?:(.+):)?(\d+)$/.exec(text) ?? [];
  if (!port) throw new Error(`"${text}" is not [HOST:]PORT`);
  return { host: name?.replace(/^\[|\]$/g, '') ?? host, port: Number(port) };
}

async function main() {
  const string = /** @type {const} */ ({ type: 'string' });
  const options = { mode: string, listen: string, to: string, idle: string };
  const { mode, listen, to, idle } = parseArgs({ options }).values;
  if (!mode || !listen || !to) {
    const rows = Object.entries(MODES).map(([name, { about }]) => `  ${name.padEnd(14)}${about}`);
    console.error('broken.mjs --mode MODE --listen [HOST:]PORT --to HOST:PORT [--idle SECONDS]');
    console.error(rows.join('\n'));
    process.exitCode = 2;
    return;
  }
  const proxy = new BrokenProxy({ mode, idleMs: idle ? Number(idle) * 1000 : IDLE_MS });
  const at = placeOf(listen);
  const port = await proxy.listen(at, placeOf(to));
  console.log(`ready: ${at.host}:${port} to ${to}, ${mode}: ${modeOf(mode).about}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
