// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The documented names. Their values are not documented; programs only compare them. */

/** What can be listened for. */
export const Observe = Object.freeze({
  START: 'START',
  STOP: 'STOP',
  ERROR: 'ERROR',
  DISCONNECT: 'DISCONNECT',
  RECONNECT: 'RECONNECT',
  DATA: 'DATA',
  SUBSCRIBE: 'SUBSCRIBE',
  UNSUBSCRIBE: 'UNSUBSCRIBE',
  PUBLISH: 'PUBLISH',
  COMMIT: 'COMMIT',
  ROLLBACK: 'ROLLBACK',
  DRIVER: 'DRIVER',
});

/** Ways to a realm. Those that are not built yet are skipped. */
export const Driver = Object.freeze({
  WEBSOCKET: 'WEBSOCKET',
  XHR_STREAMING_CORS: 'XHR_STREAMING_CORS',
  XDR_STREAMING: 'XDR_STREAMING',
  JSONP_LONGPOLL: 'JSONP_LONGPOLL',
  XHR_LONGPOLL_CORS: 'XHR_LONGPOLL_CORS',
  IFRAME_STREAMING_POSTMESSAGE: 'IFRAME_STREAMING_POSTMESSAGE',
  EVENTSOURCE_STREAMING_POSTMESSAGE: 'EVENTSOURCE_STREAMING_POSTMESSAGE',
  XHR_LONGPOLL_POSTMESSAGE: 'XHR_LONGPOLL_POSTMESSAGE',
  NOXD_IFRAME_STREAMING: 'NOXD_IFRAME_STREAMING',
  XDR_LONGPOLL: 'XDR_LONGPOLL',
});
