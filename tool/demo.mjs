// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * `make demo`: what `make run` is for, once and without a person. A realm and a proxy are started,
 * headless Chromium opens the demo page twice behind the proxy, on ws and on wss, one page says
 * something and the other hears it. Status 0 only if the proxy's own log says that the events went
 * through it.
 *
 * The default ports are taken when they are free, others otherwise. RUN_DIR (./run/demo) is where
 * configuration, certificate and logs are kept, WAYLEAVE (build/wayleave) the program.
 */

import { mkdirSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchChromium, proxyFlags } from './lib/chromium.mjs';
import { freePort } from './lib/ports.mjs';
import {
  Complaint,
  PORTS,
  portsFromEnvironment,
  startStack,
  stopStack,
  takenPorts,
} from './lib/stack.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const binary = resolve(process.env.WAYLEAVE ?? `${root}build/wayleave`);
const dir = resolve(process.env.RUN_DIR ?? `${root}run/demo`);

async function choosePorts() {
  const ports = portsFromEnvironment();
  for (const name of await takenPorts(ports)) {
    const instead = await freePort();
    console.log(`port ${ports[name]} is in use; ${PORTS[name].what} takes ${instead}`);
    ports[name] = instead;
  }
  return ports;
}

/** A demo page with a session, watched from here. */
async function openPage(browser, { realm }, { who, scheme, port }) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 760 } });
  const query = new URLSearchParams({ secure: scheme === 'wss' ? '1' : '0', port: String(port) });
  await page.goto(`http://localhost:${realm}/demo/?${query}`);
  const settled = 'body[data-state="connected"], body[data-state="failed"]';
  const body = await page.waitForSelector(settled).catch(() => null);
  if ((await body?.getAttribute('data-state')) !== 'connected') {
    throw new Complaint(`${who} has no session:\n${await page.locator('main').innerText()}`);
  }
  console.log(`page   ${who}: ${await page.locator('#path-sentence').innerText()}`);
  return { who, page, target: `localhost:${port}` };
}

/** One says a line, the other shows it. */
async function talk(from, to, line) {
  await from.page.fill('#text', line);
  await from.page.click('#send');
  console.log(`page   ${from.who} says "${line}"`);
  const event = to.page.locator('#events li', { hasText: line });
  await event.waitFor().catch(() => {
    throw new Complaint(`${to.who} did not hear "${line}"`);
  });
  console.log(`page   ${to.who} hears it, EID ${await event.getAttribute('data-eid')}`);
}

/** The proxy's line for a tunnel, which it writes at the tunnel's end. */
async function proveTunnel(proxy, target) {
  const start = `"CONNECT ${target.replaceAll('.', '\\.')} HTTP/1\\.1" 200 `;
  const line = await proxy.line(new RegExp(start), { stream: 'stdout' });
  const [, up, down] = line.match(/ up=(\d+) down=(\d+) /) ?? [];
  console.log(`proxy  ${line}`);
  if (!(Number(up) > 0 && Number(down) > 0)) {
    throw new Complaint(`nothing went through the tunnel to ${target}`);
  }
}

async function demo() {
  const ports = await choosePorts();
  const stack = await startStack({ binary, dir, ports });
  let browser;
  try {
    console.log(`realm  ws://localhost:${ports.realm} and wss://localhost:${ports.realmTls}`);
    console.log(`proxy  http://127.0.0.1:${ports.proxy}`);
    browser = await launchChromium({ proxyPort: ports.proxy });
    console.log(`page   Chromium ${browser.version()} ${proxyFlags(ports.proxy).join(' ')}`);
    const plain = { who: 'the ws page', scheme: 'ws', port: ports.realm };
    const secure = { who: 'the wss page', scheme: 'wss', port: ports.realmTls };
    const a = await openPage(browser, ports, plain);
    const b = await openPage(browser, ports, secure);
    await talk(a, b, 'Can you hear me across the proxy?');
    await talk(b, a, 'Loud and clear.');
    await a.page.screenshot({ path: `${dir}/demo.png` });
    await browser.close();
    browser = undefined;
    for (const { target } of [a, b]) await proveTunnel(stack.proxy, target);
    await stopStack(stack);
    for (const [line] of stack.realm.stderr.matchAll(/session \d+ ended:.*/g)) {
      console.log(`realm  ${line}`);
    }
    console.log(`ok: both sessions went through the proxy, on ws and on wss`);
    console.log(`a picture of the page: ${relative(process.cwd(), dir)}/demo.png`);
  } finally {
    await browser?.close();
    await stopStack(stack);
  }
}

try {
  mkdirSync(dir, { recursive: true });
  await demo();
} catch (error) {
  console.error(error instanceof Complaint ? error.message : error);
  process.exitCode = 1;
}
