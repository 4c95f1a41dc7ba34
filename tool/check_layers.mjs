// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors
//
// Fails when an #include crosses an edge that src/LAYERS does not grant, when the edges form a
// cycle, when a sans-IO layer includes a system I/O header, or when a third-party header stands
// outside the directory that owns it.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const SANS_IO = ['base', 'conf', 'http1', 'ws', 'stomp', 'sockjs', 'pubsub', 'tls'];
const IO_HEADERS =
  /^(sys\/.*|unistd|time|pthread|netinet\/.*|arpa\/.*|netdb|fcntl|poll|signal)\.h$/;
// conf_load reads the files that an operator names; base/log only formats.
const IO_ALLOWED = new Set([]);
/** Which files may include a third-party header. */
const OWNERS = [
  [/^openssl\//, /^src\/net\/|^src\/base\/digest\.c$/],
  [/^ares/, /^src\/io\/resolver\.c$/],
  [/^uthash/, /^src\/base\/map\.c$/],
  [/^zlib/, /^src\/ws\/ws_deflate\.c$/],
  [/^pcre2/, /^src\/proxy\/proxy_regex\.c$/],
  [/^lmdb\.h$/, /^src\/store\/store_lmdb[a-z_]*\.[ch]$/],
  [/^nats\//, /^src\/store\/store_nats_server\.[ch]$/],
  [/^crypt\.h$/, /^src\/auth\/htpasswd_hash\.c$/],
];

const edges = new Map();
for (const line of readFileSync('src/LAYERS', 'utf8').split('\n')) {
  if (line.trim() === '' || line.startsWith('#')) continue;
  const [layer, rest] = line.split(':');
  edges.set(layer, rest.trim() === '' ? [] : rest.trim().split(/\s+/));
}

let faults = 0;
function fault(text) {
  console.error(text);
  faults += 1;
}

function findCycle(layer, path) {
  if (path.includes(layer)) {
    fault(`src/LAYERS: cycle ${[...path, layer].join(' -> ')}`);
    return;
  }
  for (const next of edges.get(layer) ?? []) findCycle(next, [...path, layer]);
}
for (const layer of edges.keys()) findCycle(layer, []);

for (const layer of readdirSync('src', { withFileTypes: true })) {
  if (!layer.isDirectory()) continue;
  const granted = edges.get(layer.name);
  if (granted === undefined) {
    fault(`src/${layer.name}: has no row in src/LAYERS`);
    continue;
  }
  for (const file of readdirSync(join('src', layer.name))) {
    checkFile(layer.name, granted, `src/${layer.name}/${file}`);
  }
}

function checkFile(layer, granted, path) {
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      const at = `${path}:${index + 1}`;
      const own = line.match(/^#include "([^"]+)"/);
      if (own) {
        const target = own[1].split('/')[0];
        if (!own[1].includes('/')) fault(`${at}: write the include from src/: "${own[1]}"`);
        else if (target !== layer && !granted.includes(target)) {
          fault(
            `${at}: ${layer} may not include ${target} (src/LAYERS grants: ${granted.join(' ')})`,
          );
        }
      }
      const system = line.match(/^#include <([^>]+)>/);
      if (system) {
        if (SANS_IO.includes(layer) && IO_HEADERS.test(system[1]) && !IO_ALLOWED.has(path)) {
          fault(`${at}: <${system[1]}> in ${layer}, which is sans-IO`);
        }
        for (const [header, owner] of OWNERS) {
          if (header.test(system[1]) && !owner.test(path)) {
            fault(`${at}: <${system[1]}> belongs to ${owner.source}`);
          }
        }
      }
      if (
        layer !== 'base' &&
        SANS_IO.includes(layer) &&
        /\blog_(debug|info|notice|warn|error)\(/.test(line)
      ) {
        fault(`${at}: a sans-IO layer does not log above trace`);
      }
    });
}

if (faults > 0) {
  console.error(`${faults} fault(s) against src/LAYERS`);
  process.exit(1);
}
console.log('every include follows src/LAYERS');
