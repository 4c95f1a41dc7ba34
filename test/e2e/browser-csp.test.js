// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A page under a strict Content-Security-Policy loads the realm's classic script from its <head>,
 * before there is a body: nothing of the client is inline, evaluated, or fetched from elsewhere.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { startBrowser } from '../lib/page.mjs';
import { serveHttp } from '../lib/served.mjs';
import { until } from '../lib/wait.mjs';
import { startRealm } from '../lib/wayleave.mjs';

const NAMES = `<Channel "/demo/*">
</Channel>
<Queue "/jobs/*">
</Queue>
`;

/** The page's own script: it runs in the head, too, and writes down what happens. */
function program(realmPort) {
  return `
    window.seen = [];
    document.addEventListener('securitypolicyviolation', function (event) {
      seen.push('violation of ' + event.violatedDirective + ' by ' + event.blockedURI);
    });
    seen.push(document.body === null ? 'no body yet' : 'a body');
    var session = Nirvana.createSession({ realms: ['http://localhost:${realmPort}'] });
    session.on(Nirvana.Observe.ERROR, function (resource, error) { seen.push(error.name); });
    session.start();
    var queue = session.getQueue('/jobs/csp', true);
    queue.on(Nirvana.Observe.DATA, function (event) {
      seen.push('job ' + event.getData());
      queue.commit(event);
    });
    queue.on(Nirvana.Observe.COMMIT, function () { seen.push('committed'); });
    queue.subscribe();
    NirvanaSession.start({ webSocket: true, webSocketPort: ${realmPort}, secure: false });
    var channel = new NirvanaChannel('/demo/csp');
    channel.onData = function (event) {
      seen.push('price ' + event.getDictionary().get('price'));
      var job = Nirvana.createEvent();
      job.setData('one');
      queue.publish(job);
    };
    channel.subscribe();
    var event = new Nirvana.nConsumeEvent();
    event.getDictionary().putFloat('price', 1.2261);
    channel.publish(event);
  `;
}

async function startStrictSite(t, realmPort) {
  const realm = `localhost:${realmPort}`;
  const policy = [
    "default-src 'none'",
    `script-src 'self' http://${realm}`,
    `connect-src ws://${realm} http://${realm}`,
    "require-trusted-types-for 'script'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  const { port } = await serveHttp(t, (request, response) => {
    const isProgram = request.url === '/program.js';
    response.setHeader('content-security-policy', policy);
    response.setHeader('content-type', isProgram ? 'text/javascript' : 'text/html');
    const scripts = [`http://${realm}/lib/js/nirvana.js`, '/program.js'];
    const head = scripts.map((url) => `<script src="${url}"></script>`).join('');
    response.end(
      isProgram
        ? program(realmPort)
        : `<!doctype html><html><head><title>Strict</title>${head}</head><body></body></html>`,
    );
  });
  return `http://localhost:${port}`;
}

test('the classic script works from the head of a page with a strict policy', async (t) => {
  let origin = '';
  const realm = await startRealm(t, { more: `${NAMES}AllowOrigin *` });
  origin = await startStrictSite(t, realm.port);
  const browser = await startBrowser(t);
  const page = await browser.newPage();
  /** @type {string[]} */
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(origin);
  const seen = () => page.evaluate(() => globalThis.seen);
  await until('the job is committed', async () => (await seen()).includes('committed'), { seen });
  assert.deepEqual(await seen(), ['no body yet', 'price 1.2261', 'job one', 'committed']);
  assert.deepEqual(faults, []);
  await page.close();
});
