// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAUSES, LOSSES, explain } from '../src/causes.js';

const PLAIN = 'ws://realm:9000/stomp';
const SECURE = 'wss://realm:9443/stomp';
const WEB = 'http://realm:9000/sockjs';
const SECURE_WEB = 'https://realm:9443/sockjs';

/** @typedef {import('../src/path.js').Attempt} Attempt */

/** @param {Partial<Attempt>} init @returns {Attempt} */
function attemptOf(init) {
  const driver = init.url?.startsWith('http') ? 'XHR_STREAMING_CORS' : 'WEBSOCKET';
  return { url: PLAIN, driver, outcome: 'failed', ms: 5, ...init };
}

/** What failed, what worked beside it, and what is said, row by row of the table. */
/** @type {Array<[Partial<Attempt>, Partial<Attempt> | null, RegExp]>} */
const ROWS = [
  [{ outcome: 'unusable', detail: 'mixed' }, null, /\(mixed\): this page may not open it/],
  [{ outcome: 'refused', detail: 'not you' }, null, /\(not you\): the realm refused/],
  [{ outcome: 'garbled', detail: 'HTTP' }, null, /\(HTTP\): what answers there is not a realm/],
  [{ detail: '/xhr was answered with status 404' }, null, /something answers there, but/],
  [{ ms: 30_010 }, null, /after 30\.0 s: a proxy on the way took the CONNECT and never answered/],
  [{ ms: 240_100 }, null, /never answered the opening handshake/],
  [{ url: SECURE }, { url: 'wss://realm/stomp' }, /port 443 .*AllowCONNECT/],
  [{ url: SECURE, outcome: 'cut' }, { url: SECURE_WEB }, /opens TLS and does not know WebSocket/],
  [{}, { url: WEB }, /strips the upgrade, .*AllowCONNECT.*secure interface usually passes/],
  [{ url: SECURE }, null, /does not trust the certificate/],
  [
    { detail: 'status 403' },
    null,
    /after 5 ms \(status 403\): the realm is not there.*AllowCONNECT/,
  ],
  [
    { url: WEB, outcome: 'timeout', ms: 10_000 },
    { url: WEB, driver: 'XHR_LONGPOLL_CORS' },
    /holds answers back until they have ended/,
  ],
  [{ outcome: 'timeout', ms: 10_000 }, null, /timeout after 10\.0 s: a firewall .* swallows/],
  [{ url: SECURE, outcome: 'silent' }, null, /holds back what should pass/],
  [{ outcome: 'silent' }, null, /reads along.*secure interface usually passes/],
  [{ url: SECURE, outcome: 'cut' }, null, /does not carry STOMP there, or a virus scanner/],
  [{ outcome: 'cut' }, null, /a proxy or a virus scanner .* does not understand it/],
  [{ outcome: 'trying', ms: 900 }, null, /by WebSocket: no answer yet/],
];

ROWS.forEach(([failed, worked, expected], i) => {
  test(`row ${i} of the causes: ${CAUSES[i].says}`, () => {
    const attempt = attemptOf(failed);
    const other = worked && attemptOf({ ...worked, outcome: 'connected' });
    const fresh = other ? [attempt, other] : [attempt];
    const sentence = explain(fresh, fresh, other);
    assert.match(sentence, expected);
    assert.ok(sentence.includes(CAUSES[i].says), sentence);
  });
});

test('each row has its test', () => assert.equal(ROWS.length, CAUSES.length));

/** @type {Array<[string, Partial<Attempt>[], RegExp]>} */
const PATTERNS = [
  [
    'idle limit',
    [{ idleMs: 10_010 }, { idleMs: 10_400 }, { idleMs: 10_002, lastedMs: 70_000 }],
    /silent for 10\.0 s: .* shorter heart-beats/,
  ],
  [
    'limit of age',
    [{ lastedMs: 3_600_000 }, { lastedMs: 3_600_900 }, { lastedMs: 3_601_000, idleMs: 900 }],
    /at the age of 3600\.0 s, whatever passes/,
  ],
];
PATTERNS.forEach(([name, losses, expected]) => {
  test(`three losses alike show the ${name}`, () => {
    const all = losses.map((loss, i) =>
      attemptOf({ outcome: 'connected', ended: 'lost', idleMs: i, lastedMs: i * 9000, ...loss }),
    );
    assert.match(explain(all, [], null), expected);
    assert.doesNotMatch(explain(all.slice(1), [], null), expected);
    const uneven = [{ ...all[0], idleMs: 5_000, lastedMs: 5_000 }, ...all.slice(1)];
    assert.doesNotMatch(explain(uneven, [], null), expected);
  });
});

test('a whole sentence, as Node has them, is told as it is and nothing is guessed', () => {
  const fresh = [attemptOf({ detail: 'the proxy p answered CONNECT realm:9000 with 403 No.' })];
  const expected =
    'ws://realm:9000 by WebSocket failed after 5 ms: the proxy p answered CONNECT realm:9000 with 403 No.';
  assert.equal(explain(fresh, fresh, null), expected);
});

test('what failed for one cause is told once', () => {
  const detail = 'nobody is there.';
  const fresh = [
    attemptOf({ detail }),
    attemptOf({ url: WEB, detail, ms: 7 }),
    attemptOf({ url: SECURE, detail: 'another.' }),
  ];
  assert.equal(
    explain(fresh, fresh, null),
    'ws://realm:9000 by WebSocket failed after 5 ms, http://realm:9000 by streaming after 7 ms: nobody is there. ' +
      'wss://realm:9443 by WebSocket failed after 5 ms: another.',
  );
});

test('an idle limit that is known is told, with what is done about it', () => {
  const one = attemptOf({ outcome: 'connected' });
  const said = (/** @type {number} */ beatMs, /** @type {any} */ inUse) =>
    explain([one], inUse ? [one] : [], inUse, { ms: 10_000, beatMs });
  assert.match(said(5_000, one), /^Connected to .* silent for 10\.0 s: .* every 5\.0 s now/);
  assert.match(said(5_000, null), /^The connection was lost .* every 5\.0 s now/);
  assert.match(said(0, one), /switched off, or cannot be short enough/);
});

test('each pattern has its test', () => assert.equal(PATTERNS.length, LOSSES.length));

test('what works at another host explains nothing', () => {
  const fresh = [
    attemptOf({}),
    attemptOf({ url: 'http://other:9000/sockjs', outcome: 'connected' }),
  ];
  assert.match(
    explain(fresh, fresh, fresh[1]),
    /realm:9000 by WebSocket .* the realm is not there/,
  );
});

test('what was given up because another was quicker is no failure', () => {
  const fresh = [attemptOf({ outcome: 'connected' }), attemptOf({ url: WEB, outcome: 'closed' })];
  const sentence = explain(fresh, fresh, fresh[0]);
  assert.equal(sentence, 'Connected to ws://realm:9000 over plain WebSocket in 5 ms.');
});
