/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The admin listener: what a daemon is doing, told over HTTP to those who look after it.
 *
 *   GET /metrics   Prometheus text format 0.0.4
 *   GET /status    JSON; ?limit=100&after=0.17 pages through its work: tunnels, sessions
 *   GET /healthz   200 while every worker's loop turns; 503 when one does not, or while
 * draining
 *
 * It is off without AdminListen, speaks to this host alone without AdminAllow, and takes only
 * Host fields that DNS rebinding cannot forge: addresses, localhost, and AdminName. It runs on
 * worker 0's loop; other workers are asked by letters, and their counters are atomics.
 */
#pragma once

#include "base/buf.h"
#include "daemon/daemon.h"

/* What a service tells about itself. */
struct admin_source {
    const char *name; /* what /status calls the pieces of its work: "tunnels" */
    /** Of one piece's row. A row begins with a uint64_t: an id that grows from piece to piece
     *  within its worker and is never 0. */
    size_t row_bytes;
    /**
     * In the worker's thread: rows with an id above `after`, lowest ids first, at most
     * `room_count` of them. Returns how many were written.
     */
    size_t (*list)(struct worker *worker, uint64_t after, void *room, size_t room_count);
    /** A row's members behind its id, each with ", " in front. Errors as buf_append(). */
    enum err (*write)(const void *row, struct buf *out);
    /** May be NULL. In worker 0's thread: more members of the status, each with two spaces in
     *  front and ",\n" behind. Errors as buf_append(). */
    enum err (*more)(struct worker *worker, struct buf *out);
};

struct admin;

/* The sockets for one configuration; none in it when there is no AdminListen. */
struct listen_set;

/** In prepare() and reload(): binds what the configuration asks for and `old` does not have.
 *  Errors as listen_set_bind(). */
must_check enum err admin_bind(struct daemon *daemon, const struct daemon_snapshot *snapshot,
                               const struct listen_set *old, struct diag *diag,
                               struct listen_set **ret_set);

/** In start(), for worker 0 alone. `source` is static. ERR_NOMEM, ERR_IO. */
must_check enum err admin_new(struct admin **ret_admin, struct worker *worker,
                              const struct admin_source *source, struct listen_set *set);

/** In adopt(), for worker 0: the new configuration's sockets. */
void admin_adopt(struct admin *admin, struct listen_set *set);

/** In stop(), for worker 0. Takes NULL. */
void admin_free(struct admin *admin);
