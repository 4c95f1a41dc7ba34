// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The examples of doc/client.md, each run as it stands against a realm in memory, and what it
 * prints held against the block that follows it.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { format } from 'node:util';
import vm from 'node:vm';
import * as compat from '../src/compat/nirvana.js';
import { systemTimer } from '../src/system.js';
import { FakeNetwork } from './lib/network.js';

const GUIDE = readFileSync(new URL('../../../doc/client.md', import.meta.url), 'utf8');
const INDEX = new URL('../src/index.js', import.meta.url).href;
const EXAMPLES = [...GUIDE.matchAll(/```js( classic)?\n([^]*?)```\n\n```text\n([^]*?)```/g)];

test('every example says what it prints', () => {
  assert.equal(EXAMPLES.length, [...GUIDE.matchAll(/```js/g)].length);
  assert.ok(EXAMPLES.length > 7);
});

/** A network in which `realm.example` answers, and nothing takes long. */
function network() {
  const clock = { ...systemTimer, set: (/** @type {() => void} */ run) => setTimeout(run, 0) };
  const made = new FakeNetwork(/** @type {any} */ (clock));
  made.realm.queue('/jobs');
  made.realm.group('/notices', true);
  return made;
}

/** @param {string} source @param {string[]} printed */
async function runModule(source, printed) {
  const here = /** @type {any} */ (globalThis);
  const dir = mkdtempSync(join(tmpdir(), 'wayleave-guide-'));
  const before = { WebSocket: here.WebSocket, console: here.console };
  const log = (/** @type {unknown[]} */ ...given) => printed.push(format(...given));
  try {
    const file = join(dir, 'example.mjs');
    writeFileSync(file, source.replace("from 'wayleave'", `from '${INDEX}'`));
    Object.assign(here, { WebSocket: network().WebSocket, console: { ...before.console, log } });
    await import(file);
  } finally {
    Object.assign(here, before);
    rmSync(dir, { recursive: true });
  }
}

/** @param {string} source @param {string[]} printed */
async function runClassic(source, printed) {
  const { WebSocket } = network();
  const createSession = (/** @type {any} */ config) =>
    compat.Nirvana.createSession({ ...config, WebSocket });
  const Nirvana = Object.assign(Object.create(compat.Nirvana), { createSession });
  await /** @type {Promise<void>} */ (
    new Promise((resolve) => {
      const log = (/** @type {unknown[]} */ ...given) =>
        resolve(void printed.push(format(...given)));
      vm.runInNewContext(source, { Nirvana, console: { log } });
    })
  );
}

for (const [, isClassic, source, expected] of EXAMPLES) {
  const section = GUIDE.slice(0, GUIDE.indexOf(source))
    .match(/^## .*$/gm)
    ?.at(-1);
  test(`${section}: the example prints what the guide says`, async () => {
    /** @type {string[]} */
    const printed = [];
    await (isClassic ? runClassic : runModule)(source, printed);
    assert.equal(`${printed.join('\n')}\n`, expected);
  });
}
