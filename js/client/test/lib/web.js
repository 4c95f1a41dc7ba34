// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The realm's SockJS end over a fake network, and what browsers reach it with: fetch,
 * XMLHttpRequest and EventSource, all over one request that can be cut, muted and held back. */

/**
 * @typedef {object} Sink what the far end of a request hears of its answer
 * @property {(status: number) => void} head
 * @property {(text: string) => void} piece
 * @property {() => void} end
 * @property {() => void} fail
 */

/**
 * @typedef {object} SockJsSession
 * @property {import('./peer.js').FakePeer} peer
 * @property {string[]} waiting frames
 * @property {Sink | null} receiver
 * @property {string} kind of the receiver
 * @property {number} sent characters to this receiver
 * @property {any} [alarm]
 */

/** A stream ends after so many characters, and the client asks again. */
const STREAM_MAX = 4096;
/** A session that nobody receives from has ended after so long. */
const ABANDONED_MS = 5_000;
const PRELUDE = 'h'.repeat(2048);

export class FakeWeb {
  /** @type {Map<string, SockJsSession>} */
  sessions = new Map();
  /** Paths without the session's name, as they were asked for. @type {string[]} */
  asked = [];
  #network;

  /** @param {import('./network.js').FakeNetwork} network */
  constructor(network) {
    this.#network = network;
    const web = this;
    this.XMLHttpRequest = /** @type {any} */ (
      class extends FakeXhr {
        web = web;
      }
    );
    this.EventSource = class extends FakeEventSource {
      /** @param {string} url */
      constructor(url) {
        super(web, url);
      }
    };
  }

  /** @type {any} */
  fetch = (/** @type {string} */ url, /** @type {any} */ init) =>
    new Promise((resolve, reject) => {
      /** @type {Array<Uint8Array | Error | null>} */
      const pieces = [];
      /** @type {(() => void) | undefined} */
      let wake;
      const push = (/** @type {Uint8Array | Error | null} */ piece) => {
        pieces.push(piece);
        wake?.();
      };
      const read = async () => {
        while (pieces.length === 0) await new Promise((go) => (wake = () => go(null)));
        const piece = pieces.shift();
        if (piece instanceof Error) throw piece;
        return piece ? { done: false, value: piece } : { done: true };
      };
      const fail = (/** @type {Error} */ error) => {
        reject(error);
        push(error);
      };
      const abort = this.ask(url, init.body, {
        head: (status) => resolve({ status, body: { getReader: () => ({ read }) } }),
        piece: (text) => push(new TextEncoder().encode(text)),
        end: () => push(null),
        fail: () => fail(new TypeError('fetch failed')),
      });
      init.signal.addEventListener('abort', () => {
        abort();
        fail(new DOMException('aborted', 'AbortError'));
      });
    });

  /**
   * @param {string} url
   * @param {string} body
   * @param {Sink} sink
   * @returns {() => void} the asker gives it up
   */
  ask(url, body, sink) {
    const { clock, delay, paths } = this.#network;
    const { origin, pathname } = new URL(url);
    const [, base, , name, kind] = pathname.split('/');
    const how = paths[`${origin}/${base}/${kind}`] ?? paths[`${origin}/${base}`] ?? 'realm';
    let [isUp, isDown, isGone] = [true, true, false];
    /** @type {Array<() => void> | null} */
    let held = how === 'hold' ? [] : null;
    const down = (/** @type {() => void} */ run) => {
      const arrive = () => clock.set(() => isDown && !isGone && run(), delay);
      if (held) held.push(arrive);
      else arrive();
    };
    /** @type {Sink} */
    const far = {
      head: (status) => down(() => sink.head(status)),
      piece: (text) => down(() => sink.piece(text)),
      end: () => {
        down(() => {
          this.#network.lines.delete(line);
          sink.end();
        });
        for (const arrive of held?.splice(0) ?? []) arrive();
      },
      fail: () => line.drop(),
    };
    const line = {
      url,
      drop: () => {
        if (isGone) return;
        abort();
        clock.set(sink.fail, delay);
      },
      mute: () => ([isUp, isDown] = [false, false]),
      muteReplies: () => (isDown = false),
    };
    const abort = () => {
      isGone = true;
      this.#network.lines.delete(line);
      clock.set(() => this.#gone(name, far), delay);
    };
    this.asked.push(`${kind}`);
    this.#network.lines.add(line);
    if (how === 'refuse') line.drop();
    else if (how !== 'swallow')
      clock.set(() => isUp && !isGone && this.#serve(name, kind, body, far), delay);
    return abort;
  }

  /** @param {string} name @param {string} kind @param {string} body @param {Sink} far */
  #serve(name, kind, body, far) {
    if (kind !== 'xhr_send') {
      this.#receive(name, kind, far);
      return;
    }
    const session = this.sessions.get(name);
    far.head(session ? 204 : 404);
    if (session) for (const message of JSON.parse(body)) session.peer.receive(message);
    far.end();
  }

  /** @param {string} name @param {string} kind @param {Sink} far */
  #receive(name, kind, far) {
    const known = this.sessions.get(name);
    const session = known ?? this.#begin(name);
    this.#network.clock.clear(session.alarm);
    Object.assign(session, { receiver: far, kind, sent: 0 });
    far.head(200);
    if (kind !== 'xhr') far.piece(kind === 'eventsource' ? '\r\n' : `${PRELUDE}\n`);
    this.#feed(session);
  }

