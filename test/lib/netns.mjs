// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Hosts made of network namespaces, with cables (veth) between them: a client, a server, and the
 * router that everything between the two goes through. Nothing leads out of them.
 *
 *     client  192.0.2.10 ── 192.0.2.1  router  198.51.100.1 ── 198.51.100.20  server
 *     2001:db8:1::10 ── 2001:db8:1::1           2001:db8:2::1 ── 2001:db8:2::20
 *
 * Programs run inside by `host.program`; a test's own sockets by `in: host` (tcp.mjs). All of it
 * is gone when the test process has ended: not with its test, whose end may have programs inside
 * to wait for. What a test process that was killed left behind, the next one takes away.
 */

import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program } from '../../tool/lib/program.mjs';

export const CLIENT = { v4: '192.0.2.10', v6: '2001:db8:1::10' };
export const CLIENTS_ROUTER = { v4: '192.0.2.1', v6: '2001:db8:1::1' };
export const SERVERS_ROUTER = { v4: '198.51.100.1', v6: '2001:db8:2::1' };
export const SERVER = { v4: '198.51.100.20', v6: '2001:db8:2::20' };
/** Both families. */
export const FAMILIES = /** @type {const} */ (['v4', 'v6']);

const SOCKETS = fileURLToPath(new URL('netns_sockets.mjs', import.meta.url));

/** @param {string} command @param {string[]} args @param {string} [input] @returns {string} */
function run(command, args, input) {
  return execFileSync(command, args, {
    ...{
      input,
      encoding: 'utf8',
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    },
  });
}

/* Names. They say which process they belong to, and since when: process numbers come again. */

function startOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[19];
  } catch {
    return null;
  }
}

const PREFIX = 'wayleave-test';
const MINE = `${PREFIX}-${process.pid}-${startOf(process.pid)}`;
/** Namespaces of this process. @type {Set<string>} */
const made = new Set();
let count = 0;

/** Also ends what still runs in it. @param {string} name */
function remove(name) {
  made.delete(name);
  try {
    for (const pid of run('ip', ['netns', 'pids', name]).split('\n').filter(Boolean)) {
      process.kill(Number(pid), 'SIGKILL');
    }
    run('ip', ['netns', 'del', name]);
  } catch {
    // Another process was quicker.
  }
  rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
}

function removeLeftovers() {
  for (const name of readdirSync('/run/netns')) {
    const [, pid, start] = new RegExp(`^${PREFIX}-(\\d+)-(\\d+)-`).exec(name) ?? [];
    if (pid && startOf(pid) !== start) remove(name);
  }
}

process.on('exit', () => {
  for (const name of made) remove(name);
});

/* Whether it can be done here. */

/** The rules that tests need the kernel for, in a namespace of its own. */
const PROBE = `table inet probe {
    chain redirects {
        type nat hook prerouting priority dstnat
        tcp dport 80 redirect to :8080
    }
    chain tproxies {
        type filter hook prerouting priority mangle
        socket transparent 1 meta mark set 1 accept
        meta nfproto ipv4 tcp dport 80 tproxy ip to 127.0.0.1:8080 meta mark set 1
        meta nfproto ipv6 tcp dport 80 tproxy ip6 to [::1]:8080 meta mark set 1
    }
}`;

/** @returns {string | false} */
function whyNot() {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const [command, flag, what] of [
    ['ip', '-V', 'iproute2'],
    ['nft', '-v', 'nftables'],
  ]) {
    try {
      run(command, [flag]);
    } catch {
      return `network namespaces need ${what}`;
    }
  }
  const name = `${MINE}-probe`;
  try {
    made.add(name);
    run('ip', ['netns', 'add', name]);
    run('ip', ['netns', 'exec', name, 'nft', '-f', '-'], PROBE);
    return false;
  } catch (error) {
    return `no network namespaces with nftables here: ${String(error.stderr || error.message).trim()}`;
  } finally {
    remove(name);
  }
}

/** Why there can be no hosts here, for a test's `skip`; false when there can. */
export const CANNOT = whyNot();

/* Hosts. */

const LOCALHOST = '127.0.0.1 localhost\n::1 localhost\n';

export class Host {
  /** @type {import('node:child_process').ChildProcess | null} */
  #maker = null;
  /** @type {Map<number, { resolve: (made: any) => void, reject: (error: Error) => void }>} */
  #asked = new Map();
  #count = 0;

  /** @param {string} name of the namespace @param {Record<'v4' | 'v6', string>} address */
  constructor(name, address) {
    this.name = name;
    this.address = address;
    made.add(name);
    run('ip', ['netns', 'add', name]);
    mkdirSync(`/etc/netns/${name}`, { recursive: true });
    writeFileSync(`/etc/netns/${name}/resolv.conf`, 'nameserver 127.0.0.1\n'); // nobody is there
    this.names({});
  }

  /** What its programs take names for. @param {Record<string, string[]>} addresses by name */
  names(addresses) {
    const rows = Object.entries(addresses).flatMap(([name, each]) =>
      each.map((address) => `${address} ${name}\n`),
    );
    writeFileSync(`/etc/netns/${this.name}/hosts`, LOCALHOST + rows.join(''));
  }

