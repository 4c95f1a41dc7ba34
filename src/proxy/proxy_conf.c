/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_conf.h"

#include "base/text.h"
#include "net/tls_ctx.h"
#include "proxy/proxy_policy_check.h"
#include "proxy/proxy_policy_read.h"

#include <stddef.h>

enum {
    HEAD_BYTES_MAX = 256 * 1024, /* one head, whatever the single limits add up to */
};

/* A second word may name the protocol, as in httpd. */
static enum err set_listen(void *opaque, const struct conf_node *node,
                           const struct conf_apply *apply)
{
    struct proxy_conf *conf = opaque;

    if (node->word_count > 1 && !span_equals_nocase(node->words[1], "http")) {
        diag_error(apply->diag, node->file, node->line,
                   "Listen: \"%.*s\" is not a protocol that the proxy listens for (write http, "
                   "or nothing)",
                   SPAN_ARG(diag_word(node->words[1])));
        return OK;
    }
    return proxy_listen_read(&conf->listens, "Listen", false, node, apply);
}

static enum err set_tunnel_allow(void *conf, const struct conf_node *node,
                                 const struct conf_apply *apply)
{
    struct proxy_conf *proxy = conf;

    return proxy_sniff_read_allow(node, apply, &proxy->follow.allowed);
}

static enum err set_readtime(void *conf, const struct conf_node *node,
                             const struct conf_apply *apply)
{
    struct proxy_conf *proxy = conf;

    return proxy_readtime_read(&proxy->readtime, node, apply);
}

static enum err set_max_forwards(void *conf, const struct conf_node *node,
                                 const struct conf_apply *apply)
{
    struct proxy_conf *proxy = conf;
    uint64_t number = 0;

    proxy->adds_max_forwards = !span_equals(node->words[0], "-1");
    if (proxy->adds_max_forwards && !text_u64(node->words[0], 10000, &number)) {
        diag_error(
            apply->diag, node->file, node->line,
            "ProxyMaxForwards: \"%.*s\" is not a number of proxies (write 0 to 10000, or "
            "-1 to add no such field)",
            SPAN_ARG(diag_word(node->words[0])));
    }
    proxy->max_forwards = (uint32_t)number;
    return OK;
}

static enum err set_bad_header(void *conf, const struct conf_node *node,
                               const struct conf_apply *apply)
{
    (void)conf;
    if (!span_equals_nocase(node->words[0], "IsError")) {
        diag_error(
            apply->diag, node->file, node->line,
            "ProxyBadHeader: \"%.*s\" is not supported: an answer with a malformed field is "
            "always refused with 502, since readers that guess have been led astray (write "
            "ProxyBadHeader IsError, or nothing)",
            SPAN_ARG(diag_word(node->words[0])));
    }
    return OK;
}

static enum err set_log_format(void *conf, const struct conf_node *node,
                               const struct conf_apply *apply)
{
    struct proxy_conf *proxy = conf;

    return proxy_accesslog_conf_read_format(&proxy->accesslog, node, apply);
}

