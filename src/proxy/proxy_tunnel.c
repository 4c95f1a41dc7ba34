/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_tunnel.h"

#include "admin/admin_tunnel.h"
#include "proxy/proxy_conn.h"
#include "proxy/proxy_entry.h"
#include "proxy/proxy_follow.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_service.h"

#include <stdio.h>
#include <stdlib.h>

struct proxy_tunnel {
    struct relay relay;
    struct proxy_follow follow;
    struct stream *server;             /* owned */
    struct proxy_logformat_kept *kept; /* owned; NULL: no format asks for fields */
    struct proxy_limits_hold *client_hold;
    struct proxy_limits_hold *user_hold;
    const struct proxy_route_parent *parent; /* in the connection's snapshot */
    struct addr upstream;
    msec began;
    uint32_t head_bytes;
    uint16_t status;
    bool was_websocket; /* counted in the gauge */
    uint16_t line_len;
    uint8_t name_len;
    uint8_t user_len;
    char text[]; /* request line, client's name, user */
};

static struct metric_sheet *metrics_of(const struct proxy_conn *conn)
{
    return conn->worker->worker->metrics;
}

/* ---- the end ---- */

static void count_websocket(struct proxy_conn *conn)
{
    struct proxy_tunnel *tunnel = conn->tunnel;

    if (!tunnel->was_websocket &&
        proxy_follow_class(&tunnel->follow) == PROXY_SNIFF_WEBSOCKET) {
        tunnel->was_websocket = true;
        metric_add(metrics_of(conn), PROXY_METRICS_WS_TOTAL, 1);
        metric_add(metrics_of(conn), PROXY_METRICS_WS, 1);
    }
}

static void count_end(struct proxy_conn *conn, const struct proxy_accesslog_entry *entry)
{
    static const enum proxy_metrics closers[] = {
        [PROXY_ACCESSLOG_CLIENT] = PROXY_METRICS_CLOSED_CLIENT,
        [PROXY_ACCESSLOG_SERVER] = PROXY_METRICS_CLOSED_SERVER,
        [PROXY_ACCESSLOG_PROXY] = PROXY_METRICS_CLOSED_PROXY,
    };
    struct metric_sheet *metrics = metrics_of(conn);

    metric_add(metrics, closers[entry->closer], 1);
    metric_add(metrics, PROXY_METRICS_UP_BYTES, entry->up_bytes);
    metric_add(metrics, PROXY_METRICS_DOWN_BYTES, entry->down_bytes);
    metric_observe(metrics, PROXY_METRICS_TUNNEL_MS, entry->duration_ms);
    if (entry->ws.is_known) {
        metric_add(metrics, PROXY_METRICS_WS_UP_MESSAGES, entry->ws.messages_up);
        metric_add(metrics, PROXY_METRICS_WS_DOWN_MESSAGES, entry->ws.messages_down);
    }
}

static void log_end(struct proxy_conn *conn, enum proxy_accesslog_closer closer,
                    struct span why)
{
    struct proxy_tunnel *tunnel = conn->tunnel;
    const uint8_t *text = (const uint8_t *)tunnel->text;
    struct proxy_accesslog_entry entry = {
        .client = conn->peer,
        .local = conn->local,
        .server_name = conn->conf->server_name,
        .earlier_count = conn->request_count - 1,
        .request = span_of(text, tunnel->line_len),
        .client_name = span_of(text + tunnel->line_len, tunnel->name_len),
        .user = span_of(text + tunnel->line_len + tunnel->name_len, tunnel->user_len),
        .status = tunnel->status,
        .head_in_bytes = tunnel->head_bytes,
        .duration_ms = proxy_conn_now(conn) - tunnel->began,
        .upstream = tunnel->upstream,
        .closer = closer,
        .why = why,
        .up_bytes = relay_moved(&tunnel->relay, RELAY_CLIENT),
        .down_bytes = relay_moved(&tunnel->relay, RELAY_SERVER),
    };

    if (tunnel->kept != NULL) {
        entry.request_fields = tunnel->kept->fields;
    }
    if (tunnel->parent != NULL) {
        entry.parent = tunnel->parent->text;
    }
    proxy_entry_tell_divert(conn, &entry);
    count_websocket(conn);
    proxy_follow_tell(&tunnel->follow, &entry);
    count_end(conn, &entry);
    proxy_accesslog_add(conn->worker->accesslog, &entry);
}