  /** Lines of ip(8), as in `ip -batch`. @param {string} lines */
  ip(lines) {
    run('ip', ['-n', this.name, '-batch', '-'], lines);
  }

  /** Rules, instead of all that there were. @param {string} text as in nft(8) */
  rules(text) {
    this.run('nft', ['-f', '-'], `flush ruleset\n${text}\n`);
  }

  /** @param {string} command @param {string[]} args @param {string} [input] @returns its output */
  run(command, args, input) {
    return run('ip', ['netns', 'exec', this.name, command, ...args], input);
  }

  /** How a program of it is started. @param {string} command @param {string[]} args @returns {string[]} */
  command(command, args) {
    return ['ip', 'netns', 'exec', this.name, command, ...args];
  }

  /** @param {string} command @param {string[]} args @param {ConstructorParameters<typeof Program>[2]} [options] */
  program(command, args, options) {
    const [ip, ...rest] = this.command(command, args);
    return new Program(ip, rest, { name: command, ...options });
  }

  /** A program that stands for another one, inside. @param {string} dir @param {string} command */
  wrapper(dir, command) {
    const file = join(dir, 'inside');
    writeFileSync(file, `#!/bin/sh\nexec ${this.command(command, []).join(' ')} "$@"\n`);
    chmodSync(file, 0o755);
    return file;
  }

  /** @param {import('node:net').TcpNetConnectOpts} options @returns {Promise<import('node:net').Socket>} */
  dial(options) {
    return this.#ask('dial', options);
  }

  /** @param {import('node:net').ListenOptions} options @returns {Promise<import('node:net').Server>} */
  bind(options) {
    return this.#ask('bind', options);
  }

  #ask(what, options) {
    const maker = (this.#maker ??= this.#startMaker());
    maker.channel?.ref();
    return new Promise((resolve, reject) => {
      const id = (this.#count += 1);
      this.#asked.set(id, { resolve, reject });
      maker.send({ id, what, options });
    });
  }

  #startMaker() {
    const [ip, ...args] = this.command(process.execPath, [SOCKETS]);
    const maker = spawn(ip, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    maker.on('message', (/** @type {any} */ { id, error }, handle) => {
      const { resolve, reject } = this.#asked.get(id) ?? {};
      this.#asked.delete(id);
      if (this.#asked.size === 0) maker.channel?.unref(); // nobody waits for it
      if (error) reject?.(Object.assign(new Error(error.message), { code: error.code }));
      else resolve?.(handle);
    });
    maker.unref();
    return maker;
  }
}

/** @param {Host} host */
function wake(host, { isRouter = false } = {}) {
  const forwarding = isRouter ? 1 : 0;
  host.run('sh', [
    '-ec',
    `cd /proc/sys/net
    echo 0 >ipv6/conf/default/accept_dad; echo 0 >ipv6/conf/all/accept_dad
    echo 0 >ipv6/conf/default/accept_ra; echo 0 >ipv6/conf/all/accept_ra
    echo ${forwarding} >ipv4/ip_forward; echo ${forwarding} >ipv6/conf/all/forwarding`,
  ]);
  host.ip('link set lo up\n');
}

/** @param {Host} host @param {string} link @param {Record<'v4' | 'v6', string>} address */
function plug(host, link, address) {
  host.ip(`link set ${link} up
addr add ${address.v4}/24 dev ${link}
addr add ${address.v6}/64 dev ${link} nodad
`);
}

/** @param {Host} host @param {Record<'v4' | 'v6', string>} router */
function leadOut(host, router) {
  host.ip(`route add default via ${router.v4}\nroute add ::/0 via ${router.v6}\n`);
}

/** @returns {{ client: Host, router: Host, server: Host }} */
export function startNetwork() {
  removeLeftovers();
  const prefix = `${MINE}-${(count += 1)}`;
  const client = new Host(`${prefix}-client`, CLIENT);
  const router = new Host(`${prefix}-router`, CLIENTS_ROUTER);
  const server = new Host(`${prefix}-server`, SERVER);
  for (const host of [client, router, server]) wake(host, { isRouter: host === router });
  for (const [host, link] of /** @type {const} */ ([
    [client, 'lan'],
    [server, 'wan'],
  ])) {
    run('ip', [
      ...['link', 'add', link, 'netns', router.name, 'type', 'veth'],
      ...['peer', 'name', 'eth0', 'netns', host.name],
    ]);
  }
  plug(router, 'lan', CLIENTS_ROUTER);
  plug(router, 'wan', SERVERS_ROUTER);
  plug(client, 'eth0', CLIENT);
  plug(server, 'eth0', SERVER);
  leadOut(client, CLIENTS_ROUTER);
  leadOut(server, SERVERS_ROUTER);
  return { client, router, server };
}

/**
 * For Node's HTTP and WebSocket clients, as `createConnection`: from inside a host.
 * @param {Host} host
 * @param {import('node:net').TcpNetConnectOpts} [where] otherwise where the client wants to
 * @returns {any}
 */
export function connector(host, where) {
  return ({ host: name, port }, done) => {
    host.dial(where ?? { host: name, port }).then((socket) => done(null, socket), done);
  };
}
