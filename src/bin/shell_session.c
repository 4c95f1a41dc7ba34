/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "bin/shell_session.h"

#include "base/state.h"
#include "base/utf8.h"
#include "bin/shell_link.h"
#include "io/entropy.h"
#include "io/signals.h"
#include "io/timer.h"
#include "stomp/stomp_decoder.h"
#include "stomp/stomp_heartbeat.h"
#include "ws/ws_conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    OPENING_MS = 10000, /* until CONNECTED */
    CLOSING_MS = 2000,
    HEARTBEAT_MS = 20000,
    MESSAGE_BYTES_MAX = 16 * 1024 * 1024,
    FRAME_BYTES_MAX = 16 * 1024 * 1024,
    STATUS_LATE = 3,
};

enum session_state {
    SESSION_LINKING,    /* there is no WebSocket yet: shell_link says how far it is */
    SESSION_LOGGING_IN, /* STOMP */
    SESSION_OPEN,
    SESSION_CLOSING,
    SESSION_OVER,
    SESSION_STATES,
};

/* clang-format off */
#define TO(name) STATE_BIT(SESSION_##name)
static const struct state_rule session_rules[SESSION_STATES] = {
    [SESSION_LINKING]    = {"linking",    TO(LOGGING_IN) | TO(OVER)},
    [SESSION_LOGGING_IN] = {"logging in", TO(OPEN)       | TO(OVER)},
    [SESSION_OPEN]       = {"open",       TO(CLOSING)    | TO(OVER)},
    [SESSION_CLOSING]    = {"closing",    TO(OVER)},
    [SESSION_OVER]       = {"over",       0},
};
#undef TO
/* clang-format on */

struct shell_session {
    const struct shell_options *options; /* borrowed, like the next two */
    const struct shell_session_verb *verb;
    void *ctx;
    struct loop *loop;
    struct signals *signals;
    struct shell_link *link;
    struct timer timer;
    struct timer limit; /* --timeout */
    struct rng rng;
    enum session_state state;
    int status;
    bool is_framed; /* `ws` and `decoder` are in use */
    struct ws_conn ws;
    struct stomp_decoder decoder;
    struct stomp_heartbeat heartbeat;
    struct buf frame; /* being written */
};

static void session_move(struct shell_session *session, enum session_state next)
{
    assert(state_may_move(session_rules, session->state, next));
    session->state = next;
}

static void session_over(struct shell_session *session, int status)
{
    if (session->state != SESSION_OVER) {
        session_move(session, SESSION_OVER);
        session->status = status;
        shell_link_stop(session->link);
        loop_stop(session->loop);
    }
}

__attribute__((format(printf, 2, 0))) static void say(const struct shell_session *session,
                                                      const char *format, va_list args)
{
    fprintf(stderr, "wayleave %s: ", session->options->verb);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
}

void shell_session_fail(struct shell_session *session, const char *format, ...)
{
    va_list args;

    if (session->state == SESSION_OVER) {
        return;
    }
    va_start(args, format);
    say(session, format, args);
    va_end(args);
    session_over(session, 1);
}

bool shell_session_is_closing(const struct shell_session *session)
{
    return session->state == SESSION_CLOSING;
}

struct loop *shell_session_loop(struct shell_session *session)
{
    return session->loop;
}

/* ---- sending ---- */

static void flush(struct shell_session *session)
{
    struct span output;

    while ((output = ws_conn_output(&session->ws)).len > 0) {
        size_t len;
        enum err e = shell_link_write(session->link, output, &len);

        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK) {
            shell_session_fail(session, "the connection was lost: %s",
                               shell_link_why(session->link));
            return;
        }
        ws_conn_output_consume(&session->ws, len);
    }
}

static void follow_timer(struct shell_session *session)
{
    msec at =
        msec_min(ws_conn_deadline(&session->ws), stomp_heartbeat_deadline(&session->heartbeat));

    if (session->state == SESSION_OPEN && timer_set(&session->timer, at) != OK) {
        shell_session_fail(session, "out of memory");
    }
}

struct buf *shell_session_begin(struct shell_session *session)
{
    buf_truncate(&session->frame, 0);
    return &session->frame;
}

void shell_session_send(struct shell_session *session)
{
    struct span frame = buf_span(&session->frame);
    /* RFC 6455 8.1: a text must be UTF-8 */
    uint8_t opcode = utf8_is_valid(frame) ? WS_OPCODE_TEXT : WS_OPCODE_BINARY;
    enum err e = ws_conn_put_message(&session->ws, opcode, frame);

    if (e != OK) {
        shell_session_fail(session, "a frame could not be sent: %s", err_text(e));
        return;
    }
    stomp_heartbeat_sent(&session->heartbeat, loop_now(session->loop));
    flush(session);
}

