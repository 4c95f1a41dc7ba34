/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Logins that were right a short while ago, so that bcrypt is not paid for every request. One
 * per worker, of a fixed size; when it is full the oldest of a neighbourhood goes. It holds
 * keyed digests, no names and no passwords; the stored hash is part of what is digested, so a
 * changed file needs no flushing.
 */
#pragma once

#include "base/clock.h"
#include "base/digest.h"
#include "base/rng.h"

struct auth_cache;

struct auth_cache_key {
    uint8_t bytes[DIGEST_SHA256_BYTES];
};

/** `ttl`: how long a login counts; 0: never. ERR_NOMEM. */
must_check enum err auth_cache_new(struct auth_cache **ret_cache, msec ttl, struct rng *rng);
void auth_cache_free(struct auth_cache *cache);

/** ERR_NOMEM. */
must_check enum err auth_cache_digest(const struct auth_cache *cache, struct span hash,
                                      struct span user, struct span password,
                                      struct auth_cache_key *ret_key);

bool auth_cache_has(const struct auth_cache *cache, const struct auth_cache_key *key, msec now);

void auth_cache_put(struct auth_cache *cache, const struct auth_cache_key *key, msec now);

/** After a reload: later logins count for `ttl`. */
void auth_cache_set_ttl(struct auth_cache *cache, msec ttl);
