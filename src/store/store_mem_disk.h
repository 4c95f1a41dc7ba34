/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What store_mem stores, in arrays, and how operations change it.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "pubsub/queue_ids.h"
#include "store/store_job.h"

enum {
    STORE_MEM_DISK_IDS = 1024 /* publish ids of a stream that a shared disk remembers */
};

struct store_mem_disk_record {
    uint64_t eid;
    uint8_t *bytes; /* owned */
    size_t len;
};

struct store_mem_disk_kept {
    struct list node; /* the disk's */
    char *name;       /* owned */
    uint64_t epoch;
    uint64_t next_eid;
    uint64_t bytes;
    struct store_mem_disk_record *records; /* owned; those in use stand in the order of EIDs */
    size_t head;                           /* the first in use: what goes first moves nothing */
    size_t count;                          /* in use */
    size_t room;

    /* Of a shared disk. */
    bool keeps_none;
    struct queue_ids ids; /* the newest publish ids */
    struct list readers;  /* struct store_mem_disk_stream: who is told */
};

struct store_mem_disk_entry {
    uint8_t *key; /* owned; the value stands behind it */
    size_t key_len;
    size_t value_len;
};

struct store_mem_disk {
    struct list streams;                 /* struct store_mem_disk_kept */
    struct map names;                    /* the same by name */
    struct store_mem_disk_entry *values; /* owned; in the order of keys */
    size_t value_count;
    size_t value_room;
    uint64_t bytes;
    bool is_open;        /* by one store that does not share it */
    struct list sharers; /* store_mem_share's: struct store_mem_share */
    struct list locks;   /* the same: struct store_mem_disk_lock, owned */
};

/** A lock that somebody has, or with which something was left. */
struct store_mem_disk_lock {
    struct list node;               /* the disk's */
    struct store_mem_share *holder; /* borrowed; NULL: it is free */
    struct list spares;             /* letters that tell that it is free; owned */
    size_t value_len;
    uint8_t value[STORE_LOCK_VALUE_MAX];
    size_t key_len;
    uint8_t key[];
};

/** A stream as a store has it open. */
struct store_mem_disk_stream {
    struct store_stream stream;
    struct list node;                 /* the store's */
    struct store_mem_disk_kept *kept; /* borrowed from the disk */
    struct list reader;               /* in kept->readers when the store is shared */
    struct store_mem_share *share;    /* borrowed from the store; NULL: it is not shared */
};

/** ERR_NOMEM. */
must_check enum err store_mem_disk_new(struct store_mem_disk **ret_disk);

/** No store may have it open. Takes NULL. */
void store_mem_disk_free(struct store_mem_disk *disk);

/** Changes a byte of a stored event's record. False when there is none. */
bool store_mem_disk_corrupt(struct store_mem_disk *disk, struct span stream, uint64_t eid);

/** NULL when there is none. */
struct store_mem_disk_kept *store_mem_disk_find(const struct store_mem_disk *disk,
                                                struct span name);

/** A stream that is not there yet. ERR_NOMEM. */
must_check enum err store_mem_disk_make(struct store_mem_disk *disk, struct span name,
                                        uint64_t epoch, struct store_mem_disk_kept **ret_kept);

/** All operations of a job, or none: ERR_LIMIT past `bytes_max`, ERR_NOMEM. */
must_check enum err store_mem_disk_do(struct store_mem_disk *disk, struct store_job *job,
                                      uint64_t bytes_max);

/** The stream's numbers for somebody who knows of no event with this EID or a later one. */
struct store_job_after store_mem_disk_view(const struct store_mem_disk_kept *kept,
                                           uint64_t next_eid);

/** The record at a place, which is below the count. */
static inline struct store_mem_disk_record *store_mem_disk_at(
    const struct store_mem_disk_kept *kept, size_t place)
{
    return &kept->records[kept->head + place];
}

/** The place of the first record with this EID or a later one. */
size_t store_mem_disk_place(const struct store_mem_disk_kept *kept, uint64_t eid);

/** The place of the first key that is this one or a later one. */
size_t store_mem_disk_key_place(const struct store_mem_disk *disk, struct span key);

static inline struct span store_mem_disk_key(const struct store_mem_disk_entry *value)
{
    return span_of(value->key, value->key_len);
}

static inline struct span store_mem_disk_value(const struct store_mem_disk_entry *value)
{
    return span_of(value->key + value->key_len, value->value_len);
}

static inline uint64_t store_mem_disk_first_eid(const struct store_mem_disk_kept *kept)
{
    return kept->count > 0 ? store_mem_disk_at(kept, 0)->eid : kept->next_eid;
}
