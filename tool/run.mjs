// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * `make run`: a realm and a proxy in front of it, on this machine, until Ctrl-C.
 *
 * REALM_PORT (9000), REALM_TLS_PORT (9443) and PROXY_PORT (8080) change the ports, RUN_DIR (./run)
 * where configuration, certificate and logs are kept, WAYLEAVE (build/wayleave) the program.
 */

import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Complaint, portsFromEnvironment, startStack, stopStack } from './lib/stack.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const binary = resolve(process.env.WAYLEAVE ?? `${root}build/wayleave`);
const dir = resolve(process.env.RUN_DIR ?? `${root}run`);
const here = (path) => relative(process.cwd(), path) || '.';

function welcome(ports) {
  const wayleave = here(binary);
  const proxy = `--proxy http://127.0.0.1:${ports.proxy}`;
  const channel = `ws://localhost:${ports.realm} /demo/chat`;
  return `
  Demo page      http://localhost:${ports.realm}/demo/   (two tabs of it can talk)

  Browser        chromium --user-data-dir="$(mktemp -d)" --ignore-certificate-errors \\
                   --proxy-server=127.0.0.1:${ports.proxy} --proxy-bypass-list='<-loopback>' \\
                   http://localhost:${ports.realm}/demo/

                 One proxy for every scheme: the page is forwarded, ws:// and wss:// alike go
                 through tunnels (CONNECT). <-loopback> sends localhost through the proxy too,
                 which Chromium otherwise never does. The certificate for
                 wss://localhost:${ports.realmTls} is ${here(dir)}/localhost.crt: import it, or
                 ignore certificate errors as above.

  Watch          ${wayleave} sub ${proxy} ${channel}
  Send           ${wayleave} pub ${proxy} ${channel} "hello"

  Logs           ${here(dir)}/proxy.log (follows here) and ${here(dir)}/realm.log
  End            Ctrl-C
`;
}

let stack;
let isEnding = false;

async function end(status) {
  if (isEnding) return;
  isEnding = true;
  process.exitCode = status;
  try {
    if (stack) await stopStack(stack);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}

try {
  const ports = portsFromEnvironment();
  const started = startStack({
    binary,
    dir,
    ports,
    onLine: (who, line) => {
      if (who === 'proxy') console.log(`proxy | ${line}`);
    },
  });
  const asked = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve(signal));
  });
  stack = await started;
  console.log(welcome(ports));
  const ended = await Promise.race([
    asked.then(() => null),
    ...Object.values(stack).map((program) => program.exit.then(() => program)),
  ]);
  // Ctrl-C goes to all three: their own clean end is no accident.
  const isAccident = ended && (ended.ended.code !== 0 || ended.ended.signal);
  if (isAccident) {
    console.error(`${ended.name} ended by itself:\n${ended.stderr.trimEnd()}`);
  }
  await end(isAccident ? 1 : 0);
} catch (error) {
  console.error(error instanceof Complaint ? error.message : error);
  await end(1);
}
