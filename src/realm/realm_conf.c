/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conf.h"

#include "realm/realm_conf_group.h"
#include "realm/realm_conf_pages.h"
#include "realm/realm_conf_route.h"
#include "store/store_nats_url.h"

static_assert((int)REALM_CONF_TRANSACTION_EVENTS_MAX < (int)STORE_OPS_MAX,
              "the store takes them at once, with the outcome and some acknowledgements");

enum {
    HEAD_BYTES_MAX = 64 * 1024, /* one request head, whatever the single limits add up to */
    HEART_BEAT_WISE = 25000,    /* documented proxies cut a silent connection at 30 s */
};

/* ---- Interface ---- */

static bool read_interface(const struct conf_node *node, struct diag *diag,
                           struct realm_conf_interface *ret_interface)
{
    struct span word = node->words[0];
    struct realm_conf_interface interface = {.line = node->line};
    struct http1_origin origin;
    enum http1_fault fault;

    if (http1_origin_read(word, &origin, &fault) != OK || origin.is_null) {
        diag_error(diag, node->file, node->line,
                   "Interface: \"%.*s\" is not scheme://address:port (write "
                   "http://127.0.0.1:9000 or https://[::1]:9443)",
                   SPAN_ARG(diag_word(word)));
        return false;
    }
    interface.is_tls = span_equals_nocase(origin.scheme, "https");
    if (!interface.is_tls && !span_equals_nocase(origin.scheme, "http")) {
        diag_error(diag, node->file, node->line,
                   "Interface: \"%.*s\" is not a scheme that the realm speaks (write http or "
                   "https; WebSocket is spoken on both)",
                   SPAN_ARG(diag_word(origin.scheme)));
        return false;
    }
    if (origin.authority.port == 0) {
        diag_error(diag, node->file, node->line,
                   "Interface: \"%.*s\" has no port (write http://127.0.0.1:9000)",
                   SPAN_ARG(diag_word(word)));
        return false;
    }
    if (!addr_parse(origin.authority.host, origin.authority.port, &interface.addr)) {
        diag_error(diag, node->file, node->line,
                   "Interface: \"%.*s\" is not an address (write 127.0.0.1 for this machine "
                   "alone, 0.0.0.0 for every network it is on)",
                   SPAN_ARG(diag_word(origin.authority.host)));
        return false;
    }
    *ret_interface = interface;
    return true;
}

static enum err set_interface(void *opaque, const struct conf_node *node,
                              const struct conf_apply *apply)
{
    struct realm_conf *conf = opaque;
    struct realm_conf_interface interface;
    void *array = conf->interfaces;
    void *room;

    if (!read_interface(node, apply->diag, &interface)) {
        return OK;
    }
    for (size_t i = 0; i < conf->interface_count; i++) {
        if (addr_equal(&conf->interfaces[i].addr, &interface.addr)) {
            char text[ADDR_TEXT_BYTES];

            diag_error(apply->diag, node->file, node->line,
                       "Interface: %s is in use already, by line %u (remove one of them, or "
                       "take another port)",
                       addr_text(&interface.addr, text), conf->interfaces[i].line);
            return OK;
        }
    }
    TRY(realm_conf_route_one_more(apply, &array, conf->interface_count,
                                  REALM_CONF_INTERFACES_MAX, sizeof interface, &room));
    conf->interfaces = array;
    if (room == NULL) {
        diag_error(apply->diag, node->file, node->line,
                   "Interface: there are more than %d (remove some)",
                   REALM_CONF_INTERFACES_MAX);
        return OK;
    }
    memcpy(room, &interface, sizeof interface);
    conf->interface_count++;
    return OK;
}

/* ---- Store ---- */

