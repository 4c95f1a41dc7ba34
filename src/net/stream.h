/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A connection is a stack of filters: tcp at the bottom, tls and connect above it. Nobody but
 * the one who builds the stack knows what it is made of. A push replaces the top and adopts
 * what was there, so that one stream_free() undoes any prefix.
 *
 * A stream's owner sets stream_on_ready(); it is called when something may have become
 * possible. Then the owner tries everything it waits for: handshake, read, write. Who takes a
 * stream over tries everything once, because readiness that was reported before is not reported
 * again.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "io/loop.h"

struct stream;

struct stream_ops {
    const char *name; /* "tcp", "tls", "connect": also what logs and tests show */
    enum err (*handshake)(struct stream *stream);
    enum err (*read)(struct stream *stream, struct mspan room, size_t *ret_len);
    enum err (*write)(struct stream *stream, struct span bytes, size_t *ret_len);
    enum err (*shutdown)(struct stream *stream);
    void (*free)(struct stream *stream); /* this filter alone; stream_free() walks down */
    /* A sentence about this filter's last failure; NULL when the one below knows. */
    const char *(*why)(const struct stream *stream);
    struct loop_watch *(*watch)(const struct stream *stream); /* the bottom's; NULL above it */
};

struct stream {
    const struct stream_ops *ops;
    struct stream *below; /* owned; NULL under the socket */
};

/** OK: bytes may flow. ERR_AGAIN: call again when ready. ERR_PROTO, ERR_CLOSED, ERR_IO,
 *  ERR_NOMEM: it will not be; stream_why() says why. Filters below are asked first. */
must_check enum err stream_handshake(struct stream *stream);

/** OK with *ret_len > 0 bytes; OK with 0: the peer has finished sending (FIN, close_notify).
 *  ERR_AGAIN. ERR_CLOSED: reset, or TLS cut without close_notify. ERR_PROTO, ERR_IO. `room` is
 *  not empty. */
must_check enum err stream_read(struct stream *stream, struct mspan room, size_t *ret_len);

/** OK with how much was taken (>= 1); ERR_AGAIN: nothing was, and for TLS the same bytes must
 * come again first (they may have moved in memory, and more may follow). ERR_CLOSED, ERR_IO.
 * `bytes` are not empty. */
must_check enum err stream_write(struct stream *stream, struct span bytes, size_t *ret_len);

/** We have finished sending; reading goes on. ERR_AGAIN: call again when ready. OK otherwise,
 * also when the peer is gone already. */
must_check enum err stream_shutdown(struct stream *stream);

/** Closes everything from here down. Takes NULL. */
void stream_free(struct stream *stream);

/** Who is called when something may have become possible. NULL: nobody. */
void stream_on_ready(struct stream *stream, loop_on_ready *call, void *ctx);

/** Whether the loop has reported an error or a reset that nobody has read yet: for an owner
 * that does not read at the moment. An end of stream alone is none. */
bool stream_is_broken(const struct stream *stream);

/** The socket at the bottom, for logs and options. */
int stream_fd(const struct stream *stream);

/** Why the last call failed, as a sentence without a final point. Borrowed until the next call.
 */
const char *stream_why(const struct stream *stream);

/** Drops the connection so that the peer sees a reset, not an end. Follow with stream_free().
 */
void stream_abort(struct stream *stream);
