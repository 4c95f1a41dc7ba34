// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A transparent proxy on the router of a network (netns.mjs): clients call servers and get to the
 * proxy, by the rules and routes that `wayleave config --nft` prints for its configuration.
 */

import { join } from 'node:path';
import { startNetwork } from './netns.mjs';
import { startWatched } from './watched.mjs';
import { RELEASE, scratch } from './wayleave.mjs';

/** Ways of diverting. */
export const WAYS = /** @type {const} */ (['redirect', 'tproxy']);
/** Where the proxy listens for diverted connections. */
export const DOOR = 3129;
/** Ports of servers that are diverted, and may be reached by a tunnel. */
export const PORTS = [80, 443, 9000, 9443];

const CLIENTS = '<Proxy "*">\n    Require ip 192.0.2.0/24 2001:db8:1::/64\n</Proxy>';

/**
 * @param {object} [options]
 * @param {string} [options.how] one of WAYS
 * @param {string} [options.more] directives
 * @param {string} [options.sections] who may pass; by default the client
 * @param {(number | string)[]} [options.allow] AllowCONNECT
 * @param {string} [options.door] what TransparentListen says, in place of the port and `how`
 */
export function divertingConfiguration({
  how = 'redirect',
  more = '',
  sections = CLIENTS,
  allow = PORTS,
  door = `${DOOR} ${how}`,
} = {}) {
  return `TransparentListen ${door}
AllowCONNECT ${allow.join(' ')}
${more}
${sections}
`;
}

/**
 * @param {import('./wayleave.mjs').Test} t
 * @param {Parameters<typeof divertingConfiguration>[0] & { binary?: string, as?: string[], dir?: string, nft?: string[], network?: ReturnType<typeof startNetwork> }} [options]
 *   `nft`: words for `wayleave config --nft`; `network`: one that is there already
 */
export async function startDiverting(
  t,
  { binary, as, dir = scratch(t), nft = [], network = startNetwork(), ...options } = {},
) {
  const { client, router, server } = network;
  const configuration = divertingConfiguration(options);
  const proxy = await startWatched(t, configuration, { in: router, dir, binary, as });
  divert(router, join(dir, 'proxy.conf'), nft);
  return { client, router, server, proxy, network };
}

/** Loads the rules that fit a configuration. @param {import('./netns.mjs').Host} router @param {string} file @param {string[]} [words] */
export function divert(router, file, words = []) {
  const ports = ['--ports', [...PORTS, 22, 9999].join(',')];
  router.rules(router.run(RELEASE, ['config', file, '--nft', ...ports, ...words]));
  router.run('sh', [], router.run(RELEASE, ['config', file, '--nft-routes', ...words]));
}
