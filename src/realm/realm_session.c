/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_session.h"

#include "base/text.h"
#include "pubsub/channel_merge.h"
#include "realm/realm_message.h"
#include "realm/realm_stomp_login.h"
#include "sockjs/sockjs_messages.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    /* What is taken in before the answers to it are looked at: bounds how far they can pass the
     * mark. */
    SLICE_BYTES = 4096,
    ECHO_HELD_BYTES = 64 * 1024,
    ECHO_SLACK_BYTES = 2 * SLICE_BYTES, /* small messages of one slice, their heads */
    WAITING_BYTES_MAX = 256 * 1024,     /* more than any single read */
    CLOSE_WITHIN_MS = 5000,
    SECOND_MS = 1000,
    REASON_TEXT_BYTES = 192,
    NAME_TEXT_BYTES = 96,
};

/* A STOMP frame is bounded by its own decoder, which can say so in a sentence. */
static const uint64_t stomp_message_bytes = 1ull << 62;

static struct realm_carrier_limits limits_of(const struct realm_session_env *env,
                                             const struct realm_session_birth *birth)
{
    struct realm_carrier_limits limits = {
        .ws =
            {.max_message_bytes = stomp_message_bytes,
             .max_output_bytes = env->outbox_bytes,
             /* Where STOMP's heart-beats were agreed on, they keep the ping from being due. */
             .ping_every = env->heart_beat + env->heart_beat / 5,
             .pong_within = env->heart_beat,
             .close_within = CLOSE_WITHIN_MS},
        .heart_beat = env->sockjs_heart_beat,
    };

    if (birth->carrier == REALM_CARRIER_SOCKJS_WS) { /* a message is gathered */
        limits.ws.max_message_bytes = env->sockjs_bytes;
    }
    if (birth->kind != REALM_SESSION_STOMP) {
        limits.ws.max_message_bytes = env->echo_bytes;
        limits.ws.max_output_bytes = ECHO_HELD_BYTES + env->echo_bytes + ECHO_SLACK_BYTES;
    }
    if (birth->kind == REALM_SESSION_SILENT) {
        limits.ws.ping_every = 0;
    }
    if (birth->carrier == REALM_CARRIER_WS_DEFLATE) {
        limits.ws.max_inflated_bytes = birth->kind == REALM_SESSION_STOMP
                                           ? env->stomp.event_bytes + REALM_STOMP_OVERHEAD_BYTES
                                           : env->echo_bytes;
    }
    return limits;
}

static enum err begin_rate(struct realm_session *session, msec now)
{
    const struct realm_session_env *env = session->env;

    session->publishing = malloc(sizeof *session->publishing);
    if (session->publishing == NULL) {
        return ERR_NOMEM;
    }
    realm_rate_init(session->publishing, env->publish_rate, SECOND_MS, env->publish_burst, now);
    return OK;
}

enum err realm_session_init(struct realm_session *session, const struct realm_session_env *env,
                            const struct realm_session_birth *birth, msec now)
{
    const struct realm_carrier_limits limits = limits_of(env, birth);
    bool is_ws = realm_carrier_kind_is_ws(birth->carrier);

    *session = (struct realm_session){.env = env, .kind = birth->kind, .sender = birth->sender};
    list_init(&session->held);
    switch (birth->kind) {
    case REALM_SESSION_STOMP:
        realm_stomp_init(&session->as.stomp, &env->stomp, &session->carrier, birth->id,
                         session);
        break;
    case REALM_SESSION_SILENT:
    case REALM_SESSION_ECHO: realm_echo_init(&session->as.echo, env->echo_bytes); break;
    }
    buf_init(&session->waiting, is_ws ? WAITING_BYTES_MAX : env->sockjs_bytes);
    TRY(realm_carrier_init(&session->carrier, birth->carrier, &limits, env->rng, now));
    return env->publish_rate > 0 ? begin_rate(session, now) : OK;
}

