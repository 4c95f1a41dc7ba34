/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conn.h"

#include "realm/realm_conn_http.h"
#include "realm/realm_conn_life.h"
#include "realm/realm_conn_send.h"
#include "realm/realm_conn_session.h"
#include "realm/realm_conn_sockjs.h"
#include "realm/realm_metrics.h"

#include <stdlib.h>

enum {
    ANSWER_BYTES_MAX = 16 * 1024 * 1024 /* the longest file in the binary, with its head */
};

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
    if (realm_conn_http_has(conn)) {
        realm_conn_http_run(conn);
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
    } else if (realm_conn_http_has(conn)) {
        realm_conn_http_expire(conn);
    } else {
        realm_conn_life_end_why(conn, "the client was too slow");
    }
}

void realm_conn_is_due(struct realm_conn *conn)
{
    bool sends = conn->state == REALM_CONN_LIFE_SESSION || conn->receives != NULL;

    if (sends && !conn->is_blocked && list_is_empty(&conn->due)) {
        list_append(&conn->worker->due, &conn->due);
    }
}

static void on_login(void *ctx, enum realm_login_verdict verdict)
{
    struct realm_conn *conn = ctx;

    if (conn->state == REALM_CONN_LIFE_SESSION) {
        realm_conn_session_logged_in(conn, verdict);
    } else if (realm_conn_http_has(conn)) {
        realm_conn_http_logged_in(conn, verdict);
    }
    /* Else it was a session, which has been closed meanwhile. */
}

enum err realm_conn_new(struct realm_worker *worker, const struct addr *peer,
                        enum realm_host_way way, struct stream **take_stream)
{
    const struct realm_conf *conf = worker->era->conf;
    struct realm_conn *conn = calloc(1, sizeof *conn);
    struct realm_clients_client *client;
    enum err e;

    if (conn == NULL) {
        return ERR_NOMEM;
    }
    e = realm_clients_enter(&worker->clients, peer, conf->access.connections_per_client,
                            &client);
    if (e != OK) {
        free(conn);
        return e;
    }
    *conn = (struct realm_conn){
        .worker = worker,
        .era = realm_era_ref(worker->era),
        .stream = *take_stream,
        .client = client,
        .peer = *peer,
        .id = ++worker->last_id,
        .began = loop_now(worker->loop),
        .way = way,
        .is_extra = realm_worker_is_full(worker),
        .has_more = true,
    };
    buf_init(&conn->answer, ANSWER_BYTES_MAX);
    if (realm_conn_request_begin(conn) != OK) {
        realm_clients_leave(&worker->clients, client);
        realm_era_unref(conn->era);
        free(conn);
        return ERR_NOMEM;
    }
    *take_stream = NULL;
    realm_login_init(&conn->login, &worker->login, &conn->peer, client, on_login, conn);
    timer_init(&conn->timer, worker->loop, on_time, conn);
    loop_later_init(&conn->later, on_later, conn);
    list_init(&conn->due);
    list_append(&worker->conns, &conn->node);
    worker->conn_count++;
    if (conn->is_extra && realm_seats_tell(&worker->seats)) {
        log_warn(
            worker->log,
            "the realm has %zu connections, as many as it may: further clients are told 503 "
            "(SessionsMax %zu, %llu file descriptors)",
            worker->conn_count - 1 + worker->sockjs.idle, conf->sessions_max,
            (unsigned long long)worker->seats.descriptors);
    }
    metric_add(worker->metrics, REALM_METRICS_CONNECTIONS_TOTAL, 1);
    metric_add(worker->metrics, REALM_METRICS_CONNECTIONS, 1);
    stream_on_ready(conn->stream, on_ready, conn);
    conn->request->deadline = conn->began + conn->era->conf->handshake_timeout;
    realm_conn_life_set_timer(conn, conn->request->deadline);
    loop_defer(worker->loop, &conn->later); /* what is ready already is not reported */
    return OK;
}

void realm_conn_review_all(struct realm_worker *worker, const struct htpasswd *before)
{
    LIST_FOREACH (node, after, &worker->conns) {
        struct realm_conn *conn = LIST_ENTRY(node, struct realm_conn, node);

        realm_login_review(&conn->login, before);
        if (conn->state == REALM_CONN_LIFE_SESSION) {
            realm_session_review(conn->session);
            loop_defer(worker->loop, &conn->later);
        }
    }
}

size_t realm_conn_send_away(struct realm_worker *worker, size_t max)
{
    size_t count = 0;

    LIST_FOREACH (node, after, &worker->conns) {
        struct realm_conn *conn = LIST_ENTRY(node, struct realm_conn, node);

        if (conn->state == REALM_CONN_LIFE_SECURING || realm_conn_http_is_idle(conn)) {
            realm_conn_life_end_why(conn, "the realm stops");
        } else if (conn->state == REALM_CONN_LIFE_SESSION &&
                   !realm_session_is_closing(conn->session) && count < max) {
            count++;
            realm_session_go_away(conn->session, WS_CLOSE_RESTART, realm_conn_life_now(conn));
            realm_conn_session_run(conn);
        } else if (conn->receives != NULL &&
                   !realm_session_is_closing(&conn->receives->session) && count < max) {
            count++;
            realm_session_go_away(&conn->receives->session, WS_CLOSE_RESTART,
                                  realm_conn_life_now(conn));
            loop_defer(worker->loop, &conn->later);
        }
    }
    return count;
}

void realm_conn_close_all(struct realm_worker *worker)
{
    LIST_FOREACH (node, after, &worker->conns) {
        struct realm_conn *conn = LIST_ENTRY(node, struct realm_conn, node);

        if (conn->state == REALM_CONN_LIFE_SESSION) {
            realm_session_go_away(conn->session, WS_CLOSE_GOING_AWAY,
                                  realm_conn_life_now(conn));
            (void)realm_conn_send(conn); /* once, and no waiting */
        } else if (conn->receives != NULL) {
            realm_session_go_away(&conn->receives->session, WS_CLOSE_GOING_AWAY,
                                  realm_conn_life_now(conn));
            realm_conn_sockjs_flush(conn);
            (void)realm_conn_send(conn); /* the end of the answer */
        }
        realm_conn_life_free(conn);
    }
}