  /** @param {string} name @returns {SockJsSession} */
  #begin(name) {
    const peer = this.#network.realm.accept(
      (data) => {
        const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
        session.waiting.push(`a${JSON.stringify([text])}`);
        this.#feed(session);
      },
      () => {
        session.waiting.push('c[3000,"Go away!"]');
        this.#feed(session);
        this.#end(session);
      },
    );
    /** @type {SockJsSession} */
    const session = { peer, waiting: ['o'], receiver: null, kind: '', sent: 0 };
    this.sessions.set(name, session);
    return session;
  }

  /** @param {SockJsSession} session */
  #feed(session) {
    const { receiver, kind } = session;
    if (!receiver || session.waiting.length === 0) return;
    for (const frame of session.waiting.splice(0)) {
      // Servers write percent signs as in a URL, where the carrier is an event stream.
      const data = frame.replace(/%/g, '%25');
      receiver.piece(kind === 'eventsource' ? `data: ${data}\r\n\r\n` : `${frame}\n`);
      session.sent += frame.length;
    }
    if (kind !== 'xhr' && session.sent < STREAM_MAX) return;
    session.receiver = null;
    session.alarm = this.#network.clock.set(() => this.#end(session), ABANDONED_MS);
    receiver.end();
  }

  /** A receiver that is cut off ends its session, as the protocol says. @param {string} name @param {Sink} far */
  #gone(name, far) {
    const session = this.sessions.get(name);
    if (session?.receiver === far) this.#end(session);
  }

  /** @param {SockJsSession} session */
  #end(session) {
    for (const [name, each] of this.sessions) if (each === session) this.sessions.delete(name);
    session.peer.gone();
  }
}

class FakeXhr {
  /** @type {any} */ web;
  status = 0;
  responseText = '';
  /** @type {any} */ onprogress;
  /** @type {any} */ onload;
  /** @type {any} */ onerror;
  #url = '';
  #abort = () => {};

  /** @param {string} _method @param {string} url */
  open(_method, url) {
    this.#url = url;
  }

  setRequestHeader() {}

  /** @param {string} body */
  send(body) {
    this.#abort = this.web.ask(this.#url, body, {
      head: (/** @type {number} */ status) => (this.status = status),
      piece: (/** @type {string} */ text) => {
        this.responseText += text;
        this.onprogress?.();
      },
      end: () => this.onload?.(),
      fail: () => this.onerror?.(),
    });
  }

  abort() {
    this.#abort();
  }
}

class FakeEventSource {
  /** @type {any} */ onmessage;
  /** @type {any} */ onerror;

  /** @param {FakeWeb} web @param {string} url */
  constructor(web, url) {
    const error = () => this.onerror?.();
    this.close = web.ask(url, '', {
      head: (status) => status !== 200 && error(),
      piece: (text) => {
        for (const [, data] of text.matchAll(/data: (.*)\r\n\r\n/g)) this.onmessage?.({ data });
      },
      end: error,
      fail: error,
    });
  }
}
