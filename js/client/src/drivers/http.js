// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * A POST as the drivers over HTTP need it: the answer comes in pieces, as it arrives. By fetch
 * where an answer can be read as a stream, else by XMLHttpRequest.
 */

/**
 * @typedef {object} Answer each is called from the event loop, never within the call; after `end` or
 *   `failed`, or once it was given up, nothing comes any more
 * @property {(piece: string) => void} text of a 200, UTF-8 decoded
 * @property {(status: number) => void} end
 * @property {(detail: string) => void} failed
 */

/** @typedef {(url: string, body: string, answer: Answer) => () => void} Post gives it up */

/**
 * Plain text: every other type would make a browser ask first whether it may (CORS preflight).
 * https://fetch.spec.whatwg.org/#cors-safelisted-request-header
 */
const CONTENT_TYPE = 'text/plain;charset=UTF-8';

/**
 * @param {typeof globalThis.fetch} fetch
 * @param {boolean} credentials to other sites, too
 * @returns {Post}
 */
export function fetchPost(fetch, credentials) {
  return (url, body, answer) => {
    const abort = new AbortController();
    /** @type {RequestInit} */
    const init = {
      method: 'POST',
      headers: { 'content-type': CONTENT_TYPE },
      body,
      cache: 'no-store',
      credentials: credentials ? 'include' : 'same-origin',
      redirect: 'error', // a captive portal is no realm
      signal: abort.signal,
    };
    read(fetch, url, init, answer).catch((error) => {
      if (!abort.signal.aborted) answer.failed(reasonOf(error));
    });
    return () => abort.abort();
  };
}

/**
 * @param {typeof globalThis.fetch} fetch
 * @param {string} url
 * @param {RequestInit} init
 * @param {Answer} answer
 */
async function read(fetch, url, init, { text, end }) {
  const { status, body } = await fetch.call(globalThis, url, init);
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    if (init.signal?.aborted) return;
    if (status === 200) text(decoder.decode(piece.value, { stream: true }));
  }
  if (!init.signal?.aborted) end(status);
}

/** Node hides why behind "fetch failed". @param {any} error */
function reasonOf(error) {
  return String(error?.cause?.message || error?.message || error);
}

/**
 * @param {new () => XMLHttpRequest} XMLHttpRequest
 * @param {boolean} credentials
 * @returns {Post}
 */
export function xhrPost(XMLHttpRequest, credentials) {
  return (url, body, { text, end, failed }) => {
    const request = new XMLHttpRequest();
    let seen = 0;
    const more = () => {
      const piece = request.status === 200 ? request.responseText.slice(seen) : '';
      seen += piece.length;
      if (piece) text(piece);
    };
    request.open('POST', url);
    request.withCredentials = credentials;
    request.setRequestHeader('content-type', CONTENT_TYPE);
    request.onprogress = more;
    request.onload = () => {
      more();
      if (request.onload) end(request.status);
    };
    request.onerror = () => failed('the request failed');
    request.send(body);
    return () => {
      request.onprogress = request.onload = request.onerror = null;
      request.abort();
    };
  };
}

/**
 * @typedef {object} HttpMeans
 * @property {typeof globalThis.fetch} [fetch]
 * @property {new () => XMLHttpRequest} [XMLHttpRequest]
 * @property {Post} [post] instead of both
 * @property {boolean} [credentials] cookies and logins to other sites, too; default no
 */

/**
 * @param {HttpMeans} means
 * @returns {Post | undefined}
 */
export function choosePost({ fetch, XMLHttpRequest, post, credentials = false }) {
  const isStreamed =
    typeof ReadableStream === 'function' && 'body' in (globalThis.Response?.prototype ?? {});
  if (post) return post;
  if (fetch && isStreamed) return fetchPost(fetch, credentials);
  return XMLHttpRequest && xhrPost(XMLHttpRequest, credentials);
}
