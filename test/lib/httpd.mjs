// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Debian's Apache httpd, from a configuration file that is not touched. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program } from '../../tool/lib/program.mjs';
import { connect } from './tcp.mjs';
import { until } from './wait.mjs';
import { scratch } from './wayleave.mjs';

const LOG = '%h %l %u %t \\"%r\\" %>s in=%I out=%O';

/**
 * @param {import('./wayleave.mjs').Test} t
 * @param {string} configuration
 * @param {number} port that it listens on
 */
export async function startHttpd(t, configuration, port) {
  const dir = scratch(t);
  const file = join(dir, 'httpd.conf');
  writeFileSync(file, configuration);
  // What a service gets from its surroundings; none of it has to do with proxying.
  const before = [`DefaultRuntimeDir "${dir}"`, 'Mutex pthread default'];
  const after = [
    `PidFile "${dir}/httpd.pid"`,
    `ErrorLog "${dir}/error.log"`,
    'ServerName localhost',
    `LogFormat "${LOG}" wayleave`,
    `CustomLog "${dir}/access.log" wayleave`,
  ];
  if (process.getuid?.() === 0) after.push('User www-data', 'Group www-data');
  const program = new Program('/usr/sbin/apache2', [
    '-DFOREGROUND',
    ...before.flatMap((line) => ['-C', line]),
    ...after.flatMap((line) => ['-c', line]),
    ...['-f', file],
  ]);
  t.after(() => program.stop());
  const read = (name) => {
    try {
      return readFileSync(join(dir, name), 'utf8');
    } catch {
      return '';
    }
  };
  await until(
    'httpd listens',
    async () => {
      if (program.ended) throw new Error(`httpd ended:\n${program.stderr}${read('error.log')}`);
      const peer = await connect(port).catch(() => null);
      peer?.destroy();
      return peer !== null;
    },
    { seen: () => program.stderr + read('error.log') },
  );
  return {
    port,
    program,
    /** @param {RegExp} pattern @returns {Promise<string>} */
    accessLine: (pattern) =>
      until(
        `httpd logs ${pattern}`,
        () =>
          read('access.log')
            .split('\n')
            .find((line) => pattern.test(line)),
        { seen: () => read('access.log') },
      ),
  };
}
