/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A stream of bytes becomes a stream of frame pieces. RFC 6455 section 5: what a single frame
 * must be. What frames must be to each other is ws_message's business.
 *
 * The reference module: this is how every codec here looks from outside. No allocation, no
 * callback, no copy of the payload, which is unmasked where it lies; so no limit either.
 */
#pragma once

#include "ws/ws_frame.h"

enum ws_piece_type {
    WS_FRAME_BEGIN, /* the head is known */
    WS_FRAME_DATA,  /* the next piece of payload, already unmasked */
    WS_FRAME_END,   /* the payload is complete */
};

struct ws_piece {
    enum ws_piece_type type;
    uint8_t opcode; /* RFC 6455 section 5.2 */
    bool fin;
    bool compressed; /* RFC 7692 6: of a message's first frame; see ws_decoder_take_compressed()
                      */
    uint64_t payload_len; /* bytes in the whole frame */
    struct span data;     /* WS_FRAME_DATA only; never empty; borrowed: points into *input */
};

enum ws_decoder_state {
    WS_DECODER_HEAD,
    WS_DECODER_PAYLOAD,
    WS_DECODER_FAILED,
    WS_DECODER_STATES,
};

/* Visible so that it can be embedded; the members are ws_decoder.c's alone. */
struct ws_decoder {
    enum ws_decoder_state state;
    enum ws_role sender;             /* the other side: whose frames these are */
    uint8_t head[WS_FRAME_HEAD_MAX]; /* what has arrived of the head */
    size_t head_len;
    struct ws_frame frame;
    uint64_t payload_seen; /* bytes of frame.payload_len that have been yielded */
    bool takes_compressed;
    bool is_compressed; /* the frame whose head has begun */
    enum ws_fault fault;
};

/** `role` is ours: a server decodes what a client sent. */
void ws_decoder_init(struct ws_decoder *decoder, enum ws_role role);

/** permessage-deflate was agreed on: the reserved bit RSV1 may be set where RFC 7692 section 6
 *  has it. The payload is yielded as it is. */
void ws_decoder_take_compressed(struct ws_decoder *decoder);

/**
 * Take the next piece out of *input.
 *
 * Moves *input past the bytes it used; unmasks payload in place. However the stream is cut,
 * the pieces are the same, except that one WS_FRAME_DATA may become several.
 *
 * Returns OK         *ret_piece is set
 *         ERR_AGAIN  *input is empty
 *         ERR_PROTO  the peer broke section 5: see ws_decoder_fault(). Final.
 */
must_check enum err ws_decoder_next(struct ws_decoder *decoder, struct mspan *input,
                                    struct ws_piece *ret_piece);

/** Why it ended; WS_FAULT_NONE while it has not. */
enum ws_fault ws_decoder_fault(const struct ws_decoder *decoder);
