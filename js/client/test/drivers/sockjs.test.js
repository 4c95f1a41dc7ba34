// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** SockJS, frame by frame: the far end is this test. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SockJsTransport, postReceiver } from '../../src/drivers/sockjs.js';

/** @typedef {{ url: string, body: string, answer: import('../../src/drivers/http.js').Answer, isGivenUp: boolean }} Asked */

function open(path = '/xhr') {
  /** @type {Asked[]} */
  const asked = [];
  /** @type {Array<string | Uint8Array>} */
  const log = [];
  /** @type {import('../../src/drivers/http.js').Post} */
  const post = (url, body, answer) => {
    const one = { url, body, answer, isGivenUp: false };
    asked.push(one);
    return () => (one.isGivenUp = true);
  };
  const means = { post, random: () => 0.5 };
  const transport = new SockJsTransport('http://realm/sockjs', postReceiver(post, path), means, {
    opened: () => log.push('opened'),
    message: (data) => log.push(data),
    closed: (detail) => log.push(`closed: ${detail}`),
  });
  /** An answer to the poll that waits. @param {string} text */
  const say = (text, status = 200) => {
    const one = asked.filter(({ url }) => url.endsWith(path)).at(-1) ?? assert.fail();
    one.answer.text(text);
    if (!one.isGivenUp) one.answer.end(status);
  };
  const sends = () => asked.filter(({ url }) => url.endsWith('/xhr_send'));
  return { asked, log, transport, say, sends };
}

test('a session has a name of its own below the address, and keeps it', () => {
  const { asked, transport, say } = open();
  say('o\n');
  transport.send('x');
  const session = 'http://realm/sockjs/500/80000000800000008000000080000000';
  assert.deepEqual(
    asked.map(({ url }) => url),
    [`${session}/xhr`, `${session}/xhr`, `${session}/xhr_send`],
  );
});

test('one request is in flight, and what waits goes in the next', () => {
  const { log, transport, say, sends } = open();
  transport.send('before it is open');
  say('o\n');
  for (const text of ['a', '\n', '\n', '\n', 'b']) transport.send(text);
  assert.deepEqual(
    sends().map(({ body }) => body),
    ['["before it is open"]'],
  );
  sends()[0].answer.end(204);
  assert.equal(sends()[1].body, '["a","\\n","b"]');
  sends()[1].answer.end(204);
  assert.equal(sends().length, 2);
  assert.deepEqual(log, ['opened']);
});

test('a request holds 64 Ki characters, a message 32 Ki, and no pair is cut', () => {
  const { transport, say, sends } = open();
  say('o\n');
  transport.send('first');
  const whole = `x${'😀'.repeat(40_000)}`;
  transport.send(whole);
  sends()[0].answer.end(204);
  sends()[1].answer.end(204);
  /** @type {string[][]} */
  const bodies = sends()
    .slice(1)
    .map(({ body }) => JSON.parse(body));
  assert.deepEqual(
    bodies.map((body) => body.map(({ length }) => length)),
    [[32_767, 32_768], [14_466]],
  );
  assert.equal(bodies.flat().join(''), whole);
  assert.ok(bodies.flat().every((part) => !/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(part)));
});

/** @type {Array<[string, string[], RegExp]>} */
const ENDINGS = [
  ['the realm says go away', ['o\n', 'c[3000,"Go away!"]\n'], /Go away! \(code 3000\)/],
  ['a frame of another kind', ['x\n'], /not SockJS/],
  ['a message before it is open', ['a["x"]\n'], /not SockJS/],
  ['broken JSON', ['o\n', 'a["x"\n'], /not SockJS/],
  ['what is no string', ['o\n', 'a["x",1]\n'], /not SockJS/],
  ['a page of HTML', ['<!doctype html>\n'], /not SockJS/],
  ['an answer with nothing in it', [''], /answered with nothing/],
];
for (const [name, answers, expected] of ENDINGS) {
  test(`${name} is the end`, () => {
    const { asked, log, say } = open();
    for (const answer of answers) say(answer);
    assert.match(String(log.at(-1)), expected);
    assert.equal(log.filter((line) => String(line).startsWith('closed')).length, 1);
    assert.equal(asked.length, answers.length);
  });
}

test('a status is the end, on the way down and up', () => {
  const down = open();
  down.say('', 404);
  assert.deepEqual(down.log, ['closed: /xhr was answered with status 404']);
  const up = open();
  up.say('o\n');
  up.transport.send('x');
  up.sends()[0].answer.end(413);
  assert.deepEqual(up.log, ['opened', 'closed: sending was answered with status 413']);
  assert.equal(up.asked[1].isGivenUp, true);
  const failed = open();
  failed.say('o\n');
  failed.transport.send('x');
  failed.sends()[0].answer.failed('no route');
  assert.deepEqual(failed.log, ['opened', 'closed: sending failed: no route']);
});

test('frames are read at every cut', () => {
  const all = `${'h'.repeat(2048)}\no\nh\na["x","y\\n"]\na["ö"]\n`;
  for (let at = 0; at <= all.length; at++) {
    const { asked, log } = open('/xhr_streaming');
    const { answer } = asked[0];
    answer.text(all.slice(0, at));
    answer.text(all.slice(at));
    assert.deepEqual(log, ['opened', 'x', 'y\n', 'ö']);
  }
});

test('a stream that has ended is asked for again; one with a prelude only is the end', () => {
  const { asked, log, say } = open('/xhr_streaming');
  const prelude = `${'h'.repeat(2048)}\n`;
  say(`${prelude}o\n`);
  assert.equal(asked.length, 2);
  say(prelude);
  assert.deepEqual(log, ['opened', 'closed: /xhr_streaming was answered with nothing']);
});

test('bytes that are text travel as text, others are refused', () => {
  const { transport, say, sends } = open();
  say('o\n');
  transport.send(new TextEncoder().encode('ö'));
  assert.equal(sends()[0].body, '["ö"]');
  assert.throws(() => transport.send(Uint8Array.of(0xff)), { code: 'argument' });
});

test('a handler that closes it hears nothing more of the same frame', () => {
  const heard = open().log;
  /** @type {any} */
  let down;
  const receive = (/** @type {string} */ _url, /** @type {any} */ given) => {
    down = given;
    return () => {};
  };
  const means = { post: () => () => {}, random: () => 0 };
  const transport = new SockJsTransport('http://realm/sockjs', receive, means, {
    opened: () => {},
    message: (data) => {
      heard.push(data);
      transport.close();
    },
    closed: () => {},
  });
  down.frame('o');
  down.frame('a["x","y"]');
  assert.deepEqual(heard, ['x']);
});
