/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum {
    BLOCK_BYTES = 4096
};

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t cap;
    alignas(max_align_t) uint8_t room[];
};

void arena_init(struct arena *arena, size_t max_bytes)
{
    *arena = (struct arena){.max = max_bytes};
}

void arena_fini(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
    arena->used = 0;
}

enum err arena_alloc(struct arena *arena, size_t bytes, void **ret_ptr)
{
    const size_t align = alignof(max_align_t);
    struct arena_block *block = arena->blocks;

    if (bytes > arena->max - arena->used || bytes > SIZE_MAX - 2 * align) {
        return ERR_LIMIT;
    }
    bytes = (bytes + align - 1) / align * align;
    if (block == NULL || bytes > block->cap - block->used) {
        size_t cap = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

        block = calloc(1, sizeof *block + cap);
        if (block == NULL) {
            return ERR_NOMEM;
        }
        block->cap = cap;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    *ret_ptr = block->room + block->used;
    block->used += bytes;
    arena->used = bytes > arena->max - arena->used ? arena->max : arena->used + bytes;
    return OK;
}

enum err arena_copy(struct arena *arena, struct span bytes, struct span *ret_copy)
{
    void *copy;

    if (bytes.len == SIZE_MAX) {
        return ERR_LIMIT;
    }
    TRY(arena_alloc(arena, bytes.len + 1, &copy));
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    *ret_copy = span_of(copy, bytes.len);
    return OK;
}
