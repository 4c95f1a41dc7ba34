// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Debian's nats-server, on a free loopback port, with JetStream in a directory of its own. */

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
    if (jetStream) nats.args.push('-js', '-sd', join(scratch(t), 'jetstream'));
    t.after(() => nats.kill());
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
