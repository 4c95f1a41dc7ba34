// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * From what was tried and how it ended to one sentence for a person. Browsers tell a page nothing
 * about why a WebSocket failed; how far it got, how long that took and which of its siblings work
 * tells a good deal. The first row that fits is the likely cause.
 */

import { alike } from './beat.js';

/** @typedef {import('./path.js').Attempt} Attempt */
/** @typedef {import('./beat.js').IdleLimit} IdleLimit */

/**
 * @typedef {object} Row
 * @property {Attempt['outcome'][]} on
 * @property {boolean} [secure] only wss and https, or only ws and http
 * @property {boolean} [overHttp] only the drivers that are not WebSocket, or only WebSocket
 * @property {[number, number]} [within] seconds until the end
 * @property {(attempt: Attempt, others: Attempt[]) => boolean} [when]
 * @property {string} says
 */

/** @type {Row[]} */
export const CAUSES = [
  {
    on: ['unusable'],
    says: 'this page may not open it; a page loaded over https needs the secure interface.',
  },
  { on: ['refused'], says: 'the realm refused the session.' },
  { on: ['garbled'], says: 'what answers there is not a realm.' },
  {
    on: ['failed'],
    when: ({ detail }) => detail?.includes('answered with') === true,
    says: 'something answers there, but it is no realm, or does not speak SockJS at this path.',
  },
  {
    on: ['failed'],
    within: [28, 33],
    says: 'a proxy on the way took the CONNECT and never answered it.',
  },
  {
    on: ['failed'],
    within: [235, 245],
    says: 'the tunnel stands, but something behind it never answered the opening handshake.',
  },
  {
    on: ['failed'],
    secure: true,
    overHttp: false,
    when: (attempt, others) => works(others, onPort443(attempt)),
    says: 'port 443 of the same host works: the proxy does not allow CONNECT to this port (AllowCONNECT).',
  },
  {
    on: ['failed', 'cut', 'silent', 'timeout'],
    secure: true,
    overHttp: false,
    when: (attempt, others) => works(others, overHttpAt(attempt)),
    says: 'web pages pass there and WebSocket does not: something on the way opens TLS and does not know WebSocket.',
  },
  {
    on: ['failed'],
    secure: false,
    overHttp: false,
    when: (attempt, others) => works(others, overHttpAt(attempt)),
    says: 'web pages pass there and WebSocket does not: a proxy on the way strips the upgrade, or does not allow CONNECT to this port (AllowCONNECT); the secure interface usually passes.',
  },
  {
    on: ['failed'],
    secure: true,
    says: 'the realm is not there, the proxy does not allow CONNECT to this port, or the browser does not trust the certificate (open the https address once to see).',
  },
  {
    on: ['failed'],
    secure: false,
    says: 'the realm is not there, the proxy does not allow CONNECT to this port (AllowCONNECT), or a transparent proxy strips the upgrade; the secure interface may pass.',
  },
  {
    on: ['timeout', 'trying'],
    overHttp: true,
    when: (attempt, others) => works(others, ({ driver }) => driver === 'XHR_LONGPOLL_CORS'),
    says: 'long polling passes: a proxy on the way holds answers back until they have ended.',
  },
  { on: ['timeout'], says: 'a firewall or a proxy on the way swallows the connection.' },
  {
    on: ['silent'],
    secure: true,
    says: 'it opened and then nothing came: something on the way holds back what should pass.',
  },
  {
    on: ['silent'],
    secure: false,
    says: 'it opened and then nothing came: something on the way reads along and holds it back; the secure interface usually passes.',
  },
  {
    on: ['cut'],
    secure: true,
    says: 'it opened and was cut before the first answer: the realm or a gateway before it does not carry STOMP there, or a virus scanner on this machine cut it.',
  },
  {
    on: ['cut'],
    secure: false,
    says: 'it opened and was cut before the first answer: a proxy or a virus scanner on the way does not understand it; the secure interface usually passes.',
  },
  { on: ['trying'], says: 'no answer yet.' },
];

/** How connections end that had been made: three that agree are a pattern. */
export const LOSSES = [
  {
    what: /** @type {const} */ ('idleMs'),
    says: (/** @type {string} */ time) =>
      `Connections are cut whenever they were silent for ${time}: a proxy on the way has an idle limit; shorter heart-beats would keep them.`,
  },
  {
    what: /** @type {const} */ ('lastedMs'),
    says: (/** @type {string} */ time) =>
      `Connections are cut at the age of ${time}, whatever passes: a proxy on the way limits their life.`,
  },
];
const PATTERN = 3;

const DRIVERS = /** @type {Record<string, string>} */ ({
  WEBSOCKET: 'WebSocket',
  XHR_STREAMING_CORS: 'streaming',
  EVENTSOURCE_STREAMING_POSTMESSAGE: 'event stream',
  XHR_LONGPOLL_CORS: 'long polling',
});

/**
 * @param {Attempt[]} all
 * @param {Attempt[]} fresh those since the last connection ended
 * @param {{ url: string, driver: string, ms: number } | null} inUse
 * @param {IdleLimit | null} [limit]
 * @returns {string}
 */
