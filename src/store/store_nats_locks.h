/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who has which lock: part of what all realms agree on. A lock changes when the log says so,
 * and is shown when what stands before that in the log has been told, too.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "pubsub/store.h"

enum {
    STORE_NATS_LOCKS_SUM_BYTES = 32,
};

/** As it is kept in the mirror; `key` is as long as the record says. */
struct store_nats_locks_image {
    uint64_t holder; /* an author; 0: nobody */
    uint16_t key_len;
    uint16_t value_len;
    uint32_t zero;
    uint8_t value[STORE_LOCK_VALUE_MAX];
    uint8_t key[STORE_KEY_MAX];
};

struct store_nats_lock {
    struct list node;    /* of the set */
    struct list changed; /* of those to be kept; points at itself otherwise */
    uint8_t sum[STORE_NATS_LOCKS_SUM_BYTES]; /* of the key */
    struct store_nats_locks_image image;     /* as the log has it */
    uint64_t shown;                          /* as it was told: the holder, and the value */
    size_t shown_len;
    uint8_t shown_value[STORE_LOCK_VALUE_MAX];
    size_t users; /* who still has to show it */
};

struct store_nats_locks {
    struct list all;
    struct list changed;
    struct map by_key;
};

void store_nats_locks_init(struct store_nats_locks *locks);
void store_nats_locks_fini(struct store_nats_locks *locks);

/** NULL: nobody has it, and nothing was left with it. */
struct store_nats_lock *store_nats_locks_find(const struct store_nats_locks *locks,
                                              struct span key);

/** The same; made when there is none. ERR_NOMEM. */
must_check enum err store_nats_locks_get(struct store_nats_locks *locks, struct span key,
                                         struct store_nats_lock **ret_lock);

/** What the log says. The value is copied; with `value` NULL it stays. */
void store_nats_locks_set(struct store_nats_locks *locks, struct store_nats_lock *lock,
                          uint64_t holder, const struct span *value);

/** What is told: to be called before somebody is. */
void store_nats_locks_show(struct store_nats_lock *lock, uint64_t holder, struct span value);

/** Frees a lock that nobody has, with nothing left, shown or to be shown. */
void store_nats_locks_settle(struct store_nats_locks *locks, struct store_nats_lock *lock);

/** Puts back what was kept: shown, too. False: it is none; ERR_NOMEM in *ret_e. */
bool store_nats_locks_restore(struct store_nats_locks *locks, struct span kept,
                              enum err *ret_e);

/** What is to be kept of it; empty: nothing any more. Borrowed until it changes. */
struct span store_nats_locks_kept(const struct store_nats_lock *lock);

static inline struct span store_nats_locks_key(const struct store_nats_lock *lock)
{
    return span_of(lock->image.key, lock->image.key_len);
}

static inline struct span store_nats_locks_value(const struct store_nats_lock *lock)
{
    return span_of(lock->image.value, lock->image.value_len);
}

static inline struct span store_nats_locks_shown(const struct store_nats_lock *lock)
{
    return span_of(lock->shown_value, lock->shown_len);
}
