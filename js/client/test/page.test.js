// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentPage, pageNetwork, pageStorage, watchPage } from '../src/page.js';
import { FakePage } from './lib/page.js';

test('each of what a page hears means one thing', () => {
  const page = new FakePage();
  /** @type {string[]} */
  const log = [];
  const stop = watchPage(page, { doubt: () => log.push('doubt'), wake: () => log.push('wake') });
  page.hear('offline');
  page.hear('online');
  page.hear('pageshow', { persisted: false });
  page.hear('pageshow', { persisted: true });
  page.document.hear('resume');
  page.document.visibilityState = 'hidden';
  page.document.hear('visibilitychange');
  page.document.visibilityState = 'visible';
  page.document.hear('visibilitychange');
  assert.deepEqual(log, ['doubt', 'wake', 'wake', 'wake', 'wake']);
  stop();
  assert.deepEqual([page.listening, page.document.listening], [0, 0]);
});

test('where there is no page there is nothing to watch, nor to keep anything in', () => {
  assert.equal(currentPage(), undefined);
  assert.equal(pageStorage(), undefined);
  assert.equal(pageNetwork(), '');
  watchPage(currentPage(), { doubt: assert.fail, wake: assert.fail })();
});

test('a page whose storage is forbidden is a page all the same', (t) => {
  t.after(() =>
    ['document', 'addEventListener', 'localStorage'].forEach(
      (name) => delete (/** @type {any} */ (globalThis)[name]),
    ),
  );
  Object.assign(globalThis, { document: {}, addEventListener: () => {} });
  Object.defineProperty(globalThis, 'localStorage', {
    configurable: true,
    get() {
      throw new Error('SecurityError');
    },
  });
  assert.equal(currentPage(), globalThis);
  assert.equal(pageStorage(), undefined);
});