static enum err set_custom_log(void *conf, const struct conf_node *node,
                               const struct conf_apply *apply)
{
    struct proxy_conf *proxy = conf;

    return proxy_accesslog_conf_read_log(&proxy->accesslog, node, apply);
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
     .help = "Ports that CONNECT may reach; http:// and ws:// requests are not asked. The first line "
             "replaces the default, further lines add to it."},
    {.name = "Proxy", .type = CONF_SECTION, .min = 1, .max = 255,
     .set = proxy_policy_read_proxy, .where = SERVICE_IN_SERVER, .opens = PROXY_CONF_IN_PROXY,
     .inner = proxy_policy_read_rows, .form = "pattern",
     .help = "Rules for who may use the proxy, for what begins with the pattern or, when it "
             "holds *, ? or [...], is like it: * for everything, host:port for CONNECT, "
             "http://host/path for the rest."},
    {.name = "ProxyMatch", .type = CONF_SECTION, .min = 1, .max = 255,
     .set = proxy_policy_read_match, .where = SERVICE_IN_SERVER, .opens = PROXY_CONF_IN_PROXY,
     .inner = proxy_policy_read_rows, .form = "expression",
     .help = "Rules for who may use the proxy, for requests in which the regular expression is "
             "found. Host names are compared in lower case."},
    {ROW("Timeout", CONF_DURATION, timeout), .min = 1, .max = 3600000, .initial = "60",
     .where = SERVICE_IN_SERVER,
     .help = "How long a forwarded request may wait for its answer, or stand still in either "
             "direction; also what a connection to a destination may take when ProxyTimeout is "
             "not given."},
    {ROW("ProxyTimeout", CONF_DURATION, connect_timeout), .min = 1, .max = 3600000,
     .where = SERVICE_IN_SERVER,
     .help = "How long a connection to a destination may take, from the name to the last "
             "address; then the client is told 504."},
    {ROW("KeepAlive", CONF_SWITCH, keep_alive), .initial = "On", .where = SERVICE_IN_SERVER,
     .help = "Whether a client may send several requests on one connection."},
    {ROW("KeepAliveTimeout", CONF_DURATION, keep_alive_timeout), .min = 1, .max = 3600000,
     .initial = "5s", .where = SERVICE_IN_SERVER,
     .help = "How long the proxy waits for a client's next request on the same connection."},
    {ROW("MaxKeepAliveRequests", CONF_NUMBER, keep_alive_requests), .max = 1000000000,
     .initial = "0", .unit = "requests", .where = SERVICE_IN_SERVER,
     .help = "The most requests on one connection; 0: any number."},
    {.name = "LogFormat", .type = CONF_CUSTOM, .min = 1, .max = 2, .set = set_log_format,
     .where = SERVICE_IN_SERVER, .form = "format [nickname]",
     .help = "How a line of the access log looks: httpd's language, or json for one object a line "
             "with everything.",
     .more = "Besides httpd's items: %{tunnel}x (websocket, tls, http, other), %{bytes-up}x, "
             "%{bytes-down}x, %{closer}x (client, server, proxy), %{upstream}x, %{parent}x, "
             "%{diverted}x (where a diverted client was going), %{sni}x, %{alpn}x, "
             "%{error}x (as in Proxy-Status), %{why}x (a sentence), %{ws-path}x, %{ws-protocol}x, "
             "%{ws-messages-up}x, %{ws-messages-down}x, %{ws-bytes-up}x, %{ws-bytes-down}x, "
             "%{ws-close}x, %{ws-closer}x, %{ws-compression}x, %{ws-lost}x, and %{known}x for "
             "each of them that is known, as name=value. Nicknames that need no line: common, "
             "combined, wayleave, json."},
    {.name = "CustomLog", .type = CONF_CUSTOM, .min = 1, .max = 3, .set = set_custom_log,
     .where = SERVICE_IN_SERVER, .form = "file [format or nickname]",
     .help = "Where the access log goes; /dev/stdout when there is none. A relative name counts "
             "from the directory of the configuration file."},
    {.name = "RequestReadTimeout", .type = CONF_CUSTOM, .min = 1, .max = 2, .set = set_readtime,
     .where = SERVICE_IN_SERVER, .once = true,
     .form = "header=20-40,MinRate=500 body=20,MinRate=500",
     .help = "How long a client may take for the head and for the body of a request: seconds, and "
             "more while bytes come at that rate, up to a maximum. Without it: HandshakeTimeout "
             "for heads, body=20,MinRate=500 for bodies."},
    {.name = "ProxyMaxForwards", .type = CONF_CUSTOM, .min = 1, .max = 1,
     .set = set_max_forwards, .where = SERVICE_IN_SERVER, .once = true, .form = "number",
     .help = "Add Max-Forwards with this number to forwarded requests that have none; -1 adds "
             "none, as does leaving it out."},
    {.name = "ProxyPreserveHost", .type = CONF_IGNORED, .where = SERVICE_IN_SERVER,
     .help = "in a forward proxy Host always follows the URL"},
    {.name = "ProxyBadHeader", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_bad_header,
     .where = SERVICE_IN_SERVER, .form = "IsError",
     .help = "What becomes of an answer with a malformed field: always a 502 here."},
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
    {ROW("ProxyOpen", CONF_SWITCH, open), .initial = "Off", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "Start although anybody could use the proxy. There is hardly ever a reason."},
    {ROW("AuthCacheTimeout", CONF_DURATION, auth_cache_timeout), .max = 3600000,
     .initial = "60s", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "How long a password that was right is not verified again; 0: it always is."},
    {ROW("AuthThreads", CONF_NUMBER, auth_threads), .min = 1, .max = 16, .initial = "2",
     .unit = "threads", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "How many passwords are verified at once."},
    {ROW("AuthWaitingMax", CONF_NUMBER, auth_waiting_max), .min = 1, .max = 100000,
     .initial = "256", .unit = "logins", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "The most logins that wait to be verified; one more is told 503."},
    {ROW("HandshakeTimeout", CONF_DURATION, handshake_timeout), .min = 100, .max = 600000,
     .initial = "20s", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "How long a client may take to send a request's head, unless RequestReadTimeout says; "
             "and to read an answer of the proxy's own."},
    {.name = "TunnelAllow", .type = CONF_CUSTOM, .min = 1, .max = 4, .set = set_tunnel_allow,
     .where = SERVICE_IN_SERVER, .ours = true, .once = true, .form = "any, or some of websocket tls http",
     .help = "What a tunnel may carry, judged on the first bytes of both sides. Without it: any."},
    {ROW("TunnelHandshakeTimeout", CONF_DURATION, follow.handshake), .max = 3600000,
     .initial = "30s", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "How long it may take until the first bytes of a tunnel tell what it carries; 0: "
             "for ever."},
    {ROW("WebSocketIdleTimeout", CONF_DURATION, follow.websocket_idle), .max = 604800000,
     .initial = "6h", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "Silence in both directions after which a WebSocket in a plain tunnel is closed; 0: "
             "never."},
    {ROW("TunnelIdleTimeout", CONF_DURATION, follow.idle), .max = 604800000,
     .initial = "1h", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "Silence in both directions after which a tunnel is closed that is no WebSocket, as "
             "far as can be seen: one inside TLS is here too."},
    {ROW("TunnelLifetime", CONF_DURATION, follow.lifetime), .max = 2678400000,
     .initial = "0", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "How long a tunnel may last in all; 0: as long as it likes."},
    {ROW("UpstreamIdlePerHost", CONF_NUMBER, upstreams_per_host), .max = 1000,
     .initial = "8", .unit = "connections", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "Connections to one server that each worker keeps for the next forwarded request; "
             "0: none."},
    {ROW("UpstreamIdleMax", CONF_NUMBER, upstreams_max), .max = 100000,
     .initial = "256", .unit = "connections", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "Connections to all servers together that each worker keeps for later requests."},
    {ROW("UpstreamIdleTimeout", CONF_DURATION, upstreams_timeout), .max = 3600000,
     .initial = "30s", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "How long a connection to a server is kept for a later request."},
    {ROW("MaxTunnels", CONF_NUMBER, tunnels_max), .min = 1, .max = 1000000,
     .initial = "10000", .unit = "tunnels", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "The most tunnels at once, by CONNECT or by an upgrade; one more is told 503. Requests "
             "that are only forwarded do not count."},
    {ROW("ConnectionsPerClient", CONF_NUMBER, connections_per_client), .max = 1000000,
     .initial = "0", .unit = "connections", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "The most connections of one client address (of one /64 in IPv6), tunnels and all "
             "others together; one more is closed at once. 0: no such limit."},
    {ROW("TunnelsPerClient", CONF_NUMBER, tunnels_per_client), .max = 1000000,
     .initial = "0", .unit = "tunnels", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "The most tunnels of one client address (of one /64 in IPv6); 0: no such limit."},
    {ROW("TunnelsPerUser", CONF_NUMBER, tunnels_per_user), .max = 1000000,
     .initial = "0", .unit = "tunnels", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "The most tunnels of one user; 0: no such limit."},
    {ROW("RelayBuffersMax", CONF_NUMBER, buffers_max), .min = 16, .max = 1000000,
     .initial = "4096", .unit = "buffers of 32 KiB", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "The most buffers that each worker holds for tunnels whose receiver is slow; a "
             "tunnel that would need one more is closed."},
    {.name = NULL},
};
/* clang-format on */

