/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/pool.h"

#include <assert.h>
#include <stdlib.h>

struct pool_room {
    struct pool_room *next;
};

void pool_init(struct pool *pool, size_t room_bytes, size_t keep_count, size_t max_count)
{
    assert(room_bytes >= sizeof(struct pool_room));
    *pool = (struct pool){
        .room_bytes = room_bytes, .keep_count = keep_count, .max_count = max_count};
}

void pool_fini(struct pool *pool)
{
    assert(pool->out_count == 0);
    while (pool->free != NULL) {
        struct pool_room *room = pool->free;

        pool->free = room->next;
        free(room);
    }
    pool->free_count = 0;
}

enum err pool_take(struct pool *pool, void **ret_room)
{
    struct pool_room *room = pool->free;

    if (pool->out_count >= pool->max_count) {
        return ERR_LIMIT;
    }
    if (room != NULL) {
        pool->free = room->next;
        pool->free_count--;
    } else {
        room = malloc(pool->room_bytes);
        if (room == NULL) {
            return ERR_NOMEM;
        }
    }
    pool->out_count++;
    *ret_room = room;
    return OK;
}

void pool_give(struct pool *pool, void *take_room)
{
    struct pool_room *room = take_room;

    if (room == NULL) {
        return;
    }
    assert(pool->out_count > 0);
    pool->out_count--;
    if (pool->free_count >= pool->keep_count) {
        free(room);
        return;
    }
    room->next = pool->free;
    pool->free = room;
    pool->free_count++;
}
