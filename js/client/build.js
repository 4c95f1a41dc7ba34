// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Makes dist/ and types/ out of src/:
 *
 *     node js/client/build.js            write them
 *     node js/client/build.js --check    fail where what is there is not what src/ makes
 *
 * dist/ is committed, since the realm is built without npm and carries it; types/ and the copy of
 * LICENSE are not: they are made before the package is published.
 */

import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const HEAD = [
  '/*! SPDX-License-Identifier: Apache-2.0',
  ' * SPDX-FileCopyrightText: The Wayleave authors',
  ' * Made from js/client/src by js/client/build.js; do not edit. */',
].join('\n');

/** @type {import('esbuild').BuildOptions} */
const COMMON = {
  absWorkingDir: here,
  bundle: true,
  write: false,
  minify: true,
  charset: 'utf8',
  legalComments: 'none',
  banner: { js: HEAD },
  target: ['es2022'],
};

/** @type {Record<string, import('esbuild').BuildOptions>} */
const BUNDLES = {
  'dist/nirvana.js': { entryPoints: ['src/compat/global.js'], format: 'iife' },
  'dist/wayleave.mjs': { entryPoints: ['src/index.js'], format: 'esm' },
};

/** @param {string} file */
async function bundle(file) {
  const { outputFiles = [] } = await build({ ...COMMON, ...BUNDLES[file] });
  return outputFiles[0].text;
}

function makeTypes() {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript')), 'tsc.js');
  const flags = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly'];
  const places = ['--outDir', join(here, 'types'), '--rootDir', join(here, 'src')];
  const project = ['-p', join(here, 'tsconfig.types.json')];
  execFileSync(process.execPath, [tsc, ...project, ...flags, ...places], { stdio: 'inherit' });
}

/** @param {string} file */
function current(file) {
  try {
    return readFileSync(join(here, file), 'utf8');
  } catch {
    return '';
  }
}

const isCheck = process.argv.includes('--check');
for (const file of Object.keys(BUNDLES)) {
  const text = await bundle(file);
  const isSame = text === current(file);
  if (isCheck && !isSame) {
    console.error(`js/client/${file} is out of date: run node js/client/build.js`);
    process.exitCode = 1;
  }
  if (!isCheck && !isSame) writeFileSync(join(here, file), text);
}
if (!isCheck) {
  makeTypes();
  copyFileSync(join(here, '../../LICENSE'), join(here, 'LICENSE'));
}
