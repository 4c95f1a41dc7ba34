// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Lines of password files as the programs of other people make them. */

import { execFileSync } from 'node:child_process';

/** @param {string[]} args */
function htpasswd(args, user, password) {
  return execFileSync('htpasswd', ['-nb', ...args, user, password], { encoding: 'utf8' }).trim();
}

export const HASHES = {
  bcrypt: (user, password, cost = 5) => htpasswd(['-B', '-C', String(cost)], user, password),
  apr1: (user, password) => htpasswd(['-m'], user, password),
  SHA: (user, password) => htpasswd(['-s'], user, password),
  'SHA-crypt': (user, password) => {
    const args = ['passwd', '-6', '-stdin'];
    const hash = execFileSync('openssl', args, { input: `${password}\n`, encoding: 'utf8' });
    return `${user}:${hash.trim()}`;
  },
};

/** The field that logs in. */
export function loginField(user, password) {
  return `Proxy-Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
