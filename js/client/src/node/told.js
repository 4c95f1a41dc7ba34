// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Why there was no way to a realm or a proxy: Node's words, what they mean, and what can be done. */

import { ProxyError } from '../errors.js';

const CLOSED = 'the connection was closed';

/** What each of Node's codes means. @type {Record<string, string>} */
const MEANINGS = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no host of that name is known here',
  EAI_AGAIN: 'the name cannot be looked up now',
  ETIMEDOUT: 'there is no way to it',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: is the clock of this machine right?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};
const UNTRUSTED = new Set([
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'CERT_UNTRUSTED'],
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_SIGNATURE_FAILURE'],
]);
const NO_TLS = /wrong version number|packet length too long|http request|unknown protocol/;

/**
 * @param {any} error Node's, or one of ours
 * @returns {string} behind a colon, without a full stop
 */
export function meaningOf(error) {
  const { code, reason, errors } = error;
  if (error instanceof ProxyError) return error.message;
  // Of several addresses each has its own; the error that holds them has no text.
  const words = error.message || errors?.map(({ message = '' }) => message).join(', ') || code;
  if (Object.hasOwn(MEANINGS, code)) return `${MEANINGS[code]} (${words})`;
  if (UNTRUSTED.has(code)) {
    return `its certificate is not trusted (${words}): give the one of the authority that signed it as option ca`;
  }
  // OpenSSL's text is for those who have its source; the reason is for all.
  const failure = reason ?? /:SSL routines:[^:]*:([^:]+):/.exec(words)?.[1];
  if (failure && NO_TLS.test(failure))
    return `it does not speak TLS (${failure}): perhaps it is a plain port (ws, http)`;
  return failure ? `TLS with it failed (${failure})` : words;
}

/**
 * A whole sentence for the account of a session: where it ends with a full stop, nothing is guessed.
 * @param {any} error
 * @param {string} url that was asked for
 */
export function told(error, url) {
  const isClosed = error.message === CLOSED || error.code === 'ECONNRESET';
  const isPlain = /^(ws|http):/.test(url);
  if (!isClosed || error instanceof ProxyError) return `${meaningOf(error)}.`;
  const hint = isPlain ? ': perhaps this port wants TLS (wss, https)' : '';
  return `it closed the connection and answered nothing${hint}.`;
}

/** @returns {Error} */
export function closedError() {
  return new Error(CLOSED);
}
