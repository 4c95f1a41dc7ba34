// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** `debugLevel` of the guides: 1 says everything on the console, 8 only what is severe, 9 nothing. */

const OFF = 9;

/**
 * @param {import('./options.js').Config} config
 * @returns {number}
 */
export function levelOf({ debugLevel, enableDebug }) {
  if (enableDebug === true && debugLevel === undefined) return 1;
  const level = typeof debugLevel === 'string' ? Number(debugLevel) : debugLevel;
  return typeof level === 'number' && level >= 0 && level < OFF ? level : OFF;
}

/**
 * @param {import('../session.js').Session} core
 * @param {number} level
 */
export function debug(core, level) {
  /** @type {(least: number, method: 'debug' | 'warn' | 'error', text: string) => void} */
  const say = (least, method, text) => {
    if (level <= least && level < OFF) console[method](`wayleave: ${text}`);
  };
  core.on('attempt', ({ url, driver, outcome, ms, detail }) => {
    say(
      3,
      'debug',
      `${driver} to ${url}: ${outcome} after ${ms} ms${detail ? ` (${detail})` : ''}`,
    );
  });
  core.on('open', () => say(5, 'debug', `session ${core.id} is open`));
  core.on('reconnect', () => say(5, 'debug', `session ${core.id} is back`));
  core.on('disconnect', (error) => say(7, 'warn', `the connection was lost: ${error.message}`));
  core.on('close', (error) => error && say(8, 'error', `the session has ended: ${error.message}`));
}
