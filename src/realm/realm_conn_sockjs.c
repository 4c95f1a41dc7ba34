/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conn_sockjs.h"

#include "realm/realm_conn_http.h"
#include "realm/realm_conn_send.h"
#include "realm/realm_http_sockjs.h"
#include "realm/realm_sockjs.h"
#include "sockjs/sockjs_frame.h"
#include "sockjs/sockjs_messages.h"

enum {
    WORDS_BYTES = 128 /* of a "c" with what goes round it */
};

static void give(struct realm_conn *conn, uint16_t status, const char *text)
{
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);

    realm_conn_http_answer(conn,
                           realm_http_sockjs_give(&env, &conn->request->head, status, text,
                                                  &conn->answer, &conn->request->verdict));
}

/* ---- receivers ---- */

static enum err put_end(struct realm_conn *conn)
{
    return conn->request->receiver.chunks ? buf_append(&conn->answer, SPAN("0\r\n\r\n")) : OK;
}

/* What is told to one for whom there are no events. */
static enum err put_words(struct realm_conn *conn, unsigned code, const char *text)
{
    struct buf words;
    enum err e;

    buf_init(&words, WORDS_BYTES);
    e = sockjs_frame_put_close(conn->request->verdict.carrier == REALM_CARRIER_EVENTSOURCE
                                   ? SOCKJS_FRAME_EVENTSOURCE
                                   : SOCKJS_FRAME_XHR,
                               code, text, &words);
    if (e == OK && conn->request->receiver.chunks) {
        e = buf_printf(&conn->answer, "%zx\r\n%.*s\r\n", words.len, SPAN_ARG(buf_span(&words)));
    } else if (e == OK) {
        e = buf_append(&conn->answer, buf_span(&words));
    }
    buf_fini(&words);
    return e == OK ? put_end(conn) : e;
}

static enum err begin_answer(struct realm_conn *conn)
{
    char date[DAEMON_CLOCK_BYTES];
    const struct realm_http_env env = realm_conn_http_env(conn, date);
    struct realm_http_verdict *verdict = &conn->request->verdict;

    conn->request->receiver = (struct realm_conn_request_receiver){
        .is_poll = verdict->sockjs.kind == SOCKJS_PATH_XHR};
    return realm_http_sockjs_begin(&env, &conn->request->head, &conn->answer, verdict,
                                   &conn->request->receiver.chunks);
}

static void refuse_receiver(struct realm_conn *conn, unsigned code, const char *text)
{
    enum err e = begin_answer(conn);

    realm_conn_http_answer(conn, e == OK ? put_words(conn, code, text) : e);
}

static void open_session(struct realm_conn *conn, struct realm_sockjs_session **ret_session)
{
    enum err e;

    *ret_session = NULL;
    if (conn->worker->is_draining) {
        give(conn, 503, "this realm is about to stop (come back later)");
        return;
    }
    e = realm_sockjs_open(conn, &conn->request->verdict, ret_session);
    if (e == ERR_LIMIT) {
        give(conn, 503, "there are as many sessions as there may be (SessionsMax)");
    } else if (e != OK) {
        realm_conn_life_end_why(conn, err_text(e));
    }
}

static void attach(struct realm_conn *conn, struct realm_sockjs_session *session)
{
    enum err e = begin_answer(conn);

    if (e != OK) {
        realm_conn_life_end_why(conn, err_text(e));
        return;
    }
    conn->receives = session;
    realm_sockjs_attach(session, conn);
    realm_conn_life_move(conn, REALM_CONN_LIFE_RECEIVING);
    timer_cancel(&conn->timer);
    loop_defer(conn->worker->loop, &conn->later);
}

void realm_conn_sockjs_receive(struct realm_conn *conn)
{
    const struct realm_http_verdict *verdict = &conn->request->verdict;
    struct realm_sockjs_session *session =
        realm_sockjs_find(&conn->worker->sockjs, verdict->sockjs.session);

    if (session == NULL) {
        open_session(conn, &session);
        if (session != NULL) {
            attach(conn, session);
        }
    } else if (session->is_broken) {
        refuse_receiver(conn, SOCKJS_FRAME_INTERRUPTED, "Connection interrupted");
    } else if (session->is_over) {
        refuse_receiver(conn, SOCKJS_FRAME_GO_AWAY, "Go away!");
    } else if (session->session.sender != NULL) {
        refuse_receiver(conn, SOCKJS_FRAME_OCCUPIED, "Another connection still open");
    } else if (session->session.carrier.kind != verdict->carrier) {
        give(conn, 404, "this session began with frames of another kind");
    } else {
        attach(conn, session);
    }
}

/* The answer has ended; the session goes on with another receiver, if it does. */
static void finish(struct realm_conn *conn)
{
    enum err e = put_end(conn);

    realm_sockjs_detach(conn->receives, false);
    conn->receives = NULL;
    realm_conn_http_answer(conn, e);
    loop_defer(conn->worker->loop, &conn->later);
}

static bool has_enough(const struct realm_conn *conn)
{
    const struct realm_session *session = &conn->receives->session;
    const struct realm_conn_request_receiver *receiver = &conn->request->receiver;

    return realm_session_is_finished(session) || (receiver->is_poll && receiver->sent > 0) ||
           receiver->sent >= conn->era->conf->sockjs.stream_bytes;
}

void realm_conn_sockjs_end_flush(struct realm_conn *conn, struct realm_sockjs_session *session,
                                 bool is_all)
{
    if (is_all && conn->receives != NULL && has_enough(conn)) {
        finish(conn);
    }
    if (!session->is_over && realm_session_is_waiting(&session->session)) {
        realm_sockjs_look_later(session); /* there may be room for the answers to it now */
    }
}

