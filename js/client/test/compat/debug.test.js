// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { world } from '../lib/compat.js';

/** @type {Record<string, RegExp>} */
const KINDS = {
  attempt: /^wayleave: \w+ to ws/,
  life: /is (open|back)$/,
  loss: /connection was lost/,
  end: /session has ended/,
};
const ALL = ['attempt', 'life', 'loss', 'end'];

for (const [config, expected] of /** @type {Array<[any, string[]]>} */ ([
  [{ debugLevel: 1 }, ALL],
  [{ debugLevel: '4' }, ALL.slice(1)],
  [{ debugLevel: 6 }, ALL.slice(2)],
  [{ debugLevel: 8 }, ['end']],
  [{ debugLevel: 9 }, []],
  [{ debugLevel: 'loud' }, []],
  [{ enableDebug: true }, ALL],
  [{ enableDebug: true, debugLevel: 0 }, ALL],
  [{}, []],
])) {
  test(`${JSON.stringify(config)} says on the console: ${expected.join(', ') || 'nothing'}`, async (t) => {
    /** @type {string[]} */
    const said = [];
    for (const method of /** @type {const} */ (['debug', 'warn', 'error'])) {
      t.mock.method(console, method, (/** @type {string} */ text) => said.push(text));
    }
    const { clock, network, session } = world({ ...config, webSocketAttempts: 1 });
    session.start();
    await clock.advance(50);
    network.cut();
    await clock.advance(2000);
    session.stop();
    await clock.advance(50);
    network.paths = { 'ws://realm:9000/stomp': 'refuse', 'wss://realm:9443/stomp': 'refuse' };
    session.start();
    await clock.advance(20_000);
    const seen = ALL.filter((kind) => said.some((text) => KINDS[kind].test(text)));
    assert.deepEqual(seen, expected);
  });
}
