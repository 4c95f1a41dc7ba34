// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Logins at a proxy: Basic (RFC 7617) and Digest (RFC 7616: MD5 and SHA-256, qop auth, and the form
 * of RFC 2069 without one). The strongest that is offered is taken.
 */

import { createHash } from 'node:crypto';

/** @typedef {{ scheme: string, params: Record<string, string> }} Challenge */
/** @typedef {{ user: string, password: string }} Login */

/** @type {Record<string, string>} */
const HASHES = { MD5: 'md5', 'SHA-256': 'sha256' };
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** A parameter, or a scheme with or without the first one behind it. */
const PIECE = new RegExp(
  `\\s*,*\\s*(?:(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))|(${TOKEN})(?:[ \\t]+(?!=)|(?=\\s*(?:,|$))))`,
  'y',
);

/**
 * RFC 9110 section 11.6.1: challenges and their parameters are divided by the same comma.
 * @param {string[]} fields values of Proxy-Authenticate
 * @returns {Challenge[]}
 */
export function readChallenges(fields) {
  /** @type {Challenge[]} */
  const found = [];
  for (const field of fields) {
    const piece = new RegExp(PIECE);
    for (let at = piece.exec(field); at && at[0] !== ''; at = piece.exec(field)) {
      const [, name, quoted, token, scheme] = at;
      if (scheme) found.push({ scheme: scheme.toLowerCase(), params: {} });
      else if (found.length === 0) break;
      else
        found[found.length - 1].params[name.toLowerCase()] =
          token ?? quoted.replace(/\\(.)/g, '$1');
    }
  }
  return found;
}

/**
 * What to say in Proxy-Authorization.
 * @param {Challenge[]} challenges
 * @param {Login} login
 * @param {{ method: string, uri: string, cnonce: string }} request
 * @returns {string | null} null: none of them can be met
 */
export function authorize(challenges, { user, password }, request) {
  const digests = challenges.filter(isDigest);
  const strong = digests.find(({ params }) => algorithmOf(params).hash === 'sha256');
  const digest = strong ?? digests[0];
  if (digest) return digestOf(digest.params, { user, password }, request);
  if (!challenges.some(({ scheme }) => scheme === 'basic')) return null;
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** @param {Challenge} challenge */
function isDigest({ scheme, params: { realm, nonce, qop, algorithm } }) {
  const qops = qop?.split(/\s*,\s*/) ?? ['auth'];
  const isKnown = algorithmOf({ algorithm }).hash !== undefined && qops.includes('auth');
  return scheme === 'digest' && realm !== undefined && nonce !== undefined && isKnown;
}

/** @param {Record<string, string>} params */
function algorithmOf({ algorithm = 'MD5' }) {
  const name = algorithm.toUpperCase();
  return { hash: HASHES[name.replace(/-SESS$/, '')], isSession: name.endsWith('-SESS') };
}

/**
 * @param {Record<string, string>} params
 * @param {Login} login
 * @param {{ method: string, uri: string, cnonce: string }} request
 */
function digestOf(params, { user, password }, { method, uri, cnonce }) {
  const { realm, nonce, qop, opaque, algorithm } = params;
  const { hash, isSession } = algorithmOf(params);
  const H = (/** @type {string[]} */ ...parts) =>
    createHash(hash).update(parts.join(':')).digest('hex');
  const nc = '00000001'; // each tunnel asks for a nonce of its own
  const secret = H(user, realm, password);
  const key = isSession ? H(secret, nonce, cnonce) : secret;
  const response = qop
    ? H(key, nonce, nc, cnonce, 'auth', H(method, uri))
    : H(key, nonce, H(method, uri));
  const quote = (/** @type {string} */ text) => `"${text.replace(/["\\]/g, '\\$&')}"`;
  const said = [
    `username=${quote(user)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(uri)}`,
    `response="${response}"`,
    ...(algorithm ? [`algorithm=${algorithm}`] : []),
    ...(opaque !== undefined ? [`opaque=${quote(opaque)}`] : []),
    ...(qop ? ['qop=auth', `nc=${nc}`, `cnonce="${cnonce}"`] : []),
  ];
  return `Digest ${said.join(', ')}`;
}
