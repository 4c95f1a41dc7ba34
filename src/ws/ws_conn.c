/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_conn.h"

#include "base/state.h"

enum {
    /* The longest control frame: head, key, payload. */
    CONTROL_BYTES = 2 + WS_MASK_BYTES + WS_FRAME_CONTROL_MAX,
    REASON_MAX = WS_FRAME_CONTROL_MAX - 2, /* a Close's, behind the code */
};

#define TO(name) STATE_BIT(WS_CONN_STATE_##name)

/* clang-format off */
static const struct state_rule conn_rules[WS_CONN_STATES] = {
    [WS_CONN_STATE_OPEN]    = {"open",    TO(CLOSING) | TO(ENDED) | TO(FAILED) | TO(GONE)},
    [WS_CONN_STATE_CLOSING] = {"closing", TO(ENDED) | TO(FAILED) | TO(GONE)},
    [WS_CONN_STATE_ENDED]   = {"ended",   TO(GONE)},
    [WS_CONN_STATE_FAILED]  = {"failed",  TO(GONE)},
    [WS_CONN_STATE_GONE]    = {"gone",    0},
};
/* clang-format on */

/*
 * The output's ceiling has three storeys, so that a reader who is slow with messages is still
 * asked and answered, and whatever happens is still told why:
 *
 *    0 ...... messages ...... max_output_bytes .. ping, pong .. +CONTROL_BYTES .. Close .. max
 */
void ws_conn_init(struct ws_conn *conn, enum ws_role role, const struct ws_limits *limits,
                  struct rng *rng, msec now)
{
    assert(limits->max_output_bytes <= SIZE_MAX / 2);
    *conn = (struct ws_conn){
        .state = WS_CONN_STATE_OPEN,
        .role = role,
        .limits = *limits,
        .rng = rng,
        .heard_at = now,
        .asked_at = MSEC_NEVER,
        .ended_at = MSEC_NEVER,
    };
    ws_message_init(&conn->message, role, limits->max_message_bytes);
    if (limits->max_inflated_bytes > 0) {
        ws_message_take_compressed(&conn->message, limits->max_inflated_bytes);
    }
    buf_init(&conn->output, limits->max_output_bytes + 2 * CONTROL_BYTES);
    buf_init(&conn->pong, WS_FRAME_CONTROL_MAX);
}

void ws_conn_fini(struct ws_conn *conn)
{
    buf_fini(&conn->output);
    ws_message_fini(&conn->message);
    buf_fini(&conn->pong);
}

/* The only assignment to conn->state after ws_conn_init(). */
static void conn_move(struct ws_conn *conn, enum ws_conn_state next, msec now)
{
    assert(state_may_move(conn_rules, conn->state, next));
    conn->state = next;
    conn->ended_at = now;
}

void ws_conn_saw_bytes(struct ws_conn *conn, msec now)
{
    conn->heard_at = now;
    conn->asked_at = MSEC_NEVER; /* any byte is a sign of life, not only a Pong */
}

/* Queue one whole frame, if the output stays within `ceiling`. */
static enum err put_frame(struct ws_conn *conn, uint8_t opcode, struct span payload,
                          size_t ceiling)
{
    struct ws_frame frame = {
        .fin = true,
        .opcode = opcode,
        .masked = conn->role == WS_CLIENT, /* RFC 6455 5.1: "a client MUST mask all frames",
                                              "A server MUST NOT mask any frames" */
    };
    uint8_t head[WS_FRAME_HEAD_MAX];
    size_t head_len;
    enum err e;

    frame.payload_len = payload.len;
    head_len = ws_frame_encode(&frame, head);
    if (conn->output.len > ceiling || payload.len > ceiling - conn->output.len ||
        head_len > ceiling - conn->output.len - payload.len) {
        return ERR_LIMIT;
    }
    if (frame.masked) {
        /* RFC 6455 5.3: "The masking key is a 32-bit value chosen at random by the client. ...
         * the client MUST pick a fresh masking key from the set of allowed 32-bit values." */
        rng_fill(conn->rng, mspan_of(frame.key, sizeof frame.key));
    }
    e = ws_frame_put(&frame, payload, &conn->output);
    assert(e != ERR_LIMIT);
    return e;
}

enum err ws_conn_put_message(struct ws_conn *conn, uint8_t opcode, struct span payload)
{
    assert(opcode == WS_OPCODE_TEXT || opcode == WS_OPCODE_BINARY);

    /* RFC 6455 5.5.1: "The application MUST NOT send any more data frames after sending a Close
     * frame." */
    if (conn->state != WS_CONN_STATE_OPEN) {
        return ERR_CLOSED;
    }
    return put_frame(conn, opcode, payload, conn->limits.max_output_bytes);
}

enum err ws_conn_put_framed(struct ws_conn *conn, struct span frame)
{
    assert(conn->role == WS_SERVER); /* a client's would need a mask of its own */

