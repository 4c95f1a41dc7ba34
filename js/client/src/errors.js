// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Every failure of the client is one of these classes, and each has a `code` to switch on. The
 * text of `message` is for people and may change; codes do not.
 */

/** The base: `catch (error) { if (error instanceof WayleaveError) ... }`. */
export class WayleaveError extends Error {
  name = 'WayleaveError';

  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    /** @readonly */
    this.code = code;
  }
}

/** No realm could be reached. `code` is `connect-failed`. */
export class ConnectError extends WayleaveError {
  name = 'ConnectError';

  /**
   * @param {string} message
   * @param {import('./path.js').PathReport} [path] what was tried
   */
  constructor(message, path) {
    super('connect-failed', message);
    this.path = path;
  }
}

/**
 * The proxy that was to be used could not be, or said no. `code` is `proxy-unreachable`,
 * `proxy-login` (407) or `proxy-refused`.
 */
export class ProxyError extends WayleaveError {
  name = 'ProxyError';

  /**
   * @param {'proxy-unreachable' | 'proxy-login' | 'proxy-refused'} code
   * @param {string} message
   * @param {{ status?: number, reason?: string, proxyStatus?: string }} [answer] the proxy's own words
   */
  constructor(code, message, { status, reason, proxyStatus } = {}) {
    super(code, message);
    this.status = status;
    this.reason = reason;
    this.proxyStatus = proxyStatus;
  }
}

/** The session ended before this could be done. `code` is `closed`. */
export class ClosedError extends WayleaveError {
  name = 'ClosedError';

  /**
   * @param {string} [message]
   * @param {{ inDoubt?: boolean }} [more] `inDoubt`: it was sent, and nobody knows whether it arrived
   */
  constructor(message = 'the session is closed', { inDoubt = false } = {}) {
    super('closed', message);
    this.inDoubt = inDoubt;
  }
}

/**
 * The connection on which a queue's event came is gone, and the event goes back to its queue: it
 * comes again, here or at another reader. `code` is `stale`.
 */
export class StaleError extends WayleaveError {
  name = 'StaleError';

  /**
   * @param {string} message
   * @param {{ inDoubt?: boolean }} [more] `inDoubt`: the realm may have done what was asked
   */
  constructor(message, { inDoubt = false } = {}) {
    super('stale', message);
    this.inDoubt = inDoubt;
  }
}

/** A bound of this client was reached. `code` is `limit`. */
export class LimitError extends WayleaveError {
  name = 'LimitError';

  /** @param {string} message */
  constructor(message) {
    super('limit', message);
  }
}

/** The caller gave something that cannot be meant. `code` is `argument`. */
export class ArgumentError extends WayleaveError {
  name = 'ArgumentError';

  /** @param {string} message */
  constructor(message) {
    super('argument', message);
  }
}

/** The peer does not speak STOMP 1.2 as it should. `code` is `protocol`. */
export class ProtocolError extends WayleaveError {
  name = 'ProtocolError';

  /** @param {string} message */
  constructor(message) {
    super('protocol', message);
  }
}

/** The words a realm refuses with (doc/wire.md), and our codes for them. */
const REFUSALS = /** @type {const} */ ({
  MissingResourceException: 'missing-resource',
  SecurityException: 'not-allowed',
  LimitException: 'realm-limit',
  StoreException: 'store',
  IllegalArgumentException: 'argument',
  UnsupportedOperationException: 'unsupported',
});

/** The realm said no. `word` is the realm's own word; `code` is ours for it, or `refused`. */
export class RefusedError extends WayleaveError {
  name = 'RefusedError';

  /**
   * @param {string} word first word of the refusal
   * @param {string} message the realm's sentence
   * @param {string} [resourceName] the channel that it concerns
   */
  constructor(word, message, resourceName) {
    const known = Object.hasOwn(REFUSALS, word);
    super(known ? REFUSALS[/** @type {keyof typeof REFUSALS} */ (word)] : 'refused', message);
    this.word = word;
    this.resourceName = resourceName;
  }
}
