// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** From what people write as the address of a realm to the URL that a driver opens. */

import { ArgumentError } from './errors.js';

/** The paths of the realm's ends (doc/wire.md). */
const STOMP_PATH = '/stomp';
const SOCKJS_PATH = '/sockjs';

/** Where the secure interface is, if nobody says more: by the plain one's port. */
/** @type {Record<string, string>} */
const SECURE_PORTS = { 9000: '9443', '': '' };

/** @type {Record<string, string>} */
const SCHEMES = {
  'ws:': 'ws:',
  'http:': 'ws:',
  'nsp:': 'ws:',
  'nhp:': 'ws:',
  'wss:': 'wss:',
  'https:': 'wss:',
  'nsps:': 'wss:',
  'nhps:': 'wss:',
};

/** @typedef {{ protocol: string, host: string }} Page where the page came from */

/** @returns {Page | undefined} */
export function thisPage() {
  const { location } = /** @type {any} */ (globalThis);
  return location?.host ? { protocol: location.protocol, host: location.host } : undefined;
}

/**
 * `http://host:port`, with or without the scheme, a slash or a path; nothing means the realm that
 * served the page.
 * @param {unknown} address
 * @param {Page} [page]
 * @returns {string} ws: or wss:
 */
export function realmUrl(address, page = thisPage()) {
  const text = String(address ?? '').trim();
  if (text === '') {
    if (!page) throw new ArgumentError('no realm is given, and no page to take its host from');
    return realmUrl(`${page.protocol}//${page.host}`);
  }
  const isWhole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const scheme = page?.protocol === 'https:' ? 'wss:' : 'ws:';
  const url = parse(isWhole ? text : `${scheme}//${text}`);
  // Only the schemes that URL knows take a host apart: ask again with one of those.
  const target =
    url && SCHEMES[url.protocol] && parse(text.replace(/^[^/]*\/\//, `${SCHEMES[url.protocol]}//`));
  const known = isWhole ? target : url;
  if (!known || !known.hostname) throw new ArgumentError(`${text} is not the address of a realm`);
  if (known.pathname === '/') known.pathname = STOMP_PATH;
  known.hash = known.username = known.password = '';
  return known.href;
}

/**
 * The SockJS end of the realm whose WebSocket end is known.
 * @param {string} webSocketUrl
 */
export function sockJsUrl(webSocketUrl) {
  const url = new URL(webSocketUrl.replace(/^ws/, 'http'));
  url.pathname = url.pathname.replace(/(?:\/stomp)?\/?$/, SOCKJS_PATH);
  url.search = '';
  return url.href;
}

/**
 * The secure interface of a realm that was asked for by its plain one, unless `others` name one on
 * that host.
 * @param {string} webSocketUrl
 * @param {string[]} others
 * @returns {string[]} one, or none
 */
export function secureSibling(webSocketUrl, others) {
  const url = new URL(webSocketUrl);
  const port = SECURE_PORTS[url.port];
  const isNamed = others.some((other) => {
    const { protocol, hostname } = new URL(other);
    return protocol === 'wss:' && hostname === url.hostname;
  });
  if (url.protocol !== 'ws:' || port === undefined || isNamed) return [];
  // Without a port before its scheme changes: 80 is not the default of wss.
  url.port = port;
  url.protocol = 'wss:';
  return [url.href];
}

/** @param {string} text */
function parse(text) {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
