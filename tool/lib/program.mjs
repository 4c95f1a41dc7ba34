// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** A program that was started from here: what it said, line by line, and how it ended. */

import { spawn } from 'node:child_process';

/** Programs that still run; none survives this process. */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Program {
  /** Everything it wrote so far. */
  stdout = '';
  stderr = '';
  /** @type {{ code: number | null, signal: string | null } | null} set when it has ended */
  ended = null;
  #child;
  #watchers = new Set();

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {object} [options]
   * @param {string} [options.name] for messages
   * @param {string} [options.cwd]
   * @param {Record<string, string>} [options.env] in addition to this process's
   * @param {(line: string, stream: 'stdout' | 'stderr') => void} [options.onLine]
   */
  constructor(command, args, { name = command, cwd, env = {}, onLine = () => {} } = {}) {
    this.name = name;
    this.#child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.#child);
    this.exit = new Promise((resolve) => {
      const end = (code, signal) => {
        running.delete(this.#child);
        this.ended ??= { code, signal };
        this.#wake();
        resolve(this.ended);
      };
      this.#child.on('error', (error) => {
        this.stderr += `${error.message}\n`;
        end(127, null);
      });
      // Not `exit`: what it said last is to be read first.
      this.#child.on('close', end);
    });
    for (const stream of ['stdout', 'stderr']) {
      let rest = '';
      this.#child[stream].setEncoding('utf8').on('data', (text) => {
        this[stream] += text;
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        for (const line of lines) onLine(line, stream);
        this.#wake();
      });
    }
  }

  get pid() {
    return this.#child.pid;
  }

  /**
   * The first whole line, said already or yet to come, that matches.
   * @param {RegExp} pattern
   * @param {object} [options]
   * @param {'stdout' | 'stderr'} [options.stream]
   * @param {number} [options.ms] how long to wait for it
   * @param {number} [options.from] ignore what came before this place in the stream
   * @returns {Promise<string>} rejects with all it said when it ends without saying this, or is late
   */
  line(pattern, { stream = 'stderr', ms = 30_000, from = 0 } = {}) {
    return new Promise((resolve, reject) => {
      const fail = (why) =>
        reject(new Error(`${this.name} ${why} ${pattern}\n${this.stderr}${this.stdout}`.trimEnd()));
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        fail(`did not say within ${ms} ms`);
      }, ms);
      const look = () => {
        const text = this[stream].slice(from);
        const lines = text.split('\n').slice(0, -1);
        const found = lines.find((line) => pattern.test(line));
        if (found === undefined && !this.ended) return;
        this.#watchers.delete(look);
        clearTimeout(timer);
        if (found !== undefined) resolve(found);
        else fail(`ended (status ${this.ended?.code ?? this.ended?.signal}) without saying`);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** @param {NodeJS.Signals} signal */
  kill(signal) {
    if (!this.ended) this.#child.kill(signal);
  }

  /**
   * Ask it to end, and insist when it does not.
   * @param {object} [options]
   * @param {NodeJS.Signals} [options.signal]
   * @param {number} [options.ms]
   */
  async stop({ signal = 'SIGINT', ms = 20_000 } = {}) {
    this.kill(signal);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.kill('SIGKILL');
    }, ms);
    const ended = await this.exit;
    clearTimeout(timer);
    if (isLate) {
      throw new Error(`${this.name} did not end within ${ms} ms of ${signal}\n${this.stderr}`);
    }
    return ended;
  }

  #wake() {
    for (const look of [...this.#watchers]) look();
  }
}
