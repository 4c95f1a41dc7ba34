// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The types as they are published, used by programs in types/: compiled, and not run. */

import assert from 'node:assert/strict';
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLIENT, compile, installPackage } from './lib/package.js';

test('programs in TypeScript compile against the published types, wrong ones do not', (t) => {
  const { dir } = installPackage(t);
  cpSync(join(CLIENT, 'test/types'), dir, { recursive: true });
  symlinkSync(join(CLIENT, '../../node_modules/@types'), join(dir, 'node_modules/@types'));
  const options = [
    '--strict',
    '--noEmit',
    '--target',
    'es2022',
    '--lib',
    'es2022,dom,dom.iterable',
  ];
  const programs = ['modern.ts', 'classic.ts'].map((name) => join(dir, name));
  const inNode = ['--module', 'nodenext'];
  const bundled = ['--module', 'esnext', '--moduleResolution', 'bundler'];
  for (const how of [inNode, bundled]) assert.equal(compile(...options, ...how, ...programs), '');
});
