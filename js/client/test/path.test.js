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
  for (const attempt of attempts) {
    path.tried({ url: PLAIN, driver: 'WEBSOCKET', outcome: 'failed', ms: 5, ...attempt });
  }
  return path;
}

test('before anything was tried it says so', () => {
  const report = new Path().report();
  assert.deepEqual(report, { attempts: [], inUse: null, sentence: 'Nothing was tried yet.' });
});

test('connected at once: how, and how long it took', () => {
  const { inUse, sentence } = pathOf({ outcome: 'connected', ms: 12 }).report();
  assert.deepEqual(inUse, { url: PLAIN, driver: 'WEBSOCKET', ms: 12 });
  assert.equal(sentence, 'Connected to ws://realm:9000 over plain WebSocket in 12 ms.');
});

/** @type {Array<[Partial<import('../src/path.js').Attempt>, RegExp]>} */
const CAUSES = [
  [{ outcome: 'failed' }, /not there.*AllowCONNECT.*secure interface may pass/],
  [{ outcome: 'failed', detail: 'status 403' }, /after 5 ms \(status 403\): the realm/],
  [{ outcome: 'failed', url: SECURE }, /does not trust the certificate/],
  [{ outcome: 'timeout', ms: 10_000 }, /no answer in 10\.0 s: .*swallows/],
  [{ outcome: 'silent' }, /reads along.*secure interface usually passes/],
  [{ outcome: 'silent', url: SECURE }, /holds back what should pass/],
  [{ outcome: 'cut' }, /proxy on the way does not understand it/],
  [{ outcome: 'cut', url: SECURE }, /does not carry STOMP/],
  [{ outcome: 'refused', detail: 'not you' }, /refused the session: not you/],
  [{ outcome: 'garbled', detail: 'HTTP' }, /not a realm \(HTTP\)/],
  [{ outcome: 'unusable', detail: 'mixed' }, /may not open it \(mixed\)/],
];
for (const [attempt, expected] of CAUSES) {
  const scheme = attempt.url === SECURE ? 'wss' : 'ws';
  test(`${scheme} that ended as ${attempt.outcome} has its likely cause: ${expected.source}`, () => {
    assert.match(pathOf(attempt).report().sentence, expected);
  });
}

test('when all failed, the last attempt at each address is explained once', () => {
  const path = pathOf({}, { url: SECURE }, { outcome: 'silent' }, { url: SECURE });
  const { sentence } = path.report();
  assert.equal(sentence.split('ws://realm:9000').length, 2);
  assert.equal(sentence.split('wss://realm:9443').length, 2);
  assert.match(sentence, /nothing came/);
});

test('a connection that ended is marked, and what was tried before explains nothing any more', () => {
  const path = pathOf({}, { url: SECURE, outcome: 'connected' });
  path.ended('dead');
  const { attempts, inUse, sentence } = path.report();
  assert.equal(attempts[1].ended, 'dead');
  assert.equal(inUse, null);
  assert.equal(sentence, 'The connection was lost and is being made again.');
});

test('the account is bounded, and a copy', () => {
  const path = pathOf(...Array.from({ length: 100 }, (_, ms) => ({ ms })));
  const { attempts } = path.report();
  assert.deepEqual([attempts.length, attempts[0].ms], [32, 68]);
  attempts.length = 0;
  assert.equal(path.report().attempts.length, 32);
});
