/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conn_http.h"

#include "daemon/daemon_clock.h"
#include "realm/realm_conn_body.h"
#include "realm/realm_conn_send.h"
#include "realm/realm_conn_session.h"
#include "realm/realm_conn_sockjs.h"
#include "realm/realm_http_diag.h"
#include "realm/realm_http_login.h"
#include "realm/realm_metrics.h"

#include <stdlib.h>

enum {
    BODY_BYTES_A_SECOND = 1024, /* what a client must at least send in the long run */
    READS_PER_TURN = 8,
};

void realm_conn_http_set_deadline(struct realm_conn *conn, msec at)
{
    conn->request->deadline = at;
    timer_cancel(&conn->timer);
    realm_conn_life_set_timer(conn, at);
}

bool realm_conn_http_is_idle(const struct realm_conn *conn)
{
    return conn->state == REALM_CONN_LIFE_READING && conn->request->early.len == 0 &&
           !http1_head_has_begun(&conn->request->head);
}

struct realm_http_env realm_conn_http_env(struct realm_conn *conn,
                                          char date[DAEMON_CLOCK_BYTES])
{
    return (struct realm_http_env){
        .conf = conn->era->conf,
        .assets = realm_assets_data,
        .router = &conn->worker->router,
        .queues = &conn->worker->queues,
        .groups = &conn->worker->groups,
        .made = &conn->worker->made,
        .metrics = conn->worker->metrics,
        .gate = &conn->worker->gate,
        .publishers = &conn->worker->publishers,
        .rng = &conn->worker->rng,
        .event_bytes = conn->era->env.stomp.event_bytes,
        .date = span_str(daemon_clock_http(date)),
        .now = realm_conn_life_now(conn),
        .login = &conn->login,
        .login_verdict = conn->request->login_verdict,
        .has_login = conn->request->has_login,
        .way = conn->way,
        .is_full = conn->is_extra,
        .is_draining = conn->worker->is_draining,
    };
}

/* ---- answering ---- */

static void begin_answering(struct realm_conn *conn)
{
    const struct realm_log_client client = realm_conn_life_log(conn);

    realm_log_answered(&client, &conn->request->verdict);
    realm_metrics_answer(conn->worker->metrics, conn->request->verdict.status);
    realm_conn_life_move(conn, REALM_CONN_LIFE_ANSWERING);
    realm_conn_http_set_deadline(
        conn, realm_conn_http_from_now(conn, conn->era->conf->handshake_timeout));
}

void realm_conn_http_answer(struct realm_conn *conn, enum err e)
{
    if (e == OK) {
        begin_answering(conn);
    } else {
        realm_conn_life_end_why(conn, err_text(e));
    }
}

static void begin_session(struct realm_conn *conn)
{
    const struct realm_http_verdict *verdict = &conn->request->verdict;
    const struct realm_log_client client = realm_conn_life_log(conn);
    const struct realm_session_birth birth = {
        .kind = verdict->action == REALM_HTTP_STOMP  ? REALM_SESSION_STOMP
                : verdict->action == REALM_HTTP_ECHO ? REALM_SESSION_ECHO
                                                     : REALM_SESSION_SILENT,
        .carrier = verdict->carrier,
        .id = conn->id,
        .sender = conn,
    };
    struct metric_sheet *metrics = conn->worker->metrics;
    struct buf early = conn->request->early;
    enum err e;

    conn->session = malloc(sizeof *conn->session);
    if (conn->session == NULL) {
        realm_conn_life_end_why(conn, err_text(ERR_NOMEM));
        return;
    }
    realm_log_began(&client, verdict);
    realm_metrics_answer(metrics, verdict->status);
    metric_add(metrics, REALM_METRICS_SESSIONS_TOTAL, 1);
    metric_add(metrics, REALM_METRICS_SESSIONS, 1);
    metric_add(metrics, REALM_METRICS_SESSIONS_DEFLATE,
               birth.carrier == REALM_CARRIER_WS_DEFLATE);
    metric_add(metrics, REALM_METRICS_SESSIONS_SOCKJS,
               birth.carrier == REALM_CARRIER_SOCKJS_WS);
    e = realm_session_init(conn->session, &conn->era->env, &birth, realm_conn_life_now(conn));
    realm_session_set_login(conn->session, &conn->login);
    timer_cancel(&conn->timer);
    if (conn->has_answered) {
        conn->began = realm_conn_life_now(conn); /* it was no session before */
    }
    realm_conn_life_move(conn, REALM_CONN_LIFE_SESSION);
    if (verdict->is_diagnostic) {
        conn->is_diagnostic = true; /* it goes on running: counted off at the end */
        conn->request->verdict.is_diagnostic = false;
    }
    buf_init(&conn->request->early, early.max); /* it is ours now */
    realm_conn_request_end(conn);
    if (e == OK) {
        realm_conn_session_take_early(conn, mspan_of(early.ptr, early.len));
    } else {
        realm_conn_life_end_why(conn, err_text(e));
    }
    buf_fini(&early);
}

