/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conn_life.h"

#include "base/state.h"
#include "realm/realm_conn_http.h"
#include "realm/realm_metrics.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WHY_BYTES = 200
};

/* clang-format off */
#define TO(name) STATE_BIT(REALM_CONN_LIFE_##name)
static const struct state_rule conn_rules[REALM_CONN_LIFE_STATES] = {
    [REALM_CONN_LIFE_SECURING]  = {"securing",  TO(READING)   | TO(DEAD)},
    [REALM_CONN_LIFE_READING]   = {"reading",   TO(BODY)      | TO(SILENT)    | TO(ENDING) |
                                                TO(RECEIVING) | TO(ANSWERING) | TO(SESSION) |
                                                TO(DEAD)},
    [REALM_CONN_LIFE_BODY]      = {"body",      TO(WAITING)   | TO(RECEIVING) | TO(ANSWERING) |
                                                TO(DEAD)},
    [REALM_CONN_LIFE_RECEIVING] = {"receiving", TO(ANSWERING) | TO(DEAD)},
    [REALM_CONN_LIFE_WAITING]   = {"waiting",   TO(ANSWERING) | TO(DEAD)},
    [REALM_CONN_LIFE_SILENT]    = {"silent",    TO(ANSWERING) | TO(DEAD)},
    [REALM_CONN_LIFE_ENDING]    = {"ending",    TO(ANSWERING) | TO(DEAD)},
    [REALM_CONN_LIFE_ANSWERING] = {"answering", TO(READING)   | TO(LINGERING) | TO(DEAD)},
    [REALM_CONN_LIFE_SESSION]   = {"session",   TO(LINGERING) | TO(DEAD)},
    [REALM_CONN_LIFE_LINGERING] = {"lingering", TO(DEAD)},
    [REALM_CONN_LIFE_DEAD]      = {"dead",      0},
};
#undef TO
/* clang-format on */

void realm_conn_life_move(struct realm_conn *conn, enum realm_conn_life_state next)
{
    assert(state_may_move(conn_rules, conn->state, next));
    log_trace(conn->worker->log, "client %llu %s -> %s", (unsigned long long)conn->id,
              conn_rules[conn->state].name, conn_rules[next].name);
    conn->state = next;
}

void realm_conn_life_heard(struct realm_conn *conn, size_t len)
{
    conn->in_bytes += len;
    metric_add(conn->worker->metrics, REALM_METRICS_BYTES_IN, len);
}

struct realm_log_client realm_conn_life_log(const struct realm_conn *conn)
{
    return (struct realm_log_client){conn->worker->log, &conn->peer, conn->id,
                                     conn->way == REALM_HOST_OVER_TLS,
                                     realm_login_subject(&conn->login).user};
}

/* How much of what was sent was read, nobody knows. */
static void leave_session(struct realm_conn *conn)
{
    if (conn->receives != NULL) {
        realm_sockjs_detach(conn->receives, true);
        conn->receives = NULL;
    }
}

void realm_conn_life_free(struct realm_conn *conn)
{
    struct realm_worker *worker = conn->worker;

    if (conn->session != NULL) {
        const struct realm_log_client client = realm_conn_life_log(conn);
        const struct realm_log_totals totals = {realm_conn_life_now(conn) - conn->began,
                                                conn->in_bytes, conn->out_bytes};

        realm_session_fini(conn->session);
        realm_worker_published(worker); /* what it had of queues goes to others */
        realm_log_ended(&client, conn->session, &totals);
        metric_sub(worker->metrics, REALM_METRICS_SESSIONS, 1);
        metric_add(worker->metrics, REALM_METRICS_CLOSED_NOBODY + conn->session->closer, 1);
        realm_session_forget(conn->session);
        free(conn->session);
    }
    leave_session(conn);
    realm_login_fini(&conn->login);
    realm_clients_leave(&worker->clients, conn->client);
    worker->gate.running -= conn->is_diagnostic;
    realm_conn_request_end(conn);
    buf_fini(&conn->answer);
    timer_cancel(&conn->timer);
    loop_undefer(&conn->later);
    stream_free(conn->stream);
    list_remove(&conn->due);
    list_remove(&conn->node);
    metric_sub(worker->metrics, REALM_METRICS_CONNECTIONS, 1);
    realm_era_unref(conn->era);
    free(conn);
    worker->conn_count--;
    realm_worker_left(worker);
    if (worker->conn_count == 0 && worker->emptied != NULL) {
        worker->emptied(worker->emptied_ctx);
    }
}

void realm_conn_life_end(struct realm_conn *conn)
{
    if (conn->state == REALM_CONN_LIFE_DEAD) {
        return;
    }
    realm_conn_life_move(conn, REALM_CONN_LIFE_DEAD);
    leave_session(conn);
    stream_on_ready(conn->stream, NULL, NULL);
    realm_login_cancel(&conn->login);
    timer_cancel(&conn->timer);
    list_remove(&conn->due);
    loop_defer(conn->worker->loop, &conn->later);
}

void realm_conn_life_end_why(struct realm_conn *conn, const char *why)
{
    char peer[ADDR_TEXT_BYTES];

    if (conn->session == NULL) {
        log_debug(conn->worker->log, "client %s: %s", addr_text(&conn->peer, peer), why);
    } else if (conn->session->closer == REALM_SESSION_NOBODY && conn->session->why == NULL) {
        conn->session->why = strdup(why);
    }
    realm_conn_life_end(conn);
}

void realm_conn_life_end_io(struct realm_conn *conn, enum err e)
{
    char why[WHY_BYTES];

    snprintf(why, sizeof why, "%s (%s)", err_text(e), stream_why(conn->stream));
    realm_conn_life_end_why(conn, why);
}

void realm_conn_life_set_timer(struct realm_conn *conn, msec at)
{
    if (at == MSEC_NEVER || (timer_is_set(&conn->timer) && conn->timer.node.at <= at)) {
        return;
    }
    if (timer_set(&conn->timer, at) != OK) {
        realm_conn_life_end_why(conn, err_text(ERR_NOMEM));
    }
}
