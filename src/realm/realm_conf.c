/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conf.h"

enum {
    HEAD_BYTES_MAX = 64 * 1024, /* one request head, whatever the single limits add up to */
    HEART_BEAT_WISE = 25000,    /* documented proxies cut a silent connection at 30 s */
};

/* Room for one more in an array of at most `max`, made with the first one. *ret_room is NULL
 * when it is full. */
static enum err one_more(const struct conf_apply *apply, void **array, size_t count, size_t max,
                         size_t bytes, void **ret_room)
{
    if (*array == NULL) {
        TRY(arena_alloc(apply->arena, max * bytes, array));
    }
    *ret_room = count < max ? (char *)*array + count * bytes : NULL;
    return OK;
}

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
    TRY(one_more(apply, &array, conf->interface_count, REALM_CONF_INTERFACES_MAX,
                 sizeof interface, &room));
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

/* ---- AllowOrigin ---- */

static enum err add_origin(struct realm_conf *conf, struct span word,
                           const struct conf_node *node, const struct conf_apply *apply)
{
    void *array = conf->origins;
    struct http1_origin origin;
    enum http1_fault fault;
    void *room;

    if (span_equals(word, "*")) {
        diag_warn(apply->diag, node->file, node->line,
                  "AllowOrigin *: any page that a user opens, wherever it comes from, can use "
                  "this realm as that user (name the sites: AllowOrigin https://app.example)");
        conf->any_origin = true;
        return OK;
    }
    if (http1_origin_read(word, &origin, &fault) != OK || origin.is_null) {
        diag_error(apply->diag, node->file, node->line,
                   "AllowOrigin: \"%.*s\" is not an origin (write https://app.example or "
                   "http://localhost:8080, without a path)",
                   SPAN_ARG(diag_word(word)));
        return OK;
    }
    TRY(one_more(apply, &array, conf->origin_count, REALM_CONF_ORIGINS_MAX, sizeof origin,
                 &room));
    conf->origins = array;
    if (room == NULL) {
        diag_error(apply->diag, node->file, node->line,
                   "AllowOrigin: there are more than %d origins (remove some)",
                   REALM_CONF_ORIGINS_MAX);
        return OK;
    }
    memcpy(room, &origin, sizeof origin);
    conf->origin_count++;
    return OK;
}

static enum err set_origins(void *conf, const struct conf_node *node,
                            const struct conf_apply *apply)
{
    for (size_t i = 0; i < node->word_count; i++) {
        TRY(add_origin(conf, node->words[i], node, apply));
    }
    return OK;
}

/* ---- <Channel> ---- */

#define CHANNEL_ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct channel_limits, member)

/* clang-format off */
static const struct directive channel_rows[] = {
    {CHANNEL_ROW("Capacity", CONF_NUMBER, capacity), .min = 1, .max = 100000000,
     .initial = "1000", .unit = "events", .where = REALM_CONF_IN_CHANNEL,
     .help = "The most events that a channel stores; the oldest makes room for the newest."},
    {CHANNEL_ROW("StoreBytes", CONF_SIZE, store_bytes), .min = 4096,
     .max = 1024ull * 1024 * 1024 * 1024, .initial = "16m", .where = REALM_CONF_IN_CHANNEL,
     .help = "The most memory that the stored events of a channel take."},
    {.name = NULL},
};
/* clang-format on */

static enum err set_channel(void *opaque, const struct conf_node *node,
                            const struct conf_apply *apply)
{
    struct realm_conf *conf = opaque;
    struct router_rule rule = {.pattern = node->words[0]};
    const struct conf_table table = {channel_rows, &rule.channel};
    const struct conf_apply inner = {
        .tables = &table,
        .table_count = 1,
        .place = REALM_CONF_IN_CHANNEL,
        .arena = apply->arena,
        .diag = apply->diag,
        .outer = apply,
    };
    void *array = conf->rules;
    void *room;

    conf_schema_defaults(channel_rows, &rule.channel);
    TRY(conf_schema_apply(&inner, node->children));
    if (rule.pattern.len == 0 || rule.pattern.ptr[0] != '/' ||
        rule.pattern.len > ROUTER_NAME_MAX) {
        diag_error(apply->diag, node->file, node->line,
                   "<Channel \"%.*s\">: a channel's name begins with / and has at most %d "
                   "bytes (write <Channel \"/demo/*\">)",
                   SPAN_ARG(diag_word(rule.pattern)), ROUTER_NAME_MAX);
        return OK;
    }
    TRY(one_more(apply, &array, conf->rule_count, REALM_CONF_CHANNELS_MAX, sizeof rule, &room));
    conf->rules = array;
    if (room == NULL) {
        diag_error(apply->diag, node->file, node->line,
                   "<Channel>: there are more than %d sections (use patterns with *)",
                   REALM_CONF_CHANNELS_MAX);
        return OK;
    }
    memcpy(room, &rule, sizeof rule);
    conf->rule_count++;
    return OK;
}

