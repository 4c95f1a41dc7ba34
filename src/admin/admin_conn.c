/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_conn.h"

#include "admin/admin_access.h"
#include "admin/admin_gather.h"
#include "admin/admin_inside.h"
#include "admin/admin_metrics.h"
#include "admin/admin_status.h"
#include "base/state.h"
#include "daemon/daemon_clock.h"
#include "http1/http1_head.h"
#include "http1/http1_target.h"
#include "http1/http1_write.h"
#include "io/sock.h"
#include "io/timer.h"
#include "net/stream_tcp.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LIFE_MS = 10000,   /* to ask and to read the answer */
    WORKERS_MS = 2000, /* for every worker to answer */
    LINGER_MS = 1000,  /* for the client to close */
    BODY_BYTES_MAX = 4 * 1024 * 1024,
    ANSWER_BYTES_MAX = BODY_BYTES_MAX + 4096,
    READ_BYTES = 4096,
    TEXT_BYTES = 300,
};

static const struct http1_limits limits = {.line_bytes = 2048,
                                           .field_bytes = 4096,
                                           .field_count = 64,
                                           .head_bytes = 16384};

enum conn_state {
    CONN_READING,
    CONN_GATHERING, /* the workers are asked */
    CONN_WRITING,
    CONN_LINGERING,
    CONN_STATES,
};

/* clang-format off */
#define TO(name) STATE_BIT(CONN_##name)
static const struct state_rule conn_rules[CONN_STATES] = {
    [CONN_READING]   = {"reading",   TO(GATHERING) | TO(WRITING)},
    [CONN_GATHERING] = {"gathering", TO(WRITING)},
    [CONN_WRITING]   = {"writing",   TO(LINGERING)},
    [CONN_LINGERING] = {"lingering", 0},
};
#undef TO
/* clang-format on */

struct admin_conn {
    struct list node; /* in admin->conns */
    struct admin *admin;
    struct stream *stream; /* owned, as are the next four */
    struct http1_head head;
    struct buf body;
    struct buf answer;
    struct admin_gather *gather; /* while GATHERING */
    struct timer timer;
    struct addr peer;
    enum conn_state state;
};

static void conn_move(struct admin_conn *conn, enum conn_state next)
{
    assert(state_may_move(conn_rules, conn->state, next));
    conn->state = next;
}

static void conn_free(struct admin_conn *conn)
{
    admin_gather_cancel(conn->gather);
    timer_cancel(&conn->timer);
    stream_free(conn->stream);
    http1_head_fini(&conn->head);
    buf_fini(&conn->body);
    buf_fini(&conn->answer);
    list_remove(&conn->node);
    conn->admin->conn_count--;
    free(conn);
}

void admin_conn_free(struct list *node)
{
    conn_free(LIST_ENTRY(node, struct admin_conn, node));
}

/* ---- answering ---- */

static void linger(struct admin_conn *conn)
{
    uint8_t room[READ_BYTES];
    size_t len = 1;
    enum err e = OK;

    while (e == OK && len > 0) {
        e = stream_read(conn->stream, mspan_of(room, sizeof room), &len);
    }
    if (e != ERR_AGAIN) {
        conn_free(conn);
    }
}

static void flush(struct admin_conn *conn)
{
    while (conn->answer.len > 0) {
        size_t len;
        enum err e = stream_write(conn->stream, buf_span(&conn->answer), &len);

        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK) {
            conn_free(conn);
            return;
        }
        buf_consume(&conn->answer, len);
    }
    if (stream_shutdown(conn->stream) != OK ||
        timer_set(&conn->timer, loop_now(conn->admin->worker->loop) + LINGER_MS) != OK) {
        conn_free(conn);
        return;
    }
    conn_move(conn, CONN_LINGERING);
    linger(conn);
}

/* What is in conn->body goes out. */
static void answer(struct admin_conn *conn, uint16_t status, struct span content_type)
{
    struct http1_field fields[] = {
        {SPAN("Cache-Control"), SPAN("no-store")},
        {SPAN("X-Content-Type-Options"), SPAN("nosniff")},
        {SPAN("Content-Security-Policy"), SPAN("default-src 'none'")},
        {SPAN("Allow"), SPAN("GET, HEAD")},
    };
    char stamp[DAEMON_CLOCK_BYTES];
    const struct http1_response response = {
        .status = status,
        .date = span_str(daemon_clock_http(stamp)),
        .more = {fields, status == 405 ? 4 : 3},
        .content_type = content_type,
        .body = buf_span(&conn->body),
        .is_to_head = span_equals(conn->head.method, "HEAD"),
        .closes = true,
    };

    if (http1_write_response(&conn->answer, &response) != OK) {
        conn_free(conn);
        return;
    }
    conn_move(conn, CONN_WRITING);
    flush(conn);
}

static void answer_text(struct admin_conn *conn, uint16_t status, const char *text)
{
    buf_truncate(&conn->body, 0);
    if (buf_printf(&conn->body, "%s\n", text) != OK) {
        conn_free(conn);
        return;
    }
    answer(conn, status, SPAN(""));
}

static void answer_body(struct admin_conn *conn, enum err e, struct span content_type)
{
    if (e == OK) {
        answer(conn, 200, content_type);
    } else {
        answer_text(conn, 503, "wayleave: out of memory");
    }
}

/* ---- the three pages ---- */

static void on_status_gathered(void *ctx, const struct admin_gather_rows *rows)
{
    struct admin_conn *conn = ctx;
    enum err e = admin_status_write(conn->admin, rows, &conn->body);

    conn->gather = NULL;
    answer_body(conn, e, SPAN("application/json"));
}

