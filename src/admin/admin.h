/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The admin listener: what a daemon is doing, told over HTTP to those who look after it.
 *
 *   GET /metrics   Prometheus text format 0.0.4
 *   GET /status    JSON; ?limit=100&after=0.17 pages through the live tunnels
 *   GET /healthz   200 while every worker's loop turns; 503 when one does not, or while
 * draining
 *
 * It is off without AdminListen, speaks to this host alone without AdminAllow, and takes only
 * Host fields that DNS rebinding cannot forge: addresses, localhost, and AdminName. It runs on
 * worker 0's loop; other workers are asked by letters, and their counters are atomics.
 */
#pragma once

#include "base/clock.h"
#include "daemon/daemon.h"

enum {
    ADMIN_TARGET_BYTES = 272, /* a host name and a port */
    ADMIN_USER_BYTES = 64,
};

/* A live tunnel, as one worker describes it. Text is cut when too long. */
struct admin_tunnel {
    uint64_t id; /* grows from tunnel to tunnel within its worker; never 0 */
    struct addr client;
    struct addr diverted; /* where it was going when it was diverted; zeroed: it was not */
    char user[ADMIN_USER_BYTES];     /* empty: nobody logged in */
    char target[ADMIN_TARGET_BYTES]; /* "realm.example:9000" */
    const char *kind;                /* static: "connect", "websocket", "tls" ... */
    uint64_t up_bytes;               /* from the client */
    uint64_t down_bytes;
    msec age;
    msec idle; /* since the last byte */
};

/* What a service tells about itself. */
struct admin_source {
    /**
     * In the worker's thread: its tunnels with an id above `after`, lowest ids first, at most
     * `room_count` of them. Returns how many were written. May be NULL.
     */
    size_t (*tunnels)(struct worker *worker, uint64_t after, struct admin_tunnel *room,
                      size_t room_count);
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
