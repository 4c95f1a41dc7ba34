// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * All drivers, by the documented names. Names of transports that browsers have given up since (hidden
 * frames, XDomainRequest, JSONP) mean the one of ours that does the same.
 */

import { choosePost } from './http.js';
import { eventSourceDriver } from './eventsource.js';
import { pollingDriver } from './polling.js';
import { streamingDriver } from './streaming.js';
import { webSocketDriver } from './websocket.js';

/** @typedef {import('./websocket.js').Driver} Driver */

/**
 * What drivers are made of. Whoever hands in one of them hands in all.
 * @typedef {import('./http.js').HttpMeans & {
 *   WebSocket?: import('./websocket.js').WebSocketClass,
 *   EventSource?: import('./eventsource.js').EventSourceClass,
 * }} Means
 */

/** In the order in which they are tried. */
const KINDS = /** @type {const} */ (['websocket', 'streaming', 'eventsource', 'polling']);
/** @typedef {typeof KINDS[number]} Kind */

/** The documented names of both generations. @type {Record<string, Kind>} */
const NAMES = {
  WEBSOCKET: 'websocket',
  XHR_STREAMING_CORS: 'streaming',
  XDR_STREAMING: 'streaming',
  IFRAME_STREAMING_POSTMESSAGE: 'streaming',
  NOXD_IFRAME_STREAMING: 'streaming',
  STREAMINGCOMET: 'streaming',
  EVENTSOURCE_STREAMING_POSTMESSAGE: 'eventsource',
  XHR_LONGPOLL_CORS: 'polling',
  XHR_LONGPOLL_POSTMESSAGE: 'polling',
  XDR_LONGPOLL: 'polling',
  JSONP_LONGPOLL: 'polling',
  LONGPOLLCOMET: 'polling',
};

/**
 * @param {Means} given
 * @returns {Means}
 */
export function meansOf(given) {
  const { WebSocket, fetch, XMLHttpRequest, EventSource, post, credentials } = given;
  const isGiven = WebSocket || fetch || XMLHttpRequest || EventSource || post;
  if (isGiven) return { WebSocket, fetch, XMLHttpRequest, EventSource, post, credentials };
  const here = /** @type {any} */ (globalThis);
  return {
    WebSocket: here.WebSocket,
    fetch: here.fetch,
    XMLHttpRequest: here.XMLHttpRequest,
    EventSource: here.EventSource,
    credentials,
  };
}

/**
 * Those that are meant and that can be made here, each once. Unknown names are passed over.
 * @param {Array<string | Driver> | undefined} wanted in order of preference; none: all
 * @param {Means} means
 * @param {() => number} random
 * @returns {Driver[]}
 */
export function driversOf(wanted, means, random) {
  /** @type {Map<Kind | Driver, Driver>} */
  const found = new Map();
  for (const each of wanted ?? KINDS) {
    const kind = typeof each === 'string' ? kindOf(each) : each;
    const driver = typeof kind === 'string' ? make(kind, means, random) : kind;
    if (kind && driver && !found.has(kind)) found.set(kind, driver);
  }
  return [...found.values()];
}

/** @param {string} name @returns {Kind | undefined} */
function kindOf(name) {
  const own = KINDS.find((kind) => kind === name);
  const upper = name.toUpperCase();
  return own ?? (Object.hasOwn(NAMES, upper) ? NAMES[upper] : undefined);
}

/**
 * @param {Kind} kind
 * @param {Means} means
 * @param {() => number} random
 * @returns {Driver | undefined}
 */
function make(kind, means, random) {
  const { WebSocket, EventSource, credentials } = means;
  if (kind === 'websocket') return WebSocket && webSocketDriver({ WebSocket });
  const post = choosePost(means);
  if (!post) return undefined;
  if (kind === 'streaming') return streamingDriver({ post, random });
  if (kind === 'polling') return pollingDriver({ post, random });
  return EventSource && eventSourceDriver({ EventSource, post, random, credentials });
}
