// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Many sessions at once: test/load/realm_load.c, whose head says what it can do. */

import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { Program } from '../../tool/lib/program.mjs';
import { CHECKED } from './wayleave.mjs';

const LOAD = join(dirname(CHECKED), 'test', 'realm_load');

/** @typedef {{ what: string, count: number, refused: number }} Done */

export class Load extends Program {
  /** @param {Record<string, string | number>} options */
  constructor(options) {
    const words = Object.entries(options).map(([name, value]) => `${name}=${value}`);
    super(LOAD, words, { name: `realm_load ${words.join(' ')}` });
  }

  /** What it did, when it has. @param {string} what @returns {Promise<Done>} */
  async did(what) {
    return JSON.parse(
      await this.line(new RegExp(`"what": "${what}"`), { stream: 'stdout', ms: 120_000 }),
    );
  }

  /** Everything was as it should be. */
  async succeeds() {
    assert.deepEqual(await this.exit, { code: 0, signal: null }, this.stderr);
  }
}
