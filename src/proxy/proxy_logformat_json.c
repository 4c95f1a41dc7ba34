/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat_json.h"

#include "proxy/proxy_accesslog.h"
#include "proxy/proxy_logformat_items.h"
#include "proxy/proxy_logformat_out.h"
#include "proxy/proxy_logformat_time.h"

enum {
    STRING_MAX = 512, /* bytes of one value */
};

/* ---- members ---- */

static void put_key(struct proxy_logformat_out *out, const char *key)
{
    proxy_logformat_out_text(out, out->len > 0 && out->ptr[out->len - 1] == '{' ? "\"" : ",\"");
    proxy_logformat_out_text(out, key);
    proxy_logformat_out_text(out, "\":");
}

/* Takes a member back that did not fit. */
static void end_member(struct proxy_logformat_out *out, size_t began)
{
    if (out->is_cut) {
        out->len = began;
        out->is_cut = false;
    }
}

static void put_string(struct proxy_logformat_out *out, const char *key, struct span value)
{
    const size_t began = out->len;

    if (value.len == 0) {
        return;
    }
    put_key(out, key);
    proxy_logformat_out_json(out, span_head(value, STRING_MAX));
    end_member(out, began);
}

static void put_number(struct proxy_logformat_out *out, const char *key, uint64_t value)
{
    const size_t began = out->len;

    put_key(out, key);
    proxy_logformat_out_number(out, value);
    end_member(out, began);
}

static void put_addr(struct proxy_logformat_out *out, const char *key, const struct addr *addr)
{
    char text[ADDR_TEXT_BYTES];
    struct addr plain = addr_unmapped(addr);

    if (addr_port(addr) != 0) {
        put_string(out, key, span_str(addr_text(&plain, text)));
    }
}

static void put_field(struct proxy_logformat_out *out, const char *key,
                      struct http1_fields fields, struct span name)
{
    const struct http1_field *field = http1_fields_find(fields, name);

    if (field != NULL) {
        put_string(out, key, field->value);
    }
}

/* ---- groups of them ---- */

static void put_time(const struct proxy_logformat_line *line, struct proxy_logformat_out *out)
{
    const size_t began = out->len;

    put_key(out, "time");
    proxy_logformat_out_text(out, "\"");
    proxy_logformat_time_iso(line, out);
    proxy_logformat_out_text(out, "\"");
    end_member(out, began);
}

static void put_request(const struct proxy_accesslog_entry *entry,
                        struct proxy_logformat_out *out)
{
    const struct proxy_logformat_items_words words =
        proxy_logformat_items_words(entry->request);
    char text[ADDR_TEXT_BYTES];
    struct addr client = addr_unmapped(&entry->client);

    put_string(out, "client", span_str(addr_host_text(&client, text)));
    put_number(out, "client_port", addr_port(&client));
    put_string(out, "client_name", entry->client_name);
    put_string(out, "user", entry->user);
    put_string(out, "method", words.method);
    put_string(out, "target", words.target);
    put_string(out, "protocol", words.version);
    put_number(out, "status", entry->status);
    put_number(out, "duration_ms", entry->duration_ms);
    put_number(out, "bytes_in", proxy_logformat_items_in_bytes(entry));
    put_number(out, "bytes_out", proxy_logformat_items_out_bytes(entry));
    put_string(out, "closer", span_str(proxy_logformat_items_closer(entry->closer)));
    put_string(out, "error", entry->error);
    put_string(out, "why", entry->why);
    put_addr(out, "local", &entry->local);
    put_addr(out, "upstream", &entry->upstream);
    put_string(out, "parent", entry->parent);
    put_addr(out, "diverted", &entry->diverted);
    put_string(out, "sni", entry->sni);
    put_string(out, "alpn", entry->alpn);
    put_string(out, "server_name", entry->server_name);
}

static void put_ws(const struct proxy_accesslog_ws *ws, struct proxy_logformat_out *out)
{
    put_string(out, "ws_path", ws->path);
    put_string(out, "ws_protocol", ws->protocol);
    put_string(out, "ws_compression", ws->has_deflate ? SPAN("permessage-deflate") : SPAN(""));
    put_number(out, "ws_messages_up", ws->messages_up);
    put_number(out, "ws_messages_down", ws->messages_down);
    put_number(out, "ws_bytes_up", ws->bytes_up);
    put_number(out, "ws_bytes_down", ws->bytes_down);
    if (ws->has_closer) {
        put_number(out, "ws_close", ws->close_code);
        put_string(out, "ws_closer", span_str(proxy_logformat_items_closer(ws->closer)));
    }
    put_string(out, "ws_lost", span_str(ws->lost));
}

void proxy_logformat_json_put(const struct proxy_logformat_line *line,
                              const struct proxy_logformat_item *item,
                              struct proxy_logformat_out *out)
{
    const struct proxy_accesslog_entry *entry = line->entry;

    (void)item;
    assert(out->cap - out->len >= 2);
    proxy_logformat_out_text(out, "{");
    out->cap--; /* for the brace that closes */
    put_time(line, out);
    put_request(entry, out);
    if (entry->tunnel.len > 0) {
        put_string(out, "tunnel", entry->tunnel);
        put_number(out, "bytes_up", entry->up_bytes);
        put_number(out, "bytes_down", entry->down_bytes);
    }
    if (entry->ws.is_known) {
        put_ws(&entry->ws, out);
    }
    put_field(out, "referer", entry->request_fields, SPAN("Referer"));
    put_field(out, "user_agent", entry->request_fields, SPAN("User-Agent"));
    out->cap++;
    proxy_logformat_out_text(out, "}");
}
