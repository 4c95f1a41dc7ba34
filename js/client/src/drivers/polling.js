// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Long polling: an answer for each time that there is something to say. It passes everything that
 * passes web pages. */

import { SockJsTransport, postReceiver } from './sockjs.js';

/**
 * @param {{ post: import('./http.js').Post, random: () => number }} means
 * @returns {import('./websocket.js').Driver}
 */
export function pollingDriver(means) {
  const receive = postReceiver(means.post, '/xhr');
  return {
    name: 'XHR_LONGPOLL_CORS',
    overHttp: true,
    open: (url, handlers) => new SockJsTransport(url, receive, means, handlers),
  };
}
