/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One worker's idle connections to origins and parents, to be used again for the next request
 * (RFC 9112 section 9.3): the last one given is the first one taken. Bounded for each key and
 * in all; when full, the one that has been idle longest goes. A server that sends anything
 * while nothing was asked, its FIN included, has ended its connection.
 */
#pragma once

#include "base/map.h"
#include "io/timer.h"
#include "net/dial.h"
#include "net/stream.h"

/* Two connections are alike when all of this is. */
struct proxy_pool_key {
    struct span host; /* who is at the other end: origin, or parent asked in absolute form */
    uint16_t port;
    struct span parent; /* "host:port" of the parent a CONNECT went through; empty: none */
    bool is_tls;
};

struct proxy_pool_limits {
    size_t per_key;
    size_t total; /* 0: nothing is kept */
    msec idle_timeout;
};

/* To be read by anyone, changed by proxy_pool.c alone. */
struct proxy_pool {
    struct loop *loop; /* borrowed for the pool's life */
    struct proxy_pool_limits limits;
    struct map buckets;  /* by key: struct bucket */
    struct list entries; /* all of them, the one that is idle longest first */
    struct timer timer;  /* for that one */
    size_t count;
    uint64_t reused; /* taken so far */
    uint64_t closed; /* given, and closed unused so far */
};

/** Takes no memory. `limits` are copied. */
void proxy_pool_init(struct proxy_pool *pool, struct loop *loop,
                     const struct proxy_pool_limits *limits);

/** Closes all. */
void proxy_pool_fini(struct proxy_pool *pool);

/**
 * The connection that was given last under that key, or NULL. `filter` is asked for the address
 * it leads to, because it was dialled for somebody else, who may have been allowed more; NULL:
 * any. Its readiness is nobody's.
 */
struct stream *proxy_pool_take(struct proxy_pool *pool, const struct proxy_pool_key *key,
                               dial_filter *filter, void *ctx);

/** Keeps a connection that nothing is asked of, or closes it: it is the pool's in any case, and
 *  *take_stream is NULL. */
void proxy_pool_give(struct proxy_pool *pool, const struct proxy_pool_key *key,
                     struct stream **take_stream);
