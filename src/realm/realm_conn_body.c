/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conn_body.h"

#include "realm/realm_conn_http.h"
#include "realm/realm_conn_sockjs.h"
#include "realm/realm_http_admin.h"
#include "realm/realm_http_diag.h"
#include "realm/realm_http_publish.h"

#include <stdio.h>

/* ---- publishing ---- */

static void give_receipt(struct realm_conn *conn,
                         const struct realm_http_publish_receipt *receipt)
{
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);

    realm_worker_published(conn->worker);
    realm_conn_http_answer(conn,
                           realm_http_publish_done(&env, &conn->request->head, receipt,
                                                   &conn->answer, &conn->request->verdict));
    loop_defer(conn->worker->loop, &conn->later); /* the store may have called */
}

static void on_published(struct router_ticket *ticket, enum err e,
                         const struct router_receipt *receipts, size_t count)
{
    struct realm_conn_request *request = LIST_ENTRY(ticket, struct realm_conn_request, ticket);
    struct realm_http_publish_receipt receipt = {.e = e == ERR_LIMIT ? ERR_IO : e};

    if (e == OK) {
        assert(count == 1);
        receipt.eid = receipts[0].eid;
        receipt.is_repeat = receipts[0].is_repeat;
    }
    give_receipt(request->conn, &receipt);
}

/* How long it takes is its affair. */
static void wait_for_store(struct realm_conn *conn)
{
    realm_conn_life_move(conn, REALM_CONN_LIFE_WAITING);
    timer_cancel(&conn->timer);
}

static void publish(struct realm_conn *conn)
{
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);
    struct realm_conn_request *request = conn->request;
    struct realm_http_publish event;
    struct realm_http_publish_receipt receipt = {.e = OK};
    enum err e = realm_http_publish_parts(&env, &request->head, buf_span(&request->body),
                                          &conn->answer, &request->verdict, &event);

    if (e != OK || request->verdict.action == REALM_HTTP_ANSWER) {
        realm_conn_http_answer(conn, e);
        return;
    }
    wait_for_store(conn);
    if (event.known_eid > 0) {
        receipt.eid = event.known_eid;
        receipt.is_repeat = true;
        give_receipt(conn, &receipt);
        return;
    }
    request->ticket = (struct router_ticket){.done = on_published};
    realm_worker_tick(conn->worker);
    receipt.e = router_publish(event.route, &event.parts, &request->ticket);
    if (receipt.e != OK) {
        give_receipt(conn, &receipt);
    }
}

/* ---- what administrators do ---- */

static void on_changed(struct router_admin_ticket *ticket, enum err e, size_t count)
{
    struct realm_conn_request *request = LIST_ENTRY(ticket, struct realm_conn_request, change);
    const struct realm_http_admin_outcome outcome = {e, count};
    struct realm_conn *conn = request->conn;
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);

    realm_worker_published(conn->worker);
    realm_conn_http_answer(conn, realm_http_admin_done(&env, &request->head, &outcome,
                                                       &conn->answer, &request->verdict));
    loop_defer(conn->worker->loop, &conn->later); /* the store may have called */
}

static void change(struct realm_conn *conn)
{
    struct realm_conn_request *request = conn->request;
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);
    bool is_asked = false;
    enum err e;

    wait_for_store(conn);
    request->change = (struct router_admin_ticket){.done = on_changed};
    realm_worker_tick(conn->worker);
    e = realm_http_admin_begin(&env, &request->head, buf_span(&request->body), &request->change,
                               &conn->answer, &request->verdict, &is_asked);
    if (!is_asked) {
        realm_conn_http_answer(conn, e);
    }
    realm_worker_published(conn->worker); /* sessions may have lost what they subscribe to */
}

/* ---- the body ---- */

static void refuse_body(struct realm_conn *conn, uint16_t status, const char *why)
{
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);

    realm_conn_http_answer(conn,
                           realm_http_refuse_body(&env, &conn->request->head, status, why,
                                                  &conn->answer, &conn->request->verdict));
}

void realm_conn_body_refuse_late(struct realm_conn *conn)
{
    refuse_body(conn, 408, "the body came more slowly than 1 KiB in a second");
}