/* ---- what a request becomes ---- */

static void on_verdict(struct realm_conn *conn)
{
    struct realm_conn_request *request = conn->request;

    conn->worker->gate.running += request->verdict.is_diagnostic;
    switch (request->verdict.action) {
    case REALM_HTTP_ANSWER: begin_answering(conn); return;
    case REALM_HTTP_LOGIN: break; /* begin_login() */
    case REALM_HTTP_STOMP:
    case REALM_HTTP_ECHO:
    case REALM_HTTP_SILENT: begin_session(conn); return;
    case REALM_HTTP_PUBLISH:
    case REALM_HTTP_CHANGE:
    case REALM_HTTP_RECEIVE:
    case REALM_HTTP_SEND:
    case REALM_HTTP_MEASURE: realm_conn_body_begin(conn); return;
    case REALM_HTTP_DRIP:
        realm_drip_init(&request->drip, &request->verdict.drip, realm_conn_life_now(conn));
        begin_answering(conn);
        return;
    case REALM_HTTP_SILENCE:
        realm_conn_life_move(conn, REALM_CONN_LIFE_SILENT);
        realm_conn_http_set_deadline(
            conn, realm_conn_http_from_now(conn, request->verdict.silence_ms));
        return;
    case REALM_HTTP_FIN:
        realm_conn_life_move(conn, REALM_CONN_LIFE_ENDING);
        realm_conn_http_set_deadline(conn,
                                     realm_conn_http_from_now(conn, REALM_HTTP_DIAG_MS_MAX));
        return;
    }
}

/* ---- who asks ---- */

static void judge_again(struct realm_conn *conn, enum realm_login_verdict verdict)
{
    char date[DAEMON_CLOCK_BYTES];
    struct realm_conn_request *request = conn->request;
    struct realm_http_env env;
    enum err e;

    request->login_verdict = verdict;
    request->has_login = true;
    env = realm_conn_http_env(conn, date);
    e = realm_http_judge_again(&env, &request->head, &conn->answer, &request->verdict);
    if (e == OK) {
        on_verdict(conn);
    } else {
        realm_conn_life_end_why(conn, err_text(e));
    }
}

static void begin_login(struct realm_conn *conn)
{
    struct realm_conn_request *request = conn->request;
    enum realm_login_verdict verdict =
        realm_http_login_begin(&conn->login, &request->head, realm_conn_life_now(conn));

    if (verdict != REALM_LOGIN_WAIT) {
        judge_again(conn, verdict);
    }
}

void realm_conn_http_logged_in(struct realm_conn *conn, enum realm_login_verdict verdict)
{
    judge_again(conn, verdict);
    loop_defer(conn->worker->loop, &conn->later);
}

/* ---- reading ---- */

static void take_head(struct realm_conn *conn, struct span *input)
{
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);
    struct realm_conn_request *request = conn->request;
    bool was_idle = !http1_head_has_begun(&request->head);
    enum err e = realm_http_next(&env, &request->head, input, &conn->answer, &request->verdict);

    if (e == OK) {
        request->is_judged = true; /* on_verdict() follows when the rest of the input is safe */
    } else if (e != ERR_AGAIN) {
        realm_conn_life_end_why(conn, err_text(e));
    } else if (was_idle && conn->has_answered && http1_head_has_begun(&request->head)) {
        realm_conn_http_set_deadline(
            conn, realm_conn_http_from_now(conn, conn->era->conf->handshake_timeout));
    }
}

