/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conn_session.h"

#include "realm/realm_conn_send.h"
#include "realm/realm_metrics.h"

enum {
    READS_PER_TURN = 4
};

/* What was published since it was counted last: a store tells of it when it will. */
static void count_events(struct realm_conn *conn)
{
    uint64_t count = realm_session_count_in(conn->session);

    metric_add(conn->worker->metrics, REALM_METRICS_EVENTS_IN, count - conn->counted_in);
    conn->counted_in = count;
}

bool realm_conn_session_begin_flush(struct realm_conn *conn)
{
    count_events(conn);
    if (realm_session_part(conn->session, realm_conn_life_now(conn)) != OK) {
        realm_conn_life_end(conn);
        return false;
    }
    return true;
}

void realm_conn_session_end_flush(struct realm_conn *conn, bool is_all)
{
    if (is_all && realm_session_is_finished(conn->session)) {
        realm_conn_send_end(conn);
    }
}

void realm_conn_session_flush(struct realm_conn *conn)
{
    if (realm_conn_session_begin_flush(conn)) {
        realm_conn_session_end_flush(conn, realm_conn_send(conn));
        realm_worker_published(conn->worker); /* a long look at stored events goes on later */
    }
}

/* False when the connection has ended. */
static bool settle(struct realm_conn *conn, enum err e)
{
    count_events(conn);
    realm_worker_published(conn->worker);
    if (e != OK) {
        metric_add(conn->worker->metrics, REALM_METRICS_SLOW, e == ERR_LIMIT);
        realm_conn_life_end(conn);
    }
    return e == OK;
}

static bool take(struct realm_conn *conn, struct mspan bytes)
{
    realm_worker_tick(conn->worker);
    return settle(conn, realm_session_take(conn->session, bytes, realm_conn_life_now(conn)));
}

static bool go_on_with_frame(struct realm_conn *conn)
{
    return settle(conn, realm_session_go_on(conn->session, realm_conn_life_now(conn)));
}

void realm_conn_session_take_early(struct realm_conn *conn, struct mspan bytes)
{
    if (bytes.len > 0) {
        take(conn, bytes);
    }
}

static bool may_read(const struct realm_conn *conn)
{
    return !realm_session_is_deaf(conn->session) && !realm_session_is_held(conn->session) &&
           !realm_session_is_waiting(conn->session);
}

static void read_session(struct realm_conn *conn)
{
    struct mspan room = mspan_of(conn->worker->room, REALM_WORKER_ROOM_BYTES);

    realm_worker_tick(conn->worker); /* what others have merged was their turn's */
    if (realm_session_awaits_route(conn->session) && !go_on_with_frame(conn)) {
        return;
    }
    if (realm_session_is_waiting(conn->session) && !take(conn, mspan_of(NULL, 0))) {
        return;
    }
    for (int i = 0; i < READS_PER_TURN && may_read(conn); i++) {
        size_t len;
        enum err e = stream_read(conn->stream, room, &len);

        if (e == ERR_AGAIN) {
            conn->has_more = false;
            return;
        }
        if (e != OK) {
            realm_conn_life_end_io(conn, e);
            return;
        }
        if (len == 0) {
            realm_conn_life_end_why(conn, "the client ended the stream without a Close");
            return;
        }
        realm_conn_life_heard(conn, len);
        if (!take(conn, mspan_of(room.ptr, len))) {
            return;
        }
    }
}

/* When it must have said CONNECT, and have been let in; MSEC_NEVER: it has, or is closing. */
static msec opening_deadline(const struct realm_conn *conn)
{
    return realm_session_is_opening(conn->session) && !realm_session_is_closing(conn->session)
               ? conn->began + conn->era->conf->handshake_timeout
               : MSEC_NEVER;
}

static void set_timer(struct realm_conn *conn)
{
    msec at = msec_min(realm_session_deadline(conn->session), opening_deadline(conn));

    realm_conn_life_set_timer(conn, at);
}

/* Who stops before ERR_AGAIN must come back by itself; but while nothing may be read there is
 * no use before the stream is ready, or answers come from the store, nor while the session
 * waits for a thread or for its rate, or for the room that others have taken. */
static void go_on(struct realm_conn *conn)
{
    struct realm_session *session = conn->session;

    list_remove(&session->held);
    if (realm_session_awaits_route(session)) {
        loop_defer(conn->worker->loop, &conn->later);
        return;
    }
    if (!conn->has_more || realm_session_is_deaf(session) || realm_session_is_paused(session) ||
        (realm_session_is_held(session) &&
         (conn->is_blocked || realm_session_is_owed(session)))) {
        return;
    }
    if (router_is_congested(&conn->worker->router)) {
        list_append(&conn->worker->held, &session->held);
    } else {
        loop_defer(conn->worker->loop, &conn->later);
    }
}

void realm_conn_session_run(struct realm_conn *conn)
{
    read_session(conn);
    if (conn->state == REALM_CONN_LIFE_SESSION) {
        realm_conn_session_flush(conn);
    }
    if (conn->state != REALM_CONN_LIFE_SESSION) {
        return;
    }
    go_on(conn);
    set_timer(conn);
}

void realm_conn_session_expire(struct realm_conn *conn)
{
    msec now = realm_conn_life_now(conn);

    if (now >= opening_deadline(conn) &&
        realm_session_dismiss(conn->session,
                              "no CONNECT came, or was verified, within HandshakeTimeout",
                              now) != OK) {
        realm_conn_life_end(conn);
        return;
    }
    if (realm_session_expire(conn->session, now) != OK) {
        realm_conn_life_end(conn);
        return;
    }
    loop_defer(conn->worker->loop, &conn->later); /* what it may read now */
    realm_conn_session_flush(conn);
    if (conn->state == REALM_CONN_LIFE_SESSION) {
        set_timer(conn);
    }
}

void realm_conn_session_logged_in(struct realm_conn *conn, enum realm_login_verdict verdict)
{
    enum err e;

    realm_worker_tick(conn->worker);
    e = realm_session_logged_in(conn->session, verdict, realm_conn_life_now(conn));
    realm_worker_published(conn->worker);
    if (e != OK) {
        realm_conn_life_end(conn);
    } else {
        loop_defer(conn->worker->loop, &conn->later);
    }
}
