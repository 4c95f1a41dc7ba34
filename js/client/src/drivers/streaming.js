// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Streaming over HTTP: one answer that does not end for long, and its successors. */

import { SockJsTransport, postReceiver } from './sockjs.js';

/**
 * @param {{ post: import('./http.js').Post, random: () => number }} means
 * @returns {import('./websocket.js').Driver}
 */
export function streamingDriver(means) {
  const receive = postReceiver(means.post, '/xhr_streaming');
  return {
    name: 'XHR_STREAMING_CORS',
    overHttp: true,
    open: (url, handlers) => new SockJsTransport(url, receive, means, handlers),
  };
}
