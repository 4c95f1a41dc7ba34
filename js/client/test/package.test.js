// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The package as it is published: what is in it, and that programs find it, bundled or not. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import vm from 'node:vm';
import { build } from 'esbuild';
import { CLIENT, compile, installPackage } from './lib/package.js';

/** @param {string} dir @returns {string[]} */
const filesIn = (dir) =>
  readdirSync(join(CLIENT, dir)).flatMap((name) => {
    const path = `${dir}/${name}`;
    return statSync(join(CLIENT, path)).isDirectory() ? filesIn(path) : [path];
  });

/** @type {{ dir: string, files: string[] } | undefined} */
let once;
/** @type {Array<() => void>} */
const ends = [];
test.after(() => ends.forEach((end) => end()));
const installed = () => (once ??= installPackage({ after: (end) => ends.push(end) }));

test('it holds the sources, the scripts for pages, the types and the licence, and nothing else', () => {
  const sources = filesIn('src');
  const types = sources.map((path) => path.replace(/^src(.*)\.js$/, 'types$1.d.ts'));
  const others = ['LICENSE', 'README.md', 'nirvana.d.ts', 'package.json'];
  const scripts = ['dist/nirvana.js', 'dist/wayleave.mjs'];
  const expected = [...sources, ...types, ...others, ...scripts];
  assert.deepEqual(installed().files, expected.sort());
});

/** @param {string} program @param {string[]} [conditions] */
function runInNode(program, conditions = []) {
  const file = join(installed().dir, 'program.mjs');
  writeFileSync(file, program);
  return String(execFileSync(process.execPath, [...conditions, file]));
}

const NAMES =
  'console.log(typeof Nirvana.createSession, typeof NirvanaSession.start, typeof NirvanaChannel);';

test('in Node both names lead to what goes through proxies', () => {
  const program = `
    import { connect, Session } from 'wayleave';
    const wrong = { proxy: 'socks5://p:1' };
    await connect('ws://realm', wrong).catch(({ message }) => console.log(message));
    import 'wayleave/nirvana';
    ${NAMES}
    const session = Nirvana.createSession({ realms: ['http://realm'], ...wrong });
    session.on(Nirvana.Observe.ERROR, (_, { message }) => console.log(message));
    session.start();`;
  const refused = 'option proxy is socks5://p:1: write http://host:port or https://host:port\n';
  assert.equal(runInNode(program), `${refused}function function function\n${refused}`);
});

test('where it is no Node, both names lead to what knows nothing of Node', async () => {
  const { dir } = installed();
  const contents = `import { connect } from 'wayleave';
    import 'wayleave/nirvana';
    console.log(typeof connect);
    ${NAMES}`;
  for (const format of /** @type {const} */ (['iife', 'esm'])) {
    const { outputFiles, metafile } = await build({
      stdin: { contents, resolveDir: dir },
      bundle: true,
      write: false,
      metafile: true,
      format,
      platform: 'browser',
      minify: true,
    });
    const inputs = Object.keys(metafile.inputs).filter((path) => path.includes('/src/node/'));
    assert.deepEqual(inputs, []);
    /** @type {string[]} */
    const said = [];
    const log = (/** @type {string[]} */ ...words) => said.push(words.join(' '));
    const surroundings = { TextEncoder, TextDecoder, URL, console: { log }, performance };
    vm.runInNewContext(outputFiles[0].text, surroundings);
    assert.deepEqual(said, ['function', 'function function function'], format);
  }
});

test('bundled for Node it is what it is in Node', async () => {
  const { dir } = installed();
  const contents = `import { connect } from 'wayleave';
    connect('ws://realm', { proxy: 'socks5://p:1' }).catch(({ code }) => console.log(code));`;
  const outfile = join(dir, 'bundled.mjs');
  const stdin = { contents, resolveDir: dir };
  await build({ stdin, bundle: true, outfile, format: 'esm', platform: 'node' });
  assert.equal(String(execFileSync(process.execPath, [outfile])), 'argument\n');
});

test('what a program does not use of the modern face does not bring the other one', async () => {
  const stdin = { contents: "export { connect } from 'wayleave';", resolveDir: installed().dir };
  const options = /** @type {const} */ ({
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
  });
  const { metafile } = await build({ ...options, stdin });
  const compat = Object.keys(metafile.inputs).filter((path) => path.includes('/compat/'));
  assert.deepEqual(compat, []);
});

test('the one file for pages is a module, and has what the package has', async () => {
  const file = await import(new URL('../dist/wayleave.mjs', import.meta.url).href);
  const source = await import('../src/index.js');
  assert.deepEqual(Object.keys(file).sort(), Object.keys(source).sort());
});

test('programs in TypeScript compile against the published types, wrong ones do not', () => {
  const { dir } = installed();
  cpSync(join(CLIENT, 'test/types'), dir, { recursive: true });
  symlinkSync(join(CLIENT, '../../node_modules/@types'), join(dir, 'node_modules/@types'));
  const strict = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable'];
  const programs = ['modern.ts', 'classic.ts'].map((name) => join(dir, name));
  const inNode = ['--module', 'nodenext'];
  const bundled = ['--module', 'esnext', '--moduleResolution', 'bundler'];
  for (const how of [inNode, bundled]) assert.equal(compile(...strict, ...how, ...programs), '');
});
