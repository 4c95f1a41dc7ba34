/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Listening sockets, one per worker and address (SO_REUSEPORT), and accepting from them.
 */
#pragma once

#include "io/addr.h"
#include "io/loop.h"

struct listener;

/** A new connection. `fd` is the callee's to close. */
typedef void listener_accepted(void *ctx, int fd, const struct addr *peer);

/**
 * `count` sockets for the same address, before privileges go. An address that anybody else
 * listens on is refused, even if they share it. With port 0 all get the same free port.
 * `is_transparent`: SOCK_LISTEN_TRANSPARENT. ERR_IO with errno; then none is open.
 */
must_check enum err listener_bind(const struct addr *addr, int backlog, bool is_transparent,
                                  size_t count, int *ret_fds);

/** Accepts on `loop` until closed. When descriptors run out it pauses and tries again by
 * itself. */
must_check enum err listener_open(struct listener **ret_listener, struct loop *loop,
                                  int *take_fd, listener_accepted *accepted, void *ctx);

/** Takes NULL. */
void listener_close(struct listener *listener);
