// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Access rules made by chance, the same for the same seed, for Apache httpd and for us: sections
 * with rules, and requests that are let in, refused or sent to log in by them. Each case is about a
 * host of its own (127.1.x.y, all of them this machine), so that one file, read once, holds many.
 */

import { connect } from './tcp.mjs';
import { within } from './wait.mjs';

/** The modules that a forward proxy with these rules needs. */
export const MODULES = [
  'mpm_event',
  'authn_core',
  'authn_file',
  'auth_basic',
  'authz_core',
  'authz_host',
  'authz_user',
  'authz_groupfile',
  'access_compat',
  'proxy',
  'proxy_connect',
  'proxy_http',
]
  .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  .join('\n');

/** A user for each kind of hash; each password is the name twice. */
export const USERS = `# made by htpasswd -s, -B, -m and -5
alice:{SHA}BgEahfNVXQdgPZ+TEz74cGKC3Ro=
bob:$2y$04$0fqRziae4x5Hucr0abSoYezAEgcDdj7US6BsZWSTY7HC9rwxWAgUC
carol:$apr1$iGcDnpzs$b.FfTwgna6KpZSBaelW.21
dave:$6$BhywYyzS5aTH6sS8$0.UnXBXcYpEP/PWHcaJuXM0OBQTFraFyd5OgnRk2cn4mq.qXnYUknbdfPEW6TiMp/li8/oxMh911QeWEeBNoh1
`;

export const GROUPS = `staff: alice
guests: bob carol
staff: dave
`;

export const CREDENTIALS = {
  nobody: null,
  alice: 'alice:alicealice',
  bob: 'bob:bobbob',
  carol: 'carol:carolcarol',
  dave: 'dave:davedave',
  wrong: 'alice:bobbob',
  unknown: 'mallory:alicealice',
};

const CLIENTS = ['127.0.0.1', '127.0.0.5', '127.0.1.1'];

/** mulberry32: small, and the same everywhere. @param {number} seed */
export function dice(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const upTo = (count) => Math.floor(next() * count);
  return {
    upTo,
    chance: (share) => next() < share,
    /** @template T @param {readonly T[]} from @returns {T} */
    pick: (from) => from[upTo(from.length)],
    /** @template T @param {number} least @param {number} most @param {() => T} make */
    some: (least, most, make) => Array.from({ length: least + upTo(most - least + 1) }, make),
  };
}

/** @typedef {ReturnType<typeof dice>} Dice */
/** @typedef {{ from: string, method: string, target: string, as: keyof typeof CREDENTIALS }} Ask */

const ADDRESSES = [
  '127.0.0.1',
  '127.0.0.5',
  '127.0.1.1',
  '127.0.0.0/24',
  '127.0.0.1/24',
  '127.0.0.0/255.255.255.0',
  '127.0.0',
  '127.0.1.',
  '127',
  '127.0.0.5/32',
  '10.0.0.1',
  '10',
  '192.0.2.0/255.0.255.0',
  '::1',
  '2001:db8::/32',
];

/** @param {Dice} d */
function accessLines(d) {
  const clients = () => d.some(1, 2, () => (d.chance(0.25) ? 'all' : d.pick(ADDRESSES))).join(' ');
  const lines = [
    ...d.some(0, 2, () => `Allow from ${clients()}`),
    ...d.some(0, 2, () => `Deny from ${clients()}`),
  ];
  if (d.chance(0.75)) {
    const order = d.pick(['deny,allow', 'allow,deny', 'Deny,Allow', 'mutual-failure']);
    lines.splice(d.upTo(lines.length + 1), 0, `Order ${order}`);
  }
  if (d.chance(0.3)) lines.push(`Satisfy ${d.pick(['any', 'any', 'all', 'Any'])}`);
  return lines;
}

/** One that grants, when it grants. @param {Dice} d */
function rule(d) {
  return d.pick([
    () => `ip ${d.some(1, 2, () => d.pick(ADDRESSES)).join(' ')}`,
    () => `ip ${d.pick(ADDRESSES)}`,
    () => 'local',
    () => 'all granted',
    () => 'all denied',
    () => `method ${d.some(1, 3, () => d.pick(['GET', 'POST', 'CONNECT', 'OPTIONS'])).join(' ')}`,
    () => 'valid-user',
    () => `user ${d.some(1, 2, () => d.pick(['alice', 'bob', 'nobody'])).join(' ')}`,
    () => `group ${d.some(1, 2, () => d.pick(['staff', 'guests'])).join(' ')}`,
  ])();
}

