/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Names to things: a thin face over uthash. Keys are bytes and live inside the entry's owner;
 * the number of entries is bounded by the owner, who refuses to grow past a configured maximum.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

struct map_entry;

struct map {
    struct map_entry *entries; /* owned */
    size_t max;                /* entries */
};

void map_init(struct map *map, size_t max_entries);

/** Frees the entries, not what they point to. */
void map_fini(struct map *map);

/** The key is borrowed until it is removed. ERR_LIMIT when full, ERR_NOMEM; it must be new. */
must_check enum err map_insert(struct map *map, struct span key, void *value);

/** NULL when there is none. */
void *map_find(const struct map *map, struct span key);

/** Returns the value that was there, or NULL. */
void *map_remove(struct map *map, struct span key);

size_t map_count(const struct map *map);

/** Calls `visit` with each value, in no promised order. `visit` may remove the value it is
 * given. */
void map_visit(struct map *map, void (*visit)(void *ctx, void *value), void *ctx);
