// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';

const SCRIPT = new URL('../../dist/nirvana.js', import.meta.url);

test('imported for its effect, it defines the globals', async () => {
  await import('../../src/compat/global.js');
  const { Nirvana, NirvanaSession, NirvanaChannel } = /** @type {any} */ (globalThis);
  assert.equal(typeof Nirvana.createSession, 'function');
  assert.equal(typeof NirvanaSession.start, 'function');
  assert.equal(typeof new NirvanaChannel('/x').subscribe, 'function');
});

test('the classic script runs where there is no document, and defines the same', () => {
  const context = vm.createContext({ TextEncoder, TextDecoder, URL, console });
  vm.runInContext(readFileSync(SCRIPT, 'utf8'), context);
  const text = 'typeof Nirvana.createSession + typeof NirvanaSession.on + typeof NirvanaChannel';
  assert.equal(vm.runInContext(text, context), 'functionfunctionfunction');
});
