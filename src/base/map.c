/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/map.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) ((entry)->inserted = false)
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wshadow"
#pragma clang diagnostic ignored "-Wconversion"
#endif
#include <uthash.h>
/* Most maps are small, and sessions have one each: it grows by itself, and one entry alone is
 * in no table (hh.tbl is NULL), which would take twice as much as the entry. */
#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define HASH_INITIAL_NUM_BUCKETS      4U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 2U

struct map_entry {
    UT_hash_handle hh;
    struct span key; /* borrowed from the value's owner */
    void *value;     /* borrowed */
    bool inserted;
};

void map_init(struct map *map, size_t max_entries)
{
    *map = (struct map){.max = max_entries};
}

static bool is_alone(const struct map_entry *entry)
{
    return entry != NULL && entry->hh.tbl == NULL;
}

static void take_out(struct map *map, struct map_entry *entry)
{
    if (is_alone(entry)) {
        map->entries = NULL;
    } else {
        HASH_DEL(map->entries, entry);
    }
    free(entry);
}

void map_fini(struct map *map)
{
    struct map_entry *entry, *after;

    HASH_ITER(hh, map->entries, entry, after)
    {
        take_out(map, entry);
    }
}

size_t map_count(const struct map *map)
{
    return is_alone(map->entries) ? 1 : HASH_COUNT(map->entries);
}

static struct map_entry *entry_of(const struct map *map, struct span key)
{
    struct map_entry *entry = NULL;

    if (is_alone(map->entries)) {
        return span_equal(map->entries->key, key) ? map->entries : NULL;
    }
    HASH_FIND(hh, map->entries, key.ptr, key.len, entry);
    return entry;
}

/* False without memory: then it is in no table, and *head is as it was. */
static bool add(struct map_entry **head, struct map_entry *entry)
{
    entry->inserted = true;
    HASH_ADD_KEYPTR(hh, *head, entry->key.ptr, entry->key.len, entry);
    return entry->inserted;
}

/* The one that was alone moves into a table of its own. */
static enum err make_table(struct map *map)
{
    struct map_entry *head = NULL;
    struct map_entry *first = map->entries;

    if (!add(&head, first)) {
        first->hh = (UT_hash_handle){0};
        return ERR_NOMEM;
    }
    map->entries = head;
    return OK;
}

enum err map_insert(struct map *map, struct span key, void *value)
{
    struct map_entry *entry;

    assert(entry_of(map, key) == NULL);
    if (map_count(map) >= map->max) {
        return ERR_LIMIT;
    }
    if (is_alone(map->entries)) {
        TRY(make_table(map));
    }
    entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return ERR_NOMEM;
    }
    entry->key = key;
    entry->value = value;
    if (map->entries == NULL) {
        map->entries = entry;
    } else if (!add(&map->entries, entry)) {
        free(entry);
        return ERR_NOMEM;
    }
    return OK;
}

void *map_find(const struct map *map, struct span key)
{
    struct map_entry *entry = entry_of(map, key);

    return entry == NULL ? NULL : entry->value;
}

void *map_remove(struct map *map, struct span key)
{
    struct map_entry *entry = entry_of(map, key);
    void *value;

    if (entry == NULL) {
        return NULL;
    }
    value = entry->value;
    take_out(map, entry);
    return value;
}

void map_visit(struct map *map, void (*visit)(void *ctx, void *value), void *ctx)
{
    struct map_entry *entry, *after;

    HASH_ITER(hh, map->entries, entry, after)
    {
        visit(ctx, entry->value);
    }
}
