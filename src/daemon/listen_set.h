/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The listening sockets that one configuration asks for: one per address and worker. They are
 * bound in the main thread, or taken over from systemd; each worker then opens its own. After a
 * reload, a socket whose Listen line is the same as before stays open, with all that waits in
 * it.
 */
#pragma once

#include "base/err.h"
#include "conf/diag.h"
#include "net/listener.h"

enum {
    LISTEN_SET_MAX = 64
};

struct inherited;
struct listen_set;

struct listen_set_want {
    struct addr addr; /* port 0: any free one */
    unsigned line;
    bool is_optional;    /* a host without such addresses goes without */
    bool is_transparent; /* takes what TPROXY gives it: SOCK_LISTEN_TRANSPARENT */
};

/** What to bind, and for messages. */
struct listen_set_plan {
    const char *directive;               /* "Listen" */
    const char *file;                    /* of the configuration */
    const struct listen_set_want *wants; /* borrowed for the call */
    size_t count;                        /* at most LISTEN_SET_MAX */
    size_t workers;                      /* that will open it: 0 ... workers - 1 */
    struct inherited *inherited;         /* what systemd handed over; NULL: nothing */
};

/**
 * Binds what `old` does not have; `old` is what is served now, or NULL. In the main thread.
 *
 * Returns OK
 *         ERR_CONF   the diag says which cannot be listened on; nothing was kept
 *         ERR_NOMEM
 */
must_check enum err listen_set_bind(const struct listen_set_plan *plan,
                                    const struct listen_set *old, struct diag *diag,
                                    struct listen_set **ret_set);

/** Closes what no worker has opened. Takes NULL. */
void listen_set_free(struct listen_set *set);

/** Addresses that are listened on, with real ports. */
size_t listen_set_count(const struct listen_set *set);
const struct addr *listen_set_addr(const struct listen_set *set, size_t at);
bool listen_set_is_transparent(const struct listen_set *set, size_t at);

/** A worker's open sockets. Zeroed at first; the worker's thread alone. */
struct listen_set_doors {
    struct {
        uint64_t id;               /* of the socket, over all configurations */
        struct listener *listener; /* owned */
    } doors[LISTEN_SET_MAX];
    size_t count;
};

/**
 * Makes the open sockets those of `set`: opens new ones, keeps known ones, closes the rest.
 * `accepted` and `ctx` are for new ones. ERR_NOMEM, ERR_IO: some could not be opened; the rest
 * serve.
 */
must_check enum err listen_set_serve(struct listen_set *set, size_t worker, struct loop *loop,
                                     listener_accepted *accepted, void *ctx,
                                     struct listen_set_doors *doors);

/** Closes all. */
void listen_set_close(struct listen_set_doors *doors);
