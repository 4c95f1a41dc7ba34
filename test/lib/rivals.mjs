// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Debian's Squid and tinyproxy, each from a small configuration file of its own. */

import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { freePort } from '../../tool/lib/ports.mjs';
import { Program } from '../../tool/lib/program.mjs';
import { connect } from './tcp.mjs';
import { until } from './wait.mjs';
import { scratch } from './wayleave.mjs';

/** A directory that the user which Squid becomes may write to. */
function squidDir(t) {
  const dir = scratch(t);
  if (process.getuid?.() === 0) {
    const id = (flag) => Number(execFileSync('id', [flag, 'proxy']));
    chownSync(dir, id('-u'), id('-g'));
    chmodSync(dir, 0o755);
  }
  return dir;
}

/** @param {Program} program @param {number} port @param {() => string} log */
async function listens(program, port, log) {
  await until(
    `${program.name} listens`,
    async () => {
      if (program.ended) throw new Error(`${program.name} ended:\n${program.stderr}${log()}`);
      const peer = await connect(port).catch(() => null);
      peer?.destroy();
      return peer !== null;
    },
    { seen: () => program.stderr + log() },
  );
}

function reader(file) {
  return () => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  };
}

function logged(name, read) {
  return (pattern) =>
    until(
      `${name} logs ${pattern}`,
      () =>
        read()
          .split('\n')
          .find((line) => pattern.test(line)),
      { seen: read },
    );
}

/**
 * @param {import('./wayleave.mjs').Test} t
 * @param {{ parent?: number, allow: number[], more?: string }} options `parent`: the port of the
 *   proxy that it asks for everything
 */
export async function startSquid(t, { parent, allow, more = '' }) {
  const dir = squidDir(t);
  const port = await freePort();
  const file = join(dir, 'squid.conf');
  writeFileSync(
    file,
    `http_port 127.0.0.1:${port}
visible_hostname squid.test
pid_filename ${dir}/squid.pid
access_log stdio:${dir}/access.log
cache_log ${dir}/cache.log
coredump_dir ${dir}
cache deny all
pinger_enable off
shutdown_lifetime 0 seconds
workers 1
${more}
acl ports port ${allow.join(' ')}
http_access deny !ports
http_access allow localhost
http_access deny all
http_upgrade_request_protocols websocket allow all
${
  parent
    ? `cache_peer 127.0.0.1 parent ${parent} 0 no-query no-digest default name=parent
never_direct allow all`
    : ''
}
`,
  );
  const program = new Program('/usr/sbin/squid', ['-N', '-f', file, '-n', `wayleave${port}`], {
    name: 'squid',
  });
  t.after(() => program.stop({ signal: 'SIGKILL' }));
  await listens(program, port, reader(join(dir, 'cache.log')));
  return { port, program, accessLine: logged('squid', reader(join(dir, 'access.log'))) };
}

/**
 * @param {import('./wayleave.mjs').Test} t
 * @param {{ parent?: number, allow: number[] }} options
 */
export async function startTinyproxy(t, { parent, allow }) {
  const dir = scratch(t);
  const port = await freePort();
  const file = join(dir, 'tinyproxy.conf');
  writeFileSync(
    file,
    `Port ${port}
Listen 127.0.0.1
Timeout 600
LogLevel Connect
Allow 127.0.0.1
${allow.map((each) => `ConnectPort ${each}`).join('\n')}
${parent ? `Upstream http 127.0.0.1:${parent}` : ''}
`,
  );
  const program = new Program('tinyproxy', ['-d', '-c', file], { name: 'tinyproxy' });
  t.after(() => program.stop({ signal: 'SIGKILL' }));
  const read = () => program.stdout + program.stderr;
  await listens(program, port, read);
  return { port, program, accessLine: logged('tinyproxy', read) };
}
