// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Which proxy a URL is reached by. The rule is curl's, for ws and wss, too:
 *
 * 1. option `proxy`: a URL, or false for none
 * 2. none, if `no_proxy` or `NO_PROXY` names the host: names and their subdomains, addresses, CIDR
 *    blocks, divided by commas or blanks; `*` names all. curl does not know `*.name`, which is
 *    `.name`, nor `name:port`, which other programs do
 * 3. the first that is set of `<scheme>_proxy`, `<SCHEME>_PROXY`; for ws then the same of http, for
 *    wss of https; then `all_proxy`, `ALL_PROXY`. An empty one is as good as none
 *
 * curl never reads HTTP_PROXY, since a web server's CGI lets clients set it; here it is read where
 * there is no REQUEST_METHOD, by which CGI is known.
 *
 * https://curl.se/libcurl/c/libcurl-env.html
 */

import { BlockList, isIP } from 'node:net';
import { ArgumentError } from '../errors.js';

/** @typedef {Record<string, string | undefined>} Environment */

/** @type {Record<string, string[]>} */
const SCHEMES = {
  'ws:': ['ws', 'http', 'all'],
  'http:': ['http', 'all'],
  'wss:': ['wss', 'https', 'all'],
  'https:': ['https', 'all'],
};
/** curl's, for proxies that are named without a port. */
const DEFAULT_PORT = '1080';

/**
 * @param {URL} target
 * @param {Environment} environment
 * @param {string | false} [option]
 * @returns {{ url: URL, where: string } | null} http: or https:, and who says so
 */
export function proxyFor(target, environment, option) {
  if (option !== undefined) return option ? asked(option, 'option proxy') : null;
  const except = environment.no_proxy ?? environment.NO_PROXY ?? '';
  if (isExcepted(target, except)) return null;
  for (const scheme of SCHEMES[target.protocol] ?? []) {
    for (const name of [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`]) {
      const value = environment[name];
      const isForged = name === 'HTTP_PROXY' && environment.REQUEST_METHOD !== undefined;
      if (value !== undefined && !isForged) return value ? asked(value, name) : null;
    }
  }
  return null;
}

/** @param {string} text @param {string} where */
function asked(text, where) {
  return { url: readProxy(text, where), where };
}

/**
 * Throws an ArgumentError where it cannot be meant.
 * @param {string} text
 * @param {string} where it is said
 * @returns {URL}
 */
export function readProxy(text, where) {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse?.(whole) === false ? null : tryUrl(whole);
  if (!url?.hostname || !['http:', 'https:'].includes(url.protocol)) {
    const safe = text.replace(/\/\/[^@/]*@/, '//***@');
    throw new ArgumentError(`${where} is ${safe}: write http://host:port or https://host:port`);
  }
  const hasPort = /:\d+\/?$/.test(whole.replace(/[?#].*$/, ''));
  if (!hasPort && url.protocol === 'http:') url.port = DEFAULT_PORT;
  return url;
}

/** @param {string} text */
function tryUrl(text) {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** @param {URL} target @param {string} list */
function isExcepted({ hostname, port, protocol }, list) {
  const host = hostname.replace(/^\[|\]$|\.$/g, '').toLowerCase();
  const number = port || (/^(wss|https):/.test(protocol) ? '443' : '80');
  if (list.trim() === '*') return true;
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((item) => item !== '' && names(item, host, number));
}

/** @param {string} item @param {string} host @param {string} port */
function names(item, host, port) {
  // A colon of an address without brackets is none before a port.
  const [, place, only = port] = /^([^:]*|\[.*\])(?::(\d+))?$/.exec(item) ?? ['', item];
  if (only !== port) return false;
  const [block, bits] = place.replace(/^\[|\](?=\/|$)/g, '').split('/');
  const kind = isIP(host);
  if (kind === 0) {
    const name = block.replace(/^\*?\.|\.$/g, '');
    return name !== '' && (host === name || host.endsWith(`.${name}`));
  }
  const width = kind === 4 ? 32 : 128;
  const length = bits === undefined ? width : Number(bits);
  if (isIP(block) !== kind || !(length >= 0 && length <= width)) return false;
  const blocks = new BlockList();
  const family = kind === 4 ? 'ipv4' : 'ipv6';
  blocks.addSubnet(block, length, family);
  return blocks.check(host, family);
}
