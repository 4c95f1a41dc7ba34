// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * Stock STOMP clients as an application would use them, each with the same few words: the tests say
 * what is to happen and do not know which library does it.
 */

import { Client, Versions } from '@stomp/stompjs';
import { createRequire } from 'node:module';
import WebSocket from 'ws';
import { within } from './wait.mjs';

// It is written for browsers and asks for their socket by name.
const webstomp = createRequire(import.meta.url)('webstomp-client');

/** @typedef {import('node:test').TestContext} Test */
/** @typedef {{ body: string, headers: Record<string, string>, ack(headers?: object): void, nack(headers?: object): void }} Message */

/** An agent that asks a proxy for a tunnel, or none. @typedef {import('node:http').Agent | undefined} Agent */

/** @stomp/stompjs, version 7. */
export class Stompjs {
  /** @type {Message[]} */
  inbox = [];
  /** @type {string[]} what ERROR frames said */
  errors = [];

  /**
   * @param {Test} t @param {string} url
   * @param {{ agent?: Agent, versions?: string[], binary?: boolean }} [options]
   */
  static async connect(t, url, { agent, versions = ['1.2', '1.1', '1.0'], binary = false } = {}) {
    const self = new Stompjs();
    const stompVersions = new Versions(versions);
    self.client = new Client({
      webSocketFactory: () => new WebSocket(url, stompVersions.protocolVersions(), { agent }),
      stompVersions,
      forceBinaryWSFrames: binary,
      reconnectDelay: 0,
      onStompError: (frame) => self.errors.push(frame.headers.message),
    });
    t.after(() => self.stop());
    await within(
      'CONNECTED',
      new Promise((resolve) => {
        self.client.onConnect = (frame) => {
          self.version = frame.headers.version;
          resolve(undefined);
        };
        self.client.activate();
      }),
    );
    return self;
  }

  subscribe(destination, headers) {
    return this.client.subscribe(destination, (message) => this.inbox.push(message), headers);
  }

  send(destination, body, headers) {
    this.client.publish({ destination, body, headers });
  }

  /** @returns {{ id: string, commit(): void, abort(): void }} */
  begin() {
    return this.client.begin();
  }

  /** Resolves with the receipt's headers. @param {(receipt: string) => void} act */
  receipt(act) {
    const id = `receipt-${Math.random()}`;
    return within(
      'a receipt',
      new Promise((resolve) => {
        this.client.watchForReceipt(id, (frame) => resolve(frame.headers));
        act(id);
      }),
    );
  }

  /** The connection is lost without a word. */
  drop() {
    this.client.webSocket.terminate();
  }

  stop() {
    return this.client.deactivate({ force: true });
  }
}

/** webstomp-client: another author, another parser, 1.1 and 1.2. */
export class Webstomp {
  /** @type {Message[]} */
  inbox = [];
  errors = [];

  /** @param {Test} t @param {string} url @param {{ agent?: Agent, versions?: string[] }} [options] */
  static async connect(t, url, { agent, versions = ['1.1', '1.2'] } = {}) {
    const self = new Webstomp();
    const protocols = versions.map((version) => `v${version.replace('.', '')}.stomp`);
    self.socket = new WebSocket(url, protocols, { agent });
    self.client = webstomp.over(self.socket, { debug: false, heartbeat: false, binary: false });
    t.after(() => self.stop());
    await within(
      'CONNECTED',
      new Promise((resolve, reject) => {
        self.client.connect(
          {},
          (frame) => {
            self.version = frame.headers.version;
            resolve(undefined);
          },
          (fault) => {
            if (fault.headers) self.errors.push(fault.headers.message); // else: the close
            reject(new Error(fault.headers?.message));
          },
        );
      }),
    );
    return self;
  }

  subscribe(destination, headers) {
    return this.client.subscribe(destination, (message) => this.inbox.push(message), headers);
  }

  send(destination, body, headers) {
    this.client.send(destination, body, headers);
  }

  begin() {
    return this.client.begin();
  }

  receipt(act) {
    const id = `receipt-${Math.random()}`;
    return within(
      'a receipt',
      new Promise((resolve) => {
        this.client.onreceipt = (frame) => {
          if (frame.headers['receipt-id'] === id) resolve(frame.headers);
        };
        act(id);
      }),
    );
  }

  drop() {
    this.socket.terminate();
  }

  stop() {
    this.socket.terminate();
  }
}

export const STOCK = { '@stomp/stompjs': Stompjs, 'webstomp-client': Webstomp };
