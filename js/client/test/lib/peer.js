// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** One connection of the realm in memory. */

import { StompDecoder, encodeFrame } from '../../src/stomp.js';
import { FakeTransactions } from './queues.js';

const OWN = ['destination', 'receipt', 'publish-id', 'content-length', 'transaction', 'ttl'];

/** @typedef {import('./realm.js').FakeRealm} FakeRealm */
/** @typedef {import('./realm.js').Stored} Stored */
/** @typedef {{ id: string, name: string, selector: string, durable?: string }} Reading */

export class FakePeer {
  #realm;
  #decoder = new StompDecoder();
  /** @type {Map<string, Reading>} */
  #subscriptions = new Map();
  /** @type {Map<string, import('./queues.js').Reader>} */
  #readers = new Map();
  #transactions;
  /** Its data stream. @type {{ id: string, subscription: string } | undefined} */
  #stream;

  /** Heart-beats since something came. */
  silent = 0;

  /** @param {FakeRealm} realm @param {(data: string | Uint8Array) => void} say @param {() => void} kick */
  constructor(realm, say, kick) {
    this.#realm = realm;
    this.say = say;
    this.kick = kick;
    this.#transactions = new FakeTransactions(realm.outcomes);
  }

  gone() {
    this.#realm.peers.delete(this);
    for (const reader of this.#readers.values()) reader.leave();
  }

  /** @param {string | Uint8Array} data */
  receive(data) {
    this.silent = 0;
    if (data === '\n') this.#realm.log.push('beat');
    for (const { command, headers, body } of this.#decoder.push(data)) {
      this.#realm.log.push(
        `${command} ${headers.get('destination') ?? headers.get('id') ?? headers.get('commit-id') ?? ''}`.trim(),
      );
      const word = this.#realm.refusing[command];
      if (word) this.#refuse(headers, word, `${command} is refused`);
      else this.#answer(command, headers, body);
    }
  }

  /** @param {string} name @param {Stored} event */
  deliver(name, event) {
    for (const reading of this.#subscriptions.values()) {
      if (reading.name === name) this.#message(reading, event);
    }
  }

  /** @param {import('./groups.js').FakeGroup} group @param {string} name @param {Stored} event */
  deliverTo(group, name, event) {
    if (!this.#stream || !group.has(this.#stream.id)) return;
    this.#frame(this.#stream.subscription, name, event, []);
  }

  /** @param {string} command @param {Map<string, string>} headers @param {Uint8Array} body */
  #answer(command, headers, body) {
    if (command === 'CONNECT') this.#connect();
    if (command === 'SUBSCRIBE') this.#subscribe(headers);
    if (command === 'SEND') this.#publish(headers, body);
    if (command === 'ACK' || command === 'NACK') this.#acknowledge(headers, command === 'NACK');
    if (command === 'UNSUBSCRIBE') this.#unsubscribe(headers);
    if (['BEGIN', 'COMMIT', 'ABORT'].includes(command)) this.#transact(command, headers);
    if (command === 'DISCONNECT') this.#receipt(headers);
  }

