// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Wayleave's JavaScript client: sessions with a messaging realm, over WebSocket.
 *
 *     const session = await connect('ws://realm.example:9000');
 *     const channel = session.channel('/fx');
 *     const eid = await channel.publish({ dict: { symbol: 'EURUSD', price: 1.2261 } });
 *     for await (const event of channel.subscribe({ from: 'stored' })) console.log(event.dict);
 */

import { opened } from './opening.js';
import { Session } from './session.js';

export { Session } from './session.js';
export { Channel } from './channel.js';
export { Queue, QueueReader } from './queue.js';
export { QueueBrowser } from './queue-browser.js';
export { Transaction } from './transaction.js';
export { Typed, typed } from './typed.js';
export { ChannelEvent } from './event.js';
export { EventStream } from './stream.js';
export { DataStream } from './data-stream.js';
export { driversOf } from './drivers/drivers.js';
export { webSocketDriver } from './drivers/websocket.js';
export * from './errors.js';

/**
 * A session that has made a round trip to one of the realms.
 * @param {string | string[]} realms in order of preference, like `ws://host:9000`, `wss://host:9443`
 * @param {import('./options.js').SessionOptions & { signal?: AbortSignal }} [options] `signal`: gives
 *   up while it is still connecting
 * @returns {Promise<Session>} rejects with a ConnectError that says what was tried
 */
export async function connect(realms, { signal, ...options } = {}) {
  return opened(() => new Session(realms, options), signal);
}
