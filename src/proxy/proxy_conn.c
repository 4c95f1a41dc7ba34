/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_conn.h"

#include "base/state.h"
#include "daemon/daemon.h"
#include "daemon/daemon_clock.h"
#include "io/sock.h"
#include "net/stream_tcp.h"
#include "proxy/proxy_conn_head.h"
#include "proxy/proxy_divert.h"
#include "proxy/proxy_entry.h"
#include "proxy/proxy_exchange.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_pac.h"
#include "proxy/proxy_service.h"
#include "proxy/proxy_tunnel.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ANSWER_BYTES_MAX = PROXY_PAC_BYTES_MAX + 8 * 1024,
    LINGER_MS = 2000,               /* for a client to stop talking */
    LINGER_BYTES_MAX = 1024 * 1024, /* what it may still say */
};

/* clang-format off */
#define TO(name) STATE_BIT(PROXY_CONN_##name)
static const struct state_rule conn_rules[PROXY_CONN_STATES] = {
    [PROXY_CONN_READING]    = {"reading",    TO(DETECTING) | TO(JUDGING) | TO(CONNECTING) |
                                             TO(EXCHANGING) | TO(CONFIRMING) | TO(ANSWERING) |
                                             TO(LINGERING)},
    [PROXY_CONN_DETECTING]  = {"detecting",  TO(READING) | TO(JUDGING) | TO(CONNECTING) |
                                             TO(ANSWERING)},
    [PROXY_CONN_JUDGING]    = {"judging",    TO(CONNECTING) | TO(EXCHANGING) | TO(ANSWERING)},
    [PROXY_CONN_CONNECTING] = {"connecting", TO(EXCHANGING) | TO(CONFIRMING) | TO(RELAYING) |
                                             TO(ANSWERING)},
    [PROXY_CONN_EXCHANGING] = {"exchanging", TO(CONNECTING) | TO(RELAYING) | TO(ANSWERING) |
                                             TO(READING) | TO(LINGERING)},
    [PROXY_CONN_CONFIRMING] = {"confirming", TO(RELAYING)},
    [PROXY_CONN_RELAYING]   = {"relaying",   0},
    [PROXY_CONN_ANSWERING]  = {"answering",  TO(READING) | TO(LINGERING)},
    [PROXY_CONN_LINGERING]  = {"lingering",  0},
};
#undef TO
/* clang-format on */

static void on_ready(void *ctx);

void proxy_conn_move(struct proxy_conn *conn, enum proxy_conn_state next)
{
    assert(state_may_move(conn_rules, conn->state, next));
    log_trace(conn->worker->worker->log, "client %d %s -> %s", stream_fd(conn->client),
              conn_rules[conn->state].name, conn_rules[next].name);
    conn->state = next;
}

msec proxy_conn_now(const struct proxy_conn *conn)
{
    return loop_now(conn->worker->worker->loop);
}

/* ---- the request in hand ---- */

static struct proxy_conn_request *request_new(const struct proxy_conn *conn)
{
    const struct http1_limits limits = proxy_conf_limits(conn->conf);
    struct proxy_conn_request *request = calloc(1, sizeof *request);

    if (request != NULL) {
        http1_head_init(&request->head, HTTP1_REQUEST, &limits);
        buf_init(&request->answer, ANSWER_BYTES_MAX);
        request->began = proxy_conn_now(conn);
    }
    return request;
}

/* Each request is judged by the configuration of its time: a reload that takes somebody's
 * leave away must also reach who has kept a connection. */
static void follow_conf(struct proxy_conn *conn)
{
    struct worker *worker = conn->worker->worker;

    if (conn->snapshot != worker_snapshot(worker)) {
        daemon_snapshot_unref(conn->snapshot);
        conn->snapshot = daemon_snapshot_ref(worker_snapshot(worker));
        conn->conf = worker_conf(worker);
    }
}

enum err proxy_conn_new_request(struct proxy_conn *conn)
{
    follow_conf(conn);
    conn->request = request_new(conn);
    return conn->request == NULL ? ERR_NOMEM : OK;
}

