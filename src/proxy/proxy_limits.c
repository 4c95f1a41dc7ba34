/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_limits.h"

#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    SHARDS = 16,       /* a power of two */
    NETWORK_BYTES = 8, /* a /64 */
};

struct shard {
    pthread_mutex_t lock; /* guards what follows, and the counts of its entries */
    struct map holds;
};

struct proxy_limits_hold {
    struct shard *shard;
    uint64_t count;
    size_t key_len;
    uint8_t key[];
};

struct proxy_limits {
    struct shard shards[SHARDS];
};

enum err proxy_limits_new(struct proxy_limits **ret_limits, size_t max_entries)
{
    struct proxy_limits *limits = calloc(1, sizeof *limits);

    if (limits == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&limits->shards[i].lock, NULL); /* cannot fail on Linux */
        map_init(&limits->shards[i].holds, max_entries);   /* all may fall into one */
    }
    *ret_limits = limits;
    return OK;
}

void proxy_limits_free(struct proxy_limits *limits)
{
    if (limits == NULL) {
        return;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        assert(map_count(&limits->shards[i].holds) == 0);
        map_fini(&limits->shards[i].holds);
        pthread_mutex_destroy(&limits->shards[i].lock);
    }
    free(limits);
}

struct span proxy_limits_client(const struct addr *client, uint8_t *room)
{
    const struct addr plain = addr_unmapped(client);
    size_t len;

    if (plain.sa.any.sa_family == AF_INET) {
        len = sizeof plain.sa.v4.sin_addr;
        room[0] = '4';
        memcpy(room + 1, &plain.sa.v4.sin_addr, len);
    } else {
        len = NETWORK_BYTES;
        room[0] = '6';
        memcpy(room + 1, &plain.sa.v6.sin6_addr, len);
    }
    return span_of(room, len + 1);
}

struct span proxy_limits_connections(const struct addr *client, uint8_t *room)
{
    struct span key = proxy_limits_client(client, room);

    room[0] = room[0] == '4' ? 'c' : 'C';
    return key;
}

struct span proxy_limits_user(struct span name, uint8_t *room)
{
    struct span kept = span_head(name, PROXY_LIMITS_KEY_BYTES - 1);

    room[0] = 'u';
    memcpy(room + 1, kept.ptr, kept.len);
    return span_of(room, kept.len + 1);
}

/* Spreads load only: whoever chooses keys so that they meet in a shard waits for its lock.
 * FNV-1a.
 */
static struct shard *shard_of(struct proxy_limits *limits, struct span key)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ key.ptr[i]) * 16777619u;
    }
    return &limits->shards[(hash ^ hash >> 16) % SHARDS];
}

static enum err hold_new(struct shard *shard, struct span key,
                         struct proxy_limits_hold **ret_hold)
{
    struct proxy_limits_hold *hold = calloc(1, sizeof *hold + key.len);
    enum err e;

    if (hold == NULL) {
        return ERR_NOMEM;
    }
    hold->shard = shard;
    hold->key_len = key.len;
    memcpy(hold->key, key.ptr, key.len);
    e = map_insert(&shard->holds, span_of(hold->key, key.len), hold);
    if (e != OK) {
        free(hold);
        return e;
    }
    *ret_hold = hold;
    return OK;
}

static enum err take_locked(struct shard *shard, struct span key, uint64_t max,
                            struct proxy_limits_hold **ret_hold)
{
    struct proxy_limits_hold *hold = map_find(&shard->holds, key);

    if (hold == NULL) {
        TRY(hold_new(shard, key, &hold));
    } else if (hold->count >= max) {
        return ERR_LIMIT;
    }
    hold->count++;
    *ret_hold = hold;
    return OK;
}

enum err proxy_limits_take(struct proxy_limits *limits, struct span key, uint64_t max,
                           struct proxy_limits_hold **ret_hold)
{
    struct shard *shard = shard_of(limits, key);
    enum err e;

    if (max == 0) {
        *ret_hold = NULL;
        return OK;
    }
    pthread_mutex_lock(&shard->lock);
    e = take_locked(shard, key, max, ret_hold);
    pthread_mutex_unlock(&shard->lock);
    return e;
}

void proxy_limits_give(struct proxy_limits *limits, struct proxy_limits_hold *hold)
{
    struct shard *shard;
    bool is_last;

    (void)limits;
    if (hold == NULL) {
        return;
    }
    shard = hold->shard;
    pthread_mutex_lock(&shard->lock);
    is_last = --hold->count == 0;
    if (is_last) {
        map_remove(&shard->holds, span_of(hold->key, hold->key_len));
    }
    pthread_mutex_unlock(&shard->lock);
    if (is_last) {
        free(hold);
    }
}
