/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What one worker of the proxy holds, and the little that all of them share.
 */
#pragma once

#include "base/list.h"
#include "base/pool.h"
#include "daemon/worker.h"
#include "net/relay.h"
#include "proxy/proxy_conf.h"

#include <stdatomic.h>

struct listener;

enum {
    PROXY_WORKER_ROOM_BYTES = 32 * 1024, /* a read, and what waits for a slow receiver */
    PROXY_WORKER_ROOMS_KEPT = 64,        /* free rooms kept for the next one */
    PROXY_WORKER_WAITING_MAX = 1024,     /* clients beyond MaxTunnels that are told so */
};

/** Made before the workers, gone after them. */
struct proxy_shared {
    int (
        *fds)[PROXY_CONF_LISTENS_MAX]; /* owned: fds[worker][listen], -1 when taken or absent */
    char via_on[300];                  /* the value of our Via field; empty: none */
    atomic_uint_least64_t tunnels;     /* of all workers: MaxTunnels is the daemon's, not a
                                          worker's, so this counter is shared */
};

struct proxy_worker {
    struct worker *worker; /* borrowed, as are the next two, for the worker's life */
    const struct proxy_conf *conf;
    struct proxy_shared *shared;
    struct listener *listeners[PROXY_CONF_LISTENS_MAX]; /* owned */
    struct list conns;                                  /* struct proxy_conn */
    uint64_t conn_count;
    struct pool pool;
    struct relay_env relay_env;
    uint8_t *scratch; /* owned; PROXY_WORKER_ROOM_BYTES */
};