void proxy_tunnel_free(struct proxy_conn *conn)
{
    struct proxy_tunnel *tunnel = conn->tunnel;
    struct proxy_limits *limits = proxy_service_limits(conn->worker);

    if (tunnel == NULL) {
        return;
    }
    if (tunnel->was_websocket) {
        metric_sub(metrics_of(conn), PROXY_METRICS_WS, 1);
    }
    metric_sub(metrics_of(conn), PROXY_METRICS_TUNNELS, 1);
    relay_fini(&tunnel->relay);
    proxy_follow_fini(&tunnel->follow);
    stream_free(tunnel->server);
    proxy_limits_give(limits, tunnel->client_hold);
    proxy_limits_give(limits, tunnel->user_hold);
    atomic_fetch_sub_explicit(&conn->worker->shared->tunnels, 1, memory_order_relaxed);
    free(tunnel->kept);
    free(tunnel);
    conn->tunnel = NULL;
}

void proxy_tunnel_end(struct proxy_conn *conn, struct span why)
{
    log_end(conn, PROXY_ACCESSLOG_PROXY, why);
    proxy_conn_free(conn);
}

static void on_relay_ended(void *ctx, enum relay_end end)
{
    struct proxy_conn *conn = ctx;
    struct proxy_tunnel *tunnel = conn->tunnel;
    const struct relay *relay = &tunnel->relay;
    enum proxy_accesslog_closer closer = PROXY_ACCESSLOG_PROXY;
    char room[PROXY_FOLLOW_WHY_BYTES];
    struct span why = {NULL, 0};
    enum relay_side side = relay->closer;

    switch (end) {
    case RELAY_BROKEN:
        side = relay->broken;
        /* Who has said all it had to say and then does not take our answer just left. */
        why = relay->lanes[side].ended ? span_of(NULL, 0) : SPAN("connection reset");
        closer = side == RELAY_CLIENT ? PROXY_ACCESSLOG_CLIENT : PROXY_ACCESSLOG_SERVER;
        break;
    case RELAY_FINISHED:
        closer = side == RELAY_CLIENT ? PROXY_ACCESSLOG_CLIENT : PROXY_ACCESSLOG_SERVER;
        break;
    case RELAY_NO_ROOM: why = SPAN("no buffer left, see RelayBuffersMax"); break;
    case RELAY_JUDGED:
        metric_add(metrics_of(conn), PROXY_METRICS_REFUSED_CONTENT, 1);
        why = span_str(proxy_follow_why(&tunnel->follow, room));
        break;
    }
    if (end != RELAY_FINISHED) {
        /* A cut must not look like an end. */
        stream_abort(conn->client);
        stream_abort(tunnel->server);
    }
    log_end(conn, closer, why);
    proxy_conn_free(conn);
}

/* ---- time ---- */

static void set_timer(struct proxy_conn *conn)
{
    if (timer_set(&conn->timer, proxy_follow_deadline(&conn->tunnel->follow)) != OK) {
        proxy_tunnel_end(conn, SPAN("out of memory"));
    }
}

/* What is in the tunnel has become known: another time-out holds. Not a place to end it. */
static void on_followed(void *ctx)
{
    struct proxy_conn *conn = ctx;

    count_websocket(conn);
    if (timer_set(&conn->timer, proxy_follow_deadline(&conn->tunnel->follow)) != OK) {
        log_debug(conn->worker->worker->log, "a tunnel's timer could not be set");
    }
}

void proxy_tunnel_on_timer(struct proxy_conn *conn)
{
    struct proxy_tunnel *tunnel = conn->tunnel;
    char room[PROXY_FOLLOW_WHY_BYTES];

    count_websocket(conn);
    if (proxy_follow_expire(&tunnel->follow, proxy_conn_now(conn)) == OK) {
        set_timer(conn);
        return;
    }
    proxy_tunnel_end(conn, span_str(proxy_follow_why(&tunnel->follow, room)));
}

/* ---- the beginning ---- */

static struct proxy_tunnel *tunnel_of_request(struct proxy_conn *conn)
{
    struct proxy_conn_request *request = conn->request;
    char line[PROXY_ENTRY_LINE_BYTES];
    const struct proxy_accesslog_entry entry = proxy_entry_of_request(conn, line);
    struct proxy_tunnel *tunnel =
        calloc(1, sizeof *tunnel + entry.request.len + entry.client_name.len + entry.user.len);
    char *text;

    if (tunnel == NULL) {
        return NULL;
    }
    text = tunnel->text;
    tunnel->line_len = (uint16_t)entry.request.len;
    tunnel->name_len = (uint8_t)entry.client_name.len;
    tunnel->user_len = (uint8_t)entry.user.len;
    if (entry.request.len > 0) {
        memcpy(text, entry.request.ptr, entry.request.len);
    }
    if (entry.client_name.len > 0) {
        memcpy(text + entry.request.len, entry.client_name.ptr, entry.client_name.len);
    }
    if (entry.user.len > 0) {
        memcpy(text + entry.request.len + entry.client_name.len, entry.user.ptr,
               entry.user.len);
    }
    tunnel->began = request->began;
    tunnel->status = request->status;
    tunnel->parent = request->parent;
    tunnel->upstream = request->upstream;
    tunnel->head_bytes = (uint32_t)entry.head_in_bytes;
    tunnel->kept = proxy_logformat_keep(proxy_accesslog_names(conn->worker->accesslog),
                                        request->head.fields);
    return tunnel;
}

