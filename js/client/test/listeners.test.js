// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Listeners } from '../src/listeners.js';

test('all who listen are told, once each, until they leave', () => {
  /** @type {Listeners<'open' | 'close'>} */
  const listeners = new Listeners();
  /** @type {string[]} */
  const log = [];
  const hear = (/** @type {string} */ what) => log.push(what);
  listeners.add('open', hear);
  const leave = listeners.add('open', (what) => log.push(`and ${what}`));
  listeners.add('open', hear);
  listeners.tell('open', 'x');
  leave();
  listeners.tell('open', 'y');
  listeners.tell('close');
  assert.deepEqual(log, ['x', 'and x', 'y']);
});

test('one that throws, and one that adds another, disturb nobody', (t) => {
  t.mock.method(console, 'error', () => {});
  const listeners = new Listeners();
  /** @type {string[]} */
  const log = [];
  listeners.add('open', () => {
    listeners.add('open', () => log.push('new'));
    throw new Error('mine');
  });
  listeners.add('open', () => log.push('old'));
  listeners.tell('open');
  assert.deepEqual(log, ['old']);
});
