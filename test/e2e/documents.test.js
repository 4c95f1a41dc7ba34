// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * What the pages for the realm's users promise, done: each page's configurations are loaded as one
 * realm.conf, then its commands and programs run from top to bottom as a reader would run them.
 * What stands after a "wayleave ..." line as its answer must be its answer.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { freePort } from '../../tool/lib/ports.mjs';
import { Program } from '../../tool/lib/program.mjs';
import { blocksOf } from '../lib/blocks.mjs';
import { within } from '../lib/wait.mjs';
import { AS_ROOT, CHECKED, ROOT, scratch, wayleave } from '../lib/wayleave.mjs';

const read = (path) => readFileSync(join(ROOT, path), 'utf8');

/** What wayleave realm has without a file, for a page that configures nothing. */
const BUILTIN = 'Interface http://127.0.0.1:9000\nAnonymous On\n<Channel "/demo/*">\n</Channel>\n';

/** A page, and a machine to follow it on. */
class Reader {
  /** @type {Program | null} */
  realm = null;
  /** @type {Record<string, string>} */
  env = { http_proxy: '', https_proxy: '', no_proxy: '' };
  /** What the last block of commands said. */
  said = '';
  commands = 0;

  constructor(dir, ports) {
    this.dir = dir;
    this.ports = ports;
    for (const name of ['bin', 'etc', 'run', 'store']) mkdirSync(join(dir, name));
    symlinkSync(CHECKED, join(dir, 'bin/wayleave'));
    symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
    writeFileSync(join(dir, 'ticks.log'), '1.2262\n1.2263\n');
    this.env.PATH = `${join(dir, 'bin')}:${process.env.PATH}`;
  }

  /** The machine's own places, ports and account become ones that a test may use. */
  here(text) {
    return text
      .replace(/\/etc\/wayleave\b/g, join(this.dir, 'etc'))
      .replace(/\/var\/lib\/wayleave\b/g, join(this.dir, 'store'))
      .replace(/\/run\/wayleave\b/g, join(this.dir, 'run'))
      .replace(/0\.0\.0\.0:/g, '127.0.0.1:')
      .replace(/:(9000|9443|9181)\b/g, (_, port) => `:${this.ports[port]}`)
      .replace(/^ *User wayleave$/gm, '');
  }

  /** @param {string} text a realm.conf @returns {Promise<string>} what -t says about it */
  async check(text) {
    writeFileSync(join(this.dir, 'realm.conf'), text);
    const program = wayleave(['realm', '-t', '-f', 'realm.conf'], { cwd: this.dir });
    await within('the check', program.exit);
    return program.stderr;
  }

  async start() {
    if (this.realm && !this.realm.ended) return;
    this.realm = wayleave(['realm', '-f', 'realm.conf', ...AS_ROOT], { cwd: this.dir });
    await this.realm.line(/ready/);
  }

