// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * What a page downloads, as `npm run size` prints it, against the budget that README.md states.
 * `node js/client/size.js --check` fails where it is exceeded.
 */

import { readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** Bytes, compressed. Whoever raises one says in the commit what for. */
const BUDGET = {
  'dist/nirvana.js': { gzip: 28_000, brotli: 25_000 },
  'dist/wayleave.mjs': { gzip: 23_000, brotli: 20_500 },
};

for (const [file, { gzip, brotli }] of Object.entries(BUDGET)) {
  const bytes = readFileSync(new URL(file, import.meta.url));
  const sizes = { gzip: gzipSync(bytes).length, brotli: brotliCompressSync(bytes).length };
  const isWithin = sizes.gzip <= gzip && sizes.brotli <= brotli;
  console.log(
    `${file}: ${bytes.length} bytes minified, ${sizes.gzip} with gzip (budget ${gzip}), ` +
      `${sizes.brotli} with brotli (budget ${brotli})${isWithin ? '' : ': TOO BIG'}`,
  );
  if (!isWithin && process.argv.includes('--check')) process.exitCode = 1;
}
