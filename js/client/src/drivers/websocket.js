// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The driver for WebSocket. A driver opens a path to a URL and carries messages over it; it knows
 * nothing of STOMP. The constructor is handed in: the browser's, Node's, or the npm `ws` class.
 */

/**
 * @typedef {object} TransportHandlers each is called from the event loop, never within `open`
 * @property {() => void} opened
 * @property {(data: string | Uint8Array) => void} message
 * @property {(detail: string) => void} closed once, also when it never opened
 */

/**
 * @typedef {object} Transport
 * @property {(data: string | Uint8Array) => void} send
 * @property {() => void} close
 */

/**
 * @typedef {object} Driver
 * @property {string} name one of the documented ones
 * @property {boolean} [overHttp] it opens the realm's SockJS end, and carries text only
 * @property {(url: string, handlers: TransportHandlers) => Transport} open may throw
 */

/** @typedef {new (url: string, protocols: string[]) => any} WebSocketClass */

const SUBPROTOCOL = 'v12.stomp';

/**
 * @param {{ WebSocket?: WebSocketClass }} [options]
 * @returns {Driver}
 */
export function webSocketDriver({ WebSocket = globalThis.WebSocket } = {}) {
  return {
    name: 'WEBSOCKET',
    open(url, handlers) {
      if (!WebSocket)
        throw new Error('there is no WebSocket here: hand one in as option WebSocket');
      return openTransport(new WebSocket(url, [SUBPROTOCOL]), handlers);
    },
  };
}

/**
 * @param {any} socket
 * @param {TransportHandlers} handlers
 * @returns {Transport}
 */
function openTransport(socket, handlers) {
  let detail = '';
  let isClosed = false;
  const closed = (/** @type {string} */ why) => {
    if (!isClosed) handlers.closed(why);
    isClosed = true;
  };
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => handlers.opened();
  socket.onmessage = (/** @type {{ data: string | ArrayBuffer }} */ { data }) => {
    if (!isClosed) handlers.message(typeof data === 'string' ? data : new Uint8Array(data));
  };
  // Browsers tell a page nothing here; Node's classes say why, e.g. the proxy's status.
  socket.onerror = (/** @type {{ message?: string }} */ error) => {
    detail = error?.message || detail;
  };
  socket.onclose = (/** @type {{ code?: number, reason?: string }} */ { code, reason } = {}) => {
    closed(detail || reason || `closed with code ${code ?? 1006}`);
  };
  return {
    send: (data) => socket.send(data),
    close: () => {
      closed('closed by this side');
      socket.close(1000);
    },
  };
}