  /** @param {string} line */
  async run(line) {
    const [, command, status] = /^(.*?)(?:\s{2,}# .*?(?:status (\d))?)?$/.exec(line) ?? [];
    const exported = /^export (\w+)=(\S+)$/.exec(command);
    if (exported) {
      this.env[exported[1]] = exported[2];
      return;
    }
    if (/^useradd /.test(command)) return; // the machine's accounts are not a test's to change
    if (/^wayleave realm|localhost|127\.0\.0\.1|^kill/.test(command)) await this.start();
    if (/^wayleave realm -f realm\.conf$/.test(command)) return; // it does
    await this.obey(command, Number(status ?? 0));
  }

  /** @param {string} command @param {number} status */
  async obey(command, status) {
    const can = command
      .replace(/^htpasswd (.*)$/, 'htpasswd -b $1 wonder') // it would ask a terminal
      .replace(/\btail -f\b/, 'tail -n +1') // which would not end
      .replace(/\bcurl\b/, 'curl -fsS --max-time 10');
    const program = new Program('bash', ['-o', 'pipefail', '-c', can], {
      cwd: this.dir,
      env: this.env,
    });
    const { code } = await within(command, program.exit);
    this.said += program.stdout + program.stderr;
    this.commands++;
    assert.equal(code, status, `${command}\n${program.stdout}${program.stderr}`);
    if (/^kill -HUP/.test(command)) await this.realm.line(/reloaded realm\.conf/);
    if (/^kill -(TERM|INT)/.test(command)) {
      assert.deepEqual(await within('its end', this.realm.exit), { code: 0, signal: null });
    }
  }

  /** A program of the page, which goes on until the page has been read. */
  async program(text, line) {
    await this.start();
    const file = join(this.dir, `line-${line}.mjs`);
    writeFileSync(file, text);
    this.commands++;
    return new Program('node', [file], { cwd: this.dir, env: this.env });
  }
}

async function follow(t, page, { whole }) {
  const ports = { 9000: await freePort(), 9443: await freePort(), 9181: await freePort() };
  const reader = new Reader(scratch(t), ports);
  const blocks = blocksOf(reader.here(read(page)));
  const programs = [];
  t.after(async () => {
    for (const program of [...programs, reader.realm]) await program?.stop();
  });
  const confs = blocks.filter(({ kind }) => kind === 'conf').map(({ text }) => text);
  const text = confs.length ? confs.join('\n') : reader.here(BUILTIN);
  // A certificate comes from whoever signs the reader's.
  const tls = /https:/.test(text) ? '\nSSLCertificateMake On\n' : '';
  writeFileSync(join(reader.dir, 'realm.conf'), text + tls);

  for (const { kind, text, line } of blocks) {
    if (kind === 'shell') {
      reader.said = '';
      for (const command of text.split('\n').filter(Boolean)) await reader.run(command);
    } else if (kind === 'js') {
      programs.push(await reader.program(text, line));
    } else if (kind === 'shown' && text.startsWith('wayleave ')) {
      assert.ok(reader.said.includes(text), `${page}:${line}: it says\n${reader.said}`);
    }
  }
  for (const { ended, stderr } of programs) assert.equal(ended, null, stderr);
  assert.ok(reader.commands > 0, 'the page has commands');
  if (whole) assert.match(await reader.check(confs[0]), /realm\.conf is in order$/m);
}

for (const [page, whole] of [
  ['doc/realm.md', true],
  ['doc/channels.md', true],
  ['doc/queues.md', true],
  ['doc/datagroups.md', true],
  ['doc/selectors.md', false],
  ['doc/security-realm.md', false],
]) {
  test(`${page} can be followed from top to bottom`, (t) => follow(t, page, { whole }));
}

test('every metric of a realm is on its page', async (t) => {
  const ports = { 9000: await freePort(), 9443: 0, 9181: await freePort() };
  const reader = new Reader(scratch(t), ports);
  t.after(() => reader.realm?.stop());
  writeFileSync(
    join(reader.dir, 'realm.conf'),
    reader.here(`${BUILTIN}AdminListen 127.0.0.1:9181\n`),
  );
  await reader.start();
  const answer = await fetch(`http://127.0.0.1:${ports[9181]}/metrics`);
  const names = [...(await answer.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  const page = read('doc/realm.md');
  assert.ok(names.length > 10);
  for (const name of names) {
    const short = name.replace(/^wayleave_realm(_.*)$/, '$1');
    assert.ok(page.includes(name) || page.includes(`\`${short}`), `${name} is not in doc/realm.md`);
  }
});

/* ---- the pages together ---- */

const PAGES = readdirSync(join(ROOT, 'doc'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `doc/${name}`);

/** As GitHub makes them. */
const anchorOf = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replace(/ /g, '-');

test('every link of a page leads somewhere', () => {
  const anchors = (page) =>
    [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, text]) => anchorOf(text));
  for (const page of ['README.md', ...PAGES]) {
    for (const [, target] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path, anchor] = target.split('#');
      const file = path === '' ? page : join(page, '..', path);
      const text = path.endsWith('.png') ? '' : read(file);
      assert.ok(text !== undefined);
      if (anchor) assert.ok(anchors(file).includes(anchor), `${page}: ${target}`);
    }
  }
});

test('README says where every page is, and every page for users is installed', () => {
  const readme = read('README.md');
  const build = read('CMakeLists.txt');
  const whereToGo = readme.slice(readme.indexOf('## Where to go'));
  for (const page of PAGES) {
    assert.ok(whereToGo.includes(`](${page})`), `${page} is not under "Where to go"`);
    if (page === 'doc/dependencies.md') continue; // for who builds it
    assert.ok(build.includes(page), `${page} is not installed`);
  }
});
