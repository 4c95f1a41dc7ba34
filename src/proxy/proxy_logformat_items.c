/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One function writes one thing; the rows below say under which letter and name. What is not
 * known is "-".
 */
#include "proxy/proxy_logformat_items.h"

#include "proxy/proxy_accesslog.h"
#include "proxy/proxy_logformat_out.h"
#include "proxy/proxy_logformat_time.h"
#include "proxy/proxy_logformat_tunnel.h"

#include <stdio.h>
#include <unistd.h>

/* Every put_ function has a proxy_logformat_put's parameters. */
#define PUT(name)                                             \
    static void name(const struct proxy_logformat_line *line, \
                     const struct proxy_logformat_item *item, struct proxy_logformat_out *out)

/* ---- what is common ---- */

static void put_host(struct proxy_logformat_out *out, const struct addr *addr)
{
    char text[ADDR_TEXT_BYTES];
    struct addr plain = addr_unmapped(addr);

    proxy_logformat_out_text(out, addr_host_text(&plain, text));
}

struct proxy_logformat_items_words proxy_logformat_items_words(struct span request)
{
    struct proxy_logformat_items_words words;
    struct span rest;

    words.method = span_head(request, span_find(request, ' '));
    rest = span_tail(request, words.method.len);
    rest = span_tail(rest, rest.len > 0 ? 1 : 0);
    words.target = span_head(rest, span_find(rest, ' '));
    rest = span_tail(rest, words.target.len);
    words.version = span_tail(rest, rest.len > 0 ? 1 : 0);
    return words;
}

const char *proxy_logformat_items_closer(unsigned closer)
{
    static const char *const names[] = {
        [PROXY_ACCESSLOG_CLIENT] = "client",
        [PROXY_ACCESSLOG_SERVER] = "server",
        [PROXY_ACCESSLOG_PROXY] = "proxy",
    };

    return names[closer];
}

uint64_t proxy_logformat_items_in_bytes(const struct proxy_accesslog_entry *entry)
{
    return entry->head_in_bytes + entry->body_in_bytes + entry->up_bytes;
}

uint64_t proxy_logformat_items_out_bytes(const struct proxy_accesslog_entry *entry)
{
    return entry->head_out_bytes + entry->body_bytes + entry->down_bytes;
}

uint64_t proxy_logformat_items_body_bytes(const struct proxy_accesslog_entry *entry)
{
    return entry->body_bytes + entry->down_bytes;
}

/* ---- httpd's ---- */

PUT(put_percent)
{
    (void)line;
    (void)item;
    proxy_logformat_out_text(out, "%");
}

void proxy_logformat_items_literal(const struct proxy_logformat_line *line,
                                   const struct proxy_logformat_item *item,
                                   struct proxy_logformat_out *out)
{
    (void)line;
    proxy_logformat_out_bytes(out, item->arg);
}

/* There is nothing of the kind here. */
PUT(put_nothing)
{
    (void)line;
    (void)item;
    proxy_logformat_out_text(out, "-");
}

PUT(put_client)
{
    (void)item;
    put_host(out, &line->entry->client);
}

PUT(put_client_name)
{
    if (line->entry->client_name.len == 0) {
        put_client(line, item, out);
    } else {
        proxy_logformat_out_escaped(out, line->entry->client_name);
    }
}

PUT(put_local)
{
    (void)item;
    put_host(out, &line->entry->local);
}

PUT(put_local_port)
{
    (void)item;
    proxy_logformat_out_number(out, addr_port(&line->entry->local));
}

PUT(put_client_port)
{
    (void)item;
    proxy_logformat_out_number(out, addr_port(&line->entry->client));
}

PUT(put_user)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->user);
}

PUT(put_request)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->request);
}

PUT(put_method)
{
    (void)item;
    proxy_logformat_out_or_dash(out, proxy_logformat_items_words(line->entry->request).method);
}

PUT(put_version)
{
    (void)item;
    proxy_logformat_out_or_dash(out, proxy_logformat_items_words(line->entry->request).version);
}

/* The target without its query. */
PUT(put_path)
{
    struct span target = proxy_logformat_items_words(line->entry->request).target;

    (void)item;
    proxy_logformat_out_or_dash(out, span_head(target, span_find(target, '?')));
}

/* With its question mark; nothing when there is none, as in httpd. */
PUT(put_query)
{
    struct span target = proxy_logformat_items_words(line->entry->request).target;

    (void)item;
    proxy_logformat_out_escaped(out, span_tail(target, span_find(target, '?')));
}

PUT(put_status)
{
    (void)item;
    proxy_logformat_out_number(out, line->entry->status);
}

PUT(put_body_bytes)
{
    (void)item;
    proxy_logformat_out_number(out, proxy_logformat_items_body_bytes(line->entry));
}

PUT(put_body_bytes_clf)
{
    if (proxy_logformat_items_body_bytes(line->entry) == 0) {
        put_nothing(line, item, out);
    } else {
        put_body_bytes(line, item, out);
    }
}

PUT(put_in_bytes)
{
    (void)item;
    proxy_logformat_out_number(out, proxy_logformat_items_in_bytes(line->entry));
}

PUT(put_out_bytes)
{
    (void)item;
    proxy_logformat_out_number(out, proxy_logformat_items_out_bytes(line->entry));
}