void proxy_conn_drop_request(struct proxy_conn *conn)
{
    struct proxy_conn_request *request = conn->request;
    struct proxy_limits *limits = proxy_service_limits(conn->worker);

    if (request == NULL) {
        return;
    }
    proxy_verify_cancel(request->verify);
    proxy_clientname_cancel(request->lookup);
    auth_cancel(request->auth);
    proxy_route_ask_cancel(request->ask);
    proxy_connect_cancel(request->connect);
    stream_free(request->server);
    proxy_forward_free(request->forward);
    proxy_limits_give(limits, request->client_hold);
    proxy_limits_give(limits, request->user_hold);
    if (request->holds_tunnel) {
        atomic_fetch_sub_explicit(&conn->worker->shared->tunnels, 1, memory_order_relaxed);
    }
    http1_head_fini(&request->head);
    buf_fini(&request->answer);
    free(request);
    conn->request = NULL;
}

/* ---- the end ---- */

void proxy_conn_free(struct proxy_conn *conn)
{
    struct proxy_worker *worker = conn->worker;

    stream_on_ready(conn->client, NULL, NULL);
    proxy_tunnel_free(conn);
    proxy_conn_drop_request(conn);
    timer_cancel(&conn->timer);
    loop_undefer(&conn->next);
    stream_free(conn->client);
    buf_fini(&conn->early);
    proxy_divert_free(conn->divert);
    proxy_limits_give(proxy_service_limits(worker), conn->hold);
    list_remove(&conn->node);
    worker->conn_count--;
    metric_sub(worker->worker->metrics, PROXY_METRICS_CONNECTIONS, 1);
    daemon_snapshot_unref(conn->snapshot);
    free(conn);
    if (worker->conn_count == 0 && worker->worker->is_draining) {
        worker_idle(worker->worker);
    }
}

static void linger(struct proxy_conn *conn)
{
    struct mspan room = conn->worker->relay_env.scratch;
    size_t len = 1;

    while (len > 0 && conn->lingered < LINGER_BYTES_MAX) {
        enum err e = stream_read(conn->client, room, &len);

        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK) {
            break;
        }
        conn->lingered += (uint32_t)len;
    }
    proxy_conn_free(conn);
}

static void begin_lingering(struct proxy_conn *conn)
{
    if (stream_shutdown(conn->client) != OK ||
        timer_set(&conn->timer, proxy_conn_now(conn) + LINGER_MS) != OK) {
        proxy_conn_free(conn);
        return;
    }
    proxy_conn_move(conn, PROXY_CONN_LINGERING);
    stream_on_ready(conn->client, on_ready, conn);
    linger(conn);
}

/* The next request on the same connection, now or when it comes. */
static void await_next(struct proxy_conn *conn)
{
    if (timer_set(&conn->timer, proxy_conn_now(conn) + conn->conf->keep_alive_timeout) != OK) {
        proxy_conn_free(conn);
        return;
    }
    proxy_conn_move(conn, PROXY_CONN_READING);
    stream_on_ready(conn->client, on_ready, conn);
    /* Never from here: the stack would grow with every pipelined request. */
    loop_defer(conn->worker->worker->loop, &conn->next);
}

void proxy_conn_finish(struct proxy_conn *conn, bool lingers)
{
    proxy_conn_drop_request(conn);
    if (!conn->closes && !conn->worker->worker->is_draining) {
        await_next(conn);
    } else if (lingers || conn->early.len > 0 || conn->state == PROXY_CONN_ANSWERING) {
        begin_lingering(conn);
    } else {
        /* The client has sent all it was going to: a plain close is read as the end. */
        proxy_conn_free(conn);
    }
}

/* ---- answers of our own ---- */

enum err proxy_conn_flush(struct proxy_conn *conn)
{
    struct buf *answer = &conn->request->answer;

    while (answer->len > 0) {
        size_t len;
        enum err e = stream_write(conn->client, buf_span(answer), &len);

        if (e != OK) {
            return e == ERR_AGAIN ? ERR_AGAIN : ERR_CLOSED;
        }
        buf_consume(answer, len);
    }
    return OK;
}