/* A URL is shown to nobody: it may have a password. */
static enum err set_store(void *opaque, const struct conf_node *node,
                          const struct conf_apply *apply)
{
    struct realm_conf *conf = opaque;
    struct span word = node->words[0];
    struct store_nats_url url;
    const char *why;

    if (span_equals_nocase(word, "memory")) {
        conf->store = REALM_CONF_STORE_MEMORY;
    } else if (span_equals_nocase(word, "lmdb")) {
        conf->store = REALM_CONF_STORE_LMDB;
    } else if (!store_nats_url_is(word)) {
        diag_error(apply->diag, node->file, node->line,
                   "Store: \"%.*s\" is neither memory nor lmdb, nor does it begin with nats:// "
                   "or tls://",
                   SPAN_ARG(diag_word(word)));
    } else if (store_nats_url_read(word, &url, &why) != OK) {
        diag_error(apply->diag, node->file, node->line, "Store: the URL %s", why);
    } else {
        conf->store = REALM_CONF_STORE_NATS;
        conf->store_url = word;
    }
    return OK;
}

/* ---- the rows ---- */

#define HTTPD_ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct realm_conf, member)
#define ROW(directive, kind, member) HTTPD_ROW(directive, kind, member), .ours = true

/* clang-format off */
const struct directive realm_conf_rows[] = {
    {.name = "Interface", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_interface,
     .where = SERVICE_IN_SERVER, .form = "http://address:port", .ours = true,
     .help = "Where sessions come in: plain (http, ws) or TLS (https, wss). May be repeated."},
    {HTTPD_ROW("SSLCertificateFile", CONF_PATH, certificate_file), .min = 1, .max = 4096,
     .where = SERVICE_IN_SERVER, .form = "file",
     .help = "The certificate of the https interfaces, PEM, with its chain. A relative name counts "
             "from the directory of the configuration file."},
    {HTTPD_ROW("SSLCertificateKeyFile", CONF_PATH, key_file), .min = 1, .max = 4096,
     .where = SERVICE_IN_SERVER, .form = "file",
     .help = "The key that belongs to it, PEM. Found as the certificate is."},
    {ROW("SSLCertificateMake", CONF_SWITCH, makes_certificate), .initial = "Off",
     .where = SERVICE_IN_SERVER,
     .help = "Make a certificate for localhost when the two files do not exist: for trying "
             "things out."},
    {.name = "ServerName", .type = CONF_CUSTOM, .min = 1, .max = 1, .once = true,
     .set = realm_conf_pages_set_hosts, .where = SERVICE_IN_SERVER, .form = "realm.example",
     .help = "The name that this realm goes by. With it, plain interfaces refuse requests whose "
             "Host is neither that, nor a ServerAlias, nor localhost, nor an address: so no page of "
             "a name that somebody has pointed at the realm is taken for its own. Without it that "
             "is so for what comes in over loopback alone."},
    {.name = "ServerAlias", .type = CONF_CUSTOM, .min = 1, .max = 64, .set = realm_conf_pages_set_hosts,
     .where = SERVICE_IN_SERVER, .form = "name ...",
     .help = "Further names of it, * for any characters. May be repeated."},
    {.name = "AllowOrigin", .type = CONF_CUSTOM, .min = 1, .max = 64, .set = realm_conf_pages_set_origins,
     .where = SERVICE_IN_SERVER, .form = "https://site[:port] ...", .ours = true,
     .help = "Sites whose pages may open sessions and use the HTTP API, besides the realm's own. "
             "May be repeated."},
    {ROW("AllowCredentials", CONF_SWITCH, allows_credentials), .initial = "On",
     .where = SERVICE_IN_SERVER,
     .help = "Whether those pages may send cookies with their requests, as some load balancers "
             "need it. Never for AllowOrigin *."},
    {.name = "Channel", .type = CONF_SECTION, .min = 1, .max = 1, .set = realm_conf_route_channel,
     .where = SERVICE_IN_SERVER, .opens = REALM_CONF_IN_CHANNEL, .ours = true,
     .inner = realm_conf_route_channel_rows, .form = "\"/name\"",
     .help = "The channel of that name, made at the start; or, with * for anything, channels that "
             "are made when they are first used. The first section that fits counts."},
    {.name = "Queue", .type = CONF_SECTION, .min = 1, .max = 1, .set = realm_conf_route_queue,
     .where = SERVICE_IN_SERVER, .opens = REALM_CONF_IN_QUEUE, .ours = true,
     .inner = realm_conf_route_queue_rows, .form = "\"/name\"",
     .help = "The same for queues, where each event goes to one reader. Channels and queues share "
             "their names."},
    {.name = "DataGroup", .type = CONF_SECTION, .min = 1, .max = 1, .set = realm_conf_route_group,
     .where = SERVICE_IN_SERVER, .opens = REALM_CONF_IN_GROUP, .ours = true,
     .inner = realm_conf_group_rows, .form = "\"/name\"",
     .help = "The same for data groups, whose events go to the data streams that are in them "
             "(doc/datagroups.md). They share their names with channels and queues."},
    {.name = "Store", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_store, .once = true,
     .where = SERVICE_IN_SERVER, .ours = true,
     .form = "memory | lmdb | nats://[user:password@]host[:port][,host[:port]...]",
     .help = "Where persistent channels and queues keep their events, and reliable ones their "
             "place: lmdb, files in StorePath; a NATS server with JetStream, which several realms "
             "may share (tls:// with TLS); or memory, the default, which lasts as long as the "
             "realm runs and holds nothing that is persistent."},
    {ROW("StorePath", CONF_PATH, store_path), .min = 1, .max = 4000, .where = SERVICE_IN_SERVER,
     .form = "directory",
     .help = "The directory of the store. It must exist, and belongs to one realm at a time. With "
             "Store nats:// it is for a copy of what the server has, so that a start is fast and "
             "little memory is needed; without it the copy is in memory."},
    {ROW("StoreRealm", CONF_TEXT, store_realm), .min = 1, .max = 64, .initial = "wayleave",
     .where = SERVICE_IN_SERVER, .form = "name",
     .help = "Of Store nats://: realms with the same name on the same server are one realm to "
             "their users. Letters, digits, _ and -."},
    {ROW("StoreReplicas", CONF_NUMBER, store_replicas), .min = 1, .max = 5, .initial = "1",
     .unit = "servers", .where = SERVICE_IN_SERVER,
     .help = "Of Store nats://: how many servers of a NATS cluster keep everything."},
    {ROW("StoreStreams", CONF_SWITCH, store_streams), .initial = "On", .where = SERVICE_IN_SERVER,
     .help = "Of Store nats://: whether each channel and queue that keeps events is also a "
             "JetStream stream of its own on the server, for other NATS clients to read: its "
             "messages are the events, its sequence numbers their EIDs."},
    {ROW("StoreTimeout", CONF_DURATION, store_timeout), .min = 1000, .max = 600000,
     .initial = "10s", .where = SERVICE_IN_SERVER,
     .help = "Of Store nats://: how long what is published waits for a server that is lost, until "
             "its publisher is told StoreException."},
    {ROW("StoreSize", CONF_SIZE, store_size), .min = 1024 * 1024,
     .max = 1024ull * 1024 * 1024 * 1024 * 64, .initial = "10g", .where = SERVICE_IN_SERVER,
     .help = "The most that the store takes on the disk; past it publishers are told "
             "StoreException."},
    {ROW("StorePendingBytesMax", CONF_SIZE, store_pending_bytes), .min = 1024 * 1024,
     .max = 64ull * 1024 * 1024 * 1024, .initial = "64m", .where = SERVICE_IN_SERVER,
     .help = "The most memory of events on their way to the store; from half of it on "
             "publishers wait."},
    {ROW("ChannelsMax", CONF_NUMBER, channels_max), .min = 1, .max = 10000000,
     .initial = "1000", .unit = "channels", .where = SERVICE_IN_SERVER,
     .help = "The most channels, queues and data groups at once."},
    {ROW("DurablesMax", CONF_NUMBER, durables_max), .min = 0, .max = 10000000,
     .initial = "10000", .unit = "names", .where = SERVICE_IN_SERVER,
     .help = "The most durable subscriptions, of all channels."},
    {ROW("StoreBytesTotal", CONF_SIZE, store_bytes_total), .min = 65536,
     .initial = "1g", .where = SERVICE_IN_SERVER,
     .help = "The most memory that the stored events of all channels take; past it, a new event "
             "costs its channel the oldest ones."},
    {ROW("SessionsMax", CONF_NUMBER, sessions_max), .min = 1, .max = 10000000,
     .initial = "10000", .unit = "sessions", .where = SERVICE_IN_SERVER,
     .help = "The most client connections at once; one more is told 503."},
    {ROW("SubscriptionsMax", CONF_NUMBER, subscriptions_max), .min = 1, .max = 1000000,
     .initial = "1000", .unit = "subscriptions", .where = SERVICE_IN_SERVER,
     .help = "The most subscriptions of one session."},
    {ROW("TransactionsMax", CONF_NUMBER, transactions_max), .min = 1, .max = 100000,
     .initial = "16", .unit = "transactions", .where = SERVICE_IN_SERVER,
     .help = "The most transactions that one session has open."},
    {ROW("TransactionEventsMax", CONF_NUMBER, transactions.items_max), .min = 1,
     .max = REALM_CONF_TRANSACTION_EVENTS_MAX,
     .initial = "1000", .unit = "events", .where = SERVICE_IN_SERVER,
     .help = "The most events published in one transaction."},
    {ROW("TransactionBytesMax", CONF_SIZE, transactions.bytes_max), .min = 4096,
     .max = 1024ull * 1024 * 1024, .initial = "4m", .where = SERVICE_IN_SERVER,
     .help = "The most memory that the events of one transaction take until it is committed."},
    {ROW("TransactionMemory", CONF_DURATION, transactions.remembered), .min = 1000,
     .max = 1000ull * 3600 * 24 * 30, .initial = "10m", .where = SERVICE_IN_SERVER,
     .help = "How long the outcome of a transaction with a commit-id is remembered."},
    {ROW("TransactionOutcomesMax", CONF_NUMBER, transactions.remembered_max), .min = 1,
     .max = 100000000, .initial = "100000", .unit = "outcomes", .where = SERVICE_IN_SERVER,
     .help = "The most outcomes that are remembered; past it the oldest is forgotten of whichever "
             "user, or address of anonymous clients, has the most of them."},
    {ROW("PublishIdsMax", CONF_NUMBER, publish_ids_max), .min = 1, .max = 100000000,
     .initial = "10000", .unit = "ids", .where = SERVICE_IN_SERVER,
     .help = "How many of the newest publish ids each queue remembers, so that an event that is "
             "sent again is not published again, even when it was consumed meanwhile. Counts for "
             "queues that are first read from afterwards."},
    {ROW("EventBytesMax", CONF_SIZE, event_bytes), .min = 1024, .max = REALM_CONF_EVENT_BYTES_MAX,
     .initial = "1m", .where = SERVICE_IN_SERVER,
     .help = "The longest body of an event."},
    {ROW("OutboxBytesMax", CONF_SIZE, outbox_bytes), .min = 128 * 1024,
     .max = 1024 * 1024 * 1024, .initial = "256k", .where = SERVICE_IN_SERVER,
     .help = "The most bytes of answers that wait for one session to read them; half of it "
             "stops reading from the session."},
    {ROW("ViewBytesMax", CONF_SIZE, view_bytes), .min = 64 * 1024,
     .max = 4ull * 1024 * 1024 * 1024, .initial = "4m", .where = SERVICE_IN_SERVER,
     .help = "The most encoded bytes of a channel that are kept for readers who are behind; "
             "slower ones are served from the stored events."},
    {ROW("ViewBytesTotal", CONF_SIZE, view_bytes_total), .min = 64 * 1024,
     .initial = "256m", .where = SERVICE_IN_SERVER,
     .help = "The most that all channels together keep encoded."},
    {ROW("HeartBeat", CONF_DURATION, heart_beat), .min = 1000, .max = 3600000,
     .initial = "20s", .where = SERVICE_IN_SERVER,
     .help = "How often each side of a session shows that it is alive."},
    {ROW("HandshakeTimeout", CONF_DURATION, handshake_timeout), .min = 100, .max = 600000,
     .initial = "10s", .where = SERVICE_IN_SERVER,
     .help = "How long a client may take from connecting to CONNECTED, and to read an answer."},
    {ROW("PerMessageDeflate", CONF_SWITCH, takes_deflate), .initial = "On",
     .where = SERVICE_IN_SERVER,
     .help = "Compress messages for those who offer permessage-deflate, each event once for all "
             "who share it. A client can leave it out for itself: /stomp?deflate=off."},
    {ROW("SockJS", CONF_SWITCH, sockjs.is_on), .initial = "On", .where = SERVICE_IN_SERVER,
     .help = "Serve SockJS below /sockjs, for pages behind proxies that no WebSocket passes "
             "(doc/sockjs.md)."},
    {ROW("SockJSWebSocket", CONF_SWITCH, sockjs.has_websocket), .initial = "On",
     .where = SERVICE_IN_SERVER,
     .help = "Whether SockJS is spoken over WebSocket, too, and clients are told to try that "
             "first."},
    {ROW("SockJSCookie", CONF_SWITCH, sockjs.sets_cookie), .initial = "Off",
     .where = SERVICE_IN_SERVER,
     .help = "Set a JSESSIONID cookie with SockJS's answers, for load balancers that need one to "
             "send a session's requests to one place."},
    {ROW("SockJSHeartBeat", CONF_DURATION, sockjs.heart_beat), .min = 1000, .max = 3600000,
     .initial = "20s", .where = SERVICE_IN_SERVER,
     .help = "A SockJS session that was sent nothing for so long is sent an \"h\"."},
    {ROW("SockJSDisconnectDelay", CONF_DURATION, sockjs.disconnect_delay), .min = 1000,
     .max = 600000, .initial = "5s", .where = SERVICE_IN_SERVER,
     .help = "A SockJS session over HTTP ends when no request has waited for its events for so "
             "long."},
    {ROW("SockJSStreamBytes", CONF_SIZE, sockjs.stream_bytes), .min = 1024,
     .max = 1024ull * 1024 * 1024, .initial = "128k", .where = SERVICE_IN_SERVER,
     .help = "An answer that streams ends when it is longer, so that browsers forget it; the "
             "client asks for another one."},
    {ROW("SockJSBodyBytesMax", CONF_SIZE, sockjs.body_bytes), .min = 4096,
     .max = 1024ull * 1024 * 1024, .initial = "4m", .where = SERVICE_IN_SERVER,
     .help = "The longest body of a SockJS request, and the longest message of SockJS in a "
             "WebSocket: a client puts all that waits into one."},
    {ROW("SockJSScript", CONF_TEXT, sockjs.script), .min = 1, .max = 2048,
     .where = SERVICE_IN_SERVER, .form = "https://site/sockjs.min.js",
     .help = "Where the page for frames, /sockjs/iframe.html, takes SockJS's client from: a script "
             "that runs with the rights of the realm's own pages. Without the line there is no such "
             "page; browsers since 2012 need none."},
    {ROW("DiagnosticEndpoints", CONF_SWITCH, has_diagnostics), .initial = "Off",
     .where = SERVICE_IN_SERVER,
     .help = "Serve /echo, a WebSocket that sends back what it gets, and what is below /diag/: "
             "for finding out what a network does to connections (doc/diagnostics.md)."},
    {ROW("DiagnosticRate", CONF_NUMBER, diagnostic_rate), .min = 1, .max = 1000000,
     .initial = "20", .unit = "requests", .where = SERVICE_IN_SERVER,
     .help = "The most requests for /echo and /diag/ in a second; one more is told 429."},
    {ROW("DiagnosticsMax", CONF_NUMBER, diagnostics_max), .min = 1, .max = 100000,
     .initial = "32", .unit = "connections", .where = SERVICE_IN_SERVER,
     .help = "The most connections on which /echo or something of /diag/ runs; one more is told "
             "503."},
    {ROW("EchoMessageBytesMax", CONF_SIZE, echo_bytes), .min = 1024,
     .max = 1024 * 1024 * 1024, .initial = "16m", .where = SERVICE_IN_SERVER,
     .help = "The longest message that /echo takes, and the most that /diag/size does."},
    {HTTPD_ROW("KeepAliveTimeout", CONF_DURATION, keep_alive_timeout), .min = 1, .max = 3600000,
     .initial = "15s", .where = SERVICE_IN_SERVER,
     .help = "How long a connection waits for its next HTTP request."},
    {HTTPD_ROW("LimitRequestLine", CONF_NUMBER, line_bytes), .min = 64, .max = 65536,
     .initial = "8190", .unit = "bytes", .where = SERVICE_IN_SERVER,
     .help = "The longest request line."},
    {HTTPD_ROW("LimitRequestFields", CONF_NUMBER, field_count), .min = 1, .max = 1000,
     .initial = "100", .unit = "fields", .where = SERVICE_IN_SERVER,
     .help = "The most fields that a request may have."},
    {HTTPD_ROW("LimitRequestFieldSize", CONF_NUMBER, field_bytes), .min = 64, .max = 65536,
     .initial = "8190", .unit = "bytes", .where = SERVICE_IN_SERVER,
     .help = "The longest field of a request."},
    {.name = "AuthUserFile", .type = CONF_CUSTOM, .min = 1, .max = 1, .once = true,
     .set = realm_conf_access_set_user_file, .where = SERVICE_IN_SERVER, .form = "file",
     .help = "Users and their passwords, as htpasswd writes them. A relative name counts from "
             "the directory of the configuration file. Read at start and at reload."},
    {.name = "AuthGroupFile", .type = CONF_CUSTOM, .min = 1, .max = 1, .once = true,
     .set = realm_conf_access_set_group_file, .where = SERVICE_IN_SERVER, .form = "file",
     .help = "Groups, a line each: their name, a colon, their users. Found and read as "
             "AuthUserFile is."},
    {HTTPD_ROW("AuthName", CONF_TEXT, access.realm_name), .min = 1, .max = 200,
     .initial = "wayleave", .where = SERVICE_IN_SERVER, .form = "\"a name\"",
     .help = "What users are told over HTTP that they log in to."},
    {ROW("Anonymous", CONF_SWITCH, access.allows_anonymous), .initial = "Off",
     .where = SERVICE_IN_SERVER,
     .help = "Whether clients without a login are let in. Without AuthUserFile this must be On, "
             "or the realm does not start."},
    {ROW("AuthCacheTimeout", CONF_DURATION, access.auth_cache_timeout), .max = 3600000,
     .initial = "60s", .where = SERVICE_IN_SERVER,
     .help = "How long a password that was right is not verified again; 0: it always is."},
    {ROW("AuthThreads", CONF_NUMBER, access.auth_threads), .min = 1, .max = 16, .initial = "2",
     .unit = "threads", .where = SERVICE_IN_SERVER,
     .help = "How many passwords are verified at once."},
    {ROW("AuthWaitingMax", CONF_NUMBER, access.auth_waiting_max), .min = 1, .max = 100000,
     .initial = "256", .unit = "logins", .where = SERVICE_IN_SERVER,
     .help = "The most logins that wait to be verified; one more is refused."},
    {ROW("LoginFailuresPerClient", CONF_NUMBER, access.login_failures_max), .max = 1000000,
     .initial = "30", .unit = "logins", .where = SERVICE_IN_SERVER,
     .help = "The most wrong passwords from one client address (one /64 in IPv6) in a minute; "
             "past it logins from there are refused unseen. 0: no such limit."},
    {ROW("ConnectionsPerClient", CONF_NUMBER, access.connections_per_client), .max = 1000000,
     .initial = "0", .unit = "connections", .where = SERVICE_IN_SERVER,
     .help = "The most connections of one client address (of one /64 in IPv6); one more is "
             "closed at once. 0: no such limit."},
    {ROW("ChannelsPerUser", CONF_NUMBER, access.channels_per_user), .max = 10000000,
     .initial = "0", .unit = "channels", .where = SERVICE_IN_SERVER,
     .help = "The most channels and queues that one user, or one address of anonymous clients (one "
             "/64 in IPv6), makes by using them first, since the realm started. 0: no more than are "
             "still free of ChannelsMax, so that nobody alone takes more than half."},
    {ROW("DurablesPerUser", CONF_NUMBER, access.durables_per_user), .max = 10000000,
     .initial = "0", .unit = "names", .where = SERVICE_IN_SERVER,
     .help = "The same for the names of durable subscriptions, and DurablesMax."},
    {.name = "PublishRate", .type = CONF_CUSTOM, .min = 1, .max = 2, .once = true, .ours = true,
     .set = realm_conf_access_set_publish_rate, .where = SERVICE_IN_SERVER,
     .form = "events/s [burst]",
     .help = "How many events one session may publish in a second on the average, and at once "
             "(as many, unless burst says). Past it the realm reads no more from the session "
             "until it may again; nothing is refused. Over HTTP it is one user, or one address of "
             "anonymous clients, who is told 429 past it. Without the line there is no such "
             "limit."},
    {.name = NULL},
};
/* clang-format on */

