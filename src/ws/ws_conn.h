/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A WebSocket connection after the handshake, for both roles, without a socket: bytes in,
 * pieces of messages and bytes to send out. It answers pings, asks a silent peer, and does the
 * closing handshake by itself. RFC 6455 sections 5.5 and 7.
 *
 *    bytes from the stream             what the application does
 *    ws_conn_saw_bytes(now)            ws_conn_put_message()  ws_conn_close()
 *         |                                 |
 *    ws_conn_next(&input) -> pieces    ws_conn_output() -> bytes for the stream
 *                                      ws_conn_output_consume()
 *    ws_conn_deadline() -> timer -> ws_conn_expire(now)
 *
 * Whatever ws_conn_next() and ws_conn_expire() return, what is in the output is to be sent;
 * when ws_conn_is_finished() then says so, the stream is to be closed.
 */
#pragma once

#include "base/clock.h"
#include "base/rng.h"
#include "ws/ws_message.h"

struct ws_limits {
    uint64_t max_message_bytes;  /* a longer message from the peer ends the connection */
    uint64_t max_inflated_bytes; /* the same for one that came compressed; 0: permessage-deflate
                                    was not agreed on */
    size_t max_output_bytes;     /* no message is queued past it; control frames still are */
    msec ping_every;             /* silence before we ask; 0 = never ask */
    msec pong_within;            /* then, silence before the peer counts as gone */
    msec close_within;           /* from the first Close to the end of the stream */
};

enum ws_conn_piece_type {
    WS_CONN_BEGIN, /* a message: opcode says text or binary */
    WS_CONN_DATA,
    WS_CONN_END,
    WS_CONN_CLOSED, /* the peer's Close; the last piece */
};

struct ws_conn_piece {
    enum ws_conn_piece_type type;
    uint8_t opcode;
    uint16_t close_code; /* WS_CONN_CLOSED only; WS_CLOSE_NO_STATUS when it had none */

    /* DATA: payload, never empty; borrowed until the next call: points into *input, or to what
     * a compressed message was. Text may be cut inside a code point. CLOSED: the reason, in
     * UTF-8; borrowed likewise. */
    struct span data;
};

enum ws_conn_state {
    WS_CONN_STATE_OPEN,
    WS_CONN_STATE_CLOSING, /* our Close is queued, the peer's has not come */
    WS_CONN_STATE_ENDED,   /* both Closes are done, but for bytes in the output */
    WS_CONN_STATE_FAILED,  /* the peer broke the protocol; a Close that says so is queued */
    WS_CONN_STATE_GONE,    /* the peer was silent for too long */
    WS_CONN_STATES,
};

/* Visible so that it can be embedded; the members are ws_conn.c's alone. */
struct ws_conn {
    enum ws_conn_state state;
    enum ws_role role;
    struct ws_limits limits;
    struct rng *rng; /* borrowed for the life of the connection */
    struct ws_message message;
    struct buf output; /* owned; only whole frames, but for a first one that is partly sent */

    struct buf pong; /* owned; the answer that waits, if pong_waits */
    bool pong_waits;
    size_t pong_end; /* bytes of output up to the end of the pong in it; 0: none is in it */

    msec heard_at; /* when bytes came last */
    msec asked_at; /* when we pinged; MSEC_NEVER when no answer is awaited */
    msec ended_at; /* when the state became CLOSING, ENDED or FAILED */
};

/** Takes no memory yet. Masks are drawn from *rng, which must outlive the connection. */
void ws_conn_init(struct ws_conn *conn, enum ws_role role, const struct ws_limits *limits,
                  struct rng *rng, msec now);

/** Gives memory back: the output, a pong, and what a compressed message under way takes. */
void ws_conn_fini(struct ws_conn *conn);

/** Bytes came from the peer: to be called before they are handed to ws_conn_next(). */
void ws_conn_saw_bytes(struct ws_conn *conn, msec now);

/**
 * Take the next piece out of *input; the same for any cut, as ws_decoder_next(). Messages are
 * still yielded between our Close and the peer's. With max_inflated_bytes, what *input pointed
 * to must stay until ERR_AGAIN.
 *
 * Returns OK           *ret_piece is set
 *         ERR_AGAIN    *input is empty
 *         ERR_CLOSED   WS_CONN_CLOSED has been yielded; *input was dropped. Final.
 *         ERR_PROTO    the peer broke the protocol: see ws_conn_fault(). Final.
 *         ERR_TIMEOUT  ws_conn_expire() has given up. Final.
 *         ERR_NOMEM    an answer could not be queued, or a compressed message not be read: to
 * be treated as the end
 */
must_check enum err ws_conn_next(struct ws_conn *conn, struct mspan *input,
                                 struct ws_conn_piece *ret_piece);

/**
 * Queue a whole message in one frame. A text must be UTF-8: the caller vouches for it.
 *
 * Returns OK          it is in the output
 *         ERR_LIMIT   it would pass max_output_bytes: later, or never
 *         ERR_CLOSED  no message may be sent any more
 *         ERR_NOMEM   nothing was queued
 */
must_check enum err ws_conn_put_message(struct ws_conn *conn, uint8_t opcode,
                                        struct span payload);

/** The same for a server's message that is already a frame: by ws_deflate_out_put(), or a head
 * by ws_frame_encode_unmasked() and the payload. */
must_check enum err ws_conn_put_framed(struct ws_conn *conn, struct span frame);

/**
 * Queue a Close and wait for the peer's. WS_CLOSE_NO_STATUS sends none; any other code must be
 * one that may travel. A reason is UTF-8 and is cut to 123 bytes.
 *
 * Returns OK, ERR_CLOSED when a Close is already queued, or ERR_NOMEM.
 */
must_check enum err ws_conn_close(struct ws_conn *conn, uint16_t code, struct span reason,
                                  msec now);

/** What is to be sent, in order. Borrowed until the next call that changes the connection. */
struct span ws_conn_output(const struct ws_conn *conn);

/** `len` bytes from the front have been sent. With the last one the memory is given back. */
void ws_conn_output_consume(struct ws_conn *conn, size_t len);

/** When ws_conn_expire() will next have something to do; MSEC_NEVER if nothing is due. */
msec ws_conn_deadline(const struct ws_conn *conn);

/** Do what is due at `now`: queue a ping, or return ERR_TIMEOUT (final) for a peer gone silent
 *  or a closing handshake that takes too long: close the stream. Or ERR_NOMEM. */
must_check enum err ws_conn_expire(struct ws_conn *conn, msec now);

/** Whether messages may be put. */
bool ws_conn_is_open(const struct ws_conn *conn);

/** Nothing more to send or to wait for: it is for us to close the stream now. A client that
 *  has closed well waits for the server to do it (until ws_conn_expire() says enough). */
bool ws_conn_is_finished(const struct ws_conn *conn);

/** Why it failed; WS_FAULT_NONE when it has not. */
enum ws_fault ws_conn_fault(const struct ws_conn *conn);
