// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** From what people write as the address of a realm to the URL that a driver opens. */

import { ArgumentError } from './errors.js';

/** The path of the realm's WebSocket end (doc/wire.md). */
const STOMP_PATH = '/stomp';

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

/** @param {string} text */
function parse(text) {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
