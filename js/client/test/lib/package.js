// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The package as it would be published: packed by npm, and installed in a directory of its own. */

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CLIENT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript')), 'tsc.js');

/** @param {string[]} parameters @returns {string} what it complains of */
export function compile(...parameters) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [TSC, ...parameters]);
  return `${stdout}${stderr}${status === 0 ? '' : `status ${status}`}`;
}

/**
 * What `npm pack` takes out of a tree in which build.js has run. Its scripts are not run: they would
 * write into this one.
 * @param {string} dir
 */
function packed(dir) {
  const tree = join(dir, 'tree');
  for (const name of ['src', 'test/types', 'dist']) {
    cpSync(join(CLIENT, name), join(tree, name), { recursive: true });
  }
  for (const name of ['package.json', 'nirvana.d.ts', 'README.md', 'build.js', 'tsconfig.json']) {
    copyFileSync(join(CLIENT, name), join(tree, name));
  }
  copyFileSync(join(CLIENT, '../../LICENSE'), join(tree, 'LICENSE'));
  const places = ['--outDir', join(tree, 'types'), '--rootDir', join(CLIENT, 'src')];
  const only = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly'];
  const wrong = compile('-p', join(CLIENT, 'tsconfig.types.json'), ...only, ...places);
  if (wrong) throw new Error(wrong);
  const flags = ['--json', '--ignore-scripts', '--offline', '--pack-destination', dir];
  const told = execFileSync('npm', ['pack', ...flags], {
    cwd: tree,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      npm_config_cache: join(dir, 'cache'),
      npm_config_update_notifier: 'false',
    },
  });
  return JSON.parse(String(told))[0];
}

/**
 * @param {import('./loopback.js').Test} t
 * @returns {{ dir: string, files: string[] }} where programs can import it; what is in it
 */
export function installPackage(t) {
  const dir = mkdtempSync(join(tmpdir(), 'wayleave-package-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const { filename, files } = packed(dir);
  const installed = join(dir, 'node_modules', 'wayleave');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(dir, filename), '-C', installed, '--strip-components=1']);
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  return { dir, files: files.map((/** @type {{ path: string }} */ { path }) => path).sort() };
}