const char realm_conf_builtin[] = "Interface http://127.0.0.1:9000\n"
                                  "Anonymous On\n"
                                  "<Channel \"/demo/*\">\n"
                                  "    Capacity 1000\n"
                                  "</Channel>\n";

/* ---- across rows ---- */

static void check_tls(const struct realm_conf *conf, const char *file, struct diag *diag)
{
    const struct realm_conf_interface *tls = NULL;

    for (size_t i = 0; i < conf->interface_count && tls == NULL; i++) {
        tls = conf->interfaces[i].is_tls ? &conf->interfaces[i] : NULL;
    }
    if ((conf->certificate_file.len == 0) != (conf->key_file.len == 0)) {
        diag_error(diag, file, 0,
                   "%s is missing: a certificate and its key go together (add it)",
                   conf->key_file.len == 0 ? "SSLCertificateKeyFile" : "SSLCertificateFile");
    } else if (tls != NULL && conf->certificate_file.len == 0) {
        diag_error(diag, file, tls->line,
                   "Interface: https needs a certificate (add SSLCertificateFile and "
                   "SSLCertificateKeyFile; with SSLCertificateMake On they are made for "
                   "localhost)");
    } else if (tls == NULL && conf->certificate_file.len > 0) {
        diag_warn(diag, file, 0,
                  "SSLCertificateFile is not used (add Interface https://127.0.0.1:9443)");
    } else if (conf->makes_certificate && conf->certificate_file.len == 0) {
        diag_error(diag, file, 0,
                   "SSLCertificateMake does not know where to (add SSLCertificateFile and "
                   "SSLCertificateKeyFile)");
    }
}

