/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat_tunnel.h"

#include "proxy/proxy_accesslog.h"
#include "proxy/proxy_logformat_items.h"
#include "proxy/proxy_logformat_out.h"

/* Every put_ function has a proxy_logformat_put's parameters. */
#define PUT(name)                                             \
    static void name(const struct proxy_logformat_line *line, \
                     const struct proxy_logformat_item *item, struct proxy_logformat_out *out)

static void put_count(const struct proxy_logformat_line *line, uint64_t number,
                      struct proxy_logformat_out *out)
{
    if (line->entry->ws.is_known) {
        proxy_logformat_out_number(out, number);
    } else {
        proxy_logformat_out_text(out, "-");
    }
}

PUT(put_tunnel)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->tunnel);
}

PUT(put_bytes_up)
{
    (void)item;
    proxy_logformat_out_number(out, line->entry->up_bytes);
}

PUT(put_bytes_down)
{
    (void)item;
    proxy_logformat_out_number(out, line->entry->down_bytes);
}

PUT(put_closer)
{
    (void)item;
    proxy_logformat_out_text(out, proxy_logformat_items_closer(line->entry->closer));
}

PUT(put_why)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->why);
}

PUT(put_error)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->error);
}

PUT(put_upstream)
{
    char text[ADDR_TEXT_BYTES];

    (void)item;
    proxy_logformat_out_text(out, addr_text(&line->entry->upstream, text));
}

PUT(put_parent)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->parent);
}

PUT(put_diverted)
{
    char text[ADDR_TEXT_BYTES];

    (void)item;
    proxy_logformat_out_text(out, addr_text(&line->entry->diverted, text));
}

PUT(put_sni)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->sni);
}

PUT(put_alpn)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->alpn);
}

PUT(put_ws_path)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->ws.path);
}

PUT(put_ws_protocol)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->ws.protocol);
}

PUT(put_ws_messages_up)
{
    (void)item;
    put_count(line, line->entry->ws.messages_up, out);
}

PUT(put_ws_messages_down)
{
    (void)item;
    put_count(line, line->entry->ws.messages_down, out);
}

PUT(put_ws_bytes_up)
{
    (void)item;
    put_count(line, line->entry->ws.bytes_up, out);
}

PUT(put_ws_bytes_down)
{
    (void)item;
    put_count(line, line->entry->ws.bytes_down, out);
}

PUT(put_ws_close)
{
    (void)item;
    if (line->entry->ws.has_closer) {
        proxy_logformat_out_number(out, line->entry->ws.close_code);
    } else {
        proxy_logformat_out_text(out, "-");
    }
}

PUT(put_ws_closer)
{
    (void)item;
    proxy_logformat_out_text(out, line->entry->ws.has_closer
                                      ? proxy_logformat_items_closer(line->entry->ws.closer)
                                      : "-");
}

PUT(put_ws_compression)
{
    (void)item;
    proxy_logformat_out_text(out, line->entry->ws.has_deflate ? "permessage-deflate" : "-");
}

PUT(put_ws_lost)
{
    (void)item;
    proxy_logformat_out_or_dash(out, span_str(line->entry->ws.lost));
}

static void put_known_text(struct proxy_logformat_out *out, const char *name, struct span text)
{
    if (text.len > 0) {
        proxy_logformat_out_text(out, name);
        proxy_logformat_out_escaped(out, text);
    }
}

static void put_known_quoted(struct proxy_logformat_out *out, const char *name,
                             struct span text)
{
    if (text.len > 0) {
        put_known_text(out, name, text);
        proxy_logformat_out_text(out, "\"");
    }
}

static void put_known_number(struct proxy_logformat_out *out, const char *name, uint64_t number)
{
    proxy_logformat_out_text(out, name);
    proxy_logformat_out_number(out, number);
}

