/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Two connected streams on one loop, and the few words that tests say about them. Everything
 * turns the loop until it is true, for ten seconds at most, and never sleeps.
 */
#pragma once

#include "net/stream.h"

#include "lib/testing.h"

/** Two connected sockets over 127.0.0.1 (which know resets), non-blocking; the caller's. */
void loopback_tcp_pair(int ret_fds[2]);

/** The same as a socketpair: small buffers, no reset. */
void loopback_local_pair(int ret_fds[2]);

/** A stream over fds[0] and one over fds[1]; both descriptors are the streams' then. */
void loopback_streams(struct loop *loop, int fds[2], struct stream **ret_a,
                      struct stream **ret_b);

/** Turns the loop until is_done(ctx); fails the test when that takes too long. */
void loopback_turn_until(struct loop *loop, bool (*is_done)(void *ctx), void *ctx);

/** A few turns that do not wait: whatever local sockets have delivered is dealt with. */
void loopback_settle(struct loop *loop);

/** Shakes hands at both ends; what each came to. */
void loopback_shake_hands(struct loop *loop, struct stream *a, struct stream *b,
                          enum err *ret_a, enum err *ret_b);

/** Writes all of it. */
void loopback_send(struct loop *loop, struct stream *stream, struct span bytes);

/** Reads exactly these bytes. */
void loopback_expect(struct loop *loop, struct stream *stream, struct span bytes);

/** Reads once more: OK stands for the end of the stream, and bytes fail the test. */
enum err loopback_end(struct loop *loop, struct stream *stream);

/** Calls stream_shutdown() until it is done. */
void loopback_shutdown(struct loop *loop, struct stream *stream);

/** `len` bytes in which every position can be told from its neighbours; freed by the caller. */
struct mspan loopback_pattern(size_t len);
