// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Driver } from '../../src/compat/constants.js';
import { driversOf, meansOf } from '../../src/drivers/drivers.js';

class Made {}
const ALL = /** @type {any} */ ({ WebSocket: Made, EventSource: Made, fetch: () => {} });

/** @param {any} [wanted] */
const namesOf = (wanted, means = ALL) => driversOf(wanted, means, () => 0).map(({ name }) => name);

test('all of them, best first', () => {
  assert.deepEqual(namesOf(), [
    'WEBSOCKET',
    'XHR_STREAMING_CORS',
    'EVENTSOURCE_STREAMING_POSTMESSAGE',
    'XHR_LONGPOLL_CORS',
  ]);
});

test('every documented name means one', () => {
  for (const name of Object.values(Driver)) assert.equal(namesOf([name]).length, 1, name);
  assert.deepEqual(namesOf(['JSONP_LONGPOLL', 'XDR_STREAMING', 'websocket']), [
    'XHR_LONGPOLL_CORS',
    'XHR_STREAMING_CORS',
    'WEBSOCKET',
  ]);
  const older = ['streamingcomet', 'longpollcomet'];
  assert.deepEqual(namesOf(older), ['XHR_STREAMING_CORS', 'XHR_LONGPOLL_CORS']);
});

test('each comes once, and what nobody knows is passed over', () => {
  assert.deepEqual(namesOf(['XDR_LONGPOLL', 'CARRIER_PIGEON', 'toString', 'JSONP_LONGPOLL']), [
    'XHR_LONGPOLL_CORS',
  ]);
});

test('what cannot be made here is left out', () => {
  assert.deepEqual(namesOf(undefined, { WebSocket: Made }), ['WEBSOCKET']);
  assert.deepEqual(namesOf(undefined, { XMLHttpRequest: Made }), [
    'XHR_STREAMING_CORS',
    'XHR_LONGPOLL_CORS',
  ]);
  assert.deepEqual(namesOf(undefined, {}), []);
});

test('a driver that is handed in is taken as it is', () => {
  const own = { name: 'OWN', open: () => assert.fail() };
  assert.deepEqual(namesOf([own, 'websocket', own]), ['OWN', 'WEBSOCKET']);
});

test('who hands in one of the means hands in all', () => {
  const { WebSocket, fetch } = meansOf({ WebSocket: ALL.WebSocket });
  assert.deepEqual([WebSocket, fetch], [Made, undefined]);
  assert.equal(meansOf({}).fetch, globalThis.fetch);
  assert.equal(meansOf({ credentials: true }).credentials, true);
});
