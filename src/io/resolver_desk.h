/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The resolver's front desk: who asks, what is known already, who waits for what. It knows
 * nothing of c-ares.
 *
 * A query is what somebody asked us; a lookup is what is asked of name servers, once for all
 * the queries that are equal. A lookup that nobody waits for any more runs on, and what it
 * finds is remembered.
 */
#pragma once

#include "io/resolver_cache.h"

struct resolver_desk {
    struct loop *loop; /* borrowed */
    struct resolver_cache cache;
    struct map lookups; /* struct resolver_desk_lookup by its key */
    size_t query_count; /* neither answered nor cancelled */
};

/* What came out. Addresses have port 0 until they are given to a query. */
struct resolver_desk_finding {
    enum resolver_result result;
    struct addr addrs[RESOLVER_ADDRS_MAX];
    size_t count;
    msec age; /* how long the addresses hold */
    size_t name_len;
    uint8_t name[RESOLVER_CACHE_NAME_BYTES];
};

struct resolver_desk_lookup {
    struct resolver_desk *desk; /* borrowed */
    struct resolver_cache_key key;
    struct list queries; /* struct resolver_query: who waits */
    int family;
    bool is_for_addrs; /* or for the name of an address */
};

/** Takes no memory yet. */
void resolver_desk_init(struct resolver_desk *desk, struct loop *loop);

/** Queries must be answered or cancelled, lookups ended. */
void resolver_desk_fini(struct resolver_desk *desk);

/** resolver_ask() as far as it goes without name servers: *ret_lookup is what they are to be
 * asked, and must come to resolver_desk_end(); NULL when somebody else does it or nobody must.
 */
must_check enum err resolver_desk_ask(struct resolver_desk *desk, struct span name, int family,
                                      uint16_t port, resolver_answer *answer, void *ctx,
                                      struct resolver_query **ret_query,
                                      struct resolver_desk_lookup **ret_lookup);

/** The same for resolver_ask_name(). Names are not remembered. */
must_check enum err resolver_desk_ask_name(struct resolver_desk *desk, const struct addr *addr,
                                           resolver_name_answer *answer, void *ctx,
                                           struct resolver_query **ret_query,
                                           struct resolver_desk_lookup **ret_lookup);

/** Everybody who waits is answered later, each beginning with another address. The lookup is
 * gone after this. */
void resolver_desk_end(struct resolver_desk_lookup *lookup,
                       const struct resolver_desk_finding *finding);

/** resolver_cancel(). */
void resolver_desk_cancel(struct resolver_query *query);
