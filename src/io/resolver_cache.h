/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What name servers said, for as long as it holds. Sans-IO: time is handed in. Bounded; the
 * answer that was not used for the longest time gives way. localhost is known from birth and
 * never forgotten (RFC 6761 section 6.3).
 */
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "io/resolver.h"

enum {
    RESOLVER_CACHE_NAME_BYTES = 253,   /* RFC 1035 section 2.3.4, as text */
    RESOLVER_CACHE_MIN_AGE = 1000,     /* ms, whatever a server says */
    RESOLVER_CACHE_NO_NAME_AGE = 5000, /* ms; within what RFC 2308 section 5 lets one do */
};

/** A question: the name in lower case, and what is asked about it. */
struct resolver_cache_key {
    size_t len;
    uint8_t bytes[1 + RESOLVER_CACHE_NAME_BYTES];
};

struct resolver_cache {
    struct map entries; /* struct entry by its key */
    struct list used;   /* the same, the one that was used last at the end */
    size_t max;
    msec max_age;
};

void resolver_cache_init(struct resolver_cache *cache, size_t max_entries, msec max_age);
void resolver_cache_fini(struct resolver_cache *cache);

/** `name` is no longer than RESOLVER_CACHE_NAME_BYTES; `kind` tells questions about the same
 * name apart, and is AF_INET or AF_INET6 where addresses are asked for. */
struct resolver_cache_key resolver_cache_key_of(struct span name, uint8_t kind);

static inline struct span resolver_cache_key_span(const struct resolver_cache_key *key)
{
    return span_of(key->bytes, key->len);
}

/** Whether the answer is known at `now`. Addresses have port 0 and begin with another one each
 * time; *ret_count is 0 when the name does not exist. */
bool resolver_cache_find(struct resolver_cache *cache, const struct resolver_cache_key *key,
                         msec now, struct addr ret_addrs[RESOLVER_ADDRS_MAX],
                         size_t *ret_count);

/** Remembers an answer for `age`, within the bounds; none (`count` 0) for
 * RESOLVER_CACHE_NO_NAME_AGE at most. Replaces what was known. Without memory nothing is
 * remembered. */
void resolver_cache_put(struct resolver_cache *cache, const struct resolver_cache_key *key,
                        msec now, const struct addr *addrs, size_t count, msec age);

/** localhost and what ends in it, also with a final dot, in any case. */
bool resolver_cache_is_localhost(struct span name);

/** Copies the addresses, beginning with the `turn`-th modulo their number. */
void resolver_cache_rotate(const struct addr *addrs, size_t count, size_t turn,
                           struct addr *ret_addrs);
