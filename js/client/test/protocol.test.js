// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Protocol } from '../src/protocol.js';

const CONNECTED =
  'CONNECTED\nversion:1.2\nsession:s1\nserver:wayleave/0\nheart-beat:15000,25000\n\n\0';

/** @param {Partial<ConstructorParameters<typeof Protocol>[0]>} [options] */
function open(options) {
  const protocol = new Protocol({ host: 'realm', ...options });
  protocol.takeOutgoing();
  return { protocol, connected: [...protocol.receive(CONNECTED)] };
}

/** @param {Protocol} protocol @param {string} headers */
const receipt = (protocol, headers) => [
  ...protocol.receive(`RECEIPT\nreceipt-id:${headers}\n\n\0`),
];

test('the first frame is CONNECT, and asks for refusals as receipts', () => {
  const protocol = new Protocol({ host: 'realm', login: 'me', passcode: 'a:b' });
  assert.deepEqual(protocol.takeOutgoing(), [
    'CONNECT\naccept-version:1.2\nhost:realm\nheart-beat:20000,20000\nerrors:receipt\n' +
      'login:me\npasscode:a:b\n\n\0',
  ]);
  assert.deepEqual(protocol.takeOutgoing(), []);
  assert.equal(protocol.state, 'connecting');
});

test('CONNECTED opens it, with the slower of both heart-beats each way', () => {
  const { protocol, connected } = open();
  const [sendMs, expectMs] = [25_000, 20_000];
  assert.equal(protocol.state, 'open');
  assert.deepEqual(connected, [
    { type: 'connected', session: 's1', server: 'wayleave/0', sendMs, expectMs },
  ]);
  const [without] = open({ heartbeatMs: 0 }).connected;
  assert.deepEqual({ ...without, sendMs: 0, expectMs: 0 }, without);
});

test('a subscription says where it begins, and its receipt where it does', () => {
  const { protocol } = open();
  protocol.subscribe('/fx', '/fx', { from: 5, epoch: 'e1' });
  protocol.subscribe('/fx#2', '/fx', { from: 'now', epoch: 'e1' });
  assert.deepEqual(protocol.takeOutgoing(), [
    'SUBSCRIBE\nid:/fx\ndestination:/fx\nfrom:5\nepoch:e1\nreceipt:subscribe-1\n\n\0',
    'SUBSCRIBE\nid:/fx#2\ndestination:/fx\nfrom:now\nreceipt:subscribe-2\n\n\0',
  ]);
  assert.deepEqual(receipt(protocol, 'subscribe-1\nepoch:e1\nnext:6'), [
    { type: 'subscribed', id: '/fx', epoch: 'e1', next: 6 },
  ]);
});

test('a data stream says its name, and the receipt its id', () => {
  const { protocol } = open();
  protocol.subscribe('/$data', '/$data', { name: 'desk:7' });
  assert.deepEqual(protocol.takeOutgoing(), [
    'SUBSCRIBE\nid:/$data\ndestination:/$data\nname:desk\\c7\nreceipt:subscribe-1\n\n\0',
  ]);
  assert.deepEqual(receipt(protocol, 'subscribe-1\nstream:7-0c5d31f2'), [
    { type: 'subscribed', id: '/$data', stream: '7-0c5d31f2' },
  ]);
});

test('a receipt counts once', () => {
  const { protocol } = open();
  protocol.publish('p1', '/fx', [], 'x');
  assert.deepEqual(receipt(protocol, 'publish-1\neid:9'), [
    { type: 'published', id: 'p1', eid: 9 },
  ]);
  assert.deepEqual(receipt(protocol, 'publish-1\neid:9'), []);
  assert.deepEqual(receipt(protocol, 'nobody-asked'), []);
});

test('a refusal comes to the request that it concerns, and the session stays', () => {
  const { protocol } = open();
  protocol.publish('p1', '/fx', [['content-type', 'text/plain']], 'x');
  const [refused] = receipt(protocol, 'publish-1\nrefused:LimitException\nmessage:too big');
  const [request, id] = ['publish', 'p1'];
  const [word, message] = ['LimitException', 'too big'];
  assert.deepEqual(refused, { type: 'refused', request, id, word, message });
  assert.equal(protocol.state, 'open');
});

test('the answer to a ping is an answer, refused or not', () => {
  const { protocol } = open();
  protocol.ping();
  protocol.ping();
  assert.match(String(protocol.takeOutgoing()[0]), /^UNSUBSCRIBE\nid:wayleave-ping\n/);
  assert.deepEqual(receipt(protocol, 'ping-1'), [{ type: 'answered' }]);
  const refusal = 'ping-2\nrefused:IllegalArgumentException\nmessage:no such id';
  assert.deepEqual(receipt(protocol, refusal), [{ type: 'answered' }]);
});