void shell_session_finish(struct shell_session *session)
{
    session_move(session, SESSION_CLOSING);
    if (ws_conn_close(&session->ws, WS_CLOSE_NORMAL, SPAN(""), loop_now(session->loop)) != OK ||
        timer_set(&session->timer, loop_now(session->loop) + CLOSING_MS) != OK) {
        session_over(session, 0);
        return;
    }
    flush(session);
}

/* ---- receiving ---- */

static void send_connect(struct shell_session *session)
{
    struct stomp_encoder encoder;
    char beat[32];

    snprintf(beat, sizeof beat, "%d,%d", HEARTBEAT_MS, HEARTBEAT_MS);
    stomp_encoder_begin(&encoder, shell_session_begin(session), STOMP_CONNECT);
    stomp_encoder_header(&encoder, SPAN("accept-version"), SPAN("1.2"));
    stomp_encoder_header(&encoder, SPAN("host"), session->options->host);
    stomp_encoder_header(&encoder, SPAN("heart-beat"), span_str(beat));
    if (session->options->user.len > 0) {
        stomp_encoder_header(&encoder, SPAN("login"), session->options->user);
        stomp_encoder_header(&encoder, SPAN("passcode"), session->options->password);
    }
    if (stomp_encoder_end(&encoder, SPAN("")) != OK) {
        shell_session_fail(session, "out of memory");
        return;
    }
    shell_session_send(session);
}

static void on_connected(struct shell_session *session, const struct stomp_frame *frame)
{
    const struct stomp_heartbeat_offer ours = {.can = HEARTBEAT_MS, .wants = HEARTBEAT_MS};
    struct stomp_heartbeat_offer theirs = {0};
    const struct stomp_header *beat = stomp_frame_find(frame, SPAN("heart-beat"));

    if (beat != NULL && stomp_heartbeat_read(beat->value, &theirs) != OK) {
        shell_session_fail(session, "the server offers a heart-beat that is none: %.*s",
                           SPAN_ARG(beat->value));
        return;
    }
    stomp_heartbeat_init(&session->heartbeat, &ours, &theirs, loop_now(session->loop));
    session_move(session, SESSION_OPEN);
    session->verb->on_connected(session->ctx, session);
}

static void on_frame(struct shell_session *session, const struct stomp_frame *frame)
{
    if (frame->command == STOMP_ERROR) {
        const struct stomp_header *message = stomp_frame_find(frame, SPAN("message"));

        shell_session_fail(session, "the realm says: %.*s%s%.*s",
                           SPAN_ARG(message == NULL ? SPAN("error") : message->value),
                           frame->body.len > 0 ? ": " : "", SPAN_ARG(frame->body));
    } else if (session->state == SESSION_LOGGING_IN) {
        if (frame->command == STOMP_CONNECTED) {
            on_connected(session, frame);
        } else {
            shell_session_fail(session, "the server answers CONNECT with %s",
                               stomp_command_name(frame->command));
        }
    } else if (session->state == SESSION_OPEN) {
        session->verb->on_frame(session->ctx, session, frame);
    }
}

static void on_payload(struct shell_session *session, struct span data)
{
    struct stomp_piece piece;
    enum err e;

    while ((e = stomp_decoder_next(&session->decoder, &data, &piece)) == OK) {
        if (piece.type == STOMP_PIECE_FRAME) {
            on_frame(session, &piece.frame);
        }
    }
    if (e != ERR_AGAIN) {
        shell_session_fail(session, "the server %s",
                           stomp_fault_text(stomp_decoder_fault(&session->decoder)));
    }
}

static void on_bytes(void *ctx, struct mspan bytes)
{
    struct shell_session *session = ctx;
    struct ws_conn_piece piece;
    enum err e;

    ws_conn_saw_bytes(&session->ws, loop_now(session->loop));
    stomp_heartbeat_heard(&session->heartbeat, loop_now(session->loop));
    while ((e = ws_conn_next(&session->ws, &bytes, &piece)) == OK) {
        if (piece.type == WS_CONN_DATA) {
            on_payload(session, piece.data);
        } else if (piece.type == WS_CONN_CLOSED && session->state != SESSION_CLOSING) {
            shell_session_fail(session, "the realm closed the session: %u %.*s",
                               piece.close_code, SPAN_ARG(piece.data));
        }
    }
    if (e == ERR_PROTO) {
        shell_session_fail(session, "the server %s",
                           ws_fault_text(ws_conn_fault(&session->ws)));
    } else if (e != ERR_AGAIN && session->state == SESSION_CLOSING) {
        session_over(session, 0);
    }
    if (session->state != SESSION_OVER) {
        flush(session);
        follow_timer(session);
    }
}

/* ---- the link ---- */

