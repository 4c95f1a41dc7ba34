/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_entry.h"

#include <stdio.h>

void proxy_entry_tell_divert(const struct proxy_conn *conn, struct proxy_accesslog_entry *entry)
{
    if (conn->divert != NULL) {
        entry->diverted = conn->divert->origin;
        entry->sni = conn->divert->sni;
        entry->alpn = conn->divert->alpn;
    }
}

/* A request in origin form says too little: which URL the rules were asked about. */
static bool is_relative(const struct proxy_conn *conn)
{
    struct span target = conn->request->head.target;

    return conn->request->is_understood && conn->divert != NULL &&
           (span_starts(target, SPAN("/")) || span_equals(target, "*"));
}

static int write_line(const struct proxy_conn *conn, char *line)
{
    const struct proxy_conn_request *request = conn->request;
    const struct http1_authority *authority = &request->what.target.authority;
    struct span method = span_head(request->head.method, 32);
    struct span target = span_head(request->head.target, PROXY_ENTRY_LINE_BYTES - 64);
    bool is_v6 = authority->kind == HTTP1_HOST_IPV6;
    char port[8] = "";

    if (conn->divert != NULL && conn->divert->kind != PROXY_DETECT_HTTP) {
        /* No such request was sent: it stands for one, without a version. */
        return snprintf(line, PROXY_ENTRY_LINE_BYTES, "%.*s %.*s", SPAN_ARG(method),
                        SPAN_ARG(target));
    }
    if (!is_relative(conn)) {
        return snprintf(line, PROXY_ENTRY_LINE_BYTES, "%.*s %.*s HTTP/1.%u", SPAN_ARG(method),
                        SPAN_ARG(target), request->head.version_minor);
    }
    if (request->what.port != 80) {
        snprintf(port, sizeof port, ":%u", (unsigned)request->what.port);
    }
    target = span_equals(target, "*")
                 ? SPAN("")
                 : span_head(target, PROXY_ENTRY_LINE_BYTES - 96 - authority->host.len);
    return snprintf(line, PROXY_ENTRY_LINE_BYTES, "%.*s http://%s%.*s%s%s%.*s HTTP/1.%u",
                    SPAN_ARG(method), is_v6 ? "[" : "", SPAN_ARG(authority->host),
                    is_v6 ? "]" : "", port, SPAN_ARG(target), request->head.version_minor);
}

struct proxy_accesslog_entry proxy_entry_of_request(const struct proxy_conn *conn, char *line)
{
    const struct proxy_conn_request *request = conn->request;
    struct proxy_accesslog_entry entry = {
        .client = conn->peer,
        .local = conn->local,
        .server_name = conn->conf->server_name,
        .earlier_count = conn->request_count == 0 ? 0 : conn->request_count - 1,
    };

    proxy_entry_tell_divert(conn, &entry);
    if (request == NULL) {
        return entry;
    }
    entry.client_name = span_str(request->name);
    entry.user = span_str(request->user);
    entry.status = request->status;
    entry.duration_ms = proxy_conn_now(conn) - request->began;
    entry.upstream = request->upstream;
    entry.why = span_str(request->why);
    entry.error = span_str(request->error);
    entry.head_in_bytes = conn->divert == NULL || conn->divert->kind == PROXY_DETECT_HTTP
                              ? request->head.bytes.len
                              : 0;
    if (request->parent != NULL) {
        entry.parent = request->parent->text;
    }
    if (request->is_read) {
        entry.request_fields = request->head.fields;
        entry.request = span_of(line, (size_t)write_line(conn, line));
    }
    return entry;
}

static void log_answer(const struct proxy_conn *conn, enum proxy_accesslog_closer closer)
{
    char line[PROXY_ENTRY_LINE_BYTES];
    struct proxy_accesslog_entry entry = proxy_entry_of_request(conn, line);

    entry.closer = closer;
    entry.keeps_alive = !conn->closes;
    proxy_accesslog_add(conn->worker->accesslog, &entry);
}

void proxy_entry_log_answer(const struct proxy_conn *conn)
{
    log_answer(conn, PROXY_ACCESSLOG_PROXY);
}

void proxy_entry_log_client_left(const struct proxy_conn *conn)
{
    log_answer(conn, PROXY_ACCESSLOG_CLIENT);
}

static enum proxy_accesslog_closer closer_of(enum proxy_forward_outcome outcome)
{
    switch (outcome) {
    case PROXY_FORWARD_CLIENT_GONE: return PROXY_ACCESSLOG_CLIENT;
    case PROXY_FORWARD_UPSTREAM_GONE:
    case PROXY_FORWARD_UPSTREAM_FAULT: return PROXY_ACCESSLOG_SERVER;
    case PROXY_FORWARD_DONE:
    case PROXY_FORWARD_TUNNEL:
    case PROXY_FORWARD_CLIENT_FAULT:
    case PROXY_FORWARD_CLIENT_TIMEOUT:
    case PROXY_FORWARD_UPSTREAM_TIMEOUT:
    case PROXY_FORWARD_NO_ROOM: break;
    }
    return PROXY_ACCESSLOG_PROXY;
}

void proxy_entry_log_forward(const struct proxy_conn *conn,
                             const struct proxy_forward_result *result)
{
    char line[PROXY_ENTRY_LINE_BYTES];
    struct proxy_accesslog_entry entry = proxy_entry_of_request(conn, line);

    entry.status = result->status == 0 ? PROXY_ENTRY_CLIENT_LEFT : result->status;
    if (conn->request->forward != NULL) {
        entry.answer_fields = proxy_forward_answer_fields(conn->request->forward);
    }
    entry.body_in_bytes = result->up_bytes;
    entry.body_bytes = result->down_bytes;
    entry.why = span_str(result->why);
    entry.closer = closer_of(result->outcome);
    entry.keeps_alive = result->client_may_continue;
    proxy_accesslog_add(conn->worker->accesslog, &entry);
}