void realm_conn_sockjs_flush(struct realm_conn *conn)
{
    struct realm_sockjs_session *session = conn->receives;

    realm_conn_sockjs_end_flush(conn, session, realm_conn_send(conn));
    realm_worker_published(conn->worker); /* a long look at stored events goes on later */
}

/* Something behind the request, kept for its turn; or the end of the stream. */
static void read_on(struct realm_conn *conn)
{
    struct mspan room = mspan_of(conn->worker->room, REALM_WORKER_ROOM_BYTES);
    size_t len;
    enum err e;

    room.len = conn->request->early.max - conn->request->early.len;
    if (room.len == 0) {
        return;
    }
    e = stream_read(conn->stream, room, &len);
    if (e == ERR_AGAIN) {
        conn->has_more = false;
    } else if (e != OK) {
        realm_conn_life_end_io(conn, e);
    } else if (len == 0) {
        realm_conn_life_end_why(conn, "the client has left");
    } else {
        realm_conn_life_heard(conn, len);
        loop_defer(conn->worker->loop, &conn->later);
        if (buf_append(&conn->request->early, span_of(room.ptr, len)) != OK) {
            realm_conn_life_end_why(conn, err_text(ERR_NOMEM));
        }
    }
}

void realm_conn_sockjs_run(struct realm_conn *conn)
{
    if (conn->has_more) {
        read_on(conn);
    }
    if (conn->state == REALM_CONN_LIFE_RECEIVING) {
        realm_conn_sockjs_flush(conn);
    }
}

/* ---- what is sent ---- */

/* RFC 9112 7.1: what is offered becomes a chunk, and is offered until it has left. */
enum err realm_conn_sockjs_peek(struct realm_conn *conn, struct span *ret_bytes)
{
    struct realm_conn_request_receiver *receiver = &conn->request->receiver;
    struct realm_session *session = &conn->receives->session;
    struct span bytes;

    if (receiver->chunk_left == 0) {
        bool is_full = receiver->sent >= conn->era->conf->sockjs.stream_bytes;

        if (is_full && !realm_session_is_inside(session)) {
            return ERR_AGAIN;
        }
        session->is_pausing = is_full;
    }
    TRY(realm_session_peek(session, &bytes));
    if (receiver->chunk_left == 0) {
        receiver->chunk_left = bytes.len;
        if (receiver->chunks) {
            TRY(buf_printf(&conn->answer, "%zx\r\n", bytes.len));
            *ret_bytes = buf_span(&conn->answer);
            return OK;
        }
    }
    *ret_bytes = span_head(bytes, receiver->chunk_left);
    return OK;
}

void realm_conn_sockjs_sent(struct realm_conn *conn, size_t len)
{
    struct realm_conn_request_receiver *receiver = &conn->request->receiver;

    assert(len <= receiver->chunk_left);
    realm_session_sent(&conn->receives->session, len, realm_conn_life_now(conn));
    conn->receives->out_bytes += len;
    receiver->chunk_left -= len;
    receiver->sent += len;
    /* Without memory for two bytes there is none for the next head either: that ends it. */
    if (receiver->chunk_left == 0 && receiver->chunks &&
        buf_append(&conn->answer, SPAN("\r\n")) != OK) {
        realm_conn_life_end_why(conn, err_text(ERR_NOMEM));
    }
}

/* ---- senders ---- */

bool realm_conn_sockjs_wants(const struct realm_conn *conn)
{
    const struct realm_sockjs_session *session =
        realm_sockjs_find(&conn->worker->sockjs, conn->request->verdict.sockjs.session);

    return session != NULL && !session->is_over && !session->is_broken;
}

static void on_taken(struct realm_sockjs_sender *sender, bool is_over)
{
    struct realm_conn *conn = LIST_ENTRY(sender, struct realm_conn_request, sender)->conn;

    if (is_over) {
        give(conn, 404, "the session has ended");
    } else {
        give(conn, 204, "");
    }
    loop_defer(conn->worker->loop, &conn->later);
}

static void say(struct realm_conn *conn, struct realm_sockjs_session *session,
                struct mspan text)
{
    struct realm_sockjs_sender *sender = &conn->request->sender;

    realm_conn_life_move(conn, REALM_CONN_LIFE_WAITING);
    timer_cancel(&conn->timer);
    sender->taken = on_taken;
    switch (realm_sockjs_say(session, text, sender)) {
    case OK: give(conn, 204, ""); return;
    case ERR_AGAIN: return; /* on_taken() */
    case ERR_LIMIT:
        give(conn, 413, "more waits already than SockJSBodyBytesMax lets wait");
        return;
    case ERR_NOMEM:
    case ERR_PROTO:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CONF:
    case ERR_CLOSED: break;
    }
    give(conn, 404, "the session has ended");
}

void realm_conn_sockjs_send(struct realm_conn *conn)
{
    struct realm_sockjs_session *session =
        realm_sockjs_find(&conn->worker->sockjs, conn->request->verdict.sockjs.session);
    struct span body = buf_span(&conn->request->body);
    struct buf text;
    enum err e;

    if (session == NULL || session->is_over || session->is_broken) {
        give(conn, 404, "there is no such session");
        return;
    }
    if (body.len == 0) {
        give(conn, 500, "Payload expected.");
        return;
    }
    buf_init(&text, body.len);
    e = sockjs_messages_text(body, &text);
    if (e == OK) {
        say(conn, session, mspan_of(text.ptr, text.len));
    } else if (e == ERR_PROTO) {
        give(conn, 500, "Broken JSON encoding.");
    } else {
        realm_conn_life_end_why(conn, err_text(e));
    }
    buf_fini(&text);
}
