// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Wayleave authors

/**
 * The demo: a page that holds a session with the realm that served it, and shows how it got there.
 * A program of the documented API, as its users write them: NirvanaSession and NirvanaChannel.
 *
 * Query: ?secure=1 (wss) or 0 (ws) · ?port=NNNN (webSocketPort) · ?host= · ?channel=/demo/x
 *
 * Stable ids, for tests and for the curious:
 *   #state       "connecting", "connected", "reconnecting" or "failed"; also body[data-state]
 *   #path        holds #path-url (in use), #path-sentence, #path-tried li[data-outcome][data-url]
 *   #latency     the last round trip in ms, "–" before the first; #plot its last two minutes
 *   #events      li[data-eid], oldest first, each with .eid, .from, .body and time
 *   #text #send  the line to publish; #pending how many wait for their receipt; #name who you are
 *   #error       hidden unless something is wrong: #error-title, #error-text, #error-hints,
 *                #retry (try now), #retry-in
 *   #plain #secure  links to the other interface · #channel #options what the page was told
 */

const { Observe } = Nirvana;
const PING_MS = 2000;
const SAMPLES = 60;
const MAX_EVENTS = 500;
const RETRY_S = [3, 5, 10, 20, 30];

const byId = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const isPageSecure = location.protocol === 'https:';
const secure = query.has('secure') ? query.get('secure') === '1' : isPageSecure;
const isOwn = secure === isPageSecure && !query.get('host') && location.port;
const port = Number(query.get('port')) || (isOwn ? Number(location.port) : secure ? 9443 : 9000);
const host = query.get('host') || location.hostname;
const channelName = query.get('channel') || '/demo/chat';
const options = { webSocket: true, webSocketPort: port, ...(secure && { secure }) };
const myName = rememberedName();

let pending = 0;
let failures = 0;
let retryAt = 0;
const samples = [];