PUT(put_both_bytes)
{
    (void)item;
    proxy_logformat_out_number(out, proxy_logformat_items_in_bytes(line->entry) +
                                        proxy_logformat_items_out_bytes(line->entry));
}

PUT(put_micros)
{
    (void)item;
    proxy_logformat_out_number(out, line->entry->duration_ms * 1000);
}

PUT(put_millis)
{
    (void)item;
    proxy_logformat_out_number(out, line->entry->duration_ms);
}

PUT(put_seconds)
{
    (void)item;
    proxy_logformat_out_number(out, line->entry->duration_ms / 1000);
}

PUT(put_earlier)
{
    (void)item;
    proxy_logformat_out_number(out, line->entry->earlier_count);
}

PUT(put_pid)
{
    (void)line;
    (void)item;
    proxy_logformat_out_number(out, (uint64_t)getpid());
}

PUT(put_server_name)
{
    (void)item;
    proxy_logformat_out_or_dash(out, line->entry->server_name);
}

/* "+": the connection goes on; "-": it does not. */
PUT(put_connection)
{
    (void)item;
    proxy_logformat_out_text(out, line->entry->keeps_alive ? "+" : "-");
}

static void put_field(struct http1_fields fields, struct span name,
                      struct proxy_logformat_out *out)
{
    const struct http1_field *field = http1_fields_find(fields, name);

    if (field == NULL) {
        proxy_logformat_out_text(out, "-");
    } else {
        proxy_logformat_out_escaped(out, field->value);
    }
}

PUT(put_request_field)
{
    put_field(line->entry->request_fields, item->arg, out);
}

PUT(put_answer_field)
{
    put_field(line->entry->answer_fields, item->arg, out);
}

/* ---- the rows ---- */

struct row {
    const char *arg; /* what stands in braces; "": nothing does; "*": anything */
    proxy_logformat_put *put;
    uint8_t letter;
};

/* clang-format off */
static const struct row rows[] = {
    {"", put_percent, '%'},
    {"", put_client, 'a'},         {"c", put_client, 'a'},
    {"", put_local, 'A'},
    {"", put_body_bytes_clf, 'b'}, {"", put_body_bytes, 'B'},
    {"", put_micros, 'D'},
    {"", put_client_name, 'h'},    {"c", put_client_name, 'h'},
    {"", put_version, 'H'},
    {"*", put_request_field, 'i'},
    {"", put_in_bytes, 'I'},
    {"", put_earlier, 'k'},
    {"", put_nothing, 'l'},
    {"", put_method, 'm'},
    {"*", put_nothing, 'n'},
    {"*", put_answer_field, 'o'},
    {"", put_out_bytes, 'O'},
    {"", put_local_port, 'p'},     {"canonical", put_local_port, 'p'},
    {"local", put_local_port, 'p'}, {"remote", put_client_port, 'p'},
    {"", put_pid, 'P'},            {"pid", put_pid, 'P'},
    {"", put_query, 'q'},
    {"", put_request, 'r'},
    {"", put_status, 's'},
    {"", put_both_bytes, 'S'},
    {"", proxy_logformat_time_clf, 't'},
    {"*", proxy_logformat_time_format, 't'},
    {"", put_seconds, 'T'},        {"s", put_seconds, 'T'},
    {"ms", put_millis, 'T'},       {"us", put_micros, 'T'},
    {"", put_user, 'u'},
    {"", put_path, 'U'},
    {"", put_server_name, 'v'},    {"", put_server_name, 'V'},
    {"", put_connection, 'X'},
};
/* clang-format on */

static bool row_fits(const struct row *row, bool has_arg, struct span arg)
{
    if (row->arg[0] == '*') {
        return has_arg && arg.len > 0;
    }
    return span_equals_nocase(arg, row->arg) && (row->arg[0] != '\0' || arg.len == 0);
}

bool proxy_logformat_items_is_request_field(const struct proxy_logformat_item *item)
{
    return item->put == put_request_field;
}

enum err proxy_logformat_items_find(uint8_t letter, bool has_arg,
                                    struct proxy_logformat_item *item,
                                    char fault[PROXY_LOGFORMAT_FAULT_BYTES])
{
    bool is_known = false;

    if (letter == 'x') {
        is_known = true;
        item->put = proxy_logformat_tunnel_find(item->arg);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].letter != letter) {
            continue;
        }
        is_known = true;
        if (row_fits(&rows[i], has_arg, item->arg)) {
            item->put = rows[i].put;
            break;
        }
    }
    if (item->put == proxy_logformat_time_format &&
        !proxy_logformat_time_is_format(item->arg)) {
        item->put = NULL;
    }
    if (item->put != NULL) {
        return OK;
    }
    if (!is_known) {
        snprintf(fault, PROXY_LOGFORMAT_FAULT_BYTES,
                 "%%%c is nothing that this proxy can log (the manual lists what is)", letter);
    } else {
        snprintf(fault, PROXY_LOGFORMAT_FAULT_BYTES,
                 "%%{%.*s}%c is nothing that this proxy can log (the manual lists what may "
                 "stand in the braces)",
                 SPAN_ARG(span_head(item->arg, 60)), letter);
    }
    return ERR_CONF;
}
