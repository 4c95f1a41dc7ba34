/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/auth_cache.h"

#include <stdlib.h>

enum {
    SETS = 256, /* a power of two */
    WAYS = 4,
    KEY_BYTES = 32,
    TEXT_BYTES_MAX = 1200, /* hash, user and password with their lengths */
};

struct entry {
    struct auth_cache_key key;
    msec until; /* 0: free */
};

struct auth_cache {
    msec ttl;
    uint8_t secret[KEY_BYTES];
    struct entry entries[SETS][WAYS];
};

enum err auth_cache_new(struct auth_cache **ret_cache, msec ttl, struct rng *rng)
{
    struct auth_cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL) {
        return ERR_NOMEM;
    }
    cache->ttl = ttl;
    rng_fill(rng, mspan_of(cache->secret, sizeof cache->secret));
    *ret_cache = cache;
    return OK;
}

void auth_cache_free(struct auth_cache *cache)
{
    if (cache != NULL) {
        digest_wipe(cache->secret, sizeof cache->secret);
    }
    free(cache);
}

void auth_cache_set_ttl(struct auth_cache *cache, msec ttl)
{
    cache->ttl = ttl;
}

/* With its length in front: no two triples are the same bytes. */
static size_t add_part(uint8_t *room, size_t len, struct span part)
{
    assert(part.len <= UINT16_MAX && len + 2 + part.len <= TEXT_BYTES_MAX);
    room[len++] = (uint8_t)(part.len >> 8);
    room[len++] = (uint8_t)(part.len & 0xff);
    if (part.len > 0) {
        memcpy(room + len, part.ptr, part.len);
    }
    return len + part.len;
}

enum err auth_cache_digest(const struct auth_cache *cache, struct span hash, struct span user,
                           struct span password, struct auth_cache_key *ret_key)
{
    uint8_t text[TEXT_BYTES_MAX];
    size_t len = 0;
    enum err e;

    len = add_part(text, len, hash);
    len = add_part(text, len, user);
    len = add_part(text, len, password);
    e = digest_hmac_sha256(span_of(cache->secret, sizeof cache->secret), span_of(text, len),
                           ret_key->bytes);
    digest_wipe(text, len);
    return e;
}

static size_t set_of(const struct auth_cache_key *key)
{
    return (size_t)(key->bytes[0] | key->bytes[1] << 8) % SETS;
}

static bool is_key(const struct entry *entry, const struct auth_cache_key *key)
{
    return digest_same(span_of(entry->key.bytes, sizeof entry->key.bytes),
                       span_of(key->bytes, sizeof key->bytes));
}

bool auth_cache_has(const struct auth_cache *cache, const struct auth_cache_key *key, msec now)
{
    const struct entry *set = cache->entries[set_of(key)];

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].until > now && is_key(&set[i], key)) {
            return true;
        }
    }
    return false;
}

void auth_cache_put(struct auth_cache *cache, const struct auth_cache_key *key, msec now)
{
    struct entry *set = cache->entries[set_of(key)];
    struct entry *oldest = &set[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (is_key(&set[i], key)) {
            oldest = &set[i];
            break;
        }
        if (set[i].until < oldest->until) {
            oldest = &set[i];
        }
    }
    *oldest = (struct entry){.key = *key, .until = now + cache->ttl};
}
