// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Debian's Chromium without a window, behind a proxy if one is named. */

import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--ignore-certificate-errors',
];

/**
 * How to point Chromium at a proxy for WebSocket. It asks the `https=` entry for ws:// and wss://
 * alike, and leaves loopback alone unless it is told not to; http:// pages go direct.
 * @param {number} port @param {boolean} [forAll]
 */
export function proxyFlags(port, forAll = false) {
  return [
    `--proxy-server=${forAll ? '' : 'https='}127.0.0.1:${port}`,
    '--proxy-bypass-list=<-loopback>',
  ];
}

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/**
 * @param {{ proxyPort?: number, forAll?: boolean, executablePath?: string }} [options] `forAll`:
 *   every scheme goes through the proxy, pages too
 * @returns {Promise<import('playwright-core').Browser>}
 */
export function launchChromium({ proxyPort, forAll = false, executablePath = CHROMIUM } = {}) {
  return chromium.launch({
    executablePath,
    headless: true,
    args: [...FLAGS, ...(proxyPort ? proxyFlags(proxyPort, forAll) : [])],
  });
}
