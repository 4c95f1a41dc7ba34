/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_conf.h"

#include "base/text.h"

#include <stddef.h>

enum {
    HEAD_BYTES_MAX = 256 * 1024, /* one head, whatever the single limits add up to */
};

static enum err add_listen(struct proxy_conf *conf, struct proxy_conf_listen listen,
                           const struct conf_node *node, const struct conf_apply *apply)
{
    for (size_t i = 0; i < conf->listen_count; i++) {
        const struct proxy_conf_listen *other = &conf->listens[i];

        if (addr_port(&listen.addr) != 0 && addr_equal(&other->addr, &listen.addr)) {
            char text[ADDR_TEXT_BYTES];

            diag_error(apply->diag, node->file, node->line,
                       "Listen: %s is listened on already, by line %u (remove one of them)",
                       addr_text(&listen.addr, text), other->line);
            return OK;
        }
    }
    if (conf->listens == NULL) {
        void *room;

        TRY(arena_alloc(apply->arena, PROXY_CONF_LISTENS_MAX * sizeof *conf->listens, &room));
        conf->listens = room;
    }
    if (conf->listen_count == PROXY_CONF_LISTENS_MAX) {
        diag_error(apply->diag, node->file, node->line, "Listen: there are more than %d",
                   PROXY_CONF_LISTENS_MAX);
        return OK;
    }
    conf->listens[conf->listen_count++] = listen;
    return OK;
}

/* "80", "127.0.0.1:80", "[::1]:80"; a second word may name the protocol, as in httpd. */
static enum err set_listen(void *conf, const struct conf_node *node,
                           const struct conf_apply *apply)
{
    struct span word = node->words[0];
    struct proxy_conf_listen listen = {.line = node->line};
    struct span host = {NULL, 0};
    uint64_t port;
    size_t colon = word.len;
    bool is_address = true;

    while (colon > 0 && word.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon > 0) {
        host = span_head(word, colon - 1);
    }
    if (!text_u64(span_tail(word, colon), UINT16_MAX, &port)) {
        diag_error(apply->diag, node->file, node->line,
                   "Listen: \"%.*s\" is not a port, nor an address with one (write 8080, "
                   "127.0.0.1:8080 or [::1]:8080)",
                   SPAN_ARG(diag_word(word)));
        return OK;
    }
    if (node->word_count > 1 && !span_equals_nocase(node->words[1], "http")) {
        diag_error(apply->diag, node->file, node->line,
                   "Listen: \"%.*s\" is not a protocol that the proxy listens for (write http, "
                   "or nothing)",
                   SPAN_ARG(diag_word(node->words[1])));
        return OK;
    }
    if (colon == 0) { /* every address of both families */
        is_address = addr_parse(SPAN("::"), (uint16_t)port, &listen.addr);
        assert(is_address);
        listen.is_optional = true;
        TRY(add_listen(conf, listen, node, apply));
        listen.is_optional = false;
        is_address = addr_parse(SPAN("0.0.0.0"), (uint16_t)port, &listen.addr);
        assert(is_address);
    } else if (span_equals(host, "*")) {
        is_address = addr_parse(SPAN("0.0.0.0"), (uint16_t)port, &listen.addr);
    } else {
        is_address = addr_parse(host, (uint16_t)port, &listen.addr);
        if (is_address && listen.addr.sa.any.sa_family == AF_INET6 && host.ptr[0] != '[') {
            is_address = false;
        }
    }
    if (!is_address) {
        diag_error(apply->diag, node->file, node->line,
                   "Listen: \"%.*s\" is not an address (write 127.0.0.1:%u or [::1]:%u)",
                   SPAN_ARG(diag_word(host)), (unsigned)port, (unsigned)port);
        return OK;
    }
    return add_listen(conf, listen, node, apply);
}

static const struct conf_choice via_choices[] = {
    {"Off", PROXY_CONF_VIA_OFF},
    {"On", PROXY_CONF_VIA_ON},
    {"Full", PROXY_CONF_VIA_FULL},
    {"Block", PROXY_CONF_VIA_BLOCK},
    {NULL, 0},
};

#define ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct proxy_conf, member)

