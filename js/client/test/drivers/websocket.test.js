// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webSocketDriver } from '../../src/drivers/websocket.js';

function open() {
  /** @type {any} */
  let socket;
  /** @type {any[]} */
  const log = [];
  class Socket {
    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      log.push([url, protocols]);
      socket = this;
    }
    /** @param {any} data */
    send(data) {
      log.push(['send', data]);
    }
    /** @param {number} code */
    close(code) {
      log.push(['close', code]);
    }
  }
  const transport = webSocketDriver({ WebSocket: Socket }).open('ws://realm/stomp', {
    opened: () => log.push('opened'),
    message: (data) => log.push(data),
    closed: (detail) => log.push(`closed: ${detail}`),
  });
  return { socket, log, transport };
}

test('it asks for STOMP 1.2 and passes text as text and bytes as bytes', () => {
  const { socket, log, transport } = open();
  socket.onopen();
  transport.send('x');
  socket.onmessage({ data: 'text' });
  socket.onmessage({ data: Uint8Array.of(1, 2).buffer });
  assert.equal(socket.binaryType, 'arraybuffer');
  assert.deepEqual(log, [
    ['ws://realm/stomp', ['v12.stomp']],
    'opened',
    ['send', 'x'],
    'text',
    Uint8Array.of(1, 2),
  ]);
});

test('it closes once, and says what is known', () => {
  const { socket, log } = open();
  socket.onerror({ message: 'Unexpected server response: 403' });
  socket.onclose({ code: 1006, reason: '' });
  socket.onclose({ code: 1006, reason: '' });
  assert.deepEqual(log.slice(1), ['closed: Unexpected server response: 403']);
  const other = open();
  other.socket.onerror({});
  other.socket.onclose({ code: 1011, reason: 'too slow' });
  assert.equal(other.log.at(-1), 'closed: too slow');
});

test('closed by this side, nothing comes any more', () => {
  const { socket, log, transport } = open();
  transport.close();
  socket.onmessage({ data: 'late' });
  socket.onclose({ code: 1000 });
  assert.deepEqual(log.slice(1), ['closed: closed by this side', ['close', 1000]]);
});

test('where there is no WebSocket it says what to do', () => {
  const driver = webSocketDriver({ WebSocket: /** @type {any} */ (null) });
  assert.throws(() => driver.open('ws://realm', /** @type {any} */ ({})), /hand one in/);
});
