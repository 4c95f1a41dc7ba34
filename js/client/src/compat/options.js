// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** From the options of the guides to ours. Sloppy values mean what they can only mean; unknown
 * keys are ignored. */

import { thisPage } from '../realms.js';
import { Driver } from './constants.js';

/** @typedef {Record<string, any>} Config as the program gave it */

/** @param {unknown} value */
function toList(value) {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/** @param {unknown} value */
function positive(value) {
  const number = Number(value);
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
  const { WebSocket, timer, random, username, password } = config;
  const drivers = toList(config.drivers ?? config.protocolSelection).map(String);
  const isBuilt = (/** @type {string} */ name) => name.toUpperCase() === Driver.WEBSOCKET;
  if (drivers.length > 0 && !drivers.some(isBuilt)) {
    console.warn('wayleave: of these drivers none is built yet; WEBSOCKET is used instead');
  }
  if (config.enableDataStreams) {
    console.warn('wayleave: data streams are not built yet; this session gets no DataGroup events');
  }
  return {
    WebSocket,
    timer,
    random,
    connectTimeoutMs: positive(config.sessionTimeoutMs ?? config.sessionTimeout),
    attempts: positive(config.webSocketAttempts),
    login: text(username),
    passcode: text(password),
  };
}

/** A header of CONNECT cannot hold a line end. @param {unknown} value */
function text(value) {
  return value === undefined || value === null
    ? undefined
    : String(value).replace(/[\r\n\0]/g, ' ');
}
