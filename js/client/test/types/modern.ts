// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Compiled against the published types by package.test.js, never run. */

import {
  type Channel,
  type ChannelEvent,
  type Queue,
  type Session,
  ConnectError,
  RefusedError,
  StaleError,
  WayleaveError,
  connect,
  typed,
} from 'wayleave';

const session: Session = await connect(['wss://realm:9443', 'ws://realm:9000'], {
  login: 'me',
  passcode: 'secret',
  connectTimeoutMs: 5000,
  limits: { events: 10 },
  drivers: ['websocket', 'polling'],
  signal: AbortSignal.timeout(10_000),
});

const channel: Channel = session.channel('/fx');
const eid: number | undefined = await channel.publish({
  data: new Uint8Array(),
  dict: { price: typed('float', 1.2261), ids: typed('long[]', [1, 2n]), nested: [{ a: 1 }] },
  tag: 'fx',
  ttl: 1000,
  merge: true,
});
await channel.publish('text');

for await (const event of channel.subscribe({ from: eid, filter: 'price > 1', limit: 10 })) {
  const one: ChannelEvent = event;
  const text: string = one.data;
  const bytes: Uint8Array = one.bytes;
  const price: unknown = one.dict.price;
  const type: string | undefined = one.dictionary.get('price')?.type;
  console.log(text, bytes, price, type, one.eid, one.redelivered, one.timestamp, one.isDelta);
}

const durable = channel.subscribe({ durable: 'desk', acknowledges: true, overflow: 'fail' });
const first = await durable.next();
if (!first.done) durable.acknowledge(first.value);
await durable.close();

const queue: Queue = session.queue('/jobs');
const reader = queue.read({ transactional: true, window: 1 });
for await (const job of reader) {
  await reader.commit(job);
  await reader.rollbackAll();
  await session.transaction().consume(job).publish('/done', 'x').commit();
}

for await (const { data } of queue.browse({ filter: 'n > 1', limit: 5 })) console.log(data);
const limit: number | undefined = session.path().idleLimit?.beatMs;
console.log(limit);

try {
  await session.ping();
} catch (error) {
  if (error instanceof ConnectError) console.log(error.path?.sentence);
  if (error instanceof RefusedError) console.log(error.word, error.resourceName);
  if (error instanceof StaleError) console.log(error.inDoubt);
  if (error instanceof WayleaveError) console.log(error.code);
}

const data = session.dataStream({
  name: 'desk',
  limit: 10,
  onOpen: (id: string) => console.log(id),
});
for await (const event of data) console.log(event.channel, event.tag, data.id);

// @ts-expect-error: there is no such policy
channel.subscribe({ overflow: 'explode' });
// @ts-expect-error: there is no such type
typed('decimal', 1);
// @ts-expect-error: a window is a number
queue.read({ window: '5' });
// @ts-expect-error: an event is no number
channel.publish(7);
export function change(event: ChannelEvent) {
  // @ts-expect-error: nobody can change what came
  event.eid = 1;
}
