// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Every method of the compatible face with whatever a program may hand it: nothing throws. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nirvana, NirvanaChannel } from '../../src/compat/nirvana.js';
import { diceOf, settle } from '../lib/clock.js';
import { world } from '../lib/compat.js';

/** @returns {any[]} */
const sloppy = () => [
  ...[undefined, null, true, 0, -1, NaN, Infinity, 1.5, 7n, '', 'text', '\ud800', Symbol('s')],
  ...[{}, [], Object.create(null), () => {}, new Date(NaN), Uint8Array.of(255), new Map()],
  ...[{ filter: Symbol('f') }, { toString: 1 }, Nirvana.createEvent(), Nirvana.createDictionary()],
];

/** Those that are asked for by their owner, not by a program. */
const INNER = [
  'constructor',
  'attach',
  'detach',
  'deliver',
  'listen',
  'notify',
  'fail',
  'failLater',
  ...['toInit', 'toMembers', 'toTyped'],
];

/** @param {any} object */
function methodsOf(object) {
  const names = new Set();
  for (let at = object; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const isClass = /^n[A-Z]/.test(name);
      const isMethod = typeof object[name] === 'function' && !isClass;
      if (isMethod && !INNER.includes(name)) names.add(name);
    }
  }
  return [...names];
}

/** @type {Record<string, (session: any) => any>} */
const OBJECTS = {
  session: (session) => session,
  channel: (session) => session.getChannel('/fx'),
  queue: (session) => session.getQueue('/jobs', true),
  'plain queue': (session) => session.getQueue('/jobs'),
  transaction: (session) => session.getChannel('/fx').createTransaction(),
  event: () => Nirvana.createEvent(),
  dictionary: () => Nirvana.createDictionary(),
  attributes: () => Nirvana.createEvent().getEventAttributes(),
  'older channel': () => new NirvanaChannel('/fx'),
  Nirvana: () => Nirvana,
};

for (const [name, make] of Object.entries(OBJECTS)) {
  test(`nothing that is handed to a method of a ${name} makes it throw`, async (t) => {
    for (const method of ['error', 'warn'])
      t.mock.method(console, /** @type {any} */ (method), () => {});
    const { clock, realm, session } = world();
    realm.queue('/jobs');
    session.start();
    await clock.advance(50);
    const object = make(session);
    let calls = 0;
    for (const method of methodsOf(object)) {
      for (const value of sloppy()) {
        for (const given of [
          [value],
          [value, value],
          ['key', value],
          [Nirvana.Observe.DATA, value],
        ]) {
          const returned = object[method](...given);
          if (typeof returned?.catch === 'function') returned.catch(() => {});
          calls++;
        }
      }
    }
    await clock.advance(1000);
    await settle();
    assert.ok(calls > 100);
  });
}

test('what was set sloppily is published, or is an ERROR', async (t) => {
  for (const method of ['error', 'warn'])
    t.mock.method(console, /** @type {any} */ (method), () => {});
  const { clock, session } = world();
  session.start();
  const channel = session.getChannel('/fx');
  let settled = 0;
  for (const name of [Nirvana.Observe.PUBLISH, Nirvana.Observe.ERROR]) {
    channel.on(name, () => settled++);
  }
  for (const value of sloppy()) {
    const event = Nirvana.createEvent();
    event.setData(value);
    event.setTag(value);
    event.setTTL(value);
    event.getDictionary().put('any', value);
    event.getDictionary().putLong('long', value);
    event.getEventAttributes().setPublisherName(value);
    event.getEventAttributes().setPriority(value);
    channel.publish(event);
  }
  await clock.advance(1000);
  assert.equal(settled, sloppy().length);
});

test('a session with sloppy options starts, or says why not', async (t) => {
  for (const method of ['error', 'warn'])
    t.mock.method(console, /** @type {any} */ (method), () => {});
  for (const value of sloppy()) {
    for (const key of [
      'realms',
      'drivers',
      'username',
      'sessionTimeoutMs',
      'debugLevel',
      'limits',
    ]) {
      const { clock, session, log } = world({ [key]: value });
      session.start();
      await clock.advance(3000);
      assert.equal(log.length, 1, `${key}: ${typeof value}`);
      assert.match(log[0], /^(START|ERROR session \w+)$/);
      session.stop();
      await clock.advance(5000);
    }
    Nirvana.createSession(value);
  }
});

for (let seed = 1; seed <= 40; seed++) {
  test(`a program that calls anything with anything does not see a throw, with the dice of ${seed}`, async (t) => {
    for (const method of ['error', 'warn', 'debug'])
      t.mock.method(console, /** @type {any} */ (method), () => {});
    const dice = diceOf(seed * 7919);
    const below = (/** @type {number} */ n) => Math.floor(dice() * n);
    const { clock, network, realm, session } = world();
    realm.queue('/jobs');
    const objects = Object.values(OBJECTS).map((make) => make(session));
    const names = ['/fx', 'fx', '/jobs', '/missing', ...Object.values(Nirvana.Observe)];
    const kinds = new Set(objects.map(({ constructor }) => constructor));
    const values = [...sloppy(), ...names, ...objects, () => 'a listener', 1, 5, 'a = 1'];
    for (let turn = 0; turn < 1500; turn++) {
      const object = objects[below(objects.length)];
      const methods = methodsOf(object);
      const method = methods[below(methods.length)];
      const given = Array.from({ length: below(4) }, () => values[below(values.length)]);
      const returned = object[method](...given);
      if (typeof returned?.catch === 'function') returned.catch(() => {});
      const isNew = kinds.has(returned?.constructor) && !objects.includes(returned);
      if (isNew && objects.length < 40) objects.push(returned);
      if (below(20) === 0) await clock.advance(below(3000));
      if (below(100) === 0) network.cut();
    }
    // And what was wanted of it goes on.
    session.stop();
    await clock.advance(10_000);
    const other = world();
    other.session.start();
    await other.clock.advance(1000);
    assert.deepEqual(other.log, ['START']);
    await settle();
  });
}