static void check_heart_beat(const struct realm_conf *conf, const char *file, struct diag *diag)
{
    if (conf->heart_beat > HEART_BEAT_WISE) {
        diag_warn(diag, file, 0,
                  "HeartBeat is over 25s: common proxies cut a connection that is silent for "
                  "30 s (write HeartBeat 20s)");
    }
}

static bool is_realm_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = span_lower(name.ptr[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

static void check_store(const struct realm_conf *conf, const char *file, struct diag *diag)
{
    if (!is_realm_name(conf->store_realm)) {
        diag_error(diag, file, 0,
                   "StoreRealm: \"%.*s\" is no name (write letters, digits, _ and -)",
                   SPAN_ARG(diag_word(conf->store_realm)));
    }
    if (conf->store == REALM_CONF_STORE_LMDB && conf->store_path.len == 0) {
        diag_error(diag, file, 0,
                   "Store lmdb has no place (add StorePath /var/lib/wayleave, a directory that "
                   "the realm may write)");
    }
    if (conf->store == REALM_CONF_STORE_MEMORY && conf->store_path.len > 0) {
        diag_warn(diag, file, 0, "StorePath is not used (add Store lmdb)");
    }
}

/* It is written into a page. */
static bool is_address(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f ||
            strchr("\"'<>&", text.ptr[i]) != NULL) {
            return false;
        }
    }
    return span_starts(text, SPAN("/")) || span_starts(text, SPAN("https://")) ||
           span_starts(text, SPAN("http://"));
}

