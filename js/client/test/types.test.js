// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The types as they are published, used by programs in types/: compiled, and not run. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const CLIENT = fileURLToPath(new URL('..', import.meta.url));
const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript')), 'tsc.js');

/** @param {string[]} parameters */
function compile(...parameters) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [TSC, ...parameters]);
  return `${stdout}${stderr}${status === 0 ? '' : `status ${status}`}`;
}

test('programs in TypeScript compile against the published types, wrong ones do not', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'wayleave-types-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const installed = join(dir, 'node_modules', 'wayleave');
  mkdirSync(installed, { recursive: true });
  for (const name of ['package.json', 'nirvana.d.ts']) {
    copyFileSync(join(CLIENT, name), join(installed, name));
  }
  const places = ['--outDir', join(installed, 'types'), '--rootDir', join(CLIENT, 'src')];
  const only = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly'];
  assert.equal(compile('-p', join(CLIENT, 'tsconfig.types.json'), ...only, ...places), '');
  cpSync(join(CLIENT, 'test/types'), dir, { recursive: true });
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
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
