// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** Pages in a browser: the demo page of a realm, and a minimal one that a test fills. */

import { CHROMIUM, launchChromium } from '../../tool/lib/chromium.mjs';
import { serveHttp } from './served.mjs';
import { until } from './wait.mjs';
import { scratch } from './wayleave.mjs';

/**
 * @param {import('./wayleave.mjs').Test} t
 * @param {number} [proxyPort]
 * @param {{ in?: import('./netns.mjs').Host, forAll?: boolean }} [options] `in`: the host that it
 *   runs on; `forAll`: pages go through the proxy, too
 */
export async function startBrowser(t, proxyPort, { in: host, forAll } = {}) {
  const executablePath = host?.wrapper(scratch(t), CHROMIUM);
  const browser = await launchChromium({ proxyPort, forAll, executablePath });
  t.after(() => browser.close());
  return browser;
}

/** The demo page, by its stable ids (js/demo/demo.js). */
export class DemoPage {
  /** @param {import('playwright-core').Page} page */
  constructor(page) {
    this.page = page;
    /** Uncaught exceptions of the page: there should be none. @type {string[]} */
    this.faults = [];
    page.on('pageerror', (error) => this.faults.push(String(error)));
  }

  /**
   * @param {import('playwright-core').Browser} browser
   * @param {number} realmPort that serves it
   * @param {Record<string, string | number>} [query]
   * @param {string} [host] the realm's
   */
  static async open(browser, realmPort, query = {}, host = 'localhost') {
    const demo = new DemoPage(await browser.newPage());
    const words = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)]));
    await demo.page.goto(`http://${host}:${realmPort}/demo/?${words}`);
    return demo;
  }

  text(id) {
    return this.page.locator(`#${id}`).innerText();
  }

  /** @param {string | RegExp} wanted */
  async state(wanted) {
    const fits = (state) => (wanted instanceof RegExp ? wanted.test(state) : state === wanted);
    await until(
      `the page is ${wanted}`,
      async () => fits(await this.page.evaluate(() => document.body.dataset.state)),
      { ms: 60_000, seen: () => this.page.locator('body').innerText() },
    );
  }

  /** @param {string} line */
  async say(line) {
    await this.page.fill('#text', line);
    await this.page.click('#send');
  }

  /** Bodies of the events it shows. @returns {Promise<string[]>} */
  heard() {
    return this.page.locator('#events .body').allInnerTexts();
  }

  /** @param {string} line */
  async hears(line) {
    await until(`the page hears ${line}`, async () => (await this.heard()).includes(line), {
      seen: () => this.heard(),
    });
  }

  close() {
    return this.page.close();
  }
}

/**
 * A page of another site than the realm: an empty one with the realm's script.
 * @param {import('./wayleave.mjs').Test} t
 * @returns {Promise<{ port: number, origin: string, open(browser: import('playwright-core').Browser, realmPort: number): Promise<import('playwright-core').Page> }>}
 */
export async function startSite(t) {
  const { port } = await serveHttp(t, (request, response) => {
    const realmPort = new URL(request.url ?? '/', 'http://localhost').searchParams.get('realm');
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(
      `<!doctype html><title>A site</title>` +
        `<script src="http://localhost:${realmPort}/lib/js/nirvana.js"></script>`,
    );
  });
  const origin = `http://localhost:${port}`;
  return {
    port,
    origin,
    async open(browser, realmPort) {
      const page = await browser.newPage();
      await page.goto(`${origin}/?realm=${realmPort}`);
      return page;
    },
  };
}
