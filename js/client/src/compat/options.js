// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** From the options of the guides to ours. Sloppy values mean what they can only mean; unknown
 * keys are ignored. */

import { thisPage } from '../realms.js';
import { Driver } from './constants.js';

/** @typedef {Record<string, any>} Config as the program gave it */

/** Of both generations. */
const KNOWN = new Set([...Object.values(Driver), 'STREAMINGCOMET', 'LONGPOLLCOMET']);
/** At most 255 bytes, whatever they are. */
const NAME_CHARS = 85;
const HANDED_IN = /** @type {const} */ ([
  ...['WebSocket', 'fetch', 'XMLHttpRequest', 'EventSource', 'timer', 'date', 'random'],
  ...['storage', 'network', 'page', 'limits'],
]);

/** @param {unknown} value */
function toList(value) {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/** @param {unknown} value */
function positive(value) {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number') return undefined;
  return Number.isFinite(number) && number > 0 ? number : undefined;
}

/**
 * `Nirvana.createSession({ realms })`: an empty entry means the page's own origin.
 * @param {Config} config
 * @returns {string[]}
 */
export function realmsOf({ realms }) {
  const list = toList(realms).map((realm) => String(realm ?? ''));
  return list.length > 0 ? list : [''];
}

/**
 * `NirvanaSession.start({ webSocketPort, secure, realmHosts })`: the page's host unless others are
 * named.
 * @param {Config} config
 * @param {{ protocol: string, host: string }} [page]
 * @returns {string[]}
 */
export function hostRealmsOf({ webSocketPort, secure, realmHosts }, page = thisPage()) {
  const isSecure =
    secure === undefined ? page?.protocol === 'https:' : secure && secure !== 'false';
  const scheme = isSecure ? 'https:' : 'http:';
  const port = positive(webSocketPort);
  const hosts = toList(realmHosts).filter(Boolean).map(String);
  if (hosts.length === 0 && !page) return [''];
  return (hosts.length > 0 ? hosts : [page?.host ?? '']).map((host) => {
    if (host.includes('://')) return host;
    const bare = port ? host.replace(/:\d+$/, '') : host;
    return `${scheme}//${bare}${port ? `:${port}` : ''}`;
  });
}

/**
 * @param {Config} config
 * @returns {import('../session.js').SessionOptions}
 */
export function optionsOf(config) {
  return {
    ...handedIn(config),
    drivers: driversOf(config),
    connectTimeoutMs: positive(config.sessionTimeoutMs ?? config.sessionTimeout),
    attempts: positive(config.webSocketAttempts),
    login: text(config.username),
    passcode: text(config.password),
  };
}

/** What tests and programs outside of browsers hand in: of these only. @param {Config} config */
function handedIn(config) {
  /** @type {import('../session.js').SessionOptions} */
  const given = {};
  for (const name of HANDED_IN) {
    if (config[name] !== undefined) given[name] = config[name];
  }
  return given;
}

/**
 * What the session's data stream is to be, if there is to be one.
 * @param {Config} config
 */
export function dataStreamOf({ enableDataStreams, sessionName }) {
  const isWanted = Boolean(enableDataStreams) && enableDataStreams !== 'false';
  return isWanted ? { name: text(sessionName)?.slice(0, NAME_CHARS) } : undefined;
}

/** @param {Config} config @returns {string[] | undefined} names; none: all there are */
function driversOf(config) {
  const asked = toList(config.drivers ?? config.protocolSelection).map(String);
  const known = asked.filter((name) => KNOWN.has(name.toUpperCase()));
  if (known.length > 0) return known;
  if (asked.length > 0) console.warn(`wayleave: no driver is called ${asked}; all are tried`);
  const isWithout = config.webSocket === false || config.webSocket === 'false';
  return isWithout ? ['streaming', 'eventsource', 'polling'] : undefined;
}

/** A header of CONNECT cannot hold a line end. @param {unknown} value */
function text(value) {
  return value === undefined || value === null
    ? undefined
    : String(value).replace(/[\r\n\0]/g, ' ');
}
