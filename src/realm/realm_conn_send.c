/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conn_send.h"

#include "realm/realm_conn_sockjs.h"
#include "realm/realm_metrics.h"

enum {
    BYTES_PER_TURN = 512 * 1024,
    LINGER_MS = 2000,                    /* for the client to close, too */
    LINGER_BYTES_MAX = 64 * 1024 * 1024, /* what it may still say */
};

/* Whose bytes they are that are sent; NULL: nobody's. */
static struct realm_session *session_of(const struct realm_conn *conn)
{
    return conn->receives != NULL ? &conn->receives->session : conn->session;
}

static enum err peek(struct realm_conn *conn, struct span *ret_bytes)
{
    struct realm_session *session = session_of(conn);
    struct realm_session_skip skip;
    enum err e;

    if (conn->answer.len > 0) {
        *ret_bytes = buf_span(&conn->answer);
        return OK;
    }
    if (session == NULL) {
        return ERR_AGAIN;
    }
    e = conn->receives != NULL ? realm_conn_sockjs_peek(conn, ret_bytes)
                               : realm_session_peek(session, ret_bytes);
    if (realm_session_take_skip(session, &skip)) {
        const struct realm_log_client client = realm_conn_life_log(conn);

        realm_log_skipped(&client, &skip);
        metric_add(conn->worker->metrics, REALM_METRICS_SKIPPED, skip.events);
    }
    return e;
}

static void sent(struct realm_conn *conn, size_t len)
{
    struct metric_sheet *metrics = conn->worker->metrics;

    conn->out_bytes += len;
    metric_add(metrics, REALM_METRICS_BYTES_OUT, len);
    if (conn->answer.len == 0) {
        const struct realm_session *session = session_of(conn);
        uint64_t events = realm_session_count_out(session);

        if (conn->receives != NULL) {
            realm_conn_sockjs_sent(conn, len);
        } else {
            realm_session_sent(conn->session, len, realm_conn_life_now(conn));
        }
        metric_add(metrics, REALM_METRICS_EVENTS_OUT,
                   realm_session_count_out(session) - events);
        return;
    }
    buf_consume(&conn->answer, len);
    if (conn->answer.len == 0) {
        buf_fini(&conn->answer);
    }
}

struct realm_conn_send_step realm_conn_send_begin(struct realm_conn *conn)
{
    return (struct realm_conn_send_step){.conn = conn, .left = BYTES_PER_TURN};
}

bool realm_conn_send_gather(struct realm_conn_send_step *step)
{
    struct realm_conn *conn = step->conn;
    enum err e;

    if (conn->is_blocked || conn->state == REALM_CONN_LIFE_DEAD) {
        return false;
    }
    e = peek(conn, &step->bytes);
    if (e == ERR_AGAIN) {
        step->is_all = true;
        return false;
    }
    if (e != OK) {
        metric_add(conn->worker->metrics, REALM_METRICS_SLOW, e == ERR_LIMIT);
        realm_conn_life_end(conn);
        return false;
    }
    if (step->left == 0) { /* the others' turn */
        loop_defer(conn->worker->loop, &conn->later);
        return false;
    }
    return true;
}

void realm_conn_send_write(struct realm_conn_send_step *step)
{
    step->e = stream_write(step->conn->stream, step->bytes, &step->len);
}

void realm_conn_send_settle(struct realm_conn_send_step *step)
{
    struct realm_conn *conn = step->conn;

    if (step->e == ERR_AGAIN) {
        conn->is_blocked = true;
    } else if (step->e != OK) {
        realm_conn_life_end_io(conn, step->e);
    } else {
        sent(conn, step->len);
        step->left -= step->len < step->left ? step->len : step->left;
    }
}

bool realm_conn_send(struct realm_conn *conn)
{
    struct realm_conn_send_step step = realm_conn_send_begin(conn);

    while (realm_conn_send_gather(&step)) {
        realm_conn_send_write(&step);
        realm_conn_send_settle(&step);
    }
    return step.is_all;
}

void realm_conn_send_end(struct realm_conn *conn)
{
    if (stream_shutdown(conn->stream) == ERR_AGAIN) {
        return; /* called again when the stream is ready */
    }
    realm_conn_life_move(conn, REALM_CONN_LIFE_LINGERING);
    timer_cancel(&conn->timer);
    realm_conn_life_set_timer(conn, realm_conn_life_now(conn) + LINGER_MS);
    loop_defer(conn->worker->loop, &conn->later); /* what waits already is not reported */
}

void realm_conn_send_linger(struct realm_conn *conn)
{
    struct mspan room = mspan_of(conn->worker->room, REALM_WORKER_ROOM_BYTES);
    size_t len = 1;

    while (len > 0 && conn->lingered < LINGER_BYTES_MAX) {
        enum err e = stream_read(conn->stream, room, &len);

        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK) {
            break;
        }
        conn->lingered += len;
    }
    realm_conn_life_end(conn);
}
