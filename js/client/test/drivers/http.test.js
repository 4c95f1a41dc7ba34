// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choosePost, fetchPost, xhrPost } from '../../src/drivers/http.js';
import { settle } from '../lib/clock.js';

/** @param {any[]} log @returns {import('../../src/drivers/http.js').Answer} */
const answerTo = (log) => ({
  text: (piece) => log.push(piece),
  end: (status) => log.push(status),
  failed: (detail) => log.push(`failed: ${detail}`),
});

/** @param {any[]} pieces */
function streamOf(pieces) {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

/** A fetch that answers thus, and what it was asked. @param {() => any} answer */
function fetchThat(answer) {
  /** @type {any} */
  const asked = {};
  const fetch = async (/** @type {string} */ url, /** @type {any} */ init) => {
    Object.assign(asked, { url, ...init });
    return answer();
  };
  return { asked, fetch: /** @type {any} */ (fetch) };
}

test('fetch asks so that a browser need not ask first, and reads UTF-8 over any cut', async () => {
  const bytes = new TextEncoder().encode('aö😀');
  const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
  const { asked, fetch } = fetchThat(() => ({ status: 200, body: streamOf(pieces) }));
  /** @type {any[]} */
  const log = [];
  fetchPost(fetch, false)('http://realm/x', 'body', answerTo(log));
  for (let n = 0; n < 10; n++) await settle();
  assert.equal(log.slice(0, -1).join(''), 'aö😀');
  assert.equal(log.at(-1), 200);
  const { method, body, credentials, redirect, cache, headers } = asked;
  assert.deepEqual(
    { method, body, credentials, redirect, cache, headers },
    {
      method: 'POST',
      body: 'body',
      credentials: 'same-origin',
      redirect: 'error',
      cache: 'no-store',
      headers: { 'content-type': 'text/plain;charset=UTF-8' },
    },
  );
});

test('fetch: text of another status is not for the reader, and what fails says why', async () => {
  const error = fetchThat(() => ({ status: 502, body: streamOf([Uint8Array.of(65)]) }));
  /** @type {any[]} */
  const log = [];
  fetchPost(error.fetch, true)('http://realm/x', '', answerTo(log));
  const empty = fetchThat(() => ({ status: 204, body: null }));
  fetchPost(empty.fetch, true)('http://realm/x', '', answerTo(log));
  const failing = fetchThat(() => {
    throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
  });
  fetchPost(failing.fetch, true)('http://realm/x', '', answerTo(log));
  for (let n = 0; n < 10; n++) await settle();
  assert.deepEqual(new Set(log), new Set([502, 204, 'failed: connect ECONNREFUSED']));
  assert.equal(error.asked.credentials, 'include');
});

test('fetch: given up, nothing comes any more', async () => {
  const { asked, fetch } = fetchThat(() => ({ status: 200, body: streamOf([Uint8Array.of(65)]) }));
  /** @type {any[]} */
  const log = [];
  const giveUp = fetchPost(fetch, false)('http://realm/x', '', answerTo(log));
  giveUp();
  for (let n = 0; n < 10; n++) await settle();
  assert.deepEqual(log, []);
  assert.equal(asked.signal.aborted, true);
});

test('XHR reads what is new each time, with credentials where they are wanted', () => {
  /** @type {any} */
  let request;
  class Xhr {
    status = 200;
    responseText = '';
    /** @type {string[]} */
    headers = [];
    constructor() {
      request = this;
    }
    open() {}
    /** @param {string} name @param {string} value */
    setRequestHeader(name, value) {
      this.headers.push(`${name}: ${value}`);
    }
    send() {}
    abort() {}
  }
  /** @type {any[]} */
  const log = [];
  const giveUp = xhrPost(/** @type {any} */ (Xhr), true)('http://realm/x', '', answerTo(log));
  request.responseText = 'ab';
  request.onprogress();
  request.onprogress();
  request.responseText = 'abc';
  request.onload();
  assert.deepEqual(log, ['ab', 'c', 200]);
  assert.equal(request.withCredentials, true);
  assert.deepEqual(request.headers, ['content-type: text/plain;charset=UTF-8']);
  request.onerror();
  assert.equal(log.at(-1), 'failed: the request failed');
  giveUp();
  assert.deepEqual([request.onprogress, request.onload, request.onerror], [null, null, null]);
});

test('fetch is preferred where answers can be read as streams, else XHR', (t) => {
  const means = /** @type {any} */ ({ fetch: () => {}, XMLHttpRequest: class {} });
  const post = choosePost(means);
  assert.equal(choosePost({}), undefined);
  const own = () => () => {};
  assert.equal(choosePost({ ...means, post: own }), own);
  const { Response } = globalThis;
  t.after(() => Object.assign(globalThis, { Response }));
  Object.assign(globalThis, { Response: class {} });
  assert.notEqual(String(choosePost(means)), String(post));
  assert.equal(choosePost({ fetch: means.fetch }), undefined);
});
