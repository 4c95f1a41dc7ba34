// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A proxy with an admin listener, whose metrics tests read, and whose file they may change. */

import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { connector } from './netns.mjs';
import { until } from './wait.mjs';
import { scratch, startProxyFrom } from './wayleave.mjs';

/** @returns {Promise<string>} */
function fetchText(port, path, host) {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port };
    const how = host
      ? { createConnection: connector(host, where) }
      : { agent: /** @type {const} */ (false) };
    const request = get({ ...where, path, ...how }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => (body += text));
      response.on('end', () => resolve(body));
    });
    request.on('error', reject);
  });
}

/**
 * @param {import('./wayleave.mjs').Test} t
 * @param {string} text the configuration, but for AdminListen
 * @param {{ dir?: string, binary?: string, as?: string[], in?: import('./netns.mjs').Host }} [options]
 */
export async function startWatched(t, text, { dir = scratch(t), ...options } = {}) {
  const whole = (configuration) => `AdminListen 127.0.0.1:0\n${configuration}\n`;
  const proxy = await startProxyFrom(t, whole(text), { dir, ...options });
  const line = await proxy.program.line(/admin listener on/);
  const admin = Number(/:(\d+)\D*$/.exec(line)[1]);

  /** @param {string} name with its labels */
  async function metric(name) {
    const rows = (await fetchText(admin, '/metrics', options.in)).split('\n');
    const row = rows.find((each) => each.startsWith(`${name} `));
    if (row === undefined) throw new Error(`no metric ${name}`);
    return Number(row.slice(name.length));
  }

  return Object.assign(proxy, {
    dir,
    metric,
    /** Of the admin listener. @param {string} path */
    fetch: (path) => fetchText(admin, path, options.in),
    /** Waits for a metric to be so. @param {string} name @param {number} value */
    async reaches(name, value) {
      let seen;
      await until(
        `${name} is ${value}`,
        async () => {
          seen = await metric(name);
          return seen === value;
        },
        { seen: () => seen },
      );
    },
    /** @param {string} [next] another configuration @param {RegExp} [outcome] */
    async reload(next = text, outcome = /reloaded .*, now on /) {
      const from = proxy.program.stderr.length;
      writeFileSync(join(dir, 'proxy.conf'), whole(next));
      process.kill(proxy.pid, 'SIGHUP');
      return proxy.program.line(outcome, { from });
    },
  });
}
