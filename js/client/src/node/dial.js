// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * From a URL to a socket over which it is spoken with: through a proxy by CONNECT, for ws as for wss,
 * and by TLS where the URL or the proxy's asks for it.
 */

import { X509Certificate, randomBytes } from 'node:crypto';
import { connect as connectTcp, isIP } from 'node:net';
import tls, { connect as connectTls, rootCertificates } from 'node:tls';
import { ArgumentError, ProxyError } from '../errors.js';
import { authorize, readChallenges } from './auth.js';
import { proxyFor, readProxy } from './environment.js';
import { HeadReader, describe } from './head.js';
import { closedError, meaningOf } from './told.js';

/** @typedef {import('node:net').Socket} Socket */

/**
 * @typedef {object} DialOptions
 * @property {string | false} [proxy] `http://user:password@host:port`, https too; false: none. Otherwise
 *   the environment decides (environment.js)
 * @property {string | Buffer | Array<string | Buffer>} [ca] certificates to be trusted besides the usual
 *   ones, at the realm and the proxy, as PEM
 * @property {boolean} [rejectUnauthorized] false: any certificate will do. For tests
 * @property {import('./environment.js').Environment} [environment] default process.env
 */

/** @typedef {(url: string, signal: AbortSignal) => Promise<Socket>} Dial */

/** @type {Record<string, number>} */
const PORTS = { 'ws:': 80, 'http:': 80, 'wss:': 443, 'https:': 443 };
const OK = (/** @type {number} */ status) => status >= 200 && status < 300;

/** @param {DialOptions} options @returns {Dial} */
export function dialer({ proxy, ca, rejectUnauthorized, environment = process.env }) {
  // What is wrong with options is said now, not in the account of each attempt.
  if (proxy) readProxy(proxy, 'option proxy');
  const trust = { ca: ca && [...usualAuthorities(), ...checkAuthorities(ca)], rejectUnauthorized };
  return async (url, signal) => {
    const target = new URL(url);
    const by = proxyFor(target, environment, proxy);
    const socket = by
      ? await tunnel(by, target, trust, signal)
      : await tcp(hostOf(target), portOf(target), signal);
    return isSecure(target) ? secure(socket, target, trust, signal) : socket;
  };
}

/** Those that are trusted where nobody gives any: from Node 22 on also of NODE_EXTRA_CA_CERTS. */
function usualAuthorities() {
  return /** @type {any} */ (tls).getCACertificates?.('default') ?? rootCertificates;
}

/** Node passes over what is none. @param {NonNullable<DialOptions['ca']>} ca */
function checkAuthorities(ca) {
  const all = [ca].flat();
  try {
    for (const each of all) new X509Certificate(each);
  } catch {
    throw new ArgumentError('option ca is no certificate: give the text of a PEM file');
  }
  return all;
}

/** @param {URL} url */
const isSecure = ({ protocol }) => protocol === 'wss:' || protocol === 'https:';
/** @param {URL} url */
const hostOf = ({ hostname }) => hostname.replace(/^\[|\]$/g, '');
/** @param {URL} url */
const portOf = ({ port, protocol }) => Number(port) || PORTS[protocol];

/** @param {string} host @param {number} port @param {AbortSignal} signal */
function tcp(host, port, signal) {
  const socket = connectTcp({ host, port, noDelay: true });
  return ready(socket, 'connect', signal);
}

/**
 * @param {Socket} socket
 * @param {URL} url
 * @param {object} trust
 * @param {AbortSignal} signal
 */
function secure(socket, url, trust, signal) {
  const host = hostOf(url);
  // RFC 6066 section 3: no address as server name. The certificate is checked against it all the same.
  const name = isIP(host) ? { host } : { servername: host };
  const tls = connectTls({ socket, ...name, ALPNProtocols: ['http/1.1'], ...trust });
  return ready(tls, 'secureConnect', signal);
}

/**
 * @template {Socket} S
 * @param {S} socket
 * @param {string} event
 * @param {AbortSignal} signal
 * @returns {Promise<S>}
 */
function ready(socket, event, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => socket.destroy(new Error('given up'));
    const done = () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', reject).off('close', closed);
      resolve(socket);
    };
    const closed = () => reject(closedError());
    socket.once('error', reject).once('close', closed).once(event, done);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}

/**
 * @param {{ url: URL, where: string }} by
 * @param {URL} target
 * @param {object} trust
 * @param {AbortSignal} signal
 */
