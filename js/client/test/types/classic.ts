// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A program of the documented API, as TypeScript: compiled by package.test.js, never run. */

import 'wayleave/nirvana';

const session = Nirvana.createSession({
  realms: ['http://realm:9000'],
  drivers: [Nirvana.Driver.WEBSOCKET, Nirvana.Driver.JSONP_LONGPOLL],
});
session.on(Nirvana.Observe.START, () => {
  const id: string = session.getSessionID();
  console.log(id, session.getStatus());
});
session.start();

const channel = session.getChannel('/fx');
channel.setFilter("name LIKE '%EUR%'");
channel.setStartEID(1);
channel.on(Nirvana.Observe.DATA, (event: InstanceType<typeof Nirvana.nConsumeEvent>) => {
  const text: string = event.getData();
  const number: number = event.eventID[1];
  const publisher: unknown = event.getEventAttributes().getPublisherName();
  console.log(text, number, publisher, event.getDictionary().getFloat('price'));
});
channel.subscribe();

const event = Nirvana.createEvent();
event.getDictionary().putFloat('price', 1.2261);
event.getDictionary().putIntegerArray('n', [1]);
event.getEventAttributes().setTimeToLive(1000);
event.getEventAttributes().setAllowMerge(true);
const isDelta: boolean = event.getEventAttributes().isDelta();
console.log(isDelta);
channel.publish(event);

const queue = session.getQueue('/jobs', true);
queue.setWindowSize(1);
queue.commitAll();

const transaction = channel.createTransaction();
transaction.setEvent(event);
transaction.publishAndCommit();
const done: boolean = transaction.isCommitted(true);
console.log(done);

NirvanaSession.start({ webSocket: true, webSocketPort: 9000 });
const older = new NirvanaChannel('/fx');
older.onData = (came) => console.log(came.getTag());
older.subscribe({ filter: 'a = 1' });
NirvanaSession.onData = (came) => console.log(came.getTag(), came.resourceName);
new Nirvana.nEventProperties().putString('a', 'b');

// @ts-expect-error: there is no such put
event.getDictionary().putDecimal('a', 1);
// @ts-expect-error: there is no such attribute
event.getEventAttributes().getColour();
