// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Requests that the proxy forwards. */

import { readResponse } from './http.mjs';
import { connect } from './tcp.mjs';

/** A client of the proxy that is gone after the test. */
export async function client(t, proxy) {
  const peer = await connect(proxy.port);
  t.after(() => peer.destroy());
  return peer;
}

/** One request on a connection of its own, and its response. */
export async function ask(t, proxy, bytes, method = 'GET') {
  const peer = await client(t, proxy);
  peer.send(bytes);
  return readResponse(peer, method);
}
