// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors
//
// A symbol is a path: what a header declares begins with the header's stem, and is defined in the
// source of the same stem. Stems are unique, and in the layers named below begin with the layer.

import { readFileSync, readdirSync } from 'node:fs';

const PREFIXED = ['http1', 'ws', 'stomp', 'sockjs', 'tls', 'conf', 'store', 'proxy', 'realm'];
/** A header whose exports go by other words, with the reason. */
const EXCEPTIONS = {
  'src/base/err.h': /^(err_|ERR_|OK$|TRY$|must_check$)/, // the words every file uses
  'src/base/span.h': /^(span_|mspan_|SPAN)/, // one concept, two kinds of access
  'src/base/clock.h': /^(msec|MSEC_)/, // a unit, not a module
  'src/conf/diag.h': /^diag_/, // a noun of its own: daemons and tools use it too
};

let faults = 0;
function fault(text) {
  console.error(text);
  faults += 1;
}

const stems = new Map();
const layers = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());

for (const { name: layer } of layers) {
  const files = readdirSync(`src/${layer}`);
  for (const file of files) {
    const stem = file.replace(/\.[ch]$/, '');
    const path = `src/${layer}/${file}`;
    const home = stems.get(stem);
    if (home !== undefined && home !== layer)
      fault(`${path}: the stem ${stem} exists in ${home} too`);
    stems.set(stem, layer);
    if (
      PREFIXED.includes(layer) &&
      stem !== layer &&
      !stem.startsWith(`${layer}_`) &&
      EXCEPTIONS[`src/${layer}/${stem}.h`] === undefined
    ) {
      fault(`${path}: stems in ${layer} begin with ${layer}_`);
    }
    if (file.endsWith('.h')) checkHeader(path, stem, files.includes(`${stem}.c`), layer);
  }
}

function checkHeader(path, stem, hasSource, layer) {
  const text = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, (c) =>
    c.replace(/[^\n]/g, ' '),
  );
  const allowed =
    EXCEPTIONS[path] ?? new RegExp(`^(${stem}_|${stem}$|${stem.toUpperCase()}(_|S?$))`);
  const source = hasSource ? readFileSync(path.replace(/\.h$/, '.c'), 'utf8') : '';
  for (const { name, line, inline } of exportsOf(text)) {
    if (!allowed.test(name)) fault(`${path}:${line}: ${name} does not begin with ${stem}_`);
    if (!inline && hasSource && !new RegExp(`\\b${name}\\b`).test(source)) {
      fault(`${path}:${line}: ${name} is not defined in ${stem}.c`);
    }
  }
  void layer;
}

/** Functions declared at file scope, and macros. */
function* exportsOf(text) {
  const lines = text.split('\n');
  let depth = 0;
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i];
    const macro = line.match(/^#define\s+(\w+)\s*\(/);
    if (macro && macro[1] !== 'X') yield { name: macro[1], line: i + 1, inline: true };
    if (depth === 0 && !line.startsWith('#')) {
      const declared = line.match(
        /^(?!typedef\b|struct\s+\w+\s*[;{]|enum\s+\w+\s*[;{]|return\b|\s)[\w\s*]*?\b(\w+)\s*\(/,
      );
      const macroCall = declared && /^[A-Z][A-Z_0-9]*$/.test(declared[1]);
      if (declared && !macroCall && declared[1] !== '__attribute__') {
        yield { name: declared[1], line: i + 1, inline: /\binline\b/.test(line) };
      }
    }
    depth += (line.match(/{/g) ?? []).length - (line.match(/}/g) ?? []).length;
  }
}

if (faults > 0) {
  console.error(`${faults} name(s) that do not tell where they live`);
  process.exit(1);
}
console.log('every exported name begins with the stem of its file');