void realm_session_fini(struct realm_session *session)
{
    switch (session->kind) {
    case REALM_SESSION_STOMP: realm_stomp_fini(&session->as.stomp); break;
    case REALM_SESSION_SILENT:
    case REALM_SESSION_ECHO: realm_echo_fini(&session->as.echo); break;
    }
    realm_carrier_fini(&session->carrier);
    free(session->publishing);
    session->publishing = NULL;
    list_remove(&session->held);
    buf_fini(&session->waiting);
    realm_message_forget(&session->message);
}

void realm_session_forget(struct realm_session *session)
{
    free(session->why);
    session->why = NULL;
}

static void set_why(struct realm_session *session, const char *why)
{
    if (session->why == NULL && why != NULL) {
        session->why = strdup(why); /* NULL: the log line will be without it */
    }
}

static void set_closer(struct realm_session *session, enum realm_session_closer closer,
                       uint16_t code)
{
    if (session->closer == REALM_SESSION_NOBODY) {
        session->closer = closer;
        session->close_code = code;
    }
}

/* ---- in ---- */

void realm_session_set_login(struct realm_session *session, struct realm_login *login)
{
    if (session->kind == REALM_SESSION_STOMP) {
        realm_stomp_set_login(&session->as.stomp, login);
    }
}

bool realm_session_is_paused(const struct realm_session *session)
{
    return session->resume_at != 0 ||
           (session->kind == REALM_SESSION_STOMP &&
            session->as.stomp.state == REALM_STOMP_VERIFYING) ||
           realm_session_awaits_route(session);
}

/* So much was merged, or is to be read, that others are to have their turn before it goes on.
 */
static bool has_enough(const struct realm_session *session)
{
    return session->kind == REALM_SESSION_STOMP &&
           (session->as.stomp.awaits_route ||
            channel_merge_has_enough(&session->env->stomp.router->budget));
}

bool realm_session_is_held(const struct realm_session *session)
{
    size_t waits = realm_carrier_output(&session->carrier).len;

    if (session->kind != REALM_SESSION_STOMP) {
        return waits > ECHO_HELD_BYTES;
    }
    waits +=
        session->as.stomp.owed_bytes; /* many may come at once, when the store has synced */
    return waits > session->env->outbox_bytes / 2 || realm_session_is_paused(session) ||
           has_enough(session) || router_is_congested(session->env->stomp.router);
}

bool realm_session_is_owed(const struct realm_session *session)
{
    return session->kind == REALM_SESSION_STOMP && session->as.stomp.owed_bytes > 0;
}

static void on_peer_close(struct realm_session *session, const struct ws_conn_piece *piece)
{
    char reason[REASON_TEXT_BYTES];

    set_closer(session, REALM_SESSION_CLIENT, piece->close_code);
    if (session->closer == REALM_SESSION_CLIENT && piece->data.len > 0) {
        set_why(session, text_printable(piece->data, reason, sizeof reason));
    }
}

static void note_stomp_end(struct realm_session *session)
{
    const struct realm_stomp *stomp = &session->as.stomp;

    if (stomp->state == REALM_STOMP_ENDED) {
        set_closer(session, stomp->has_failed ? REALM_SESSION_REALM : REALM_SESSION_CLIENT,
                   stomp->has_failed ? WS_CLOSE_POLICY : WS_CLOSE_NORMAL);
        set_why(session, stomp->why);
    }
}

static enum err on_stomp_data(struct realm_session *session, struct span payload, msec now)
{
    enum err e = realm_stomp_take(&session->as.stomp, payload, now);

    note_stomp_end(session);
    return e;
}

/* PublishRate: looked at between slices, so that what is over it in one is paid for by the
 * pause behind it. */
static void count_sends(struct realm_session *session, msec now)
{
    uint64_t sends = session->as.stomp.sends;

    if (session->publishing == NULL) {
        return;
    }
    for (; session->counted_sends < sends; session->counted_sends++) {
        realm_rate_take(session->publishing, now);
    }
    if (realm_rate_is_over(session->publishing, now)) {
        session->resume_at = realm_rate_ready_at(session->publishing, now);
    }
}

/* "When user sends broken data - broken JSON for example, the server must abruptly terminate
 * the ws connection." */