/* clang-format off */
const struct directive proxy_conf_rows[] = {
    /* httpd's */
    {.name = "Listen", .type = CONF_CUSTOM, .min = 1, .max = 2, .set = set_listen,
     .where = SERVICE_IN_SERVER, .form = "[address:]port",
     .help = "Where clients reach the proxy; a port alone means every address of this host."},
    {.name = "LoadModule", .type = CONF_IGNORED, .where = SERVICE_IN_SERVER,
     .help = "everything is built in"},
    {ROW("ServerName", CONF_TEXT, server_name), .min = 1, .max = 253,
     .where = SERVICE_IN_SERVER,
     .help = "What the proxy calls itself in Via; the host's name when it is not given."},
    {ROW("ProxyRequests", CONF_SWITCH, requests), .initial = "Off", .where = SERVICE_IN_SERVER,
     .help = "Act as a forward proxy."},
    {ROW("ProxyVia", CONF_CHOICE, via), .choices = via_choices, .initial = "Off",
     .where = SERVICE_IN_SERVER,
     .help = "Say in a Via field that the proxy was on the way; Full adds its version."},
    {ROW("AllowCONNECT", CONF_PORTS, connect_ports), .min = 1, .max = 65535,
     .initial = "443 563", .where = SERVICE_IN_SERVER,
     .help = "Ports that CONNECT may reach. The first line replaces the default, further lines "
             "add to it."},
    {.name = "Proxy", .type = CONF_SECTION, .min = 1, .max = 1, .set = proxy_policy_set_section,
     .where = SERVICE_IN_SERVER, .opens = PROXY_CONF_IN_PROXY, .inner = proxy_policy_rows,
     .form = "*",
     .help = "Rules for who may use the proxy."},
    {ROW("Timeout", CONF_DURATION, timeout), .min = 1, .max = 3600000, .initial = "60",
     .where = SERVICE_IN_SERVER,
     .help = "How long a connection to a destination may take, unless ProxyTimeout says."},
    {ROW("ProxyTimeout", CONF_DURATION, connect_timeout), .min = 1, .max = 3600000,
     .where = SERVICE_IN_SERVER,
     .help = "How long a connection to a destination may take, from the name to the last "
             "address; then the client is told 504."},
    {ROW("LimitRequestLine", CONF_NUMBER, line_bytes), .min = 64, .max = 65536,
     .initial = "8190", .unit = "bytes", .where = SERVICE_IN_SERVER,
     .help = "The longest request line."},
    {ROW("LimitRequestFields", CONF_NUMBER, field_count), .min = 1, .max = 1000,
     .initial = "100", .unit = "fields", .where = SERVICE_IN_SERVER,
     .help = "The most fields that a request may have."},
    {ROW("LimitRequestFieldSize", CONF_NUMBER, field_bytes), .min = 64, .max = 65536,
     .initial = "8190", .unit = "bytes", .where = SERVICE_IN_SERVER,
     .help = "The longest field of a request."},
    /* ours */
    {ROW("ProxyOpen", CONF_SWITCH, open), .initial = "Off", .where = SERVICE_IN_SERVER,
     .help = "Start although anybody could use the proxy. There is hardly ever a reason."},
    {ROW("HandshakeTimeout", CONF_DURATION, handshake_timeout), .min = 100, .max = 600000,
     .initial = "20s", .where = SERVICE_IN_SERVER,
     .help = "How long a client may take to send its request."},
    {ROW("TunnelIdleTimeout", CONF_DURATION, idle_timeout), .min = 100, .max = 604800000,
     .initial = "1h", .where = SERVICE_IN_SERVER,
     .help = "Silence in both directions after which a tunnel is closed."},
    {ROW("MaxTunnels", CONF_NUMBER, tunnels_max), .min = 1, .max = 1000000,
     .initial = "10000", .unit = "tunnels", .where = SERVICE_IN_SERVER,
     .help = "The most tunnels at once; one more is told 503."},
    {ROW("RelayBuffersMax", CONF_NUMBER, buffers_max), .min = 16, .max = 1000000,
     .initial = "4096", .unit = "buffers of 32 KiB", .where = SERVICE_IN_SERVER,
     .help = "The most buffers that each worker holds for tunnels whose receiver is slow; a "
             "tunnel that would need one more is closed."},
    {.name = NULL},
};
/* clang-format on */

static bool is_public(const struct addr *addr)
{
    return !addr_is_loopback(addr);
}

static void refuse_open_proxy(const struct proxy_conf *conf, const char *file,
                              struct diag *diag)
{
    for (size_t i = 0; i < conf->listen_count; i++) {
        const struct proxy_conf_listen *listen = &conf->listens[i];
        char text[ADDR_TEXT_BYTES];

        if (is_public(&listen->addr) &&
            proxy_policy_admits_strangers(&conf->policy, listen->addr.sa.any.sa_family)) {
            diag_error(
                diag, file, listen->line,
                "Listen: anybody who reaches %s could use this proxy, which endangers "
                "your network and everyone else's (add <Proxy *>, Require ip and your "
                "clients' network, </Proxy>; or listen on 127.0.0.1; or, if it is meant, "
                "ProxyOpen On)",
                addr_text(&listen->addr, text));
            return; /* one sentence is enough: the remedy is the same */
        }
    }
}

void proxy_conf_check(void *opaque, const char *file, struct diag *diag)
{
    struct proxy_conf *conf = opaque;

    if (conf->connect_timeout == 0) {
        conf->connect_timeout = conf->timeout;
    }
    if (conf->listen_count == 0) {
        diag_error(diag, file, 0, "there is no Listen (add Listen 127.0.0.1:8080)");
    }
    if (!conf->requests) {
        diag_warn(diag, file, 0,
                  "ProxyRequests is Off: every request will be answered 405 (write "
                  "ProxyRequests On)");
    } else if (!conf->open) {
        refuse_open_proxy(conf, file, diag);
    }
}

struct http1_limits proxy_conf_limits(const struct proxy_conf *conf)
{
    return (struct http1_limits){
        .line_bytes = conf->line_bytes,
        .field_bytes = conf->field_bytes,
        .field_count = conf->field_count,
        .head_bytes = HEAD_BYTES_MAX,
    };
}
