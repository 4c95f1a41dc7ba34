/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A stream of bytes becomes a stream of message pieces: what frames must be to each other.
 * Fragments are joined (RFC 6455 section 5.4), control frames between them come out whole
 * (5.5), text is checked as it arrives (8.1), sizes are limited, a Close is understood (7).
 *
 * Messages are never gathered here: data passes through, borrowed from the input, or from the
 * inflater of a message that came compressed (RFC 7692), which lives no longer than the
 * message. Only a control frame's payload, 125 bytes at most, is collected, in room that is
 * there as long as it has one. Answers nobody: see ws_conn.
 */
#pragma once

#include "base/utf8.h"
#include "ws/ws_decoder.h"
#include "ws/ws_deflate.h"

enum ws_message_piece_type {
    WS_MESSAGE_BEGIN, /* opcode says text or binary */
    WS_MESSAGE_DATA,
    WS_MESSAGE_END,
    WS_MESSAGE_PING, /* may come between the others, like the next two */
    WS_MESSAGE_PONG,
    WS_MESSAGE_CLOSE, /* the last piece */
};

struct ws_message_piece {
    enum ws_message_piece_type type;
    uint8_t opcode;      /* of the message, not of the fragment; or of the control frame */
    uint16_t close_code; /* WS_MESSAGE_CLOSE only; WS_CLOSE_NO_STATUS when it had none */

    /* DATA: payload, never empty; borrowed until the next call: points into *input, or into the
     * inflater. Text may be cut inside a code point. PING, PONG: payload; CLOSE: reason in
     * UTF-8; borrowed until the next call. */
    struct span data;
};

enum ws_message_state {
    WS_MESSAGE_STATE_BETWEEN, /* the next data frame begins a message */
    WS_MESSAGE_STATE_INSIDE,  /* the next data frame continues one */
    WS_MESSAGE_STATE_CLOSED,  /* the peer's Close has come */
    WS_MESSAGE_STATE_FAILED,
    WS_MESSAGE_STATES,
};

/* Visible so that it can be embedded; the members are ws_message.c's alone. */
struct ws_message {
    enum ws_message_state state;
    struct ws_decoder decoder;
    uint64_t max_bytes; /* of one message, all fragments together */
    uint64_t len;     /* bytes of the message so far, this fragment's whole payload included */
    uint8_t opcode;   /* the message's: text or binary */
    struct utf8 utf8; /* of a text message */
    uint8_t *control; /* owned; payload of a control frame, WS_FRAME_CONTROL_MAX; NULL: none */
    uint8_t control_len;
    bool control_is_told; /* it was yielded: the room goes with the next call */
    enum ws_fault fault;

    bool is_compressed;    /* the message */
    bool is_finishing;     /* its last frame has come; what it was is still coming out */
    uint64_t max_inflated; /* 0: none may be compressed */
    uint64_t inflated;     /* bytes that came out of the message so far */
    struct ws_deflate_in *inflater; /* owned; NULL between compressed messages */
    struct span deflated;           /* borrowed from the caller's input: still to go in */
};

/** `role` is ours. Messages over `max_bytes` are refused before their first byte too many.
 * Takes no memory. */
void ws_message_init(struct ws_message *message, enum ws_role role, uint64_t max_bytes);

/** permessage-deflate was agreed on. A compressed message may be `max_bytes` long when it has
 *  come out, and as it came an eighth more than ws_message_init() was told: what cannot be
 *  compressed gets longer. Then the caller's input must stay where it is until ERR_AGAIN, also
 *  what *input has been moved past. */
void ws_message_take_compressed(struct ws_message *message, uint64_t max_bytes);

/** Gives the memory back that a control frame or a compressed message under way takes. */
void ws_message_fini(struct ws_message *message);

/**
 * Take the next piece out of *input; the same for any cut, as ws_decoder_next().
 *
 * Returns OK          *ret_piece is set
 *         ERR_AGAIN   *input is empty
 *         ERR_CLOSED  the peer's Close has been yielded; *input was dropped. Final.
 *         ERR_PROTO   the peer broke the protocol: see ws_message_fault(). Final.
 *         ERR_NOMEM   a compressed message, or a control frame, could not be read: to be
 *                     treated as the end
 */
must_check enum err ws_message_next(struct ws_message *message, struct mspan *input,
                                    struct ws_message_piece *ret_piece);

/** Why it ended; WS_FAULT_NONE while it has not, or ended with a Close. */
enum ws_fault ws_message_fault(const struct ws_message *message);
