// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** curl, and nothing from the surroundings decides which proxy it uses. */

import { Program } from '../../tool/lib/program.mjs';

const ENV = { http_proxy: '', https_proxy: '', no_proxy: '', ALL_PROXY: '', all_proxy: '' };

/** @param {number} proxyPort @param {string[]} args */
export async function curlThrough(proxyPort, args) {
  const program = new Program(
    'curl',
    [
      ...['--silent', '--show-error', '--max-time', '120'],
      ...['--proxy', `http://127.0.0.1:${proxyPort}`, '--noproxy', ''],
      ...args,
    ],
    { env: ENV },
  );
  const { code } = await program.exit;
  return { code, out: program.stdout, said: program.stderr };
}