static void write_answer(struct proxy_conn *conn)
{
    enum err e = proxy_conn_flush(conn);

    if (e == ERR_AGAIN) {
        return;
    }
    proxy_entry_log_answer(conn);
    if (e == OK) {
        proxy_conn_finish(conn, true);
    } else {
        proxy_conn_free(conn);
    }
}

void proxy_conn_answer(struct proxy_conn *conn)
{
    proxy_metrics_answer(conn->worker->worker->metrics, conn->request->status);
    if (timer_set(&conn->timer, proxy_conn_now(conn) + conn->conf->handshake_timeout) != OK) {
        proxy_conn_free(conn);
        return;
    }
    proxy_conn_move(conn, PROXY_CONN_ANSWERING);
    stream_on_ready(conn->client, on_ready, conn);
    write_answer(conn);
}

/* In the language of whoever asked. */
static enum err write_refusal(struct proxy_conn *conn, const struct proxy_refusal *refusal,
                              struct http1_fields more)
{
    struct proxy_conn_request *request = conn->request;
    char stamp[DAEMON_CLOCK_BYTES];
    const struct proxy_refusal_frame frame = {
        .via = proxy_service_via(conn->snapshot),
        .date = span_str(daemon_clock_http(stamp)),
        .more = more,
        .is_to_head = request->is_read && span_equals(request->head.method, "HEAD"),
        .closes = conn->closes,
    };

    if (conn->divert != NULL && conn->divert->kind != PROXY_DETECT_HTTP) {
        return proxy_divert_put_refusal(conn->divert, refusal, &request->answer);
    }
    return proxy_refusal_write(refusal, &frame, &request->answer);
}

void proxy_conn_refuse_with(struct proxy_conn *conn, const struct proxy_refusal *refusal,
                            struct http1_fields more)
{
    struct proxy_conn_request *request = conn->request;
    /* After a login is asked for, the client comes back on the same connection. Otherwise it
     * ends: nobody knows what the client thinks that it is sending. */
    bool keeps = refusal->status == 407 && request->is_understood && !conn->closes &&
                 request->what.body.type == HTTP1_BODY_NONE &&
                 http1_forward_client_persists(&request->head);

    conn->closes = !keeps;
    request->status = refusal->status;
    request->error = http1_proxy_status_type(refusal->error);
    snprintf(request->why, sizeof request->why, "%s", refusal->text); /* the log escapes */
    if (write_refusal(conn, refusal, more) != OK) {
        proxy_entry_log_answer(conn);
        proxy_conn_free(conn);
        return;
    }
    proxy_conn_answer(conn);
}

void proxy_conn_refuse(struct proxy_conn *conn, const struct proxy_refusal *refusal)
{
    proxy_conn_refuse_with(conn, refusal, (struct http1_fields){NULL, 0});
}

/* ---- the loop's calls ---- */

/* While we are busy for it the client's bytes wait unread, its end among them: it may have sent
 * all it has to say. But a connection that is broken needs no answer. */
static void leave_if_broken(struct proxy_conn *conn)
{
    if (stream_is_broken(conn->client)) {
        conn->request->status = PROXY_ENTRY_CLIENT_LEFT;
        snprintf(conn->request->why, sizeof conn->request->why, "%s",
                 "the client reset the connection");
        proxy_entry_log_client_left(conn);
        proxy_conn_free(conn);
    }
}

static void on_ready(void *ctx)
{
    struct proxy_conn *conn = ctx;

    switch (conn->state) {
    case PROXY_CONN_READING: proxy_conn_head_read(conn); return;
    case PROXY_CONN_DETECTING: proxy_divert_read(conn); return;
    case PROXY_CONN_CONFIRMING: proxy_exchange_confirm(conn); return;
    case PROXY_CONN_ANSWERING: write_answer(conn); return;
    case PROXY_CONN_LINGERING: linger(conn); return;
    case PROXY_CONN_JUDGING:
    case PROXY_CONN_CONNECTING: leave_if_broken(conn); return;
    case PROXY_CONN_EXCHANGING: /* proxy_forward has its own */
    case PROXY_CONN_RELAYING:   /* and so has the relay */
    case PROXY_CONN_STATES: return;
    }
}

