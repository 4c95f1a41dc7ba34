// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Imported for its effect: defines the globals of the guides in Node 18 and later. Their sessions go
 * to the network as the modern ones do (index.js): by the proxies of the environment, or of the
 * options `proxy`, `ca` and `rejectUnauthorized`.
 */

import '../compat/global.js';
import { CompatSession } from '../compat/session.js';
import { Session } from './index.js';

/** What a program may say of the network, besides what it may say everywhere. */
const OURS = /** @type {const} */ (['proxy', 'ca', 'rejectUnauthorized', 'environment']);

CompatSession.make = (realms, options, config) => {
  const said = OURS.filter((name) => config[name] !== undefined);
  const own = Object.fromEntries(said.map((name) => [name, config[name]]));
  return new Session(realms, { ...own, ...options });
};