  #connect() {
    const { refuse, heartbeat } = this.#realm;
    if (refuse) {
      this.put('ERROR', [['message', `${refuse}: nobody comes in`]]);
      return;
    }
    this.put('CONNECTED', [
      ['version', '1.2'],
      ['session', 's-1'],
      ['server', 'wayleave/test'],
      ['heart-beat', heartbeat],
    ]);
  }

  /** @param {Map<string, string>} headers */
  #subscribe(headers) {
    const name = headers.get('destination') ?? '';
    if (this.#isMissing(name, headers)) return;
    const id = headers.get('id') ?? '';
    const selector = headers.get('selector') ?? '';
    if (name === '/$data') {
      this.#openStream(id, headers);
    } else if (selector.endsWith('>')) {
      this.#refuse(headers, 'IllegalArgumentException', 'selector, at byte 5: the end');
    } else if (this.#realm.queues.has(name)) {
      this.#read(id, name, headers);
    } else {
      this.#open({ id, name, selector, durable: headers.get('durable') }, headers);
    }
  }

  /** @param {string} subscription @param {Map<string, string>} headers */
  #openStream(subscription, headers) {
    if (this.#stream) {
      this.#refuse(headers, 'IllegalArgumentException', 'this session has its data stream already');
      return;
    }
    const id = `stream-${++this.#realm.streams}`;
    this.#stream = { id, subscription };
    this.#realm.log.push(`stream ${headers.get('name') ?? ''}`.trim());
    this.#receipt(headers, [['stream', id]]);
  }

  /** @param {Reading} reading @param {Map<string, string>} headers */
  #open(reading, headers) {
    const { name, durable } = reading;
    if (durable && this.#realm.taken.has(durable)) {
      this.#refuse(headers, 'IllegalArgumentException', 'it has a reader already');
      return;
    }
    const life = this.#realm.life(name);
    const oldest = life.events[0]?.eid ?? life.next;
    const place = this.#realm.places.get(`${name} ${durable}`);
    const asked = String(place ?? headers.get('from') ?? 'now');
    let next = asked === 'now' ? life.next : oldest;
    const epoch = headers.get('epoch');
    if (/^\d/.test(asked) && (place || epoch === undefined || epoch === life.epoch)) {
      next = Math.min(Math.max(Number(asked), oldest), life.next);
    }
    this.#subscriptions.set(reading.id, reading);
    this.#receipt(headers, [
      ['epoch', life.epoch],
      ['next', String(next)],
    ]);
    for (const event of life.events) if (event.eid >= next) this.#message(reading, event);
  }

  /** @param {string} id @param {string} name @param {Map<string, string>} headers */
  #read(id, name, headers) {
    const window = Number(headers.get('window') ?? 5);
    this.#receipt(headers, [['window', String(window)]]);
    const selector = headers.get('selector') ?? '';
    const reader = this.#realm.queue(name).read({
      window,
      wants: (event) => selector === '' || this.#realm.chooses(selector, event),
      deliver: (event) => {
        /** @type {Array<[string, string]>} */
        const again = [
          ['redelivered', 'true'],
          ['redelivery-count', String(event.returns)],
        ];
        const extra = event.returns > 0 ? again : [];
        this.#frame(id, name, event, [['ack', `${event.eid}@${id}`], ...extra]);
      },
    });
    this.#readers.set(id, reader);
    reader.pump();
  }

  /** @param {Map<string, string>} headers */
  #unsubscribe(headers) {
    const id = headers.get('id') ?? '';
    const durable = headers.get('durable');
    if (durable) this.#realm.places.delete(`${headers.get('destination')} ${durable}`);
    if (id === this.#stream?.subscription) this.#stream = undefined;
    this.#subscriptions.delete(id);
    this.#readers.get(id)?.leave();
    this.#readers.delete(id);
    this.#receipt(headers);
  }

  /** @param {Map<string, string>} headers @param {Uint8Array} body */
  #publish(headers, body) {
    const name = headers.get('destination') ?? '';
    if (this.#isMissing(name, headers)) return;
    const passed = [...headers].filter(([header]) => !OWN.includes(header));
    const store = () => this.#realm.store(name, passed, body, headers.get('publish-id'));
    const transaction = headers.get('transaction');
    if (transaction === undefined) {
      this.#receipt(headers, [['eid', String(store())]]);
    } else if (this.#transactions.add(transaction, store)) {
      this.#receipt(headers);
    } else {
      this.#refuse(headers, 'IllegalArgumentException', `there is no transaction ${transaction}`);
    }
  }

  /** @param {Map<string, string>} headers @param {boolean} isBack */
  #acknowledge(headers, isBack) {
    const [, eid, id] = /^(\d+)@(.*)$/.exec(headers.get('id') ?? '') ?? [];
    const reader = this.#readers.get(id);
    const reading = this.#subscriptions.get(id);
    const transaction = headers.get('transaction');
    const act = () => reader?.settle(Number(eid), isBack);
    if (reading?.durable) {
      this.#realm.places.set(`${reading.name} ${reading.durable}`, Number(eid) + 1);
      this.#receipt(headers);
    } else if (!reader?.holds(Number(eid))) {
      this.#refuse(headers, 'IllegalArgumentException', 'this session does not hold the event');
    } else if (transaction !== undefined) {
      this.#transactions.add(transaction, act);
      this.#receipt(headers);
    } else {
      act();
      this.#receipt(headers);
    }
  }

  /** @param {string} command @param {Map<string, string>} headers */
  #transact(command, headers) {
    const outcome = this.#transactions.take(command, headers);
    if (outcome === undefined) {
      const isPending = this.#realm.outcomes.has(headers.get('commit-id') ?? '');
      const word = isPending ? 'StoreException' : 'IllegalArgumentException';
      this.#refuse(headers, word, `${command}: out of order, or under way`);
    } else {
      this.#receipt(headers, outcome ? [['outcome', outcome]] : []);
    }
  }

  /** @param {string} name @param {Map<string, string>} headers */
  #isMissing(name, headers) {
    if (!this.#realm.missing.has(name)) return false;
    this.#refuse(headers, 'MissingResourceException', `there is no channel ${name}`);
    return true;
  }

  /** @param {Map<string, string>} headers @param {string} word @param {string} message */
  #refuse(headers, word, message) {
    this.#receipt(headers, [
      ['refused', word],
      ['message', message],
    ]);
  }

  /** @param {Map<string, string>} headers @param {Array<[string, string]>} [more] */
  #receipt(headers, more = []) {
    this.put('RECEIPT', [['receipt-id', headers.get('receipt') ?? ''], ...more]);
  }

  /** @param {Reading} reading @param {Stored} event */
  #message({ id, name, selector, durable }, event) {
    if (selector !== '' && !this.#realm.chooses(selector, event)) return;
    this.#frame(id, name, event, durable ? [['ack', `${event.eid}@${id}`]] : []);
  }

  /** @param {string} id @param {string} name @param {Stored} event @param {Array<[string, string]>} extra */
  #frame(id, name, { eid, headers, body }, extra) {
    /** @type {Array<[string, string]>} */
    const own = [
      ['subscription', id],
      ['destination', name],
      ['message-id', `${name}@${eid}`],
      ['eid', String(eid)],
    ];
    this.put('MESSAGE', [...own, ...extra, ...headers], body);
  }

  /** @param {string} command @param {Array<[string, string]>} headers @param {Uint8Array} [body] */
  put(command, headers, body) {
    this.say(encodeFrame(command, headers, body));
  }
}