static void check_sockjs(const struct realm_conf *conf, const char *file, struct diag *diag)
{
    const struct realm_conf_sockjs *sockjs = &conf->sockjs;

    if (sockjs->script.len > 0 && !is_address(sockjs->script)) {
        diag_error(diag, file, 0,
                   "SockJSScript: \"%.*s\" is not the address of a script (write /path or "
                   "https://site/path, without quotes, & and spaces)",
                   SPAN_ARG(diag_word(sockjs->script)));
    }
    if (sockjs->heart_beat > HEART_BEAT_WISE) {
        diag_warn(diag, file, 0,
                  "SockJSHeartBeat is over 25s: common proxies cut a connection that is silent "
                  "for 30 s (write SockJSHeartBeat 20s)");
    }
}

void realm_conf_check(void *opaque, const char *file, struct diag *diag)
{
    const struct realm_conf *conf = opaque;

    if (conf->interface_count == 0) {
        diag_error(diag, file, 0,
                   "there is no Interface (add Interface http://127.0.0.1:9000)");
    }
    if (conf->rule_count == 0) {
        diag_warn(diag, file, 0,
                  "there is no <Channel>: nobody can publish or subscribe (add <Channel "
                  "\"/demo/*\"> and </Channel>)");
    }
    check_tls(conf, file, diag);
    check_store(conf, file, diag);
    realm_conf_route_check(conf, file, diag);
    realm_conf_access_check(&conf->access, file, diag);
    check_heart_beat(conf, file, diag);
    check_sockjs(conf, file, diag);
}

const struct realm_conf_interface *realm_conf_interface_at(const struct realm_conf *conf,
                                                           const struct addr *local)
{
    const struct addr plain = addr_unmapped(local);
    const struct realm_conf_interface *any = NULL;

    for (size_t i = 0; i < conf->interface_count; i++) {
        const struct realm_conf_interface *interface = &conf->interfaces[i];

        if (addr_equal(&interface->addr, local) || addr_equal(&interface->addr, &plain)) {
            return interface;
        }
        if (addr_is_any(&interface->addr) && addr_port(&interface->addr) == addr_port(local) &&
            (any == NULL || interface->addr.sa.any.sa_family == plain.sa.any.sa_family)) {
            any = interface;
        }
    }
    return any;
}

struct http1_limits realm_conf_limits(const struct realm_conf *conf)
{
    return (struct http1_limits){
        .line_bytes = conf->line_bytes,
        .field_bytes = conf->field_bytes,
        .field_count = conf->field_count,
        .head_bytes = HEAD_BYTES_MAX,
    };
}
