// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/** The code blocks of a page of doc/, as a reader sees them: indented by four, or fenced. */

/** @typedef {{ kind: 'conf' | 'shell' | 'js' | 'shown', text: string, line: number }} Block */

const CONF = /^(Interface|Anonymous|Store|Auth\w+|<Channel|<Queue|<DataGroup) /;
const SHELL =
  /^(wayleave [a-z]+ |curl |htpasswd |kill |mkdir |echo |export |tail |useradd |[A-Z_]+=\S+ )/;

/** @param {string} text @param {string} [language] @returns {Block['kind']} */
function kindOf(text, language) {
  if (language === 'js') return 'js';
  if (CONF.test(text)) return 'conf';
  return SHELL.test(text) ? 'shell' : 'shown';
}

/** @param {string} page its text @returns {Block[]} in their order */
export function blocksOf(page) {
  const lines = page.split('\n');
  /** @type {Block[]} */
  const blocks = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(\w*)$/.exec(lines[at]);
    const begin = at;
    /** @type {string[]} */
    const taken = [];
    if (fence) {
      while (lines[++at] !== '```') taken.push(lines[at]);
    } else if (lines[at].startsWith('    ') && (at === 0 || lines[at - 1] === '')) {
      while (/^(    |$)/.test(lines[at] ?? '-')) taken.push(lines[at++].slice(4));
      at--;
    } else {
      continue;
    }
    const text = taken.join('\n').trim();
    blocks.push({ kind: kindOf(text, fence?.[1]), text, line: begin + 1 });
  }
  return blocks;
}
