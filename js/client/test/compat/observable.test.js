// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Observe } from '../../src/compat/constants.js';
import { NirvanaException, Observable, toException } from '../../src/compat/observable.js';
import { ClosedError, ConnectError, LimitError, RefusedError } from '../../src/errors.js';
import { settle } from '../lib/clock.js';

class Resource extends Observable {
  getName() {
    return '/fx';
  }
}

test('listeners are called in order with the resource as this, and removed by identity', () => {
  const resource = new Resource();
  /** @type {unknown[]} */
  const log = [];
  const first = () => log.push('first');
  resource.on(Observe.DATA, first);
  resource.on(Observe.DATA, function (/** @type {any} */ given) {
    // @ts-expect-error: `this` is what a listener of the guides gets
    log.push(given, this === resource);
  });
  resource.notify(Observe.DATA, 1);
  resource.removeListener(Observe.DATA, first);
  resource.removeListener('nothing', first);
  resource.notify(Observe.DATA, 2);
  assert.deepEqual(log, ['first', 1, true, 2, true]);
});

test('a listener that throws harms nobody, and what is no listener is ignored', (t) => {
  const { mock } = t.mock.method(console, 'error', () => {});
  const resource = new Resource();
  let calls = 0;
  resource.on(undefined, undefined);
  resource.on(Observe.DATA, 'name of a function');
  resource.on(Observe.DATA, () => {
    throw new Error('mine');
  });
  resource.on(Observe.DATA, () => calls++);
  resource.notify(Observe.DATA);
  assert.deepEqual([calls, mock.callCount()], [1, 1]);
});

test('an error goes to the resource, else to its owner, else to the console', (t) => {
  const { mock } = t.mock.method(console, 'error', () => {});
  const owner = new Observable();
  const resource = new Resource(owner);
  /** @type {any[]} */
  const log = [];
  resource.fail(new LimitError('full'));
  assert.match(mock.calls[0].arguments[0], /LimitException: full/);
  owner.on(Observe.ERROR, (/** @type {any} */ ...given) => log.push(['owner', ...given]));
  resource.fail(new LimitError('full'));
  resource.on(Observe.ERROR, (/** @type {any} */ ...given) => log.push(['own', ...given]));
  resource.fail(new RefusedError('MissingResourceException', 'gone'));
  assert.deepEqual(
    log.map(([who, what, exception]) => [who, what === resource, exception.name]),
    [
      ['owner', true, 'LimitException'],
      ['own', true, 'MissingResourceException'],
    ],
  );
  assert.equal(log[1][2].resourceName, '/fx');
});

test('a one-argument listener of the guides reads message, which nobody enumerates', () => {
  const resource = new Resource();
  let said = '';
  resource.on(Observe.ERROR, (/** @type {any} */ error) => (said = error.message));
  resource.fail(new LimitError('full'));
  assert.equal(said, 'full');
  assert.ok(!Object.keys(resource).includes('message'));
});

test('every error has a name that programs can know', () => {
  const names = [new ConnectError('x'), new ClosedError(), new TypeError('x'), 'text', null].map(
    (error) => toException(error).name,
  );
  const lost = 'SessionNotConnectedException';
  assert.deepEqual(names, [lost, lost, 'Exception', 'Exception', 'Exception']);
  const own = new NirvanaException('Own', 'x');
  assert.equal(toException(own), own);
});
