// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The account of how a session got to its realm, or did not: every attempt, what is in use, and one
 * sentence for a person with the likely cause. Browsers tell a page nothing about why a WebSocket
 * failed; how far it got and how long that took tells a good deal.
 */

/**
 * @typedef {object} Attempt
 * @property {string} url
 * @property {string} driver
 * @property {'connected' | import('./connection.js').Outcome} outcome
 * @property {number} ms until then
 * @property {string} [detail] what the driver or the realm said
 * @property {string} [ended] how a connection ended that had been made
 */

/**
 * @typedef {object} PathReport
 * @property {Attempt[]} attempts oldest first, the last 32
 * @property {{ url: string, driver: string, ms: number } | null} inUse
 * @property {string} sentence
 */

const KEPT = 32;

export class Path {
  /** @type {Attempt[]} */
  #attempts = [];
  /** @type {Attempt | null} */
  #current = null;
  /** Attempts since the last connection ended. */
  #fresh = 0;

  /** @param {Attempt} attempt */
  tried(attempt) {
    this.#attempts.push(attempt);
    this.#fresh = Math.min(this.#fresh + 1, KEPT);
    if (this.#attempts.length > KEPT) this.#attempts.shift();
    if (attempt.outcome === 'connected') this.#current = attempt;
  }

  /** @param {string} outcome of the connection in use */
  ended(outcome) {
    if (this.#current) this.#current.ended = outcome;
    this.#current = null;
    this.#fresh = 0;
  }

  /** @returns {PathReport} */
  report() {
    const attempts = this.#attempts.map((attempt) => ({ ...attempt }));
    const current = this.#current;
    const inUse = current && { url: current.url, driver: current.driver, ms: current.ms };
    const fresh = this.#fresh ? attempts.slice(-this.#fresh) : [];
    return { attempts, inUse, sentence: explain(fresh, attempts.at(-1)) };
  }
}

/**
 * @param {Attempt[]} fresh since the last connection ended
 * @param {Attempt} [last] of all
 */
function explain(fresh, last) {
  const latest = fresh.at(-1);
  if (!latest) {
    return last ? 'The connection was lost and is being made again.' : 'Nothing was tried yet.';
  }
  if (latest.outcome === 'connected') {
    const failed = fresh.find(({ url, outcome }) => url !== latest.url && outcome !== 'connected');
    const kind = isSecure(latest.url) ? 'secure' : 'plain';
    const found = `Connected to ${hostOf(latest.url)} over ${kind} WebSocket in ${latest.ms} ms.`;
    return failed ? `${found} ${hostOf(failed.url)} was no way: ${cause(failed)}` : found;
  }
  const failures = lastOfEach(fresh);
  return failures.map((one) => `${hostOf(one.url)}: ${cause(one)}`).join(' ');
}

/** @param {Attempt[]} attempts */
function lastOfEach(attempts) {
  return [...new Map(attempts.map((attempt) => [attempt.url, attempt])).values()];
}

/** @param {Attempt} attempt */
function cause({ url, outcome, ms, detail }) {
  const secure = isSecure(url);
  switch (outcome) {
    case 'unusable':
      return `this page may not open it (${detail}); a page loaded over https needs the secure interface.`;
    case 'failed':
      return `failed after ${seconds(ms)}${said(detail)}: ${failedCause(secure)}`;
    case 'timeout':
      return `no answer in ${seconds(ms)}: a firewall or a proxy on the way swallows the connection.`;
    case 'silent':
      return secure
        ? 'the WebSocket opened and then nothing came: something on the way holds back what should pass.'
        : 'the WebSocket opened and then nothing came: something on the way reads along and holds it back; the secure interface usually passes.';
    case 'cut':
      return secure
        ? 'the WebSocket opened and was cut before the first answer: the realm or a gateway before it does not carry STOMP there.'
        : 'the WebSocket opened and was cut before the first answer: a proxy on the way does not understand it; the secure interface usually passes.';
    case 'refused':
      return `the realm refused the session: ${detail}`;
    case 'garbled':
      return `what answers there is not a realm (${detail}).`;
    default:
      return `the connection ended (${detail ?? outcome}).`;
  }
}

/** @param {boolean} secure */
function failedCause(secure) {
  return secure
    ? 'the realm is not there, the proxy does not allow CONNECT to this port, or the browser does not trust the certificate (open the https address once to see).'
    : 'the realm is not there, the proxy does not allow CONNECT to this port (AllowCONNECT), or a transparent proxy strips the upgrade; the secure interface may pass.';
}

/** Outside of browsers the driver knows more, like the status that a proxy answered with. */
/** @param {string} [detail] */
function said(detail) {
  return detail && !detail.startsWith('closed') ? ` (${detail})` : '';
}

/** @param {number} ms */
function seconds(ms) {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** @param {string} url */
function isSecure(url) {
  return url.startsWith('wss:');
}

/** @param {string} url */
function hostOf(url) {
  return url.split('/').slice(0, 3).join('/');
}
