// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors
//
// Each table in doc/spec/*.md has a row for each MUST of a specification: section, sentence, our
// place, our test. Fails when a row names a function or a test that does not exist, or has no place
// or no test and does not say why ("not ours: ...", "no test: ..."). Fails too when a fault of the
// headers below has no unit test that names it.
//
// Places and tests are written `file.c:function`; files are found by name, which is unique.

import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const FAULT_HEADERS = ['src/ws/ws_fault.h', 'src/ws/ws_handshake.h', 'src/tls/tls_hello.h'];

let faults = 0;
function fault(text) {
  console.error(text);
  faults += 1;
}

/** Name to text, for all C files under a folder. */
function sourcesUnder(folder) {
  const found = new Map();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile() && /\.[ch]$/.test(entry.name))
      found.set(basename(path), readFileSync(path, 'utf8'));
  }
  return found;
}
const places = sourcesUnder('src');
const tests = sourcesUnder('test/unit');

/** The references in a cell; complains about those that lead nowhere. */
function follow(at, cell, sources, isThere) {
  const references = [...cell.matchAll(/`([\w.]+\.[ch]):(\w+)`/g)];
  for (const [, file, name] of references) {
    const text = sources.get(file);
    if (text === undefined) fault(`${at}: there is no ${file}`);
    else if (!isThere(text, name)) fault(`${at}: ${file} has no ${name}`);
  }
  return references.length;
}

/** A definition at the beginning of a line, or an inline function or macro of a header. */
function isDefined(text, name) {
  return new RegExp(`^(?!\\s|#|/|\\*).*\\b${name}\\(|^#define ${name}\\b`, 'm').test(text);
}

function isTest(text, name) {
  return new RegExp(`\\bcmocka_unit_test\\w*\\(\\s*${name}\\b`).test(text);
}

let rows = 0;
for (const file of readdirSync('doc/spec').filter((name) => name.endsWith('.md'))) {
  readFileSync(`doc/spec/${file}`, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      if (!/^\|\s*\d/.test(line)) return;
      const at = `doc/spec/${file}:${index + 1}`;
      const cells = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      rows += 1;
      if (cells.length !== 4) {
        fault(`${at}: a row has section, sentence, place and test`);
        return;
      }
      const [, , place, test] = cells;
      const isOurs = !/^not ours: \S/.test(place);
      const placeCount = follow(at, place, places, isDefined);
      const testCount = follow(at, test, tests, isTest);
      if (isOurs && placeCount === 0) fault(`${at}: no place, and no "not ours: ..."`);
      if (isOurs && testCount === 0 && !/^no test: \S/.test(test)) {
        fault(`${at}: no test, and no "no test: ..."`);
      }
    });
}

const allTests = [...tests.values()].join('\n');
for (const header of FAULT_HEADERS) {
  for (const [, name] of readFileSync(header, 'utf8').matchAll(/^\s*X\((\w+),/gm)) {
    if (!name.endsWith('_NONE') && !new RegExp(`\\b${name}\\b`).test(allTests)) {
      fault(`${header}: no unit test provokes ${name}`);
    }
  }
}

if (faults > 0) {
  console.error(`${faults} row(s) that lead nowhere`);
  process.exit(1);
}
console.log(`each of ${rows} requirements has its place and its test, or a reason`);
