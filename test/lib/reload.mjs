// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A realm whose configuration a test rewrites while it runs, and what admin listeners say. */

import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { freePort } from '../../tool/lib/ports.mjs';
import { DEMO_CHANNELS, scratch, startRealm } from './wayleave.mjs';

/**
 * `reload(more)` rewrites everything but the interfaces, unless it is told others.
 * @param {import('./wayleave.mjs').Test} t
 * @param {{ more?: string, isWatched?: boolean }} [options]
 */
export async function startReloadableRealm(t, { more = DEMO_CHANNELS, isWatched = false } = {}) {
  const dir = scratch(t);
  const who = process.getuid?.() === 0 ? 'User root\n' : '';
  const watched = isWatched ? 'AdminListen 127.0.0.1:0\n' : '';
  const realm = await startRealm(t, { dir, more: who + watched + more });
  const admin = isWatched ? portIn(await realm.program.line(/admin listener on/)) : 0;
  const interfaces = [
    `Interface http://127.0.0.1:${realm.port}`,
    `Interface https://127.0.0.1:${realm.tlsPort}`,
  ];
  const tls = `Anonymous On
SSLCertificateFile "${join(dir, 'localhost.crt')}"
SSLCertificateKeyFile "${join(dir, 'localhost.key')}"
`;
  return Object.assign(realm, {
    admin,
    interfaces,
    /** @param {string} next @param {{ outcome?: RegExp, lines?: string[] }} [options] */
    async reload(next, { outcome = /reloaded .*, now on /, lines = interfaces } = {}) {
      const from = realm.program.stderr.length;
      writeFileSync(join(dir, 'realm.conf'), `${lines.join('\n')}\n${tls}${who}${watched}${next}`);
      process.kill(realm.pid, 'SIGHUP');
      await realm.program.line(outcome, { from });
      return realm.program.stderr.slice(from);
    },
    /** One number of /metrics. @param {string} name */
    async metric(name) {
      const { body } = await get(admin, '/metrics');
      const line = body.split('\n').find((each) => each.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.slice(name.length));
    },
  });
}

export const portIn = (line) => Number(/:(\d+)\D*$/.exec(line)[1]);

export { freePort };

/** GET, or another method, from a listener. */
export function get(port, path, { headers = {}, method = 'GET', body = undefined } = {}) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false });
    asked.on('error', reject);
    asked.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: text }),
      );
    });
    asked.end(body);
  });
}
