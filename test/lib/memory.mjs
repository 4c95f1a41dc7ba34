// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** What a program takes of the machine's memory. */

import { readFileSync, writeFileSync } from 'node:fs';

/** A row of proc(5) status, in bytes. */
export function memory(pid, row) {
  const [, kilobytes] = readFileSync(`/proc/${pid}/status`, 'utf8').match(
    new RegExp(`^${row}:\\s+(\\d+) kB$`, 'm'),
  );
  return Number(kilobytes) * 1024;
}

/** What a program's memory grows by at most while `work` is done. */
export async function growth({ pid }, work) {
  writeFileSync(`/proc/${pid}/clear_refs`, '5'); // the peak begins anew
  const before = memory(pid, 'VmRSS');
  await work();
  return memory(pid, 'VmHWM') - before;
}