test('an event has its number, its headers and its body', () => {
  const { protocol } = open();
  const frame = 'MESSAGE\nsubscription:/fx\ndestination:/fx\nmessage-id:/fx@3\neid:3\nx:y\n\nhi\0';
  const [event] = /** @type {any[]} */ ([...protocol.receive(frame)]);
  assert.deepEqual([event.type, event.id, event.eid], ['event', '/fx', 3]);
  assert.equal(event.headers.get('x'), 'y');
  assert.equal(new TextDecoder().decode(event.body), 'hi');
});

test('ERROR closes it, and its word is found with or without a header of its own', () => {
  const { protocol } = open();
  const [error] = [...protocol.receive('ERROR\nmessage:LimitException: too slow\n\n\0')];
  const message = 'LimitException: too slow';
  assert.deepEqual(error, { type: 'error', word: 'LimitException', message });
  assert.equal(protocol.state, 'closed');
  assert.deepEqual([...protocol.receive(CONNECTED)], []);
});

test('an ERROR that names a request refuses that one, so that it is not sent for ever', () => {
  const { protocol } = open();
  protocol.publish('p1', '/fx', [], 'x');
  protocol.ping();
  const message = 'LimitException: too big';
  const error = { word: 'LimitException', message };
  assert.deepEqual(
    [...protocol.receive(`ERROR\nreceipt-id:publish-1\nmessage:${message}\n\n\0`)],
    [
      { type: 'refused', request: 'publish', id: 'p1', ...error },
      { type: 'error', ...error },
    ],
  );
});

test('an ERROR that names a ping, or nothing that was asked, refuses nothing', () => {
  for (const receipt of ['ping-1', 'publish-1', '']) {
    const { protocol } = open();
    protocol.ping();
    const happenings = [...protocol.receive(`ERROR\nreceipt-id:${receipt}\n\n\0`)];
    assert.deepEqual(
      happenings.map(({ type }) => type),
      ['error'],
    );
  }
});

test('happenings before a fault are not lost with it', () => {
  const { protocol } = open();
  protocol.publish('p1', '/fx', [], 'x');
  const happenings = protocol.receive('RECEIPT\nreceipt-id:publish-1\neid:1\n\n\0WHAT\n\n\0');
  assert.equal(/** @type {any} */ (happenings.next().value).type, 'published');
  assert.throws(() => happenings.next(), { code: 'protocol' });
});

for (const [what, frame] of Object.entries({
  'no CONNECTED first': 'RECEIPT\nreceipt-id:1\n\n\0',
  'another version': 'CONNECTED\nversion:1.1\n\n\0',
  'a heart-beat that is none': 'CONNECTED\nversion:1.2\nheart-beat:often\n\n\0',
})) {
  test(`${what} is a protocol error`, () => {
    const protocol = new Protocol({ host: 'realm' });
    assert.throws(() => [...protocol.receive(frame)], { code: 'protocol' });
  });
}

for (const [what, frame] of Object.entries({
  'a second CONNECTED': CONNECTED,
  'a MESSAGE for nobody': 'MESSAGE\ndestination:/fx\n\n\0',
  'an EID that is no number': 'MESSAGE\nsubscription:a\ndestination:/fx\neid:x\n\n\0',
})) {
  test(`${what} in an open session is a protocol error`, () => {
    const { protocol } = open();
    assert.throws(() => [...protocol.receive(frame)], { code: 'protocol' });
  });
}

test('where only text can travel, bytes come as base64 and are bytes', () => {
  const head = 'MESSAGE\nsubscription:a\ndestination:/fx\ncontent-transfer-encoding:base64\n\n';
  /** @param {boolean} isText @param {string} body */
  const bodyOf = (isText, body) => {
    const protocol = new Protocol({ host: 'realm', isText });
    const [, event] = [...protocol.receive(CONNECTED), ...protocol.receive(`${head}${body}\0`)];
    const { body: bytes, headers } = /** @type {any} */ (event);
    return [Buffer.from(bytes).toString('hex'), headers.has('content-transfer-encoding')];
  };
  assert.deepEqual(bodyOf(true, 'AP8='), ['00ff', false]);
  assert.deepEqual(bodyOf(true, 'no base64!'), [Buffer.from('no base64!').toString('hex'), true]);
  assert.deepEqual(bodyOf(false, 'AP8='), [Buffer.from('AP8=').toString('hex'), true]);
});
