// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What every driver has to do, over a fake network. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driversOf } from '../../src/drivers/drivers.js';
import { encodeFrame } from '../../src/stomp.js';
import { FakeClock } from '../lib/clock.js';
import { FakeNetwork } from '../lib/network.js';

const CONNECT = encodeFrame('CONNECT', [['accept-version', '1.2']]);

/** @type {Array<[string, string, (network: FakeNetwork) => any]>} */
const DRIVERS = [
  ['WebSocket', 'websocket', ({ WebSocket }) => ({ WebSocket })],
  ['streaming by fetch', 'streaming', ({ web }) => ({ fetch: web.fetch })],
  ['streaming by XHR', 'streaming', ({ web }) => ({ XMLHttpRequest: web.XMLHttpRequest })],
  [
    'event stream',
    'eventsource',
    ({ web }) => ({ fetch: web.fetch, EventSource: web.EventSource }),
  ],
  ['long poll by fetch', 'polling', ({ web }) => ({ fetch: web.fetch })],
  ['long poll by XHR', 'polling', ({ web }) => ({ XMLHttpRequest: web.XMLHttpRequest })],
];

for (const [name, kind, means] of DRIVERS) {
  const url = kind === 'websocket' ? 'ws://realm/stomp' : 'http://realm/sockjs';

  /** @param {FakeNetwork['paths'][string]} [how] */
  const open = async (how = 'realm') => {
    const clock = new FakeClock();
    const network = new FakeNetwork(clock);
    network.paths[url] = how;
    const [driver] = driversOf([kind], means(network), () => 0.5);
    const log = /** @type {string[]} */ ([]);
    const transport = driver.open(url, {
      opened: () => log.push('opened'),
      message: (data) => log.push(typeof data === 'string' ? data : new TextDecoder().decode(data)),
      closed: () => log.push('closed'),
    });
    assert.deepEqual(log, [], 'nothing happens within open');
    await clock.advance(50);
    const [peer] = network.realm.peers;
    const say = (/** @type {string} */ text) => peer.put('MESSAGE', [['text', text]]);
    const heard = () => log.map((line) => /text:(.*)/.exec(line)?.[1] ?? line);
    return { clock, network, realm: network.realm, log, transport, say, heard };
  };

  test(`${name} opens, and carries in order and both ways`, async () => {
    const { clock, realm, log, transport, say, heard } = await open();
    assert.deepEqual(log, ['opened']);
    transport.send(CONNECT);
    await clock.advance(50);
    for (let n = 0; n < 100; n++) {
      transport.send(encodeFrame('UNSUBSCRIBE', [['id', `${n}`]]));
      if (n % 7 === 0) await clock.advance(n);
      say(`100% ${n} ö😀`);
    }
    await clock.advance(1000);
    const all = Array.from({ length: 100 }, (_, n) => n);
    assert.deepEqual(realm.log, ['CONNECT', ...all.map((n) => `UNSUBSCRIBE ${n}`)]);
    const told = heard().filter((line) => line.startsWith('100%'));
    assert.deepEqual(
      told,
      all.map((n) => `100% ${n} ö😀`),
    );
  });

  test(`${name} carries what is larger than a request may be`, async () => {
    const { clock, realm, transport } = await open();
    const body = `x${'😀'.repeat(100_000)}`;
    transport.send(encodeFrame('SEND', [['destination', '/fx']], body));
    transport.send(
      encodeFrame('SEND', [['destination', '/fx']], new TextEncoder().encode('bytes')),
    );
    await clock.advance(1000);
    const [first, second] = realm.life('/fx').events;
    assert.equal(new TextDecoder().decode(first.body), body);
    assert.equal(new TextDecoder().decode(second.body), 'bytes');
  });

  test(`${name}: refused, it closes once`, async () => {
    const { clock, log } = await open('refuse');
    await clock.advance(60_000);
    assert.deepEqual(log, ['closed']);
  });

  test(`${name}: cut, it closes once, and nothing comes after it`, async () => {
    const { clock, network, log, transport, say } = await open();
    say('on its way');
    network.cut();
    await clock.advance(1000);
    transport.close();
    await clock.advance(60_000);
    assert.deepEqual(log, ['opened', 'closed']);
    assert.deepEqual([network.lines.size, clock.alarms, network.realm.peers.size], [0, 0, 0]);
  });

  test(`${name}: closed by this side, nothing comes any more, and the realm learns of it`, async () => {
    const { clock, network, log, transport, say } = await open();
    say('on its way');
    transport.send(CONNECT);
    transport.close();
    await clock.advance(60_000);
    assert.deepEqual(log, ['opened', 'closed']);
    assert.deepEqual([network.lines.size, clock.alarms, network.realm.peers.size], [0, 0, 0]);
  });

  test(`${name}: a swallowed path neither opens nor closes, and can be given up`, async () => {
    const { clock, network, log, transport } = await open('swallow');
    await clock.advance(60_000);
    assert.deepEqual(log, []);
    transport.close();
    await clock.advance(1000);
    assert.deepEqual([log, network.lines.size, clock.alarms], [['closed'], 0, 0]);
  });
}
