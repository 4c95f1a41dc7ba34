// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorize, readChallenges } from '../../src/node/auth.js';

/** RFC 7616 section 3.9.1. */
const MUFASA = { user: 'Mufasa', password: 'Circle of Life' };
const REQUEST = {
  method: 'GET',
  uri: '/dir/index.html',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
};
const PARAMS =
  'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';

/** @param {string[]} fields */
const answer = (...fields) => authorize(readChallenges(fields), MUFASA, REQUEST);

test('the two examples of RFC 7616', () => {
  const md5 = `Digest ${PARAMS}, algorithm=MD5`;
  const sha = `Digest ${PARAMS}, algorithm=SHA-256`;
  assert.match(String(answer(md5)), /response="8ca523f5e9506fed4657c9700eebdbec"/);
  const strong = String(answer(md5, sha));
  assert.match(
    strong,
    /response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"/,
  );
  assert.match(strong, /^Digest username="Mufasa", realm="http-auth@example.org", nonce="7ypf/);
  assert.match(strong, /algorithm=SHA-256, opaque="FQhe.*", qop=auth, nc=00000001, cnonce="f2/);
});

test('the example of RFC 2617 holds with its form, and of RFC 2069 without qop', () => {
  const login = { user: 'Mufasa', password: 'Circle Of Life' };
  const request = { method: 'GET', uri: '/dir/index.html', cnonce: '0a4f113b' };
  const field = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"';
  const say = (/** @type {string} */ more) =>
    String(authorize(readChallenges([field + more]), login, request));
  assert.match(say(', qop="auth"'), /response="6629fae49393a05397450978507c4ef1"/);
  assert.match(say(''), /response="670fd8c2df070c60b045671b8b24ff02"/);
  assert.doesNotMatch(say(''), /qop|cnonce|algorithm|opaque/);
});

test('a session key is made with both nonces', () => {
  const plain = answer(`Digest ${PARAMS}, algorithm=MD5`);
  const session = answer(`Digest ${PARAMS}, algorithm=MD5-sess`);
  assert.match(String(session), /algorithm=MD5-sess/);
  assert.notEqual(
    /response="\w+"/.exec(String(session))?.[0],
    /response="\w+"/.exec(String(plain))?.[0],
  );
});

test('Basic is UTF-8, and only taken where nothing better is offered', () => {
  const basic = 'Basic realm="x", charset="UTF-8"';
  const login = { user: 'Jürgen', password: 'a:b' };
  const said = authorize(readChallenges([basic]), login, REQUEST);
  assert.equal(said, `Basic ${Buffer.from('Jürgen:a:b').toString('base64')}`);
  assert.match(String(answer(`${basic}, Digest ${PARAMS}`)), /^Digest/);
});

for (const field of [
  'NTLM',
  'Negotiate TlRMTVNTUAAB==',
  `Digest ${PARAMS}, algorithm=SHA-512`,
  'Digest realm="x", nonce="y", qop="auth-int"',
  'Digest realm="x"',
  'realm="no scheme"',
  '',
  ',,',
]) {
  test(`"${field}" cannot be met`, () => assert.equal(answer(field), null));
}

test('challenges in one field, in several, with odd spaces and quoted commas', () => {
  const expected = [
    { scheme: 'newauth', params: { realm: 'a, "b"', type: '1' } },
    { scheme: 'ntlm', params: {} },
    { scheme: 'basic', params: { realm: 'simple' } },
  ];
  const one = ['Newauth realm="a, \\"b\\"", type = 1 , NTLM, Basic realm=simple'];
  assert.deepEqual(readChallenges(one), expected);
  const several = ['Newauth realm="a, \\"b\\"", type=1', 'NTLM', ' ,Basic  realm="simple"'];
  assert.deepEqual(readChallenges(several), expected);
});

test('quotes in a name are escaped', () => {
  const said = authorize(
    readChallenges([`Digest ${PARAMS}`]),
    { user: 'a"\\', password: '' },
    REQUEST,
  );
  assert.match(String(said), /username="a\\"\\\\"/);
});