/** A name for this tab, so that two of them can talk. */
function rememberedName() {
  const animals = ['Heron', 'Otter', 'Lynx', 'Wren', 'Badger', 'Marten', 'Osprey', 'Hare', 'Kite'];
  const colours = ['Amber', 'Slate', 'Coral', 'Moss', 'Indigo', 'Copper', 'Silver', 'Plum'];
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const key = 'wayleave-demo-name';
  try {
    const name = sessionStorage.getItem(key) || `${pick(colours)} ${pick(animals)}`;
    sessionStorage.setItem(key, name);
    return name;
  } catch {
    return `${pick(colours)} ${pick(animals)}`; // storage is forbidden: a new name each time
  }
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/* Session */

function setState(state) {
  document.body.dataset.state = state;
  byId('state').textContent = state;
  showPath();
}

function showPath() {
  const { attempts, inUse, sentence } = NirvanaSession.path();
  byId('path-url').textContent = inUse ? inUse.url : 'no connection';
  byId('path-sentence').textContent = sentence;
  byId('path-count').textContent = attempts.length ? `(${attempts.length})` : '';
  byId('path-tried').replaceChildren(...attempts.map(showAttempt).reverse());
}

function showAttempt({ url, outcome, ms, detail, ended }) {
  const isGood = outcome === 'connected';
  const item = make('li', '', '');
  item.dataset.outcome = outcome;
  item.dataset.url = url;
  const after = `${outcome}, ${ms} ms${ended ? `, then ${ended}` : ''}`;
  item.append(make('code', '', url), make('span', isGood ? 'ok' : 'no', after));
  if (detail) item.title = detail;
  return item;
}

function showError(title, text, hints) {
  byId('error-title').textContent = title;
  byId('error-text').textContent = text;
  byId('error-hints').replaceChildren(...hints.map((hint) => make('li', '', hint)));
  byId('error').hidden = false;
}

function hintsFor() {
  const other = secure
    ? 'Try the plain interface (link at the top).'
    : 'Try the secure interface (link at the top): what reads along cannot hold back what it cannot read.';
  const proxy = secure
    ? `If you use a proxy, it must allow CONNECT to port ${port} (in its configuration: AllowCONNECT ${port}).`
    : `If you use a proxy, the browser must know of it, and it must allow CONNECT to port ${port} (in its configuration: AllowCONNECT ${port}).`;
  const hints = [`Is the realm running, and does it listen on ${host}:${port}?`, proxy];
  if (secure)
    hints.push(
      `Does the browser trust its certificate? Open https://${host}:${port}/ once to see.`,
    );
  return [...hints, other];
}

function onFailed(resource, exception) {
  if (resource !== NirvanaSession) {
    const isOwn = exception.name !== 'SessionNotConnectedException'; // else the session says it
    if (isOwn) showError(`${exception.name} on ${channelName}`, exception.message, []);
    return;
  }
  const wait = RETRY_S[Math.min(failures++, RETRY_S.length - 1)];
  retryAt = Date.now() + wait * 1000;
  showError('No way to the realm', exception.message, hintsFor());
  setState('failed');
  showCountdown();
}

function showCountdown() {
  const left = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  byId('retry').hidden = byId('retry-in').hidden = retryAt === 0;
  byId('retry-in').textContent = `or by itself in ${left} s`;
  if (retryAt !== 0 && left === 0) start();
}

function start() {
  retryAt = 0;
  byId('error').hidden = true;
  setState('connecting');
  const elsewhere = query.get('host') ? { realmHosts: [host] } : {};
  NirvanaSession.start({ ...options, ...elsewhere, applicationName: 'wayleave-demo' });
}

function onConnected() {
  failures = 0;
  byId('error').hidden = true;
  setState('connected');
  setTimeout(measure, 400); // the page is busy with its first events now
}

/* Round trips */

async function measure() {
  if (document.body.dataset.state !== 'connected' || document.hidden) return;
  try {
    const ms = await NirvanaSession.ping();
    samples.push(ms);
    if (samples.length > SAMPLES) samples.shift();
    byId('latency').textContent = format(ms);
    plot();
  } catch {
    // The connection went away meanwhile: the session's own listeners say so.
  }
}

function format(ms) {
  return ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
}

function plot() {
  const sorted = [...samples].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const top = Math.max(2, Math.min(sorted.at(-1), 6 * median)) * 1.15; // one spike may leave it
  const x = (index) => 300 - (samples.length - 1 - index) * (300 / (SAMPLES - 1));
  const y = (ms) => 78 - (Math.min(ms, top) / top) * 76;
  const points = samples.map((ms, index) => `${x(index).toFixed(1)},${y(ms).toFixed(1)}`);
  byId('plot-line').setAttribute('d', `M${points[0]}L${points.join('L')}`);
  byId('plot-area').setAttribute('d', `M${x(0)},80L${points.join('L')}L300,80Z`);
  byId('latency-range').textContent = `${format(sorted[0])} – ${format(sorted.at(-1))} ms`;
  byId('plot-top').textContent = `median ${format(median)} ms`;
}

function pulse(direction) {
  const dot = byId('pulse');
  dot.className = '';
  void dot.offsetWidth; // begin the animation again
  dot.className = direction;
}

/* Events */

function onEvent(event) {
  const list = byId('events');
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const eid = event.eventID[1];
  const from = event.getDictionary().get('from');
  const at = event.getDictionary().get('at');
  const item = make('li', from === myName ? 'mine' : '', '');
  item.dataset.eid = eid;
  const body = make('span', '', '');
  if (from) body.append(make('span', 'from', `${from} `));
  body.append(make('span', 'body', event.getData()));
  const time = make('time', '', at ? new Date(at).toLocaleTimeString() : '');
  item.append(make('span', 'eid', `${eid}`), body, time);
  list.append(item);
  if (list.children.length > MAX_EVENTS) list.firstElementChild.remove();
  byId('count').textContent = `last EID ${eid}`;
  if (isAtEnd || from === myName) list.scrollTop = list.scrollHeight;
  pulse('in');
}

function publish(text) {
  const event = Nirvana.createEvent();
  event.setData(text);
  event.getDictionary().putString('from', myName);
  event.getDictionary().putLong('at', Date.now());
  setPending(pending + 1);
  channel.publish(event);
  pulse('out');
}

function setPending(count) {
  pending = Math.max(0, count);
  byId('pending').textContent = pending ? `${pending} waiting for the realm's receipt` : '';
}

/* The page */

/** Where the same page talks to the other interface; a secure page may not open plain sockets. */
function linkTo(isSecure) {
  const other = new URL(location.href);
  other.searchParams.set('secure', isSecure ? '1' : '0');
  if (isSecure !== secure) other.searchParams.delete('port');
  if (!isSecure && isPageSecure) {
    other.protocol = 'http:';
    other.port = '9000';
  }
  return other.href;
}

byId('plain').href = linkTo(false);
byId('secure').href = linkTo(true);
byId(secure ? 'secure' : 'plain').setAttribute('aria-current', 'page');
byId('page-host').textContent = location.host;
byId('realm-host').textContent = `${host}:${port}`;
byId('channel').textContent = channelName;
byId('name').textContent = myName;
byId('options').textContent = JSON.stringify(options)
  .replace(/"(\w+)":/g, ' $1: ')
  .replace('}', ' }');

const channel = new NirvanaChannel(channelName);
channel.onData = onEvent;
channel.onPublish = () => setPending(pending - 1);
channel.on(Observe.ERROR, (resource, exception) => {
  setPending(pending - 1);
  onFailed(resource, exception);
});
NirvanaSession.on(Observe.START, onConnected);
NirvanaSession.on(Observe.RECONNECT, onConnected);
NirvanaSession.on(Observe.DRIVER, showPath);
NirvanaSession.on(Observe.DISCONNECT, () => setState('reconnecting'));
NirvanaSession.on(Observe.ERROR, onFailed);
byId('retry').addEventListener('click', start);
byId('publish').addEventListener('submit', (submitted) => {
  submitted.preventDefault();
  const input = byId('text');
  if (input.value.trim() !== '') publish(input.value);
  input.value = '';
  input.focus();
});
setInterval(measure, PING_MS);
setInterval(() => {
  if (document.body.dataset.state !== 'connected') showPath();
  if (retryAt) showCountdown();
}, 500);
start();
channel.subscribe();
