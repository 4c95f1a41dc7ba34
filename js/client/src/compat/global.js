// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Imported for its effect: defines the globals. The classic script dist/nirvana.js is made of it. */

import { Nirvana, NirvanaChannel, NirvanaSession } from './nirvana.js';

Object.assign(globalThis, { Nirvana, NirvanaSession, NirvanaChannel });
