// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompatEvent } from '../../src/compat/event.js';
import { Dictionary } from '../../src/compat/dictionary.js';
import { ChannelEvent } from '../../src/event.js';

test('an event that came has its number as a pair, its channel, data, tag and dictionary', () => {
  const eid = 5 * 2 ** 32 + 7;
  const data = new TextEncoder().encode('bytes from elsewhere');
  const came = new ChannelEvent({ channel: '/fx', eid, data, tag: 't', dict: { a: 1 } });
  const event = CompatEvent.from(came, 'fx');
  assert.deepEqual(event.eventID, [5, 7]);
  assert.equal(event.getEID(), eid);
  assert.equal(event.resourceName, 'fx');
  assert.equal(event.getData(), 'bytes from elsewhere');
  assert.equal(event.getDataAsText(), event.getData());
  assert.equal(event.getTag(), 't');
  assert.equal(event.getDictionary().get('a'), 1);
});

test('data is text, whatever it was set to', () => {
  const event = new CompatEvent();
  const texts = ['x', 7, null, undefined, Uint8Array.of(65), { toString: () => 'y' }].map(
    (data) => {
      event.setData(data);
      return event.getData();
    },
  );
  assert.deepEqual(texts, ['x', '7', '', '', 'A', 'y']);
});

test('the dictionary is made on first use, is live, and can be replaced', () => {
  const event = new CompatEvent();
  assert.equal(event.toInit().dict, undefined);
  event.getDictionary().put('a', 1);
  assert.deepEqual(new ChannelEvent({ channel: '/fx', ...event.toInit() }).dict, { a: 1 });
  event.putDictionary({ b: 2 });
  assert.equal(event.getDictionary().get('b'), 2);
  const own = Dictionary.from({});
  event.setDictionary(own);
  assert.equal(event.getDictionary(), own);
  event.putDictionary(null);
  assert.equal(event.getDictionary().isEmpty(), true);
});

test('attributes are set by the publisher and read by the subscriber', () => {
  const event = new CompatEvent();
  const attributes = event.getEventAttributes();
  attributes.setPublisherName('me');
  attributes.setAllowMerge(true);
  const init = event.toInit();
  assert.deepEqual(init.attributes, { publisherName: 'me', allowMerge: true });
  assert.equal(init.merge, true);
  const came = CompatEvent.from(new ChannelEvent({ channel: '/fx', ...init }), 'fx');
  assert.equal(came.getEventAttributes().getPublisherName(), 'me');
});

test('every attribute has a getter and a setter, and travels if it can', () => {
  const event = new CompatEvent();
  const attributes = event.getEventAttributes();
  for (const name of ['ApplicationId', 'CorrelationId', 'MessageType', 'ReplyToName']) {
    /** @type {any} */ (attributes)[`set${name}`](name);
    assert.equal(/** @type {any} */ (attributes)[`get${name}`](), name);
  }
  attributes.setPriority(NaN);
  attributes.setExpiration({});
  event.setTTL('500');
  assert.equal(event.getTTL(), '500');
  const { ttl, attributes: sent } = event.toInit();
  assert.equal(ttl, 500);
  assert.deepEqual(Object.keys(sent ?? {}), [
    ...['applicationId', 'correlationId', 'messageType', 'replyToName', 'timeToLive'],
  ]);
  attributes.setTimeToLive('for ever');
  assert.equal(event.toInit().ttl, undefined);
});

test('what the realm says of an event is among its attributes', () => {
  const headers = { 'join-channel': '/orders', 'join-eid': '2', 'dead-event-reason': 'expired' };
  const init = { channel: '/fx', headers, redeliveryCount: 3 };
  const came = CompatEvent.from(new ChannelEvent(init), 'fx').getEventAttributes();
  assert.deepEqual(
    [came.getJoinChannel(), came.getJoinEid(), came.getDeadEventReason()],
    ['/orders', 2, 'expired'],
  );
  assert.deepEqual([came.isRedelivered(), came.getRedeliveryCount()], [true, 3]);
  assert.equal(came.getDeadEventEid(), undefined);
});

test('a delta says so; that it was one is not sent on', () => {
  const whole = CompatEvent.from(new ChannelEvent({ channel: '/fx' }), 'fx');
  assert.equal(whole.getEventAttributes().isDelta(), false);
  const delta = CompatEvent.from(new ChannelEvent({ channel: '/fx', isDelta: true }), 'fx');
  assert.equal(delta.getEventAttributes().isDelta(), true);
  assert.deepEqual([whole.isDelta(), delta.isDelta()], [false, true]);
  assert.deepEqual(delta.toInit().attributes, {});
  assert.equal(delta.toInit().merge, false);
});

test('what only the realm can know is believed of the realm alone', () => {
  const attributes = { redelivered: true, redeliveryCount: 7, joinChannel: '/a', delta: true };
  const event = CompatEvent.from(new ChannelEvent({ channel: '/fx', attributes }), 'fx');
  const came = event.getEventAttributes();
  assert.deepEqual(
    [came.isRedelivered(), came.getRedeliveryCount(), came.getJoinChannel(), came.isDelta()],
    [false, undefined, undefined, false],
  );
  came.setRedelivered(true);
  came.setApplicationId('desk');
  assert.deepEqual(event.toInit().attributes, { applicationId: 'desk' });
});
