// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * What a page knows about its network and its own life: whether it is online, whether it was frozen
 * or in the back/forward cache, where things can be kept. Elsewhere there is none of it.
 */

/**
 * @typedef {object} Page a window, or what a test takes for one
 * @property {Page & { visibilityState?: string }} [document]
 * @property {(name: string, listener: (event: any) => void) => void} addEventListener
 * @property {(name: string, listener: (event: any) => void) => void} removeEventListener
 */

/** @returns {Page | undefined} */
export function currentPage() {
  const here = /** @type {any} */ (globalThis);
  return here.document && here.addEventListener ? here : undefined;
}

/** The page's storage; asking for it throws where cookies are forbidden. */
export function pageStorage() {
  try {
    return currentPage() && globalThis.localStorage;
  } catch {
    return undefined;
  }
}

/** All that a page may know of the network that it is in: "wifi", "cellular", or nothing. */
export function pageNetwork() {
  return String(/** @type {any} */ (globalThis).navigator?.connection?.type ?? '');
}

/**
 * @param {Page | null | undefined} page
 * @param {{ doubt: () => void, wake: () => void }} on `doubt`: the connection may be gone; `wake`: and
 *   another may be had at once
 * @returns {() => void} ends it
 */
export function watchPage(page, { doubt, wake }) {
  const document = page?.document;
  const shown = () => document?.visibilityState === 'visible' && wake();
  /** @type {Array<[Page | undefined, string, (event: any) => void]>} */
  const listening = [
    [page ?? undefined, 'offline', doubt],
    [page ?? undefined, 'online', wake],
    [page ?? undefined, 'pageshow', (event) => event.persisted && wake()],
    // https://wicg.github.io/page-lifecycle/: timers stood still, and nobody said what was cut.
    [document, 'resume', wake],
    [document, 'visibilitychange', shown],
  ];
  for (const [place, name, listener] of listening) place?.addEventListener(name, listener);
  return () => {
    for (const [place, name, listener] of listening) place?.removeEventListener(name, listener);
  };
}