static void on_health_gathered(void *ctx, const struct admin_gather_rows *rows)
{
    struct admin_conn *conn = ctx;

    (void)rows;
    conn->gather = NULL;
    if (daemon_is_draining(conn->admin->worker->daemon)) {
        answer_text(conn, 503, "draining");
    } else {
        answer_text(conn, 200, "ok");
    }
}

static void gather(struct admin_conn *conn, const struct admin_gather_page *page,
                   admin_gather_done *done)
{
    if (timer_set(&conn->timer, loop_now(conn->admin->worker->loop) + WORKERS_MS) != OK ||
        admin_gather_start(conn->admin, page, done, conn, &conn->gather) != OK) {
        answer_text(conn, 503, "wayleave: out of memory");
        return;
    }
    conn_move(conn, CONN_GATHERING);
}

static void serve_page(struct admin_conn *conn, const struct http1_target *target)
{
    struct admin_gather_page page = {.limit = 0};

    if (span_equals(target->path, "/metrics")) {
        answer_body(conn, admin_metrics_write(conn->admin->worker->daemon, &conn->body),
                    SPAN("text/plain; version=0.0.4; charset=utf-8"));
    } else if (span_equals(target->path, "/healthz")) {
        gather(conn, &page, on_health_gathered);
    } else if (!span_equals(target->path, "/status")) {
        answer_text(conn, 404, "wayleave: there are /metrics, /status and /healthz");
    } else if (!admin_gather_read_page(target->query, &page)) {
        answer_text(conn, 400,
                    "wayleave: write /status?limit=100&after=0.17, with what \"next\" said");
    } else {
        gather(conn, &page, on_status_gathered);
    }
}

/* ---- the request ---- */

static void on_head(struct admin_conn *conn)
{
    const struct http1_head *head = &conn->head;
    const struct daemon_conf_admin *conf =
        &daemon_snapshot_core(worker_snapshot(conn->admin->worker))->admin;
    struct http1_target target;
    enum http1_fault fault;
    struct addr local;

    if (sock_local_addr(stream_fd(conn->stream), &local) != OK ||
        !admin_access_admits(conf, &conn->peer, &local)) {
        answer_text(conn, 403, "wayleave: this address may not ask (AdminAllow)");
    } else if (!admin_access_knows_host(conf, head)) {
        answer_text(conn, 403,
                    "wayleave: no listener of that name is here (ask by address, or add the "
                    "name to AdminName)");
    } else if (!span_equals(head->method, "GET") && !span_equals(head->method, "HEAD")) {
        answer_text(conn, 405, "wayleave: only GET and HEAD");
    } else if (http1_target_read(head->method, head->target, &target, &fault) != OK ||
               target.form != HTTP1_TARGET_ORIGIN) {
        answer_text(conn, 400, "wayleave: the target is not a path");
    } else {
        serve_page(conn, &target);
    }
}

static void on_wrong_head(struct admin_conn *conn)
{
    enum http1_fault fault = http1_head_fault(&conn->head);
    char text[TEXT_BYTES];

    snprintf(text, sizeof text, "wayleave: the client %s", http1_fault_text(fault));
    answer_text(conn, http1_fault_status(fault), text);
}

static void read_head(struct admin_conn *conn)
{
    uint8_t room[READ_BYTES];
    enum err e = ERR_AGAIN;

    while (e == ERR_AGAIN) {
        struct span input;
        size_t len;

        e = stream_read(conn->stream, mspan_of(room, sizeof room), &len);
        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK || len == 0) {
            conn_free(conn);
            return;
        }
        input = span_of(room, len);
        e = http1_head_next(&conn->head, &input);
    }
    if (e == OK) {
        on_head(conn);
    } else if (e == ERR_NOMEM) {
        conn_free(conn);
    } else {
        on_wrong_head(conn);
    }
}

/* ---- the loop's calls ---- */

static void on_ready(void *ctx)
{
    struct admin_conn *conn = ctx;

    switch (conn->state) {
    case CONN_READING: read_head(conn); return;
    case CONN_WRITING: flush(conn); return;
    case CONN_LINGERING: linger(conn); return;
    case CONN_GATHERING:
    case CONN_STATES: return;
    }
}

static void on_timer(void *ctx)
{
    struct admin_conn *conn = ctx;
    char text[TEXT_BYTES];

    if (conn->state != CONN_GATHERING) {
        conn_free(conn);
        return;
    }
    snprintf(text, sizeof text, "wayleave: worker %zu does not answer",
             admin_gather_cancel(conn->gather));
    conn->gather = NULL;
    if (timer_set(&conn->timer, loop_now(conn->admin->worker->loop) + LIFE_MS) != OK) {
        conn_free(conn);
        return;
    }
    answer_text(conn, 503, text);
}

enum err admin_conn_accept(struct admin *admin, int *take_fd, const struct addr *peer)
{
    struct admin_conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL) {
        return ERR_NOMEM;
    }
    timer_init(&conn->timer, admin->worker->loop, on_timer, conn);
    if (timer_set(&conn->timer, loop_now(admin->worker->loop) + LIFE_MS) != OK ||
        stream_tcp_new(&conn->stream, admin->worker->loop, take_fd) != OK) {
        timer_cancel(&conn->timer);
        free(conn);
        return ERR_NOMEM;
    }
    conn->admin = admin;
    conn->peer = addr_unmapped(peer);
    http1_head_init(&conn->head, HTTP1_REQUEST, &limits);
    buf_init(&conn->body, BODY_BYTES_MAX);
    buf_init(&conn->answer, ANSWER_BYTES_MAX);
    list_append(&admin->conns, &conn->node);
    admin->conn_count++;
    stream_on_ready(conn->stream, on_ready, conn);
    read_head(conn);
    return OK;
}
