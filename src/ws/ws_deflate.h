/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * permessage-deflate, RFC 7692, as a server speaks it: what is agreed on, messages into frames,
 * frames into messages. Always without context takeover, in both directions: then a compressed
 * message is the same bytes for every receiver, and nothing is remembered between messages.
 *
 *    offers in the request      ws_deflate_read_offers(), ws_deflate_put_answer()
 *    a message that goes out    ws_deflate_out_put()     one deflater serves a whole worker
 *    a message that comes in    struct ws_deflate_in    lives as long as the message is under
 * way
 */
#pragma once

#include "base/buf.h"

enum {
    WS_DEFLATE_BYTES_MIN = 128, /* shorter messages are not worth the trouble */
    /* What a message takes while it is under way: zlib's state and window, and the output. */
    WS_DEFLATE_IN_BYTES = 56 * 1024,
};

/* ---- the agreement ---- */

struct ws_deflate_offer {
    bool is_taken;
    bool names_server_bits; /* the answer must say how large our window is, section 7.1.2.1 */
};

/**
 * To be called for each Sec-WebSocket-Extensions field of a request, in order, with *offer
 * zeroed before the first: the first offer that can be met is taken. Malformed ones, and those
 * that want a window smaller than deflate's own from us, are declined as section 7.1 says.
 */
void ws_deflate_read_offers(struct span value, struct ws_deflate_offer *offer);

/** The field that accepts it, with its line end. ERR_NOMEM, ERR_LIMIT: `out` is as it was. */
must_check enum err ws_deflate_put_answer(const struct ws_deflate_offer *offer,
                                          struct buf *out);

/* ---- out ---- */

struct ws_deflate_out;

/** Takes about 260 KiB. ERR_NOMEM. */
must_check enum err ws_deflate_out_new(struct ws_deflate_out **ret_deflater);

/** Takes NULL. */
void ws_deflate_out_free(struct ws_deflate_out *deflater);

/**
 * Append a server's message as one unmasked frame: compressed where that makes it shorter, as
 * it is otherwise (section 6 leaves that to the sender). The same bytes for the same payload.
 * ERR_NOMEM, ERR_LIMIT: `out` is as it was.
 */
must_check enum err ws_deflate_out_put(struct ws_deflate_out *deflater, uint8_t opcode,
                                       struct span payload, struct buf *out);

/* ---- in ---- */

struct ws_deflate_in;

/** For one message. ERR_NOMEM. */
must_check enum err ws_deflate_in_new(struct ws_deflate_in **ret_inflater);

/** Takes NULL. */
void ws_deflate_in_free(struct ws_deflate_in *inflater);

/**
 * Takes payload out of *input, and yields what it was before it was compressed, in portions.
 *
 * Returns OK         *ret_output is not empty; borrowed until the next call
 *         ERR_AGAIN  *input is empty, and all that was in it has been yielded
 *         ERR_PROTO  these bytes are no compressed message. Final
 *         ERR_NOMEM
 */
must_check enum err ws_deflate_in_next(struct ws_deflate_in *inflater, struct span *input,
                                       struct span *ret_output);

/** The same when the last frame's payload has been taken: section 7.2.2 puts four bytes behind
 *  it. ERR_AGAIN: the message is complete. */
must_check enum err ws_deflate_in_finish(struct ws_deflate_in *inflater,
                                         struct span *ret_output);
