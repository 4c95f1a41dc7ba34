// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Driver, Observe } from '../../src/compat/constants.js';

test('every value is a distinct primitive, so that programs can compare them', () => {
  for (const names of [Observe, Driver]) {
    const values = Object.values(names);
    assert.equal(new Set(values).size, values.length);
    assert.ok(values.every((value) => typeof value === 'string'));
  }
});

test('all documented drivers have a name', () => {
  assert.equal(Object.keys(Driver).length, 10);
});