    if (conn->state != WS_CONN_STATE_OPEN) {
        return ERR_CLOSED; /* RFC 6455 5.5.1, as above */
    }
    if (conn->output.len > conn->limits.max_output_bytes ||
        frame.len > conn->limits.max_output_bytes - conn->output.len) {
        return ERR_LIMIT;
    }
    return buf_append(&conn->output, frame);
}

static enum err put_close(struct ws_conn *conn, uint16_t code, struct span reason)
{
    uint8_t body[WS_FRAME_CONTROL_MAX];
    size_t len = 0;

    /* RFC 6455 7.4.1: 1005 "MUST NOT be set as a status code in a Close control frame". */
    if (code != WS_CLOSE_NO_STATUS) {
        assert(ws_close_may_travel(code) && reason.len <= REASON_MAX);
        body[len++] = (uint8_t)(code >> 8);
        body[len++] = (uint8_t)code;
        if (reason.len > 0) {
            memcpy(body + len, reason.ptr, reason.len);
            len += reason.len;
        }
    }
    return put_frame(conn, WS_OPCODE_CLOSE, span_of(body, len), conn->output.max);
}

/* At most REASON_MAX bytes, and no half of a code point at the end. */
static struct span cut_reason(struct span reason)
{
    size_t len = REASON_MAX;