export function explain(all, fresh, inUse, limit = null) {
  const failed = lastOfEach(fresh.filter(({ outcome }) => outcome !== 'connected'));
  const kept = limit ? [keeping(limit)] : [];
  if (inUse) return [connected(inUse, fresh, failed[0]), ...kept].join(' ');
  if (failed.length > 0) return accounts(failed, fresh);
  if (all.length === 0) return 'Nothing was tried yet.';
  const why = limit ? kept : pattern(all);
  return ['The connection was lost and is being made again.', ...why].join(' ');
}

/**
 * @param {{ url: string, driver: string, ms: number }} inUse
 * @param {Attempt[]} fresh
 * @param {Attempt} [failed]
 */
function connected({ url, driver, ms }, fresh, failed) {
  const kind = isSecure(url) ? 'secure' : 'plain';
  const found = `Connected to ${hostOf(url)} over ${kind} ${DRIVERS[driver] ?? driver} in ${ms} ms.`;
  return failed ? `${found} Tried before: ${accounts([failed], fresh)}` : found;
}

/**
 * How they ended, and the likely cause; those of one cause together.
 * @param {Attempt[]} attempts
 * @param {Attempt[]} others
 */
function accounts(attempts, others) {
  /** @type {Map<string, string[]>} */
  const causes = new Map();
  for (const attempt of attempts) {
    const { url, driver, outcome, ms } = attempt;
    const why = causeOf(attempt, others);
    const alike = causes.get(outcome + why) ?? [why];
    const how = outcome === 'trying' ? '' : `${alike[1] ? '' : ` ${outcome}`} after ${seconds(ms)}`;
    causes.set(outcome + why, [...alike, `${hostOf(url)} by ${DRIVERS[driver] ?? driver}${how}`]);
  }
  return [...causes.values()].map(([why, ...whats]) => whats.join(', ') + why).join(' ');
}

/** @param {Attempt} attempt @param {Attempt[]} others */
function causeOf(attempt, others) {
  const { outcome, detail = '' } = attempt;
  // A whole sentence is from those who know: in Node, where nothing has to be guessed.
  if (outcome === 'failed' && detail.endsWith('.')) return `: ${detail}`;
  const row = CAUSES.find((each) => fits(each, attempt, others));
  const said = detail && !detail.startsWith('closed') ? ` (${detail})` : '';
  return `${said}: ${row?.says ?? 'it ended.'}`;
}

/** @param {Row} row @param {Attempt} attempt @param {Attempt[]} others */
function fits({ on, secure, overHttp, within, when }, attempt, others) {
  const { url, outcome, ms } = attempt;
  return (
    on.includes(outcome) &&
    (secure ?? isSecure(url)) === isSecure(url) &&
    (overHttp ?? isOverHttp(url)) === isOverHttp(url) &&
    (!within || (ms >= within[0] * 1000 && ms <= within[1] * 1000)) &&
    (when?.(attempt, others) ?? true)
  );
}

/** @param {Attempt[]} all @returns {string[]} */
function pattern(all) {
  const lost = all.filter(({ ended }) => ended === 'lost').slice(-PATTERN);
  for (const { what, says } of LOSSES) {
    const time = alike(lost.map((attempt) => attempt[what] ?? 0));
    if (time > 0) return [says(seconds(time))];
  }
  return [];
}

/** @param {IdleLimit} limit */
function keeping({ ms, beatMs }) {
  const found = `Connections were cut whenever they were silent for ${seconds(ms)}: a proxy on the way has an idle limit;`;
  return beatMs
    ? `${found} heart-beats go every ${seconds(beatMs)} now, which should keep them.`
    : `${found} heart-beats are switched off, or cannot be short enough for it.`;
}

/** @param {Attempt[]} attempts */
function lastOfEach(attempts) {
  const wanted = attempts.filter(({ outcome }) => outcome !== 'closed');
  return [...new Map(wanted.map((one) => [`${one.driver} ${one.url}`, one])).values()];
}

/** @param {Attempt[]} others @param {(other: Attempt) => boolean} like */
function works(others, like) {
  return others.some((other) => other.outcome === 'connected' && like(other));
}

/** @param {Attempt} attempt @returns {(other: Attempt) => boolean} */
function onPort443({ url }) {
  const { hostname, port } = new URL(url);
  return (other) => {
    const { hostname: name, port: otherPort } = new URL(other.url);
    return port !== '' && otherPort === '' && name === hostname && isSecure(other.url);
  };
}

/** @param {Attempt} attempt @returns {(other: Attempt) => boolean} */
function overHttpAt({ url }) {
  const { host } = new URL(url);
  return (other) => isOverHttp(other.url) && new URL(other.url).host === host;
}

/** @param {number} ms */
function seconds(ms) {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** @param {string} url */
function isSecure(url) {
  return url.startsWith('wss:') || url.startsWith('https:');
}

/** @param {string} url */
function isOverHttp(url) {
  return url.startsWith('http');
}

/** @param {string} url */
function hostOf(url) {
  return url.split('/').slice(0, 3).join('/');
}
