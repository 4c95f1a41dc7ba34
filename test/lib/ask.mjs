// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Requests to a server on one kept connection, answers read strictly. */

import { readResponse } from './http.mjs';
import { connect } from './tcp.mjs';

/** A request in origin form. @param {string} line "GET /health" @param {{ fields?: string[], body?: string | Uint8Array }} [options] */
export function requestOf(line, { fields = [], body } = {}) {
  const isFramed = fields.some((each) => /^(content-length|transfer-encoding):/i.test(each));
  const lines = [
    `${line} HTTP/1.1`,
    ...(fields.some((each) => /^host:/i.test(each)) ? [] : ['Host: localhost']),
    ...fields,
    ...(body !== undefined && !isFramed ? [`Content-Length: ${Buffer.byteLength(body)}`] : []),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body ?? '')]);
}

/** @param {import('node:test').TestContext} t @param {number} port */
export async function keptConnection(t, port) {
  const peer = await connect(port);
  t.after(() => peer.destroy());
  return {
    peer,
    /** @param {string} line @param {Parameters<typeof requestOf>[1]} [options] */
    async ask(line, options) {
      peer.send(requestOf(line, options));
      const answer = await readResponse(peer, line.split(' ')[0]);
      return { ...answer, json: () => JSON.parse(answer.text) };
    },
  };
}

/** One request on a connection of its own. */
export async function askOnce(t, port, line, options) {
  const { ask, peer } = await keptConnection(t, port);
  const answer = await ask(line, options);
  peer.destroy();
  return answer;
}
