// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The built program, started from an inline configuration. Its end belongs to the test: status 0
 * and no word from a sanitizer, or the test fails.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../tool/lib/ports.mjs';
import { Program } from '../../tool/lib/program.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** With AddressSanitizer and UndefinedBehaviorSanitizer; and as it is shipped, for measuring. */
export const CHECKED = resolve(process.env.WAYLEAVE_CHECKED ?? `${ROOT}build/asan/wayleave`);
export const RELEASE = resolve(process.env.WAYLEAVE_RELEASE ?? `${ROOT}build/wayleave`);

const SANITIZERS = {
  ASAN_OPTIONS: 'detect_leaks=1:exitcode=97',
  LSAN_OPTIONS: `suppressions=${ROOT}test/lib/lsan.supp:print_suppressions=0`,
  UBSAN_OPTIONS: 'print_stacktrace=1',
};

/**
 * For a daemon that tests start as root: it would become nobody, and a sanitizer cannot report from
 * a process that has changed its user. That it does become nobody has tests of its own.
 */
export const AS_ROOT = process.getuid?.() === 0 ? ['-u', 'root'] : [];

/** @typedef {{ after(end: () => unknown): void }} Test */

/** @param {Test} t @returns {string} a directory that is gone after the test */
export function scratch(t) {
  const dir = mkdtempSync(join(tmpdir(), 'wayleave-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/**
 * @param {string[]} args
 * @param {{ binary?: string, env?: Record<string, string>, cwd?: string, in?: import('./netns.mjs').Host }} [options]
 *   `in`: the host that it runs on
 */
export function wayleave(args, { binary = CHECKED, env, cwd, in: host } = {}) {
  const options = { name: `wayleave ${args[0]}`, cwd, env: { ...SANITIZERS, ...env } };
  return host ? host.program(binary, args, options) : new Program(binary, args, options);
}

/** Runs it to its end. @param {string[]} args @param {Parameters<typeof wayleave>[1]} [options] */
export async function runWayleave(args, options) {
  const program = wayleave(args, options);
  const { code, signal } = await program.exit;
  assertSound(program);
  return { code, signal, stdout: program.stdout, stderr: program.stderr };
}

/** @param {Program} program */
function assertSound({ name, stderr }) {
  assert.doesNotMatch(
    stderr,
    /AddressSanitizer|LeakSanitizer|runtime error:/,
    `${name} is not sound`,
  );
}

/** A daemon that says it is ready. */
export class Daemon {
  /**
   * @param {Program} program
   * @param {string} ready the line that said so
   */
  constructor(program, ready) {
    this.program = program;
    this.ready = ready;
    const listening = ready.slice(ready.indexOf('ready'), ready.indexOf('(') + 1 || undefined);
    /** Ports in the order of the configuration. */
    this.ports = [...listening.matchAll(/:(\d+)(?=[\s,/(]|$)/g)].map(([, port]) => Number(port));
    this.port = this.ports[0];
  }

  get pid() {
    return this.program.pid;
  }

  /** Whole lines of the access log so far. */
  get accessLines() {
    return this.program.stdout.split('\n').slice(0, -1);
  }

  /** The first line of the access log that matches, waited for. @param {RegExp} pattern */
  accessLine(pattern) {
    return this.program.line(pattern, { stream: 'stdout' });
  }

  /** Ends in order; anything but order is a fault. @param {NodeJS.Signals} [signal] */
  async stop(signal = 'SIGINT') {
    const ended = await this.program.stop({ signal });
    assertSound(this.program);
    assert.deepEqual(
      ended,
      { code: 0, signal: null },
      `${this.program.name}: ${this.program.stderr}`,
    );
  }

  /** Ends as in a power cut. */
  async kill() {
    await this.program.stop({ signal: 'SIGKILL' });
  }
}

/**
 * @param {Test} t
 * @param {'proxy' | 'realm'} verb
 * @param {string} configuration
 * @param {Parameters<typeof wayleave>[1] & { dir?: string, as?: string[] }} [options] `as`: whom it
 *   is told to serve as
 */
async function start(t, verb, configuration, { dir = scratch(t), as = AS_ROOT, ...options } = {}) {
  const file = join(dir, `${verb}.conf`);
  writeFileSync(file, configuration);
  const program = wayleave([verb, '-f', file, ...as], options);
  t.after(async () => {
    if (program.ended?.signal === 'SIGKILL') return; // Daemon.kill()
    const ended = await program.stop();
    assertSound(program);
    assert.deepEqual(ended, { code: 0, signal: null }, `${program.name}: ${program.stderr}`);
  });
  return new Daemon(program, await program.line(/ready/));
}

/**
 * A proxy on a free port that lets this machine through to `allow`.
 * @param {Test} t
 * @param {{ allow?: (number | string)[], more?: string, listen?: string | number, binary?: string }} [options]
 */
export function startProxy(t, { allow = [], more = '', listen = 0, ...options } = {}) {
  return start(t, 'proxy', proxyConfiguration({ allow, more, listen }), options);
}

/** A proxy from a whole configuration. @param {Test} t @param {string} configuration */
export function startProxyFrom(t, configuration, options) {
  return start(t, 'proxy', configuration, options);
}

export function proxyConfiguration({ allow = [], more = '', listen = 0 }) {
  return `Listen 127.0.0.1:${listen}
ProxyRequests On
${allow.length ? `AllowCONNECT ${allow.join(' ')}` : ''}
<Proxy "*">
    Require local
</Proxy>
${more}
`;
}

/**
 * A realm with a plain and a TLS interface on free ports, or on those of an earlier life.
 * @param {Test} t
 * @param {{ port?: number, tlsPort?: number, hosts?: string[], anonymous?: boolean, more?: string, dir?: string, binary?: string, in?: import('./netns.mjs').Host }} [options]
 */
export async function startRealm(
  t,
  {
    port,
    tlsPort,
    hosts = ['127.0.0.1'],
    anonymous = true,
    more = '',
    dir = scratch(t),
    ...options
  } = {},
) {
  port ??= await freePort();
  tlsPort ??= await freePort();
  const configuration = `${hosts.map((host) => `Interface http://${host}:${port}`).join('\n')}
${hosts.map((host) => `Interface https://${host}:${tlsPort}`).join('\n')}
SSLCertificateFile "${join(dir, 'localhost.crt')}"
SSLCertificateKeyFile "${join(dir, 'localhost.key')}"
SSLCertificateMake On
${anonymous ? 'Anonymous On' : ''}
${more}
`;
  const realm = await start(t, 'realm', configuration, { dir, ...options });
  return Object.assign(realm, { port, tlsPort, dir });
}

/** What the demo page and most tests use. */
export const DEMO_CHANNELS = `<Channel "/demo/*">
    Capacity 1000
</Channel>
`;