    if (reason.len <= len) {
        return reason;
    }
    while (len > 0 && (reason.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    return span_head(reason, len);
}

enum err ws_conn_close(struct ws_conn *conn, uint16_t code, struct span reason, msec now)
{
    if (conn->state != WS_CONN_STATE_OPEN) {
        return ERR_CLOSED;
    }
    TRY(put_close(conn, code, cut_reason(reason)));
    conn_move(conn, WS_CONN_STATE_CLOSING, now);
    return OK;
}

/* Queue the pong that waits, unless one is still in the output: then it waits on, and a newer
 * one may take its place. So a peer who pings and does not read costs us two pongs. */
static enum err flush_pong(struct ws_conn *conn)
{
    enum err e;

    if (!conn->pong_waits || conn->pong_end > 0) {
        return OK;
    }
    e = put_frame(conn, WS_OPCODE_PONG, buf_span(&conn->pong),
                  conn->limits.max_output_bytes + CONTROL_BYTES);
    if (e == OK) {
        buf_fini(&conn->pong);
        conn->pong_waits = false;
        conn->pong_end = conn->output.len;
    }
    return e == ERR_LIMIT ? OK : e; /* without room, ws_conn_output_consume() tries again */
}

/* RFC 6455 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in
 * response, unless it already received a Close frame." Ours having been sent does not matter.
 */
static enum err on_ping(struct ws_conn *conn, struct span payload)
{
    /* RFC 6455 5.5.3: "A Pong frame sent in response to a Ping frame must have identical
     * "Application data""; "If an endpoint receives a Ping frame and has not yet sent Pong
     * frame(s) in response to previous Ping frame(s), the endpoint MAY elect to send a Pong
     * frame for only the most recently processed Ping frame." */
    buf_truncate(&conn->pong, 0);
    TRY(buf_append(&conn->pong, payload));
    conn->pong_waits = true;
    return flush_pong(conn);
}

static enum err on_peer_close(struct ws_conn *conn, const struct ws_message_piece *piece)
{
    bool is_answer = conn->state == WS_CONN_STATE_CLOSING;

    conn->pong_waits = false; /* 5.5.2: no Pong once the Close has come */
    conn_move(conn, WS_CONN_STATE_ENDED, conn->heard_at);

    /* RFC 6455 5.5.1: "If an endpoint receives a Close frame and did not previously send a
     * Close frame, the endpoint MUST send a Close frame in response. (When sending a Close
     * frame in response, the endpoint typically echos the status code it received.)" */
    return is_answer ? OK : put_close(conn, piece->close_code, SPAN(""));
}

/* RFC 6455 7.1.7, _Fail the WebSocket Connection_: "the endpoint SHOULD send a Close frame with
 * an appropriate status code", and "MUST NOT continue to attempt to process data". */
static enum err fail(struct ws_conn *conn)
{
    enum ws_fault fault = ws_message_fault(&conn->message);
    bool has_sent_close = conn->state == WS_CONN_STATE_CLOSING;

    conn->pong_waits = false;
    conn_move(conn, WS_CONN_STATE_FAILED, conn->heard_at);
    if (!has_sent_close) {
        TRY(put_close(conn, ws_fault_close_code(fault), span_str(ws_fault_text(fault))));
    }
    return ERR_PROTO;
}

static void yield_piece(enum ws_conn_piece_type type, const struct ws_message_piece *piece,
                        struct ws_conn_piece *ret_piece)
{
    *ret_piece = (struct ws_conn_piece){
        .type = type,
        .opcode = piece->opcode,
        .close_code = piece->close_code,
        .data = piece->data,
    };
}

/* OK when *ret_piece is set; ERR_AGAIN when the piece was not for the application. */
static enum err on_piece(struct ws_conn *conn, const struct ws_message_piece *piece,
                         struct ws_conn_piece *ret_piece)
{
    switch (piece->type) {
    case WS_MESSAGE_BEGIN: yield_piece(WS_CONN_BEGIN, piece, ret_piece); return OK;
    case WS_MESSAGE_DATA: yield_piece(WS_CONN_DATA, piece, ret_piece); return OK;
    case WS_MESSAGE_END: yield_piece(WS_CONN_END, piece, ret_piece); return OK;
    case WS_MESSAGE_PING: TRY(on_ping(conn, piece->data)); return ERR_AGAIN;
    case WS_MESSAGE_PONG: return ERR_AGAIN; /* ws_conn_saw_bytes() has taken note */
    case WS_MESSAGE_CLOSE: break;
    }
    TRY(on_peer_close(conn, piece));
    yield_piece(WS_CONN_CLOSED, piece, ret_piece);
    return OK;
}

enum err ws_conn_next(struct ws_conn *conn, struct mspan *input,
                      struct ws_conn_piece *ret_piece)
{
    struct ws_message_piece piece;
    enum err e;

    if (conn->state == WS_CONN_STATE_FAILED) {
        return ERR_PROTO;
    }
    if (conn->state == WS_CONN_STATE_GONE) {
        return ERR_TIMEOUT;
    }
    do {
        e = ws_message_next(&conn->message, input, &piece);
        if (e == ERR_PROTO) {
            return fail(conn);
        }
        if (e != OK) {
            return e;
        }
        e = on_piece(conn, &piece, ret_piece);
    } while (e == ERR_AGAIN);
    return e;
}

struct span ws_conn_output(const struct ws_conn *conn)
{
    return buf_span(&conn->output);
}

void ws_conn_output_consume(struct ws_conn *conn, size_t len)
{
    buf_consume(&conn->output, len);
    conn->pong_end -= len < conn->pong_end ? len : conn->pong_end;
    /* Without memory it waits on; as the output gets shorter, it will fit into what there is.
     */
    (void)flush_pong(conn);
    if (conn->output.len == 0) {
        buf_fini(&conn->output); /* an idle connection holds no room */
    }
}

static bool is_closing(const struct ws_conn *conn)
{
    return conn->state == WS_CONN_STATE_CLOSING || conn->state == WS_CONN_STATE_ENDED ||
           conn->state == WS_CONN_STATE_FAILED;
}

/* A limit may be MSEC_NEVER. */
static msec after(msec begin, msec wait)
{
    return wait > MSEC_NEVER - begin ? MSEC_NEVER : begin + wait;
}

msec ws_conn_deadline(const struct ws_conn *conn)
{
    if (conn->state == WS_CONN_STATE_GONE) {
        return MSEC_NEVER;
    }
    if (is_closing(conn)) {
        return after(conn->ended_at, conn->limits.close_within);
    }
    if (conn->asked_at != MSEC_NEVER) {
        return after(conn->asked_at, conn->limits.pong_within);
    }
    return conn->limits.ping_every == 0 ? MSEC_NEVER
                                        : after(conn->heard_at, conn->limits.ping_every);
}

enum err ws_conn_expire(struct ws_conn *conn, msec now)
{
    enum err e;

    if (conn->state == WS_CONN_STATE_GONE) {
        return ERR_TIMEOUT;
    }
    if (now < ws_conn_deadline(conn)) {
        return OK;
    }
    if (is_closing(conn) || conn->asked_at != MSEC_NEVER) {
        conn_move(conn, WS_CONN_STATE_GONE, now);
        return ERR_TIMEOUT;
    }

    /* Without room for the ping, a peer who reads nothing is not asked, but it is judged. */
    e = put_frame(conn, WS_OPCODE_PING, SPAN(""),
                  conn->limits.max_output_bytes + CONTROL_BYTES);
    if (e == OK || e == ERR_LIMIT) {
        conn->asked_at = now;
        return OK;
    }
    return e;
}

bool ws_conn_is_open(const struct ws_conn *conn)
{
    return conn->state == WS_CONN_STATE_OPEN;
}

bool ws_conn_is_finished(const struct ws_conn *conn)
{
    switch (conn->state) {
    case WS_CONN_STATE_OPEN:
    case WS_CONN_STATE_CLOSING: return false;
    case WS_CONN_STATE_ENDED:
        /* RFC 6455 5.5.1: "The server MUST close the underlying TCP connection immediately; the
         * client SHOULD wait for the server to close the connection". */
        return conn->role == WS_SERVER && conn->output.len == 0;
    case WS_CONN_STATE_FAILED: return conn->output.len == 0;
    case WS_CONN_STATE_GONE:
    case WS_CONN_STATES: break;
    }
    return true;
}

enum ws_fault ws_conn_fault(const struct ws_conn *conn)
{
    return ws_message_fault(&conn->message);
}
