// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProxyError } from '../../src/errors.js';
import { closedError, told } from '../../src/node/told.js';

/** @param {string} message @param {object} [more] */
const error = (message, more) => Object.assign(new Error(message), more);
const WRONG = 'error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../x.c:350:\n';

/** @type {Array<[any, string]>} */
const SENTENCES = [
  [
    error('connect ECONNREFUSED 127.0.0.1:1', { code: 'ECONNREFUSED' }),
    'nothing listens there (connect ECONNREFUSED 127.0.0.1:1).',
  ],
  [
    error('', { code: 'ECONNREFUSED', errors: [error('refused ::1'), error('refused 127.0.0.1')] }),
    'nothing listens there (refused ::1, refused 127.0.0.1).',
  ],
  [error('', { code: 'EHOSTUNREACH' }), 'there is no way to it (EHOSTUNREACH).'],
  [
    error('getaddrinfo ENOTFOUND r', { code: 'ENOTFOUND' }),
    'no host of that name is known here (getaddrinfo ENOTFOUND r).',
  ],
  [
    error('self-signed certificate', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
    'its certificate is not trusted (self-signed certificate): give the one of the authority that signed it as option ca.',
  ],
  [
    error('certificate has expired', { code: 'CERT_HAS_EXPIRED' }),
    'its certificate has expired (certificate has expired).',
  ],
  [
    error("Hostname/IP does not match certificate's altnames", {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    }),
    "its certificate is for another name (Hostname/IP does not match certificate's altnames).",
  ],
  [
    error(WRONG, { code: 'EPROTO' }),
    'it does not speak TLS (wrong version number): perhaps it is a plain port (ws, http).',
  ],
  [
    error('write EPROTO', { code: 'EPROTO', reason: 'sslv3 alert handshake failure' }),
    'TLS with it failed (sslv3 alert handshake failure).',
  ],
  [error('something else'), 'something else.'],
  [
    new ProxyError('proxy-refused', 'the proxy p answered CONNECT r:1 with 403 No'),
    'the proxy p answered CONNECT r:1 with 403 No.',
  ],
];
for (const [given, expected] of SENTENCES) {
  test(`${given.code ?? given.message}: ${expected}`, () => {
    assert.equal(told(given, 'wss://realm'), expected);
  });
}

test('what closes without a word may want TLS, where it was not asked by it', () => {
  for (const one of [closedError(), error('socket hang up', { code: 'ECONNRESET' })]) {
    assert.match(told(one, 'ws://realm'), /answered nothing: perhaps this port wants TLS/);
    assert.match(told(one, 'http://realm'), /answered nothing: perhaps this port wants TLS/);
    assert.match(told(one, 'wss://realm'), /answered nothing\.$/);
  }
});
