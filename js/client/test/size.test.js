// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('what a page downloads is within the budget, and the budget is what README.md states', () => {
  const size = fileURLToPath(new URL('../size.js', import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [size, '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  for (const [, budget] of stdout.matchAll(/brotli \(budget (\d+)\)/g)) {
    assert.ok(readme.includes(`${Number(budget) / 1000} kB`), `README.md says ${budget}`);
  }
});
