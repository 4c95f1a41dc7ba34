/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conn.h"

#include "daemon/daemon_clock.h"
#include "realm/realm_conn_life.h"
#include "realm/realm_conn_send.h"
#include "realm/realm_conn_session.h"

#include <stdlib.h>

enum {
    ANSWER_BYTES_MAX = 16 * 1024 * 1024 /* the longest file in the binary, with its head */
};

/* ---- the request ---- */

static enum err begin_session(struct realm_conn *conn, const struct realm_http_verdict *verdict)
{
    const struct realm_log_client client = realm_conn_life_log(conn);
    enum realm_session_kind kind =
        verdict->action == REALM_HTTP_ECHO ? REALM_SESSION_ECHO : REALM_SESSION_STOMP;

    conn->session = malloc(sizeof *conn->session);
    if (conn->session == NULL) {
        return ERR_NOMEM;
    }
    realm_log_began(&client, verdict);
    realm_session_init(conn->session, &conn->worker->env, kind, conn->id, conn,
                       realm_conn_life_now(conn));
    timer_cancel(&conn->timer);
    realm_conn_life_move(conn, REALM_CONN_LIFE_SESSION);
    return OK;
}

static enum err begin_answering(struct realm_conn *conn,
                                const struct realm_http_verdict *verdict)
{
    const struct realm_log_client client = realm_conn_life_log(conn);

    realm_log_answered(&client, verdict);
    timer_cancel(&conn->timer);
    realm_conn_life_move(conn, REALM_CONN_LIFE_ANSWERING);
    realm_conn_life_set_timer(conn, realm_conn_life_now(conn) +
                                        conn->worker->conf->handshake_timeout);
    return OK;
}

/* Bytes while a head is awaited; what is behind the head belongs to the session. */
static enum err take_head(struct realm_conn *conn, struct mspan bytes)
{
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = {
        .conf = conn->worker->conf,
        .assets = realm_assets_data,
        .date = span_str(daemon_clock_http(date)),
        .is_full = conn->is_extra,
    };
    struct realm_http_verdict verdict;
    struct span input = span_ro(bytes);
    enum err e = realm_http_next(&env, conn->head, &input, &conn->answer, &verdict);

    if (e != OK) {
        return e == ERR_AGAIN ? OK : e;
    }
    TRY(verdict.action == REALM_HTTP_ANSWER ? begin_answering(conn, &verdict)
                                            : begin_session(conn, &verdict));
    http1_head_fini(conn->head);
    free(conn->head);
    conn->head = NULL;
    if (conn->state == REALM_CONN_LIFE_SESSION) {
        realm_conn_session_take_early(conn, mspan_tail(bytes, bytes.len - input.len));
    }
    return OK;
}

/* True when the state has changed. */
static bool read_head(struct realm_conn *conn)
{
    while (conn->state == REALM_CONN_LIFE_READING) {
        struct mspan room = mspan_of(conn->worker->room, REALM_WORKER_ROOM_BYTES);
        size_t len;
        enum err e = stream_read(conn->stream, room, &len);

        if (e == ERR_AGAIN) {
            return false;
        }
        if (e != OK) {
            realm_conn_life_end_io(conn, e);
            return false;
        }
        if (len == 0) {
            realm_conn_life_end_why(conn, "the client left without a request");
            return false;
        }
        conn->in_bytes += len;
        e = take_head(conn, mspan_of(room.ptr, len));
        if (e != OK) {
            realm_conn_life_end_why(conn, err_text(e));
        }
    }
    return conn->state != REALM_CONN_LIFE_DEAD;
}

static bool secure(struct realm_conn *conn)
{
    enum err e = stream_handshake(conn->stream);

    if (e == ERR_AGAIN) {
        return false;
    }
    if (e != OK) {
        realm_conn_life_end_io(conn, e);
        return false;
    }
    realm_conn_life_move(conn, REALM_CONN_LIFE_READING);
    return true;
}