static void on_link_open(void *ctx)
{
    static const struct ws_limits limits = {.max_message_bytes = MESSAGE_BYTES_MAX,
                                            .max_output_bytes = FRAME_BYTES_MAX,
                                            .close_within = CLOSING_MS};
    static const struct stomp_limits stomp = {.line_bytes = 8192,
                                              .header_count = 100,
                                              .head_bytes = 65536,
                                              .body_bytes = MESSAGE_BYTES_MAX};
    struct shell_session *session = ctx;

    ws_conn_init(&session->ws, WS_CLIENT, &limits, &session->rng, loop_now(session->loop));
    stomp_decoder_init(&session->decoder, &stomp);
    session->is_framed = true;
    session_move(session, SESSION_LOGGING_IN);
    send_connect(session);
}

static void on_room(void *ctx)
{
    flush(ctx);
}

__attribute__((format(printf, 2, 0))) static void on_link_end(void *ctx, const char *format,
                                                              va_list why)
{
    struct shell_session *session = ctx;

    if (session->state == SESSION_CLOSING) {
        session_over(session, 0);
    } else {
        say(session, format, why);
        session_over(session, 1);
    }
}

/* ---- time and signals ---- */

static void on_timer(void *ctx)
{
    struct shell_session *session = ctx;
    msec now = loop_now(session->loop);
    bool must_send = false;

    if (session->state == SESSION_CLOSING) {
        session_over(session, 0);
        return;
    }
    if (session->state != SESSION_OPEN) {
        shell_session_fail(session, "no session with %.*s within %d s: it was still %s",
                           SPAN_ARG(session->options->url), OPENING_MS / 1000,
                           session->state == SESSION_LINKING
                               ? shell_link_state_name(session->link)
                               : session_rules[session->state].name);
        return;
    }
    if (ws_conn_expire(&session->ws, now) != OK ||
        stomp_heartbeat_expire(&session->heartbeat, now, &must_send) != OK) {
        shell_session_fail(session, "the realm has gone silent");
        return;
    }
    if (must_send && stomp_encoder_eol(shell_session_begin(session)) == OK) {
        shell_session_send(session);
    }
    if (session->state != SESSION_OVER) {
        follow_timer(session);
    }
}

static void on_limit(void *ctx)
{
    struct shell_session *session = ctx;

    if (session->state == SESSION_CLOSING) {
        session_over(session, 0);
    } else if (session->state == SESSION_OPEN && session->verb->is_done(session->ctx)) {
        shell_session_finish(session);
    } else if (session->state != SESSION_OVER) {
        fprintf(stderr, "wayleave %s: the time was up (--timeout)\n", session->options->verb);
        session_over(session, STATUS_LATE);
    }
}

static void on_signal(void *ctx, int number)
{
    struct shell_session *session = ctx;

    (void)number;
    if (session->state == SESSION_OPEN) {
        shell_session_finish(session);
    } else {
        session_over(session, 0);
    }
}

static enum err begin(struct shell_session *session)
{
    static const struct shell_link_user user = {.on_open = on_link_open,
                                                .on_bytes = on_bytes,
                                                .on_room = on_room,
                                                .on_end = on_link_end};
    const struct shell_options *options = session->options;
    struct shell_link_request request = {
        .options = options, .rng = &session->rng, .timeout = OPENING_MS};

    TRY(loop_new(&session->loop));
    timer_init(&session->timer, session->loop, on_timer, session);
    timer_init(&session->limit, session->loop, on_limit, session);
    TRY(signals_new(&session->signals, session->loop, on_signal, session));
    TRY(timer_set(&session->timer, loop_now(session->loop) + OPENING_MS));
    if (options->timeout > 0) {
        TRY(timer_set(&session->limit, loop_now(session->loop) + options->timeout));
    }
    request.loop = session->loop;
    return shell_link_open(&request, &user, session, &session->link);
}

static void release(struct shell_session *session)
{
    if (session->verb->on_end != NULL) {
        session->verb->on_end(session->ctx);
    }
    shell_link_free(session->link);
    if (session->is_framed) {
        ws_conn_fini(&session->ws);
        stomp_decoder_fini(&session->decoder);
    }
    buf_fini(&session->frame);
    if (session->loop != NULL) {
        timer_cancel(&session->timer);
        timer_cancel(&session->limit);
    }
    signals_free(session->signals);
    loop_free(session->loop);
    free(session);
}

int shell_session_run(const struct shell_options *options,
                      const struct shell_session_verb *verb, void *ctx)
{
    struct shell_session *session = calloc(1, sizeof *session);
    enum err e = ERR_NOMEM;
    int status = 1;

    if (session != NULL) {
        session->options = options;
        session->verb = verb;
        session->ctx = ctx;
        session->rng = entropy_rng();
        session->status = 1;
        buf_init(&session->frame, FRAME_BYTES_MAX);
        e = begin(session);
    }
    if (e == OK) {
        e = loop_run(session->loop);
    }
    if (e == OK) {
        status = session->status;
    } else if (e != ERR_CONF) {
        fprintf(stderr, "wayleave %s: cannot start: %s\n", options->verb, err_text(e));
    }
    if (session != NULL) {
        release(session);
    }
    return status;
}
