// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The ways in which the broken transparent proxy (broken.mjs) breaks WebSocket. */

/** @typedef {[string, string][]} Fields name and value, in order */

/**
 * What a mode does, where that is not what a good proxy does.
 * @typedef {object} Mode
 * @property {string} about
 * @property {'refuse' | 'swallow'} [blocks] every connection, TLS too
 * @property {false} [knowsUpgrade] a request for an upgrade is one like all others
 * @property {(request: import('node:http').IncomingMessage) => Answer | undefined} [answers] itself
 * @property {(fields: Fields) => Fields} [rewrites] the fields of a 101
 * @property {true} [isSilent] once it has switched
 * @property {true} [holdsBack] every answer, until it has ended
 * @property {true} [cutsIdle] connections
 */

/** @typedef {{ status: number, fields?: Fields, body: string }} Answer */

/** @param {string} name @returns {(fields: Fields) => Fields} */
export const without = (name) => (fields) => fields.filter(([each]) => each.toLowerCase() !== name);

const LOGIN = 'A login is needed here.\n';

/** @type {Record<string, Mode>} */
export const MODES = {
  pass: { about: 'carries everything: what the others are compared with' },
  'strip-upgrade': {
    about: 'forwards a handshake as an ordinary request, without Upgrade and Connection',
    knowsUpgrade: false,
  },
  'answer-400': {
    about: 'answers 400 to a handshake',
    knowsUpgrade: false,
    answers: ({ headers }) =>
      headers.upgrade === undefined
        ? undefined
        : { status: 400, body: 'This proxy does not understand the request.\n' },
  },
  'wrong-accept': {
    about: 'answers 101 with a Sec-WebSocket-Accept that proves nothing',
    rewrites: (fields) =>
      fields.map(([name, value]) =>
        name.toLowerCase() === 'sec-websocket-accept'
          ? [name, `${'A'.repeat(27)}=`]
          : [name, value],
      ),
  },
  'no-upgrade': { about: 'answers 101 without Upgrade', rewrites: without('upgrade') },
  'silent-101': { about: 'passes the 101 on, and nothing after it', isSilent: true },
  buffer: { about: 'holds every answer back until it has ended', holdsBack: true },
  'cut-idle': { about: 'cuts a connection after some seconds of silence', cutsIdle: true },
  refuse: { about: 'blocks the port: connections are refused', blocks: 'refuse' },
  swallow: { about: 'blocks the port: connections are made, and nothing comes', blocks: 'swallow' },
  'login-407': {
    about: 'wants a login for the proxy',
    knowsUpgrade: false,
    answers: () => ({
      ...{ status: 407, body: LOGIN, fields: [['Proxy-Authenticate', 'Basic realm="broken"']] },
    }),
  },
  'portal-302': {
    about: 'sends everybody to a captive portal',
    knowsUpgrade: false,
    answers: () => ({
      ...{ status: 302, body: LOGIN, fields: [['Location', 'http://portal.invalid/login']] },
    }),
  },
};

/** @param {string} name @returns {Mode} */
export function modeOf(name) {
  const mode = MODES[name];
  if (!mode) throw new Error(`there is no mode "${name}": ${Object.keys(MODES).join(', ')}`);
  return mode;
}

/** @param {string[]} raw names and values by turns @returns {Fields} */
export function pairs(raw) {
  return raw.flatMap((name, i) =>
    i % 2 ? [] : [/** @type {[string, string]} */ ([name, raw[i + 1]])],
  );
}