/* What counts against limits goes from the request to the tunnel. */
static void move_holds(struct proxy_conn_request *request, struct proxy_tunnel *tunnel)
{
    assert(request->holds_tunnel);
    request->holds_tunnel = false;
    tunnel->client_hold = request->client_hold;
    tunnel->user_hold = request->user_hold;
    request->client_hold = NULL;
    request->user_hold = NULL;
    tunnel->server = request->server;
    request->server = NULL;
}

/* As the server is asked for it; the two stand side by side in the target. */
static struct span path_and_query(const struct http1_target *target)
{
    if (target->path.len == 0 && !target->has_query) {
        return SPAN("/");
    }
    return target->has_query
               ? span_of(target->path.ptr, target->path.len + 1 + target->query.len)
               : target->path;
}

static void init_follow(struct proxy_conn *conn, struct proxy_tunnel *tunnel)
{
    const struct proxy_conn_request *request = conn->request;
    msec now = proxy_conn_now(conn);

    if (request->what.kind == PROXY_REQUEST_UPGRADE) {
        proxy_follow_init_websocket(&tunnel->follow, &conn->conf->follow, now,
                                    path_and_query(&request->what.target),
                                    proxy_forward_answer_fields(request->forward));
    } else {
        proxy_follow_init(&tunnel->follow, &conn->conf->follow, now);
    }
}

void proxy_tunnel_begin(struct proxy_conn *conn, struct span server_early)
{
    struct proxy_tunnel *tunnel = tunnel_of_request(conn);
    enum err e = OK;

    if (tunnel == NULL) {
        proxy_entry_log_answer(conn);
        proxy_conn_free(conn);
        return;
    }
    move_holds(conn->request, tunnel);
    conn->tunnel = tunnel;
    metric_add(metrics_of(conn), PROXY_METRICS_TUNNELS_TOTAL, 1);
    metric_add(metrics_of(conn), PROXY_METRICS_TUNNELS, 1);
    relay_init(&tunnel->relay, &conn->worker->relay_env, conn->client, tunnel->server,
               on_relay_ended, conn);
    init_follow(conn, tunnel);
    proxy_follow_on_change(&tunnel->follow, on_followed, conn);
    proxy_follow_attach(&tunnel->follow, &tunnel->relay);
    if (conn->early.len > 0) {
        e = relay_preload(&tunnel->relay, RELAY_CLIENT, buf_span(&conn->early));
    }
    if (e == OK && server_early.len > 0) {
        e = relay_preload(&tunnel->relay, RELAY_SERVER, server_early);
    }
    buf_fini(&conn->early);
    proxy_conn_move(conn, PROXY_CONN_RELAYING);
    proxy_conn_drop_request(conn);
    if (e != OK) {
        proxy_tunnel_end(conn, SPAN("no buffer left, see RelayBuffersMax"));
        return;
    }
    relay_start(&tunnel->relay);
    set_timer(conn);
}

void proxy_tunnel_describe(const struct proxy_conn *conn, struct admin_tunnel *ret_tunnel)
{
    const struct proxy_tunnel *tunnel = conn->tunnel;
    struct span line = span_of(tunnel->text, tunnel->line_len);
    struct span target;
    msec now = proxy_conn_now(conn);

    line = span_tail(line, span_find(line, ' '));
    line = span_trim(line);
    target = span_head(line, span_find(line, ' '));
    *ret_tunnel = (struct admin_tunnel){
        .id = conn->id,
        .client = conn->peer,
        .kind = proxy_sniff_class_name(proxy_follow_class(&tunnel->follow)),
        .up_bytes = relay_moved(&tunnel->relay, RELAY_CLIENT),
        .down_bytes = relay_moved(&tunnel->relay, RELAY_SERVER),
        .age = now - tunnel->began,
        .idle = now - tunnel->relay.moved_at,
    };
    if (conn->divert != NULL) {
        ret_tunnel->diverted = conn->divert->origin;
    }
    snprintf(ret_tunnel->target, sizeof ret_tunnel->target, "%.*s", SPAN_ARG(target));
    snprintf(ret_tunnel->user, sizeof ret_tunnel->user, "%.*s", tunnel->user_len,
             tunnel->text + tunnel->line_len + tunnel->name_len);
}
