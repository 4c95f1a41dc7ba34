// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A realm and a proxy in front of it, on this machine's loopback, with all their state in one
 * directory: what `make run` and `make demo` start.
 */

import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program } from './program.mjs';
import { tryPort, whoHas } from './ports.mjs';

/** @typedef {{ proxy: number, realm: number, realmTls: number }} Ports */

/** The default ports, and the variable that changes each. */
export const PORTS = {
  realm: { port: 9000, variable: 'REALM_PORT', what: "the realm's plain interface" },
  realmTls: { port: 9443, variable: 'REALM_TLS_PORT', what: "the realm's TLS interface" },
  proxy: { port: 8080, variable: 'PROXY_PORT', what: 'the proxy' },
};

/** A failure that a sentence explains; no stack trace helps. */
export class Complaint extends Error {}

/** @returns {Ports} the defaults, or what the environment says */
export function portsFromEnvironment(env = process.env) {
  const ports = /** @type {Ports} */ ({});
  for (const [name, { port, variable }] of Object.entries(PORTS)) {
    const text = env[variable] ?? String(port);
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < 1 || number > 65535) {
      throw new Complaint(`${variable} is "${text}"; a port is a number from 1 to 65535.`);
    }
    const twin = Object.keys(ports).find((other) => ports[other] === number);
    if (twin) throw new Complaint(`${variable} and ${PORTS[twin].variable} are both ${number}.`);
    ports[name] = number;
  }
  return ports;
}

/** @param {Ports} ports @returns {Promise<string[]>} the names of those that are taken */
export async function takenPorts(ports) {
  const taken = [];
  for (const name of Object.keys(PORTS)) {
    if ((await tryPort(ports[name])) === null) taken.push(name);
  }
  return taken;
}

/** @param {string} name @param {Ports} ports */
export function takenSentence(name, ports) {
  const { variable, what } = PORTS[name];
  const port = ports[name];
  return (
    `Port ${port} on 127.0.0.1, wanted for ${what}, is in use by ${whoHas(port)}: ` +
    `end that, or choose another port with ${variable}=<port>.`
  );
}

/** @param {Ports} ports */
export function proxyConfiguration(ports) {
  return `# Made at each start by tool/lib/stack.mjs; etc/proxy.conf is the one to copy.
Listen 127.0.0.1:${ports.proxy}
ProxyRequests On
ProxyVia On
AllowCONNECT ${ports.realm} ${ports.realmTls}
<Proxy "*">
    Require local
</Proxy>
`;
}

/** @param {Ports} ports @param {string} dir */
export function realmConfiguration(ports, dir) {
  return `# Made at each start by tool/lib/stack.mjs.
Interface http://127.0.0.1:${ports.realm}
Interface https://127.0.0.1:${ports.realmTls}
SSLCertificateFile "${join(dir, 'localhost.crt')}"
SSLCertificateKeyFile "${join(dir, 'localhost.key')}"
SSLCertificateMake On
# Everybody who can connect may use it: this machine alone.
Anonymous On
<Channel "/demo/*">
    Capacity 1000
</Channel>
`;
}

/**
 * @param {object} options
 * @param {string} options.binary
 * @param {string} options.dir
 * @param {Ports} options.ports
 * @param {(who: 'realm' | 'proxy', line: string) => void} [options.onLine]
 */
export async function startStack({ binary, dir, ports, onLine = () => {} }) {
  if (!existsSync(binary)) throw new Complaint(`${binary} is not built: run make.`);
  const [taken] = await takenPorts(ports);
  if (taken) throw new Complaint(takenSentence(taken, ports));
  mkdirSync(dir, { recursive: true });
  const configurations = {
    realm: realmConfiguration(ports, dir),
    proxy: proxyConfiguration(ports),
  };
  const stack = {};
  try {
    for (const [who, text] of Object.entries(configurations)) {
      const [file, log] = [join(dir, `${who}.conf`), join(dir, `${who}.log`)];
      writeFileSync(file, text);
      writeFileSync(log, '');
      stack[who] = new Program(binary, [who, '-f', file], {
        name: `wayleave ${who}`,
        onLine: (line) => {
          appendFileSync(log, `${line}\n`);
          onLine(/** @type {'realm' | 'proxy'} */ (who), line);
        },
      });
      await stack[who].line(/ready/).catch(() => {
        throw new Complaint(`The ${who} did not start:\n${stack[who].stderr.trimEnd()}`);
      });
    }
  } catch (error) {
    await stopStack(stack);
    throw error;
  }
  return /** @type {{ realm: Program, proxy: Program }} */ (stack);
}

/** The proxy first, so that it has nobody to complain about. */
export async function stopStack(stack) {
  await stack.proxy?.stop();
  await stack.realm?.stop();
}