static void on_next(void *ctx)
{
    struct proxy_conn *conn = ctx;

    if (conn->state == PROXY_CONN_READING) {
        proxy_conn_head_read(conn);
    }
}

static void on_timer(void *ctx)
{
    struct proxy_conn *conn = ctx;

    switch (conn->state) {
    case PROXY_CONN_READING: proxy_conn_head_on_timer(conn); return;
    case PROXY_CONN_DETECTING: proxy_divert_on_timer(conn); return;
    case PROXY_CONN_RELAYING: proxy_tunnel_on_timer(conn); return;
    case PROXY_CONN_ANSWERING:
    case PROXY_CONN_CONFIRMING:
        proxy_entry_log_answer(conn); /* the client does not read */
        proxy_conn_free(conn);
        return;
    case PROXY_CONN_LINGERING: proxy_conn_free(conn); return;
    case PROXY_CONN_JUDGING:
    case PROXY_CONN_CONNECTING:
    case PROXY_CONN_EXCHANGING:
    case PROXY_CONN_STATES: return;
    }
}

/* ---- life ---- */

struct proxy_conn *proxy_conn_new(struct proxy_worker *worker, int *take_fd,
                                  const struct addr *peer)
{
    struct proxy_conn *conn = calloc(1, sizeof *conn);
    struct addr local;

    if (conn == NULL) {
        return NULL;
    }
    if (sock_local_addr(*take_fd, &local) != OK ||
        stream_tcp_new(&conn->client, worker->worker->loop, take_fd) != OK) {
        free(conn);
        return NULL;
    }
    conn->worker = worker;
    conn->snapshot = daemon_snapshot_ref(worker_snapshot(worker->worker));
    conn->conf = worker_conf(worker->worker);
    conn->peer = addr_unmapped(peer);
    conn->local = addr_unmapped(&local);
    conn->id = ++worker->last_id;
    conn->state = PROXY_CONN_READING;
    buf_init(&conn->early, PROXY_WORKER_ROOM_BYTES);
    timer_init(&conn->timer, worker->worker->loop, on_timer, conn);
    loop_later_init(&conn->next, on_next, conn);
    stream_on_ready(conn->client, on_ready, conn);
    list_append(&worker->conns, &conn->node);
    worker->conn_count++;
    metric_add(worker->worker->metrics, PROXY_METRICS_CONNECTIONS_TOTAL, 1);
    metric_add(worker->worker->metrics, PROXY_METRICS_CONNECTIONS, 1);
    return conn;
}

void proxy_conn_begin(struct proxy_conn *conn)
{
    if (conn->state != PROXY_CONN_READING) {
        proxy_conn_move(conn, PROXY_CONN_READING);
    }
    if (proxy_conn_head_set_timer(conn) != OK) {
        proxy_conn_free(conn);
        return;
    }
    proxy_conn_head_read(conn);
}

void proxy_conn_close_all(struct proxy_worker *worker)
{
    while (!list_is_empty(&worker->conns)) {
        struct proxy_conn *conn = LIST_ENTRY(worker->conns.next, struct proxy_conn, node);

        if (conn->state == PROXY_CONN_RELAYING) {
            proxy_tunnel_end(conn, SPAN("the proxy was stopped"));
        } else {
            proxy_conn_free(conn);
        }
    }
}

void proxy_conn_drain_all(struct proxy_worker *worker)
{
    LIST_FOREACH (node, after, &worker->conns) {
        struct proxy_conn *conn = LIST_ENTRY(node, struct proxy_conn, node);

        conn->closes = true;
        if ((conn->state == PROXY_CONN_READING && conn->request == NULL) ||
            conn->state == PROXY_CONN_DETECTING) {
            proxy_conn_free(conn);
        }
    }
}
