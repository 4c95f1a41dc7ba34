// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors
//
// Writes the manual of the directives, which the program prints from the rows in its source:
//
//   node tool/manual.mjs build/wayleave           writes the files
//   node tool/manual.mjs --check build/wayleave   fails when one of them is out of date

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const PAGES = [
  ['markdown', 'doc/directives.md'],
  ['man', 'doc/man/wayleave-directives.5'],
];

const args = process.argv.slice(2);
const isCheck = args[0] === '--check';
const program = args[isCheck ? 1 : 0];
if (program === undefined) {
  console.error('usage: node tool/manual.mjs [--check] build/wayleave');
  process.exit(2);
}

function contentOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

let faults = 0;
for (const [format, path] of PAGES) {
  const page = execFileSync(program, ['config', '--manual', format], { encoding: 'utf8' });
  const old = contentOf(path);
  if (page === old) continue;
  if (!isCheck) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, page);
    console.log(`${path} written`);
    continue;
  }
  faults += 1;
  const lines = old.split('\n');
  const line = page.split('\n').findIndex((text, index) => text !== lines[index]);
  console.error(`${path}:${line + 1}: out of date (run node tool/manual.mjs ${program})`);
}
if (faults > 0) process.exit(1);
console.log(isCheck ? 'the manual is what the rows say' : 'the manual is written');