/* ---- the rows ---- */

#define ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct realm_conf, member)

/* clang-format off */
const struct directive realm_conf_rows[] = {
    {.name = "Interface", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_interface,
     .where = SERVICE_IN_SERVER, .form = "http://address:port",
     .help = "Where sessions come in: plain (http, ws) or TLS (https, wss). May be repeated."},
    {ROW("SSLCertificateFile", CONF_TEXT, certificate_file), .min = 1, .max = 4096,
     .where = SERVICE_IN_SERVER, .form = "file",
     .help = "The certificate of the https interfaces, PEM, with its chain."},
    {ROW("SSLCertificateKeyFile", CONF_TEXT, key_file), .min = 1, .max = 4096,
     .where = SERVICE_IN_SERVER, .form = "file",
     .help = "The key that belongs to it, PEM."},
    {ROW("SSLCertificateMake", CONF_SWITCH, makes_certificate), .initial = "Off",
     .where = SERVICE_IN_SERVER,
     .help = "Make a certificate for localhost when the two files do not exist: for trying "
             "things out."},
    {.name = "AllowOrigin", .type = CONF_CUSTOM, .min = 1, .max = 64, .set = set_origins,
     .where = SERVICE_IN_SERVER, .form = "https://site[:port] ...",
     .help = "Sites whose pages may open sessions, besides the realm's own. May be repeated."},
    {.name = "Channel", .type = CONF_SECTION, .min = 1, .max = 1, .set = set_channel,
     .where = SERVICE_IN_SERVER, .opens = REALM_CONF_IN_CHANNEL, .inner = channel_rows,
     .form = "\"/name\"",
     .help = "Channels whose names fit the pattern (* is anything) are made on first use, and "
             "are like this. The first section that fits counts."},
    {ROW("ChannelsMax", CONF_NUMBER, channels_max), .min = 1, .max = 10000000,
     .initial = "1000", .unit = "channels", .where = SERVICE_IN_SERVER,
     .help = "The most channels at once."},
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
    {ROW("EventBytesMax", CONF_SIZE, event_bytes), .min = 1024, .max = 256 * 1024 * 1024,
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
    {ROW("DiagnosticEndpoints", CONF_SWITCH, has_diagnostics), .initial = "Off",
     .where = SERVICE_IN_SERVER,
     .help = "Serve /echo, a WebSocket that sends back what it gets: for tests."},
    {ROW("EchoMessageBytesMax", CONF_SIZE, echo_bytes), .min = 1024,
     .max = 1024 * 1024 * 1024, .initial = "16m", .where = SERVICE_IN_SERVER,
     .help = "The longest message that /echo takes."},
    {ROW("LimitRequestLine", CONF_NUMBER, line_bytes), .min = 64, .max = 65536,
     .initial = "8190", .unit = "bytes", .where = SERVICE_IN_SERVER,
     .help = "The longest request line."},
    {ROW("LimitRequestFields", CONF_NUMBER, field_count), .min = 1, .max = 1000,
     .initial = "100", .unit = "fields", .where = SERVICE_IN_SERVER,
     .help = "The most fields that a request may have."},
    {ROW("LimitRequestFieldSize", CONF_NUMBER, field_bytes), .min = 64, .max = 65536,
     .initial = "8190", .unit = "bytes", .where = SERVICE_IN_SERVER,
     .help = "The longest field of a request."},
    {.name = NULL},
};
/* clang-format on */

const char realm_conf_builtin[] = "Interface http://127.0.0.1:9000\n"
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

static void check_sizes(const struct realm_conf *conf, const char *file, struct diag *diag)
{
    for (size_t i = 0; i < conf->rule_count; i++) {
        const struct router_rule *rule = &conf->rules[i];

        if (rule->channel.store_bytes / 2 < conf->event_bytes) {
            diag_error(diag, file, 0,
                       "<Channel \"%.*s\">: StoreBytes %zu is less than twice EventBytesMax "
                       "%zu: an event with its headers might not fit (raise the one or lower "
                       "the other)",
                       SPAN_ARG(diag_word(rule->pattern)), rule->channel.store_bytes,
                       conf->event_bytes);
        }
    }
    if (conf->heart_beat > HEART_BEAT_WISE) {
        diag_warn(diag, file, 0,
                  "HeartBeat is over 25s: common proxies cut a connection that is silent for "
                  "30 s (write HeartBeat 20s)");
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
    check_sizes(conf, file, diag);
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