static void take(struct realm_conn *conn, struct span *input)
{
    if (conn->state == REALM_CONN_LIFE_BODY) {
        realm_conn_body_take(conn, input);
    } else if (conn->state == REALM_CONN_LIFE_SILENT) {
        realm_conn_life_end_why(conn, "the client spoke into the silence that it asked for");
    } else {
        take_head(conn, input);
    }
}

/* What came and is behind the request in hand is kept until its turn comes. */
static void use(struct realm_conn *conn, struct span input, bool is_early)
{
    size_t all = input.len;

    take(conn, &input);
    if (conn->state == REALM_CONN_LIFE_DEAD) {
        return;
    }
    if (is_early) {
        buf_consume(&conn->request->early, all - input.len);
        if (conn->request->early.len == 0) {
            buf_fini(&conn->request->early);
        }
    } else if (input.len > 0 && buf_append(&conn->request->early, input) != OK) {
        realm_conn_life_end_why(conn, err_text(ERR_NOMEM));
        return;
    }
    if (conn->state != REALM_CONN_LIFE_READING || !conn->request->is_judged) {
        return;
    }
    if (conn->request->verdict.action == REALM_HTTP_LOGIN) {
        begin_login(conn);
    } else {
        on_verdict(conn);
    }
}

static void on_end_of_stream(struct realm_conn *conn)
{
    if (conn->state == REALM_CONN_LIFE_ENDING) { /* what was waited for */
        realm_conn_http_answer(conn,
                               buf_append(&conn->answer, buf_span(&conn->request->early)));
        return;
    }
    realm_conn_life_end_why(conn, realm_conn_http_is_idle(conn)
                                      ? "the client left without a request"
                                      : "the client left in the middle of a request");
}

static void on_bytes(struct realm_conn *conn, struct span bytes)
{
    realm_conn_life_heard(conn, bytes.len);
    if (conn->state != REALM_CONN_LIFE_ENDING) {
        use(conn, bytes, false);
    } else if (conn->request->early.len + bytes.len > REALM_HTTP_DIAG_FIN_BYTES) {
        realm_conn_life_end_why(conn, "the client sent more than /diag/fin takes");
    } else if (buf_append(&conn->request->early, bytes) != OK) {
        realm_conn_life_end_why(conn, err_text(ERR_NOMEM));
    }
}

/* True when something has changed. */
static bool read_more(struct realm_conn *conn)
{
    struct mspan room = mspan_of(conn->worker->room, REALM_WORKER_ROOM_BYTES);
    size_t len;
    enum err e;

    if (conn->request->early.len > 0 && conn->state != REALM_CONN_LIFE_ENDING) {
        use(conn, buf_span(&conn->request->early), true);
        return true;
    }
    e = stream_read(conn->stream, room, &len);
    if (e == ERR_AGAIN) {
        conn->has_more = false;
        return false;
    }
    if (e != OK) {
        realm_conn_life_end_io(conn, e);
        return false;
    }
    if (len == 0) {
        on_end_of_stream(conn);
    } else {
        on_bytes(conn, span_of(room.ptr, len));
    }
    return true;
}

/* ---- what comes behind an answer ---- */

static void begin_next(struct realm_conn *conn)
{
    realm_conn_request_forget(conn);
    realm_login_forget(&conn->login);
    conn->has_answered = true;
    if (realm_conn_request_begin(conn) != OK) {
        realm_conn_life_end_why(conn, err_text(ERR_NOMEM));
        return;
    }
    conn->has_more = true;
    realm_conn_life_move(conn, REALM_CONN_LIFE_READING);
    realm_conn_http_set_deadline(
        conn, realm_conn_http_from_now(conn, conn->era->conf->keep_alive_timeout));
}

/* True when something has changed. */
static bool drip(struct realm_conn *conn)
{
    struct realm_drip *it = &conn->request->drip;
    enum err e = realm_drip_next(it, realm_conn_life_now(conn), &conn->answer);

    if (e == ERR_AGAIN) {
        realm_conn_http_set_deadline(conn, realm_drip_deadline(it));
        return false;
    }
    if (e != OK) {
        realm_conn_life_end_why(conn, err_text(e));
        return false;
    }
    realm_conn_http_set_deadline(
        conn, realm_conn_http_from_now(conn, conn->era->conf->handshake_timeout));
    return true;
}