static enum err refuse_message(struct realm_session *session, msec now)
{
    enum err e = ws_conn_close(&session->carrier.ws, WS_CLOSE_INVALID_DATA,
                               SPAN("Broken JSON encoding."), now);

    set_closer(session, REALM_SESSION_REALM, WS_CLOSE_INVALID_DATA);
    set_why(session, "the client sent no JSON array of strings");
    session->is_deaf = true;
    return e == ERR_CLOSED ? OK : e;
}

/* A whole message of SockJS. */
static enum err on_sockjs_message(struct realm_session *session, msec now)
{
    struct span message = buf_span(session->message);
    struct buf text;
    enum err e;

    buf_init(&text, message.len);
    e = sockjs_messages_text(message, &text);
    realm_message_forget(&session->message); /* what it says may take a while */
    if (e == OK) {
        e = on_stomp_data(session, buf_span(&text), now);
    } else if (e == ERR_PROTO) {
        e = refuse_message(session, now);
    }
    buf_fini(&text);
    return e;
}

static enum err on_sockjs_piece(struct realm_session *session,
                                const struct ws_conn_piece *piece, msec now)
{
    switch (piece->type) {
    case WS_CONN_BEGIN:
    case WS_CONN_CLOSED: return OK;
    case WS_CONN_DATA:
        return realm_message_keep(&session->message, session->env->sockjs_bytes, piece->data);
    case WS_CONN_END: break;
    }
    /* "Server must ignore empty messages." */
    return session->is_deaf || session->message == NULL ? OK : on_sockjs_message(session, now);
}

static enum err on_piece(struct realm_session *session, const struct ws_conn_piece *piece,
                         msec now)
{
    if (piece->type == WS_CONN_CLOSED) {
        on_peer_close(session, piece);
        return OK;
    }
    if (session->kind != REALM_SESSION_STOMP) {
        return realm_echo_take(&session->as.echo, &session->carrier.ws, piece);
    }
    if (session->carrier.kind == REALM_CARRIER_SOCKJS_WS) {
        return on_sockjs_piece(session, piece, now);
    }
    return piece->type == WS_CONN_DATA ? on_stomp_data(session, piece->data, now) : OK;
}

/* The end of a session that can go on no longer: for the caller to close the stream. */
static enum err give_up(struct realm_session *session, enum err e, const char *why)
{
    set_closer(session, REALM_SESSION_REALM, WS_CLOSE_ABNORMAL);
    set_why(session, why);
    session->is_deaf = true;
    return e;
}

static const char *const does_not_read =
    "the client does not read what it is answered (OutboxBytesMax)";

static enum err judge(struct realm_session *session, enum err e)
{
    char why[REASON_TEXT_BYTES];

    switch (e) {
    case OK:
    case ERR_AGAIN: return OK;
    case ERR_CLOSED:
    case ERR_PROTO:
        session->is_deaf = true; /* the Close is in the output: that is still to be sent */
        if (e == ERR_PROTO) {
            set_closer(session, REALM_SESSION_REALM,
                       ws_fault_close_code(ws_conn_fault(&session->carrier.ws)));
            snprintf(why, sizeof why, "the client %s",
                     ws_fault_text(ws_conn_fault(&session->carrier.ws)));
            set_why(session, why);
        }
        return OK;
    case ERR_LIMIT: return give_up(session, e, does_not_read);
    case ERR_NOMEM:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CONF: break;
    }
    return give_up(session, e, err_text(e));
}

/* *slice is what is left of it, for the next turn. */
static enum err take_slice(struct realm_session *session, struct mspan *slice, msec now)
{
    struct ws_conn_piece piece;
    enum err e;

    if (!realm_carrier_is_ws(&session->carrier)) {
        struct mspan text = *slice;

        *slice = mspan_tail(text, text.len);
        return judge(session, on_stomp_data(session, span_ro(text), now));
    }
    do {
        e = ws_conn_next(&session->carrier.ws, slice, &piece);
        if (e == OK) {
            e = on_piece(session, &piece, now);
        }
    } while (e == OK && !has_enough(session));
    return judge(session, e);
}