static void on_whole_body(struct realm_conn *conn)
{
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);
    struct realm_conn_request *request = conn->request;

    switch (request->verdict.action) {
    case REALM_HTTP_PUBLISH: publish(conn); return;
    case REALM_HTTP_CHANGE: change(conn); return;
    case REALM_HTTP_RECEIVE: realm_conn_sockjs_receive(conn); return;
    case REALM_HTTP_SEND: realm_conn_sockjs_send(conn); return;
    case REALM_HTTP_MEASURE:
    case REALM_HTTP_ANSWER:
    case REALM_HTTP_LOGIN:
    case REALM_HTTP_STOMP:
    case REALM_HTTP_ECHO:
    case REALM_HTTP_SILENT:
    case REALM_HTTP_DRIP:
    case REALM_HTTP_SILENCE:
    case REALM_HTTP_FIN: break;
    }
    realm_conn_http_answer(conn,
                           realm_http_diag_measured(&env, &request->head, request->body_bytes,
                                                    env.now - request->body_began,
                                                    &conn->answer, &request->verdict));
}

static const char *too_long(enum realm_http_action action)
{
    return action == REALM_HTTP_PUBLISH   ? "the event is longer than EventBytesMax"
           : action == REALM_HTTP_CHANGE  ? "the body is longer than attributes may be"
           : action == REALM_HTTP_MEASURE ? "that is more than EchoMessageBytesMax"
                                          : "the body is longer than SockJSBodyBytesMax";
}

/* Others are read so that what is behind them is the next request. */
static bool is_kept(const struct realm_conn *conn)
{
    enum realm_http_action action = conn->request->verdict.action;

    return action == REALM_HTTP_PUBLISH || action == REALM_HTTP_CHANGE ||
           (action == REALM_HTTP_SEND && realm_conn_sockjs_wants(conn));
}

/* False when the body is over what may be. */
static bool take_data(struct realm_conn *conn, struct span data)
{
    struct realm_conn_request *request = conn->request;

    request->body_bytes += data.len;
    if (request->body_bytes > request->verdict.body_max) {
        refuse_body(conn, 413, too_long(request->verdict.action));
        return false;
    }
    if (is_kept(conn) && buf_append(&request->body, data) != OK) {
        realm_conn_life_end_why(conn, err_text(ERR_NOMEM));
        return false;
    }
    return true;
}

void realm_conn_body_take(struct realm_conn *conn, struct span *input)
{
    struct http1_body_reader *reader = &conn->request->reader;
    struct http1_body_reader_piece piece;
    char why[REALM_HTTP_WHY_BYTES];
    enum err e;

    while ((e = http1_body_reader_next(reader, input, &piece)) == OK) {
        if (piece.type == HTTP1_BODY_READER_END) {
            on_whole_body(conn);
            return;
        }
        if (!take_data(conn, piece.data)) {
            return;
        }
    }
    if (e == ERR_NOMEM) {
        realm_conn_life_end_why(conn, err_text(e));
    } else if (e != ERR_AGAIN) {
        snprintf(why, sizeof why, "the client %s", http1_body_reader_why(reader));
        refuse_body(conn, http1_body_reader_status(reader), why);
    }
}

void realm_conn_body_begin(struct realm_conn *conn)
{
    struct realm_conn_request *request = conn->request;
    const struct http1_limits limits = realm_conf_limits(conn->era->conf);
    struct span nothing = SPAN("");

    http1_body_reader_init(&request->reader, &request->verdict.body, &limits);
    request->body_began = realm_conn_life_now(conn);
    realm_conn_life_move(conn, REALM_CONN_LIFE_BODY);
    realm_conn_http_set_deadline(
        conn, realm_conn_http_from_now(conn, conn->era->conf->handshake_timeout));
    if (request->verdict.wants_continue &&
        buf_append(&conn->answer, SPAN("HTTP/1.1 100 Continue\r\n\r\n")) != OK) {
        realm_conn_life_end_why(conn, err_text(ERR_NOMEM));
    } else if (request->verdict.body.type == HTTP1_BODY_NONE) {
        realm_conn_body_take(conn, &nothing);
    }
}
