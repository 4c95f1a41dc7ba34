// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Path } from '../src/path.js';

const PLAIN = 'ws://realm:9000/stomp';
const SECURE = 'wss://realm:9443/stomp';

/** @param {Array<Partial<import('../src/path.js').Attempt>>} attempts */
function pathOf(...attempts) {
  const path = new Path();
  for (const {
    url = PLAIN,
    driver = 'WEBSOCKET',
    outcome = 'failed',
    ms = 5,
    detail,
  } of attempts) {
    const attempt = path.begin({ url, driver: { name: driver } }, 0);
    if (outcome !== 'trying') path.end(attempt, { outcome, ms, detail });
    if (outcome === 'connected') path.use(attempt);
  }
  return path;
}

test('before anything was tried it says so', () => {
  const report = new Path().report(0);
  const nothing = { attempts: [], inUse: null, idleLimit: null };
  assert.deepEqual(report, { ...nothing, sentence: 'Nothing was tried yet.' });
});

test('connected at once: how, and how long it took', () => {
  const { inUse, sentence } = pathOf({ outcome: 'connected', ms: 12 }).report(0);
  assert.deepEqual(inUse, { url: PLAIN, driver: 'WEBSOCKET', ms: 12 });
  assert.equal(sentence, 'Connected to ws://realm:9000 over plain WebSocket in 12 ms.');
});

test('what is still being tried says for how long', () => {
  const path = pathOf({ outcome: 'trying' });
  assert.deepEqual(path.report(700).attempts, [
    { url: PLAIN, driver: 'WEBSOCKET', outcome: 'trying', ms: 700 },
  ]);
  assert.match(path.report(700).sentence, /no answer yet/);
});

test('when all failed, the last attempt at each address is explained once', () => {
  const path = pathOf({}, { url: SECURE }, { outcome: 'silent' }, { url: SECURE });
  const { sentence } = path.report(0);
  assert.equal(sentence.split('ws://realm:9000').length, 2);
  assert.equal(sentence.split('wss://realm:9443').length, 2);
  assert.match(sentence, /nothing came/);
});

test('a connection that ended is marked, and what was tried before explains nothing any more', () => {
  const path = new Path();
  path.end(path.begin({ url: PLAIN, driver: { name: 'WEBSOCKET' } }, 0), {
    outcome: 'failed',
    ms: 5,
  });
  const attempt = path.begin({ url: SECURE, driver: { name: 'WEBSOCKET' } }, 5);
  path.end(attempt, { outcome: 'connected', ms: 9 });
  path.use(attempt);
  path.leave(attempt, { outcome: 'dead', ms: 50_000, idleMs: 40_000 });
  const { attempts, inUse, sentence } = path.report(60_000);
  assert.deepEqual((({ ended, lastedMs, idleMs }) => [ended, lastedMs, idleMs])(attempts[1]), [
    'dead',
    50_000,
    40_000,
  ]);
  assert.equal(inUse, null);
  assert.equal(sentence, 'The connection was lost and is being made again.');
});

test('the end of a connection that was replaced does not touch the one in use', () => {
  const path = new Path();
  const [old, better] = [0, 1].map((now) =>
    path.begin({ url: PLAIN, driver: { name: 'WEBSOCKET' } }, now),
  );
  path.use(old);
  path.use(better);
  path.leave(old, { outcome: 'closed' });
  assert.equal(path.report(9).inUse?.url, PLAIN);
});

test('the account is bounded, and a copy', () => {
  const path = pathOf(...Array.from({ length: 100 }, (_, ms) => ({ ms })));
  const { attempts } = path.report(0);
  assert.deepEqual([attempts.length, attempts[0].ms], [32, 68]);
  attempts.length = 0;
  assert.equal(path.report(0).attempts.length, 32);
});