/* Try everything that waits. */
static void run(struct realm_conn *conn)
{
    if (conn->state == REALM_CONN_LIFE_SECURING && !secure(conn)) {
        return;
    }
    if (conn->state == REALM_CONN_LIFE_READING && !read_head(conn)) {
        return;
    }
    if (conn->state == REALM_CONN_LIFE_ANSWERING && realm_conn_send(conn)) {
        realm_conn_send_end(conn);
    }
    if (conn->state == REALM_CONN_LIFE_SESSION) {
        realm_conn_session_run(conn);
    }
    if (conn->state == REALM_CONN_LIFE_LINGERING) {
        realm_conn_send_linger(conn);
    }
}

static void on_ready(void *ctx)
{
    struct realm_conn *conn = ctx;

    conn->is_blocked = false;
    conn->has_more = true;
    run(conn);
}

static void on_later(void *ctx)
{
    struct realm_conn *conn = ctx;

    if (conn->state == REALM_CONN_LIFE_DEAD) {
        realm_conn_life_free(conn);
    } else {
        run(conn);
    }
}

static void on_time(void *ctx)
{
    struct realm_conn *conn = ctx;

    if (conn->state == REALM_CONN_LIFE_SESSION) {
        realm_conn_session_expire(conn);
    } else {
        realm_conn_life_end_why(conn, "the client was too slow");
    }
}

void realm_conn_is_due(struct realm_conn *conn)
{
    if (conn->state == REALM_CONN_LIFE_SESSION && !conn->is_blocked &&
        list_is_empty(&conn->due)) {
        list_append(&conn->worker->due, &conn->due);
    }
}

void realm_conn_flush_first_due(struct realm_worker *worker)
{
    struct realm_conn *conn = LIST_ENTRY(worker->due.next, struct realm_conn, due);

    list_remove(&conn->due);
    if (conn->state == REALM_CONN_LIFE_SESSION) {
        realm_conn_session_flush(conn);
    }
}

enum err realm_conn_new(struct realm_worker *worker, const struct addr *peer, bool is_tls,
                        struct stream **take_stream)
{
    const struct http1_limits limits = realm_conf_limits(worker->conf);
    struct realm_conn *conn = calloc(1, sizeof *conn);
    struct http1_head *head = malloc(sizeof *head);

    if (conn == NULL || head == NULL) {
        free(conn);
        free(head);
        return ERR_NOMEM;
    }
    http1_head_init(head, HTTP1_REQUEST, &limits);
    *conn = (struct realm_conn){
        .worker = worker,
        .stream = *take_stream,
        .head = head,
        .peer = *peer,
        .id = ++worker->last_id,
        .began = loop_now(worker->loop),
        .is_tls = is_tls,
        .is_extra = worker->conn_count >= worker->conf->sessions_max,
        .has_more = true,
    };
    *take_stream = NULL;
    buf_init(&conn->answer, ANSWER_BYTES_MAX);
    timer_init(&conn->timer, worker->loop, on_time, conn);
    loop_later_init(&conn->later, on_later, conn);
    list_init(&conn->due);
    list_append(&worker->conns, &conn->node);
    worker->conn_count++;
    stream_on_ready(conn->stream, on_ready, conn);
    realm_conn_life_set_timer(conn, conn->began + worker->conf->handshake_timeout);
    loop_defer(worker->loop, &conn->later); /* what is ready already is not reported */
    return OK;
}

void realm_conn_close_all(struct realm_worker *worker)
{
    LIST_FOREACH (node, after, &worker->conns) {
        struct realm_conn *conn = LIST_ENTRY(node, struct realm_conn, node);

        if (conn->state == REALM_CONN_LIFE_SESSION) {
            realm_session_go_away(conn->session, realm_conn_life_now(conn));
            (void)realm_conn_send(conn); /* once, and no waiting */
        }
        realm_conn_life_free(conn);
    }
}