async function tunnel({ url: proxy, where }, target, trust, signal) {
  const authority = `${target.hostname}:${portOf(target)}`;
  const name = proxy.host;
  let authorization = '';
  for (let isAgain = false; ; isAgain = true) {
    const socket = await reach(proxy, where, trust, signal);
    const head = await ask(socket, proxy, authority, authorization, signal);
    if (OK(head.status)) {
      if (head.rest.length > 0) socket.unshift(head.rest);
      return socket;
    }
    socket.destroy();
    const { status, reason, all } = head;
    const answer = { status, reason, proxyStatus: all('proxy-status').join(', ') || undefined };
    const sentence = `the proxy ${name} answered CONNECT ${authority} with ${describe(head)}`;
    if (status !== 407) throw new ProxyError('proxy-refused', sentence + hint(head), answer);
    const challenges = readChallenges(all('proxy-authenticate'));
    const isStale = challenges.some(({ params }) => params.stale?.toLowerCase() === 'true');
    const login = proxy.username && loginOf(proxy);
    const request = { method: 'CONNECT', uri: authority, cnonce: randomBytes(16).toString('hex') };
    const next = login && (!isAgain || isStale) ? authorize(challenges, login, request) : null;
    if (!next) {
      const why = whyNot(Boolean(login), isAgain, challenges);
      throw new ProxyError('proxy-login', `${sentence}: ${why}`, answer);
    }
    authorization = next;
  }
}

/** What a status means where the proxy says no more. @param {import('./head.js').Head} head */
function hint({ status, all }) {
  if (all('proxy-status').length > 0) return '';
  if (status === 403) return ': it does not allow CONNECT to this host or port (AllowCONNECT)';
  if (status === 405 || status === 501) return ': it knows no CONNECT, so it may be no proxy';
  return status >= 500 ? ': it found no way to that host or port' : '';
}

/** @param {boolean} hasLogin @param {boolean} isAgain @param {import('./auth.js').Challenge[]} challenges */
function whyNot(hasLogin, isAgain, challenges) {
  if (!hasLogin) return 'give it a login, as http://user:password@host:port';
  if (isAgain) return 'it does not know this login';
  const schemes = challenges.map(({ scheme }) => scheme).join(', ') || 'nothing';
  return `it offers ${schemes}, of which this client knows none`;
}

/** @param {URL} proxy */
function loginOf({ username, password }) {
  return { user: decode(username), password: decode(password) };
}

/** A percent sign that nobody has escaped is one. @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {URL} proxy @param {string} where @param {object} trust @param {AbortSignal} signal */
async function reach(proxy, where, trust, signal) {
  try {
    const socket = await tcp(hostOf(proxy), portOf(proxy), signal);
    return proxy.protocol === 'https:' ? await secure(socket, proxy, trust, signal) : socket;
  } catch (error) {
    const why = `the proxy ${proxy.host} (${where}) cannot be reached: ${meaningOf(error)}`;
    throw new ProxyError('proxy-unreachable', why);
  }
}

/**
 * @param {Socket} socket
 * @param {URL} proxy
 * @param {string} authority
 * @param {string} authorization
 * @param {AbortSignal} signal
 * @returns {Promise<import('./head.js').Head>}
 */
function ask(socket, proxy, authority, authorization, signal) {
  const login = authorization && `Proxy-Authorization: ${authorization}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${login}\r\n`);
  return readHead(socket, signal).catch((error) => {
    const message = `the proxy ${proxy.host} did not answer CONNECT ${authority}: ${error.message}`;
    throw new ProxyError('proxy-refused', message);
  });
}

/**
 * What comes behind the head stays in the socket's hands only in `rest`.
 * @param {Socket} socket
 * @param {AbortSignal} signal
 * @returns {Promise<import('./head.js').Head>}
 */
export function readHead(socket, signal) {
  const reader = new HeadReader();
  return new Promise((resolve, reject) => {
    const fail = (/** @type {Error} */ error) => {
      stop();
      socket.destroy();
      reject(error);
    };
    const abort = () => fail(new Error('given up'));
    const closed = () => fail(closedError());
    const take = (/** @type {Buffer} */ bytes) => {
      try {
        const head = reader.push(bytes);
        if (!head) return;
        stop();
        resolve(head);
      } catch (error) {
        fail(/** @type {Error} */ (error));
      }
    };
    const stop = () => {
      signal.removeEventListener('abort', abort);
      socket.off('data', take).off('error', fail).off('end', closed).off('close', closed);
      socket.pause();
    };
    socket.on('data', take).on('error', fail).on('end', closed).on('close', closed);
    socket.resume();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}
