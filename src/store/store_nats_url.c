/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_url.h"

#include "base/text.h"

static const struct span plain = SPAN_INIT("nats://");
static const struct span secure = SPAN_INIT("tls://");

bool store_nats_url_is(struct span text)
{
    return span_starts(text, plain) || span_starts(text, secure);
}

/* libnats reads it again, and must find there what we have found. */
static bool is_printable(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || text.ptr[i] == '/' ||
            text.ptr[i] == '?' || text.ptr[i] == '#') {
            return false;
        }
    }
    return true;
}

static const char *check_server(struct span server)
{
    size_t host_len = server.len;
    uint64_t port;

    if (server.len > 0 && server.ptr[0] == '[') { /* an IPv6 address */
        host_len = span_find(server, ']') + 1;
        if (host_len > server.len) {
            return "has a [ without a ]";
        }
    } else {
        host_len = span_find(server, ':');
    }
    if (host_len == 0) {
        return "has no host (write nats://host:4222)";
    }
    if (host_len < server.len &&
        (server.ptr[host_len] != ':' ||
         !text_u64(span_tail(server, host_len + 1), UINT16_MAX, &port) || port == 0)) {
        return "has a port that is none (write nats://host:4222)";
    }
    return NULL;
}

static const char *read_servers(struct span rest, struct store_nats_url *url)
{
    for (;;) {
        size_t len = span_find(rest, ',');
        struct span server = span_head(rest, len);
        const char *why = check_server(server);

        if (why != NULL) {
            return why;
        }
        if (url->server_count == STORE_NATS_URL_SERVERS_MAX) {
            return "has more than 16 servers";
        }
        url->servers[url->server_count++] = server;
        if (len == rest.len) {
            return NULL;
        }
        rest = span_tail(rest, len + 1);
    }
}

enum err store_nats_url_read(struct span text, struct store_nats_url *ret_url,
                             const char **ret_why)
{
    struct store_nats_url url = {.is_tls = span_starts(text, secure)};
    struct span rest;
    size_t at;

    if (!store_nats_url_is(text)) {
        *ret_why = "does not begin with nats:// or tls://";
        return ERR_CONF;
    }
    rest = span_tail(text, url.is_tls ? secure.len : plain.len);
    if (text.len > STORE_NATS_URL_BYTES_MAX || !is_printable(rest)) {
        *ret_why = "is too long, or has characters that do not belong there (write "
                   "nats://host:4222)";
        return ERR_CONF;
    }
    at = span_find(rest, '@');
    if (at < rest.len) {
        struct span who = span_head(rest, at);
        size_t colon = span_find(who, ':');

        url.user = span_head(who, colon);
        url.password = colon < who.len ? span_tail(who, colon + 1) : SPAN("");
        rest = span_tail(rest, at + 1);
        if (url.user.len == 0 || colon == who.len) {
            *ret_why = "has no user or no password before the @";
            return ERR_CONF;
        }
    }
    *ret_why = read_servers(rest, &url);
    if (*ret_why != NULL) {
        return ERR_CONF;
    }
    *ret_url = url;
    return OK;
}