static bool is_public(const struct addr *addr)
{
    return !addr_is_loopback(addr);
}

/* One sentence is enough: the remedy is the same. True: it was said. */
static bool refuse_open_listens(const struct proxy_conf *conf,
                                const struct proxy_listen_list *listens, const char *name,
                                const char *file, struct diag *diag)
{
    for (size_t i = 0; i < listens->count; i++) {
        const struct proxy_listen *listen = &listens->ptr[i];
        char text[ADDR_TEXT_BYTES];

        if (is_public(&listen->addr) &&
            proxy_policy_admits_strangers(&conf->policy, listen->addr.sa.any.sa_family)) {
            diag_error(
                diag, file, listen->line,
                "%s: anybody who reaches %s could use this proxy, which endangers "
                "your network and everyone else's (add <Proxy *>, Require ip and your "
                "clients' network, </Proxy>; or listen on 127.0.0.1; or, if it is meant, "
                "ProxyOpen On)",
                name, addr_text(&listen->addr, text));
            return true;
        }
    }
    return false;
}

static void refuse_open_proxy(const struct proxy_conf *conf, const char *file,
                              struct diag *diag)
{
    if (conf->open ||
        (conf->requests && refuse_open_listens(conf, &conf->listens, "Listen", file, diag))) {
        return;
    }
    (void)refuse_open_listens(conf, &conf->divert.listens, "TransparentListen", file, diag);
}

