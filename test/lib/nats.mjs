// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Debian's nats-server, on a free loopback port, with JetStream in a directory of its own; and
 * servers of other versions, as far as they are asked.
 */

import { createServer } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../tool/lib/ports.mjs';
import { Program } from '../../tool/lib/program.mjs';
import { scratch } from './wayleave.mjs';

export class Nats {
  /** @param {import('./wayleave.mjs').Test} t @param {{ args?: string[], jetStream?: boolean }} [options] */
  static async start(t, { args = [], jetStream = true } = {}) {
    const nats = new Nats();
    nats.port = await freePort();
    nats.url = `nats://127.0.0.1:${nats.port}`;
    nats.args = ['-a', '127.0.0.1', '-p', String(nats.port), ...args];
    t.after(() => nats.kill()); // before its directory goes
    if (jetStream) nats.args.push('-js', '-sd', join(scratch(t), 'jetstream'));
    await nats.again();
    return nats;
  }

  /** The same one again: what it has stored is there. */
  async again() {
    this.program = new Program('nats-server', this.args, { name: 'nats-server' });
    await this.program.line(/Server is ready/);
  }

  /** As in a power cut, but for what the kernel still has to write. */
  async kill() {
    await this.program.stop({ signal: 'SIGKILL' });
  }
}

/**
 * A server that says it is of this version, and has no JetStream.
 * @param {import('./wayleave.mjs').Test} t @param {string} version @param {object} [info]
 * @returns {Promise<string>} its URL
 */
export async function natsOfVersion(t, version, info = {}) {
  const sockets = new Set();
  const server = createServer((socket) => {
    const subs = [];
    let rest = '';
    sockets.add(socket);
    socket.on('error', () => {});
    const said = {
      server_id: 'S',
      version,
      proto: 1,
      max_payload: 1 << 20,
      headers: true,
      ...info,
    };
    socket.write(`INFO ${JSON.stringify(said)}\r\n`);
    socket.setEncoding('latin1').on('data', (text) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop();
      for (const line of lines) {
        const [verb, subject, second] = line.split(/ +/);
        if (verb === 'PING') socket.write('PONG\r\n');
        if (verb === 'SUB') subs.push({ prefix: subject.replace('*', ''), id: second });
        if (verb === 'PUB' && subject.startsWith('$JS.')) {
          const { id } = subs.find(({ prefix }) => second.startsWith(prefix));
          socket.write(`HMSG ${second} ${id} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n`);
        }
      }
    });
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `nats://127.0.0.1:${server.address().port}`;
}