/** @param {Dice} d @param {number} depth @param {boolean} mayRefuse stands in <RequireAll> @returns {string[]} */
function requirement(d, depth, mayRefuse) {
  if (depth < 3 && d.chance(0.3)) {
    const kind = d.pick(['All', 'All', 'Any', ...(mayRefuse ? ['None'] : [])]);
    const inner = d.some(0, 2, () => requirement(d, depth + 1, kind === 'All')).flat();
    return [`<Require${kind}>`, `Require ${rule(d)}`, ...inner, `</Require${kind}>`];
  }
  return [`Require ${mayRefuse && d.chance(0.35) ? 'not ' : ''}${rule(d)}`];
}

/** @param {Dice} d @param {string} host @param {number} port @returns {[string, string]} */
function pattern(d, host, port) {
  const dotted = host.replaceAll('.', '\\.');
  return d.pick(
    /** @type {[string, string][]} */ ([
      ['Proxy', `*${host}*`],
      ['Proxy', `*${host}:${port}*`],
      ['Proxy', `${host}:${port}`],
      ['Proxy', `${host}:*`],
      ['Proxy', `${host}`],
      ['Proxy', `http://${host}`],
      ['Proxy', `http://${host}:${port}/`],
      ['Proxy', `http://${host}:${port}/a`],
      ['Proxy', `http://${host}*`],
      ['Proxy', `http://${host}:[0-9]*/a/*`],
      ['Proxy', `*://${host}:${port}/?/*`],
      ['ProxyMatch', `^http://${dotted}(:\\d+)?/`],
      ['ProxyMatch', `${dotted}:\\d+$`],
      ['ProxyMatch', `${dotted}.*/(a|b)/`],
      ['ProxyMatch', `${dotted}.*[?]q`],
    ]),
  );
}

/** @param {Dice} d @param {string} host @param {number} port @param {boolean} isFirst */
function section(d, host, port, isFirst) {
  const [name, text] = isFirst && d.chance(0.7) ? ['Proxy', `*${host}*`] : pattern(d, host, port);
  const families = d.pick(['access', 'require', 'both', 'both']);
  const rules = families === 'access' ? [] : d.some(1, 3, () => requirement(d, 0, false)).flat();
  const lines = [
    ...(d.chance(0.2) ? ['AuthName "another"'] : []),
    ...(rules.some((line) => /user|group/.test(line)) ? ['AuthType Basic'] : []),
    ...(families !== 'require' ? accessLines(d) : []),
    ...rules,
  ];
  return [`<${name} "${text}">`, ...lines.map((line) => `  ${line}`), `</${name}>`];
}

/** @param {Dice} d @param {string} host @param {number} port @returns {Ask} */
function wish(d, host, port) {
  const method = d.pick(['CONNECT', 'CONNECT', 'GET', 'GET', 'HEAD', 'POST', 'OPTIONS']);
  const path = d.pick(['/', '/a', '/a/x', '/b/', '/c?q=1', '/a/?q']);
  return {
    from: d.pick(CLIENTS),
    method,
    target: method === 'CONNECT' ? `${host}:${port}` : `http://${host}:${port}${path}`,
    as: d.pick(['nobody', 'nobody', 'nobody', 'alice', 'bob', 'carol', 'dave', 'wrong', 'unknown']),
  };
}

/**
 * @param {number} seed
 * @param {number} count
 * @param {number} port of the origin
 * @returns {{ text: string, asks: Ask[] }[]}
 */
export function makeCases(seed, count, port) {
  const d = dice(seed);
  return Array.from({ length: count }, (_, number) => {
    const host = `127.1.${100 + Math.floor(number / 100)}.${100 + (number % 100)}`;
    const sections = d.some(1, 4, () => 0).flatMap((_, i) => section(d, host, port, i === 0));
    return { text: sections.join('\n'), asks: d.some(8, 10, () => wish(d, host, port)) };
  });
}

/**
 * What a proxy answers: its status, or that of the origin behind it.
 * @param {number} port of the proxy
 * @param {Ask} ask
 * @returns {Promise<number>}
 */
export async function statusOf(port, { from, method, target, as }) {
  const host = method === 'CONNECT' ? target : new URL(target).host;
  const credentials = CREDENTIALS[as];
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `Host: ${host}`,
    ...(method === 'POST' ? ['Content-Length: 0'] : []),
    ...(method === 'CONNECT' ? [] : ['Connection: close']),
    ...(credentials ? [`Proxy-Authorization: Basic ${btoa(credentials)}`] : []),
  ];
  const peer = await connect(port, { from });
  try {
    peer.send(`${lines.join('\r\n')}\r\n\r\n`);
    const head = String(await within(`an answer to ${lines[0]}`, peer.readUntil('\r\n')));
    return Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1]);
  } finally {
    peer.destroy();
  }
}

/** Runs `work` over all items, `width` at a time; results in order. */
export async function inParallel(items, width, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next;
      next += 1;
      results[at] = await work(items[at]);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
