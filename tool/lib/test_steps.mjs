// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * `make test`: builds what is tested, runs every kind of test, and ends with the counts. A step
 * that fails does not keep the others from running; a build that fails does.
 *
 *     node tool/lib/test_steps.mjs [STEP...]      without names: all
 */

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

/** A step that takes longer than this has hung. */
const STEP_MS = 10 * 60_000;

/** Files are named one by one: node 18 and 20 disagree about patterns and directories. */
function testsIn(dir) {
  return readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${dir}/${entry.name}`;
      if (entry.isDirectory()) return testsIn(path);
      return entry.name.endsWith('.test.js') ? [path] : [];
    });
}

/** Two files at a time is what two cores can bear. */
function nodeTest(dir) {
  return ['node', '--test', '--test-reporter=spec', '--test-concurrency=2', ...testsIn(dir)];
}

const build = (preset) => [
  ['cmake', '--preset', preset, '--log-level=WARNING'],
  ['cmake', '--build', '--preset', preset],
];

const STEPS = {
  unit: {
    builds: ['asan'],
    commands: () => [['ctest', '--preset', 'asan', '-j2', '-LE', 'contract']],
  },
  contract: { builds: ['asan'], commands: () => [['ctest', '--preset', 'asan', '-L', 'contract']] },
  fuzz: { builds: ['fuzz'], commands: () => [['ctest', '--preset', 'fuzz', '-j2']] },
  js: { builds: [], commands: () => [nodeTest('js/client/test')] },
  style: {
    builds: [],
    commands: () => [
      ['node_modules/.bin/tsc', '-p', 'js/client/tsconfig.json'],
      ['node', 'js/client/build.js', '--check'],
      ['tool/lib/prettier', '--check'],
    ],
  },
  e2e: { builds: ['asan', 'release'], commands: () => [nodeTest('test/e2e')] },
};

/** What test runners say at their end; the numbers are added up. */
const COUNTS = [
  [/tests passed, (\d+) tests? failed out of (\d+)/, ([, failed, all]) => ({ all, failed })],
  [/^(?:ℹ|#) tests (\d+)$/, ([, all]) => ({ all })],
  [/^(?:ℹ|#) (?:fail|cancelled) (\d+)$/, ([, failed]) => ({ failed })],
  [/^(?:ℹ|#) (?:skipped|todo) (\d+)$/, ([, skipped]) => ({ skipped })],
  [/^No tests were found/, () => ({ failed: 1 })],
];

/** @returns {Promise<{ isGood: boolean, all: number, failed: number, skipped: number }>} */
function run([command, ...args]) {
  console.log(`\n== ${[command, ...args].join(' ')}`);
  const sum = { isGood: false, all: 0, failed: 0, skipped: 0 };
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const timer = setTimeout(() => {
      console.error(`${command} did not end within ${STEP_MS / 60_000} minutes`);
      child.kill('SIGTERM');
    }, STEP_MS);
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      process.stdout.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) count(sum, line);
    });
    child.on('error', (error) => console.error(error.message));
    child.on('close', (code) => {
      clearTimeout(timer);
      sum.isGood = code === 0 && sum.failed === 0;
      resolve(sum);
    });
  });
}

function count(sum, line) {
  for (const [pattern, read] of COUNTS) {
    const found = line.match(pattern);
    if (!found) continue;
    for (const [name, number] of Object.entries(read(found))) sum[name] += Number(number);
  }
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(STEPS);
const unknown = names.find((name) => !STEPS[name]);
if (unknown) {
  console.error(`there is no step "${unknown}": ${Object.keys(STEPS).join(', ')}`);
  process.exit(2);
}

for (const preset of new Set(names.flatMap((name) => STEPS[name].builds))) {
  for (const command of build(preset)) {
    if (!(await run(command)).isGood) process.exit(1);
  }
}

const rows = [];
for (const name of names) {
  const sum = { isGood: true, all: 0, failed: 0, skipped: 0 };
  const began = performance.now();
  for (const command of STEPS[name].commands()) {
    const { isGood, all, failed, skipped } = await run(command);
    sum.isGood &&= isGood;
    sum.all += all;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  rows.push({ name, ...sum, seconds: Math.round((performance.now() - began) / 1000) });
}

console.log('');
for (const { name, isGood, all, failed, skipped, seconds } of rows) {
  const counts = all ? `${all} tests, ${failed} failed, ${skipped} skipped` : 'checks';
  console.log(`${isGood ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${counts}, ${seconds} s`);
}
const total = (field) => rows.reduce((sum, row) => sum + row[field], 0);
const isGood = rows.every((row) => row.isGood);
console.log(
  `${isGood ? 'PASS' : 'FAIL'}: ${total('all')} tests, ${total('failed')} failed, ${total('skipped')} skipped`,
);
process.exitCode = isGood ? 0 : 1;
