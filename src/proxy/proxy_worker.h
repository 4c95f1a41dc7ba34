/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What one worker of the proxy holds, and the little that all of them share.
 */
#pragma once

#include "auth/auth.h"
#include "base/list.h"
#include "base/pool.h"
#include "daemon/worker.h"
#include "net/relay.h"
#include "proxy/proxy_accesslog.h"
#include "proxy/proxy_conf.h"
#include "proxy/proxy_pool.h"
#include "proxy/proxy_route_block.h"

#include <stdatomic.h>

enum {
    PROXY_WORKER_ROOM_BYTES = 32 * 1024, /* a read, and what waits for a slow receiver */
    PROXY_WORKER_ROOMS_KEPT = 64,        /* free rooms kept for the next one */
    PROXY_WORKER_WAITING_MAX = 1024,     /* clients beyond MaxTunnels that are told so */
};

/** Made before the workers, gone after them. */
struct proxy_loop;

struct proxy_shared {
    atomic_uint_least64_t tunnels; /* of all workers: MaxTunnels is the daemon's, not a
                                      worker's, so this counter is shared */
};

/* Everything is the service's to make and to release; connections use it. */
struct proxy_worker {
    struct worker *worker; /* borrowed for the worker's life, like the next */
    struct proxy_shared *shared;
    struct list conns; /* struct proxy_conn, in the order of their birth */
    uint64_t conn_count;
    uint64_t last_id;
    struct pool pool;
    struct relay_env relay_env;
    uint8_t *scratch;            /* PROXY_WORKER_ROOM_BYTES */
    struct proxy_pool upstreams; /* idle connections to servers */
    struct auth_desk *desk;      /* passwords */
    msec loop_told_at;           /* when the log heard of one; 0: never */
    struct proxy_loop *loops;    /* of all workers: our own connections; NULL while there is no
                                    TransparentListen */
    struct proxy_accesslog *accesslog; /* follows the configuration, like the next */
    struct proxy_route_block *block;
};
