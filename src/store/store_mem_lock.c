/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_mem_lock.h"

#include <stdlib.h>

static struct span key_of_lock(const struct store_mem_disk_lock *lock)
{
    return span_of(lock->key, lock->key_len);
}

static struct span value_of_lock(const struct store_mem_disk_lock *lock)
{
    return span_of(lock->value, lock->value_len);
}

struct store_mem_disk_lock *store_mem_lock_find(const struct store_mem_disk *disk,
                                                struct span key)
{
    LIST_FOREACH (node, after, &disk->locks) {
        struct store_mem_disk_lock *lock = LIST_ENTRY(node, struct store_mem_disk_lock, node);

        if (span_equal(key_of_lock(lock), key)) {
            return lock;
        }
    }
    return NULL;
}

static struct store_mem_disk_lock *lock_new(struct store_mem_disk *disk, struct span key)
{
    struct store_mem_disk_lock *lock = calloc(1, sizeof *lock + key.len);

    if (lock != NULL) {
        lock->key_len = key.len;
        memcpy(lock->key, key.ptr, key.len);
        list_init(&lock->spares);
        list_append(&disk->locks, &lock->node);
    }
    return lock;
}

static void forget_lock(struct store_mem_disk_lock *lock)
{
    store_mem_letter_free_all(&lock->spares);
    list_remove(&lock->node);
    free(lock);
}

/* A letter about it as it is, or for the time when it is free: giving back cannot fail. */
static enum err write_lock(struct list *list, struct store_mem_share *to,
                           const struct store_mem_disk_lock *lock, enum store_lock_state state)
{
    struct store_mem_letter *letter = store_mem_letter_new(
        list, to, STORE_MEM_LETTER_LOCK, key_of_lock(lock), STORE_LOCK_VALUE_MAX);

    if (letter == NULL) {
        return ERR_NOMEM;
    }
    letter->state = state;
    store_mem_letter_set_value(letter, value_of_lock(lock));
    return OK;
}

void store_mem_lock_release(struct store_mem_disk_lock *lock, struct span value,
                            const struct store_mem_share *quiet)
{
    lock->holder = NULL;
    LIST_FOREACH (node, after, &lock->spares) {
        struct store_mem_letter *spare = store_mem_letter_of(node);

        if (spare->to == quiet) {
            store_mem_letter_free(spare);
        } else {
            store_mem_letter_set_value(spare, value);
            store_mem_letter_post(spare);
        }
    }
    if (value.len == 0) {
        forget_lock(lock);
        return;
    }
    memmove(lock->value, value.ptr, value.len);
    lock->value_len = value.len;
}

static enum err write_grant(const struct store_mem_share *share,
                            struct store_mem_disk_lock *lock, struct list *told)
{
    LIST_FOREACH (node, after, &share->disk->sharers) {
        struct store_mem_share *to = LIST_ENTRY(node, struct store_mem_share, node);

        TRY(write_lock(&lock->spares, to, lock, STORE_LOCK_FREE));
        if (to != share) {
            TRY(write_lock(told, to, lock, STORE_LOCK_THEIRS));
        }
    }
    return OK;
}

enum err store_mem_lock_grant(struct store_mem_share *share, struct store_mem_letter *ask)
{
    struct store_mem_disk_lock *lock =
        store_mem_lock_find(share->disk, store_mem_letter_key(ask));
    struct list told;
    enum err e;

    if (lock != NULL && lock->holder != NULL) {
        return ERR_AGAIN;
    }
    if (lock == NULL) {
        lock = lock_new(share->disk, store_mem_letter_key(ask));
    }
    if (lock == NULL) {
        return ERR_NOMEM;
    }
    list_init(&told);
    e = write_grant(share, lock, &told);
    if (e == OK) {
        lock->holder = share;
        store_mem_letter_set_value(ask, value_of_lock(lock));
        store_mem_letter_post_all(&told);
        return OK;
    }
    store_mem_letter_free_all(&told);
    store_mem_letter_free_all(&lock->spares);
    if (lock->value_len == 0) {
        forget_lock(lock);
    }
    return e;
}

enum err store_mem_lock_learn(struct store_mem_share *share)
{
    LIST_FOREACH (node, after, &share->disk->locks) {
        struct store_mem_disk_lock *lock = LIST_ENTRY(node, struct store_mem_disk_lock, node);
        bool is_held = lock->holder != NULL;

        TRY(write_lock(&share->known, share, lock,
                       is_held ? STORE_LOCK_THEIRS : STORE_LOCK_FREE));
        if (is_held) {
            TRY(write_lock(&lock->spares, share, lock, STORE_LOCK_FREE));
        }
    }
    return OK;
}

void store_mem_lock_release_all(struct store_mem_share *share,
                                const struct store_mem_share *quiet)
{
    LIST_FOREACH (node, after, &share->disk->locks) {
        struct store_mem_disk_lock *lock = LIST_ENTRY(node, struct store_mem_disk_lock, node);

        if (lock->holder == share) {
            store_mem_lock_release(lock, value_of_lock(lock), quiet);
        }
    }
}

static void forget_spares(const struct store_mem_share *share, struct store_mem_disk_lock *lock)
{
    LIST_FOREACH (node, after, &lock->spares) {
        if (store_mem_letter_of(node)->to == share) {
            store_mem_letter_free(store_mem_letter_of(node));
        }
    }
}

void store_mem_lock_forget(const struct store_mem_share *share)
{
    LIST_FOREACH (node, after, &share->disk->locks) {
        forget_spares(share, LIST_ENTRY(node, struct store_mem_disk_lock, node));
    }
}
