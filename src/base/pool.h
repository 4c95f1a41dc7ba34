/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Rooms of one size for one worker: what bytes arrive in and wait in. Freed rooms are kept for
 * the next user up to a number, then go back to the system. Not for use by several threads.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

struct pool_room;

struct pool {
    struct pool_room *free; /* owned */
    size_t room_bytes;
    size_t free_count;
    size_t keep_count; /* at most so many wait for their next user */
    size_t out_count;  /* with users now */
    size_t max_count;  /* never more than so many with users */
};

/** room_bytes must hold at least a pointer. */
void pool_init(struct pool *pool, size_t room_bytes, size_t keep_count, size_t max_count);

/** Every room must have come back. */
void pool_fini(struct pool *pool);

/** A room of room_bytes, content undefined. ERR_LIMIT: max_count are out; ERR_NOMEM. */
must_check enum err pool_take(struct pool *pool, void **ret_room);

/** Gives a room back; NULL is fine. */
void pool_give(struct pool *pool, void *room);