/* Takes in what may be taken; *bytes is what is left. */
static enum err take_some(struct realm_session *session, struct mspan *bytes, msec now)
{
    while (bytes->len > 0 && !session->is_deaf && !realm_session_is_held(session)) {
        struct mspan slice = *bytes;
        size_t len = slice.len > SLICE_BYTES ? SLICE_BYTES : slice.len;

        slice.len = len;
        TRY(take_slice(session, &slice, now));
        if (session->kind == REALM_SESSION_STOMP) {
            count_sends(session, now);
        }
        *bytes = mspan_tail(*bytes, len - slice.len);
    }
    if (session->is_deaf) {
        bytes->len = 0;
    }
    return OK;
}

enum err realm_session_take(struct realm_session *session, struct mspan bytes, msec now)
{
    struct buf *waiting = &session->waiting;
    struct mspan old = mspan_of(waiting->ptr, waiting->len);

    if (bytes.len > 0) {
        realm_carrier_heard(&session->carrier, now);
        if (session->kind == REALM_SESSION_STOMP) {
            realm_stomp_heard(&session->as.stomp, now);
        }
    }
    TRY(take_some(session, &old, now));
    buf_consume(waiting, waiting->len - old.len);
    if (waiting->len == 0) {
        buf_fini(waiting);
        TRY(take_some(session, &bytes, now));
    }
    return bytes.len == 0 ? OK : judge(session, buf_append(waiting, span_ro(bytes)));
}

enum err realm_session_go_on(struct realm_session *session, msec now)
{
    struct realm_stomp *stomp = &session->as.stomp;
    enum err e;

    if (session->is_deaf || !realm_session_awaits_route(session)) {
        return OK;
    }
    e = realm_stomp_go_on(stomp, now);
    note_stomp_end(session);
    count_sends(session, now);
    return judge(session, e);
}

/* ---- out ---- */

static enum err give_up_slow(struct realm_session *session)
{
    struct span channel = session_failed_channel(&session->as.stomp.session);
    char name[NAME_TEXT_BYTES], why[REASON_TEXT_BYTES];

    snprintf(why, sizeof why,
             "the client is so slow that events it needs of %s are not stored any more "
             "(Capacity, StoreBytes; SlowReader)",
             text_printable(channel, name, sizeof name));
    return give_up(session, ERR_LIMIT, why);
}

enum err realm_session_peek(struct realm_session *session, struct span *ret_bytes)
{
    bool has_output = realm_carrier_output(&session->carrier).len > 0;
    bool only_owed =
        has_output || session->is_pausing || !realm_carrier_is_open(&session->carrier);
    enum err e = ERR_AGAIN;

    if (session->kind == REALM_SESSION_STOMP) {
        note_stomp_end(session); /* an answer that came late may have ended it */
        if (session->as.stomp.late != OK) {
            return judge(session, session->as.stomp.late);
        }
        session->source = REALM_SESSION_FROM_VIEWS;
        e = session_peek(&session->as.stomp.session, only_owed, ret_bytes);
    }
    if (e == ERR_AGAIN && has_output && !session->is_pausing) {
        session->source = REALM_SESSION_FROM_CARRIER;
        *ret_bytes = realm_carrier_output(&session->carrier);
        return OK;
    }
    if (e == ERR_LIMIT) {
        return give_up_slow(session);
    }
    return e == OK || e == ERR_AGAIN ? e : give_up(session, e, err_text(e));
}

bool realm_session_take_skip(struct realm_session *session, struct realm_session_skip *ret_skip)
{
    ret_skip->events =
        session->kind != REALM_SESSION_STOMP
            ? 0
            : session_take_skipped(&session->as.stomp.session, &ret_skip->channel);
    session->skips += ret_skip->events > 0;
    ret_skip->skips = session->skips;
    return ret_skip->events > 0;
}

void realm_session_sent(struct realm_session *session, size_t len, msec now)
{
    switch (session->source) {
    case REALM_SESSION_FROM_CARRIER: realm_carrier_consume(&session->carrier, len); break;
    case REALM_SESSION_FROM_VIEWS: session_sent(&session->as.stomp.session, len); break;
    }
    realm_carrier_sent(&session->carrier, now);
    if (session->kind == REALM_SESSION_STOMP) {
        realm_stomp_sent(&session->as.stomp, now);
    }
}

