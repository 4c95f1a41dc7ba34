// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** `import 'wayleave/nirvana'`, or `/// <reference types="wayleave/nirvana" />` for the script tag. */

import type * as compat from './types/compat/nirvana.js';

declare global {
  var Nirvana: typeof compat.Nirvana;
  var NirvanaSession: typeof compat.NirvanaSession;
  var NirvanaChannel: typeof compat.NirvanaChannel;
}