/* True when something has changed. */
static bool go_on_answering(struct realm_conn *conn)
{
    uint64_t before = conn->out_bytes;
    bool is_sent = realm_conn_send(conn);

    if (conn->state != REALM_CONN_LIFE_ANSWERING) {
        return false;
    }
    if (conn->out_bytes > before) {
        conn->request->deadline =
            realm_conn_http_from_now(conn, conn->era->conf->handshake_timeout);
    }
    if (!is_sent) {
        return false;
    }
    if (conn->request->verdict.action == REALM_HTTP_DRIP &&
        !realm_drip_has_ended(&conn->request->drip)) {
        return drip(conn);
    }
    if (conn->request->verdict.keeps && !conn->worker->is_draining) {
        begin_next(conn);
        return true;
    }
    realm_conn_send_end(conn);
    return false;
}

/* True when something has changed. */
static bool step(struct realm_conn *conn)
{
    switch (conn->state) {
    case REALM_CONN_LIFE_READING:
        return !realm_login_is_waiting(&conn->login) && read_more(conn);
    case REALM_CONN_LIFE_BODY:
    case REALM_CONN_LIFE_SILENT:
    case REALM_CONN_LIFE_ENDING:
        (void)realm_conn_send(conn); /* 100 Continue, 101 */
        return conn->state != REALM_CONN_LIFE_DEAD && read_more(conn);
    case REALM_CONN_LIFE_RECEIVING:
        realm_conn_sockjs_run(conn);
        return conn->state == REALM_CONN_LIFE_ANSWERING;
    case REALM_CONN_LIFE_ANSWERING: return go_on_answering(conn);
    case REALM_CONN_LIFE_SECURING:
    case REALM_CONN_LIFE_WAITING:
    case REALM_CONN_LIFE_SESSION:
    case REALM_CONN_LIFE_LINGERING:
    case REALM_CONN_LIFE_DEAD:
    case REALM_CONN_LIFE_STATES: break;
    }
    return false;
}

void realm_conn_http_run(struct realm_conn *conn)
{
    for (int i = 0; i < READS_PER_TURN * 2; i++) {
        if (!step(conn)) {
            return;
        }
    }
    loop_defer(conn->worker->loop, &conn->later); /* the others' turn */
}

/* ---- time ---- */

static void break_silence(struct realm_conn *conn)
{
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);

    realm_conn_http_answer(conn, realm_http_diag_broken_silence(&env, &conn->request->head,
                                                                &conn->answer,
                                                                &conn->request->verdict));
    realm_conn_http_run(conn);
}

/* Who has begun to ask is answered. */
static void refuse_late(struct realm_conn *conn)
{
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);
    struct realm_conn_request *request = conn->request;

    if (conn->state == REALM_CONN_LIFE_BODY) {
        realm_conn_body_refuse_late(conn);
    } else {
        realm_conn_http_answer(conn, realm_http_refuse_late(&env, &request->head, &conn->answer,
                                                            &request->verdict));
    }
    realm_conn_http_run(conn);
}

static bool is_half_asked(const struct realm_conn *conn)
{
    return conn->state == REALM_CONN_LIFE_BODY ||
           (conn->state == REALM_CONN_LIFE_READING && !conn->request->is_judged &&
            http1_head_has_begun(&conn->request->head));
}

void realm_conn_http_expire(struct realm_conn *conn)
{
    msec now = realm_conn_life_now(conn);
    msec until = conn->request->deadline;

    if (conn->state == REALM_CONN_LIFE_BODY) {
        until += conn->request->body_bytes * 1000 / BODY_BYTES_A_SECOND;
    }
    if (now < until) {
        timer_cancel(&conn->timer);
        realm_conn_life_set_timer(conn, until);
    } else if (conn->state == REALM_CONN_LIFE_SILENT) {
        break_silence(conn);
    } else if (conn->state == REALM_CONN_LIFE_ANSWERING && conn->answer.len == 0) {
        realm_conn_http_run(conn); /* the next drop */
    } else if (is_half_asked(conn)) {
        refuse_late(conn);
    } else {
        realm_conn_life_end_why(conn, conn->has_answered && realm_conn_http_is_idle(conn)
                                          ? "no further request came"
                                          : "the client was too slow");
    }
}