static void open_parent_tls(struct proxy_conf *conf, const char *file, struct diag *diag)
{
    char why[256] = "";

    if (conf->route.has_tls_parent &&
        tls_ctx_client(conf->route.ca_file.len == 0 ? NULL
                                                    : (const char *)conf->route.ca_file.ptr,
                       true, mspan_of((uint8_t *)why, sizeof why), &conf->parent_tls) != OK) {
        diag_error(diag, file, 0, "ProxyRemote over TLS: %s", why);
    }
}

void proxy_conf_fini(void *opaque)
{
    struct proxy_conf *conf = opaque;

    tls_ctx_free(conf->parent_tls);
    conf->parent_tls = NULL;
}

void proxy_conf_check(void *opaque, const char *file, struct diag *diag)
{
    struct proxy_conf *conf = opaque;

    if (conf->connect_timeout == 0) {
        conf->connect_timeout = conf->timeout;
    }
    if (conf->listens.count == 0 && conf->divert.listens.count == 0) {
        diag_error(diag, file, 0, "there is no Listen (add Listen 127.0.0.1:8080)");
    }
    proxy_policy_check(&conf->policy, diag);
    if (!conf->readtime.has_header) {
        conf->readtime.header = (struct proxy_readtime){.first = conf->handshake_timeout,
                                                        .most = conf->handshake_timeout};
    }
    if (conf->readtime.body.first == 0 && conf->readtime.body.most == 0) { /* nobody said */
        conf->readtime.body =
            (struct proxy_readtime){.first = 20000, .most = MSEC_NEVER, .min_rate = 500};
    }
    proxy_accesslog_conf_check(&conf->accesslog, file, diag);
    open_parent_tls(conf, file, diag);
    proxy_divert_conf_check(&conf->divert, &conf->listens, file, diag);
    if (!conf->requests && conf->divert.listens.count == 0) {
        diag_warn(diag, file, 0,
                  "ProxyRequests is Off: every request will be answered 405 (write "
                  "ProxyRequests On)");
    } else {
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
