/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_locks.h"

#include "base/digest.h"

#include <stdlib.h>

static struct store_nats_lock *lock_at(struct list *node)
{
    return LIST_ENTRY(node, struct store_nats_lock, node);
}

void store_nats_locks_init(struct store_nats_locks *locks)
{
    list_init(&locks->all);
    list_init(&locks->changed);
    map_init(&locks->by_key, SIZE_MAX);
}

void store_nats_locks_fini(struct store_nats_locks *locks)
{
    map_fini(&locks->by_key);
    LIST_FOREACH (node, after, &locks->all) {
        free(lock_at(node));
    }
    store_nats_locks_init(locks);
}

struct store_nats_lock *store_nats_locks_find(const struct store_nats_locks *locks,
                                              struct span key)
{
    return map_find(&locks->by_key, key);
}

enum err store_nats_locks_get(struct store_nats_locks *locks, struct span key,
                              struct store_nats_lock **ret_lock)
{
    struct store_nats_lock *lock = store_nats_locks_find(locks, key);
    enum err e;

    if (lock == NULL) {
        lock = calloc(1, sizeof *lock);
        if (lock == NULL) {
            return ERR_NOMEM;
        }
        assert(key.len > 0 && key.len <= STORE_KEY_MAX);
        memcpy(lock->image.key, key.ptr, key.len);
        lock->image.key_len = (uint16_t)key.len;
        e = digest_hmac_sha256(SPAN("lock"), key, lock->sum);
        if (e == OK) {
            e = map_insert(&locks->by_key, store_nats_locks_key(lock), lock);
        }
        if (e != OK) {
            free(lock);
            return e;
        }
        list_init(&lock->changed);
        list_append(&locks->all, &lock->node);
    }
    *ret_lock = lock;
    return OK;
}

void store_nats_locks_set(struct store_nats_locks *locks, struct store_nats_lock *lock,
                          uint64_t holder, const struct span *value)
{
    lock->image.holder = holder;
    if (value != NULL) {
        assert(value->len <= STORE_LOCK_VALUE_MAX);
        memset(lock->image.value, 0, sizeof lock->image.value);
        if (value->len > 0) {
            memcpy(lock->image.value, value->ptr, value->len);
        }
        lock->image.value_len = (uint16_t)value->len;
    }
    list_remove(&lock->changed);
    list_append(&locks->changed, &lock->changed);
}

void store_nats_locks_show(struct store_nats_lock *lock, uint64_t holder, struct span value)
{
    lock->shown = holder;
    lock->shown_len = value.len;
    if (value.len > 0) {
        memcpy(lock->shown_value, value.ptr, value.len);
    }
}

void store_nats_locks_settle(struct store_nats_locks *locks, struct store_nats_lock *lock)
{
    if (lock->users == 0 && lock->shown == 0 && lock->shown_len == 0 &&
        lock->image.holder == 0 && lock->image.value_len == 0 &&
        list_is_empty(&lock->changed)) {
        map_remove(&locks->by_key, store_nats_locks_key(lock));
        list_remove(&lock->node);
        free(lock);
    }
}

bool store_nats_locks_restore(struct store_nats_locks *locks, struct span kept, enum err *ret_e)
{
    const size_t head = offsetof(struct store_nats_locks_image, key);
    struct store_nats_locks_image image;
    struct store_nats_lock *lock;

    if (kept.len <= head || kept.len > sizeof image) {
        return false;
    }
    memcpy(&image, kept.ptr, kept.len);
    if (image.key_len != kept.len - head || image.value_len > STORE_LOCK_VALUE_MAX) {
        return false;
    }
    *ret_e = store_nats_locks_get(locks, span_of(image.key, image.key_len), &lock);
    if (*ret_e == OK) {
        memcpy(&lock->image, &image, kept.len);
        store_nats_locks_show(lock, image.holder, store_nats_locks_value(lock));
    }
    return true;
}

struct span store_nats_locks_kept(const struct store_nats_lock *lock)
{
    if (lock->image.holder == 0 && lock->image.value_len == 0) {
        return SPAN("");
    }
    return span_of(&lock->image,
                   offsetof(struct store_nats_locks_image, key) + lock->image.key_len);
}
