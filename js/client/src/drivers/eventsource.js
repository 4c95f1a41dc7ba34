// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Server-sent events: where an answer cannot be read as a stream otherwise. */

import { SockJsTransport } from './sockjs.js';

/** @typedef {new (url: string, init: { withCredentials: boolean }) => any} EventSourceClass */

/**
 * @param {{ EventSource: EventSourceClass, post: import('./http.js').Post, random: () => number, credentials?: boolean }} means
 * @returns {import('./websocket.js').Driver}
 */
export function eventSourceDriver({ EventSource, credentials = false, ...means }) {
  /** @type {import('./sockjs.js').Receiver} */
  const receive = (sessionUrl, { frame, failed }) => {
    /** @type {any} */
    let source;
    const ask = () => {
      let frames = 0;
      source = new EventSource(`${sessionUrl}/eventsource`, { withCredentials: credentials });
      source.onmessage = (/** @type {{ data: string }} */ { data }) => {
        frames += 1;
        frame(unescape(data));
      };
      // By itself it would wait for seconds, and forever where there is nothing.
      source.onerror = () => {
        source.close();
        if (frames > 0) ask();
        else failed('the event stream failed');
      };
    };
    ask();
    return () => source.close();
  };
  return {
    name: 'EVENTSOURCE_STREAMING_POSTMESSAGE',
    overHttp: true,
    open: (url, handlers) => new SockJsTransport(url, receive, means, handlers),
  };
}

/** Servers write what an event stream cannot hold, and the percent sign, as in a URL. */
/** @param {string} data */
function unescape(data) {
  return data.replace(/%(?:25|0[0AD])/gi, decodeURIComponent);
}