static void put_known_ws(const struct proxy_accesslog_ws *ws, struct proxy_logformat_out *out)
{
    if (!ws->is_known) {
        return;
    }
    put_known_quoted(out, " ws-path=\"", ws->path);
    put_known_quoted(out, " ws-protocol=\"", ws->protocol);
    put_known_number(out, " ws-up=", ws->messages_up);
    put_known_number(out, " ws-down=", ws->messages_down);
    if (ws->has_closer) {
        put_known_number(out, " ws-close=", ws->close_code);
        put_known_text(out, " ws-closer=", span_str(proxy_logformat_items_closer(ws->closer)));
    }
}

static void put_known_diverted(const struct proxy_accesslog_entry *entry,
                               struct proxy_logformat_out *out)
{
    char text[ADDR_TEXT_BYTES];

    if (entry->diverted.sa.any.sa_family == AF_UNSPEC) {
        return;
    }
    put_known_text(out, " diverted=", span_str(addr_text(&entry->diverted, text)));
    put_known_text(out, " sni=", entry->sni);
    put_known_quoted(out, " alpn=\"", entry->alpn);
}

/* What is known besides, and nothing of what is not: the line stays readable. */
PUT(put_known)
{
    const struct proxy_accesslog_entry *entry = line->entry;
    char text[ADDR_TEXT_BYTES];

    (void)item;
    /* A request that was simply forwarded has its bytes in %b, and nobody who ended it. */
    if (entry->tunnel.len > 0 || entry->error.len > 0 || entry->why.len > 0) {
        put_known_number(out, " up=", entry->up_bytes);
        put_known_number(out, " down=", entry->down_bytes);
    }
    put_known_number(out, " ms=", entry->duration_ms);
    if (entry->tunnel.len > 0 || entry->error.len > 0 || entry->why.len > 0) {
        put_known_text(out,
                       " closed-by=", span_str(proxy_logformat_items_closer(entry->closer)));
    }
    put_known_text(out, " tunnel=", entry->tunnel);
    if (entry->upstream.sa.any.sa_family != AF_UNSPEC) {
        put_known_text(out, " upstream=", span_str(addr_text(&entry->upstream, text)));
    }
    put_known_text(out, " parent=", entry->parent);
    put_known_diverted(entry, out);
    put_known_ws(&entry->ws, out);
    put_known_text(out, " error=", entry->error);
    put_known_quoted(out, " why=\"", entry->why);
}

/* clang-format off */
static const struct {
    const char *name;
    proxy_logformat_put *put;
} rows[] = {
    {"tunnel", put_tunnel},               /* websocket, tls, http, other, unknown */
    {"bytes-up", put_bytes_up},           /* through the tunnel, from the client */
    {"bytes-down", put_bytes_down},       /* and to it */
    {"closer", put_closer},               /* client, server, proxy: who ended it */
    {"upstream", put_upstream},           /* the address that was dialled */
    {"parent", put_parent},               /* the ProxyRemote that was used */
    {"diverted", put_diverted},           /* where the client was going when it was diverted */
    {"sni", put_sni},                     /* the name in its ClientHello then */
    {"alpn", put_alpn},                   /* and the protocols that it offers */
    {"error", put_error},                 /* as in Proxy-Status, RFC 9209 */
    {"why", put_why},                     /* a sentence */
    {"ws-path", put_ws_path},
    {"ws-protocol", put_ws_protocol},
    {"ws-messages-up", put_ws_messages_up},
    {"ws-messages-down", put_ws_messages_down},
    {"ws-bytes-up", put_ws_bytes_up},     /* payload */
    {"ws-bytes-down", put_ws_bytes_down},
    {"ws-close", put_ws_close},           /* the code; 1005: a Close frame without one */
    {"ws-closer", put_ws_closer},         /* client, server: who sent it first */
    {"ws-compression", put_ws_compression},
    {"known", put_known},                 /* " name=value" for each of them that is known */
    {"ws-lost", put_ws_lost},             /* why it was not followed to its end */
};
/* clang-format on */

proxy_logformat_put *proxy_logformat_tunnel_find(struct span name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (span_equals_nocase(name, rows[i].name)) {
            return rows[i].put;
        }
    }
    return NULL;
}