bool realm_session_is_inside(const struct realm_session *session)
{
    return session->kind == REALM_SESSION_STOMP &&
           session_is_inside(&session->as.stomp.session);
}

/* ---- time ---- */

msec realm_session_deadline(const struct realm_session *session)
{
    msec at = realm_carrier_deadline(&session->carrier);

    if (session->resume_at != 0) {
        at = msec_min(at, session->resume_at);
    }
    return session->kind == REALM_SESSION_STOMP
               ? msec_min(at, realm_stomp_deadline(&session->as.stomp))
               : at;
}

enum err realm_session_logged_in(struct realm_session *session,
                                 enum realm_login_verdict verdict, msec now)
{
    enum err e = realm_stomp_login_end(&session->as.stomp, verdict, now);

    note_stomp_end(session);
    count_sends(session, now);
    return judge(session, e);
}

/* Who is not listened to is not silent; but who does not read its answers may be gone. */
static bool is_held_up(const struct realm_session *session)
{
    return session->kind == REALM_SESSION_STOMP &&
           (session->resume_at != 0 || router_is_congested(session->env->stomp.router));
}

enum err realm_session_expire(struct realm_session *session, msec now)
{
    enum err e;

    if (is_held_up(session)) {
        realm_carrier_heard(&session->carrier, now);
        realm_stomp_heard(&session->as.stomp, now);
    }
    if (now >= session->resume_at) {
        session->resume_at = 0;
    }
    e = realm_carrier_expire(&session->carrier, now);
    if (e == OK && session->kind == REALM_SESSION_STOMP) {
        e = realm_stomp_expire(&session->as.stomp, now);
    }
    if (e == ERR_TIMEOUT) {
        /* Whose answers wait is not listened to, whatever it says. */
        return give_up(session, e,
                       realm_session_is_held(session) ? does_not_read
                                                      : "the client was silent for too long");
    }
    return judge(session, e);
}

void realm_session_go_away(struct realm_session *session, enum ws_close code, msec now)
{
    const char *why = code == WS_CLOSE_RESTART ? "the realm restarts" : "the realm stops";

    if (realm_carrier_close(&session->carrier, (uint16_t)code, span_str(why), now) == OK) {
        set_closer(session, REALM_SESSION_REALM, (uint16_t)code);
        set_why(session, why);
    }
}

enum err realm_session_dismiss(struct realm_session *session, const char *why, msec now)
{
    enum err e = realm_carrier_close(&session->carrier, WS_CLOSE_POLICY, span_str(why), now);

    if (e == OK) {
        set_closer(session, REALM_SESSION_REALM, WS_CLOSE_POLICY);
        set_why(session, why);
    }
    return e == ERR_CLOSED ? OK : e;
}

void realm_session_review(struct realm_session *session)
{
    if (session->kind == REALM_SESSION_STOMP) {
        session->as.stomp.must_review = true;
    }
}

enum err realm_session_part(struct realm_session *session, msec now)
{
    enum err e;

    if (session->kind != REALM_SESSION_STOMP) {
        return OK;
    }
    e = realm_stomp_part(&session->as.stomp, now);
    note_stomp_end(session);
    return judge(session, e);
}

bool realm_session_is_closing(const struct realm_session *session)
{
    return !realm_carrier_is_open(&session->carrier);
}

bool realm_session_is_finished(const struct realm_session *session)
{
    return realm_carrier_is_finished(&session->carrier);
}

bool realm_session_is_opening(const struct realm_session *session)
{
    return session->kind == REALM_SESSION_STOMP && session->as.stomp.state < REALM_STOMP_OPEN;
}

uint64_t realm_session_count_in(const struct realm_session *session)
{
    return session->kind == REALM_SESSION_STOMP ? session->as.stomp.published
                                                : session->as.echo.count;
}

uint64_t realm_session_count_out(const struct realm_session *session)
{
    return session->kind == REALM_SESSION_STOMP ? session->as.stomp.session.delivered
                                                : session->as.echo.count;
}
