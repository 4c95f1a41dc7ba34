/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The reference: pubsub/store.h with arrays, for tests and simulations. It touches no system
 * and does nothing by itself: what is submitted is pending until store_mem_run().
 *
 * What is stored belongs to a disk object, which outlives the store: closing and opening again
 * is a restart, store_mem_kill() a crash. Several shared stores may have one disk open: see
 * store_mem_share.
 */
#pragma once

#include "base/log.h"
#include "base/rng.h"
#include "store/store_mem_share.h"

struct store_mem_conf {
    uint64_t bytes_max; /* of records, keys and values on the disk; past it: ERR_LIMIT */
    size_t streams_max;
    size_t pending_bytes_max;
    bool is_shared;        /* so are all others that have the disk open */
    const struct log *log; /* borrowed for the store's life; may be NULL */
    struct rng *rng;       /* the same: epochs */
    /* Called inside store_submit() when something is pending after nothing was, and when
     * another store has something to tell then: the owner sees to it that store_mem_run() is
     * called later. NULL: it knows anyhow. */
    void (*on_pending)(void *ctx);
    void *ctx; /* borrowed */
};

/** The disk is borrowed until the store is closed. ERR_NOMEM. */
must_check enum err store_mem_open(const struct store_mem_conf *conf,
                                   struct store_mem_disk *disk, struct store **ret_store);

/** Does and tells up to `count` submissions, the oldest first; those that come meanwhile count
 *  as well. A shared store sends all that it has, and is told `count` things. */
void store_mem_run(struct store *store, size_t count);

/** What a crash leaves: the disk. What is pending is neither done nor told. Takes NULL. */
void store_mem_kill(struct store *store);

/** From now on every submission ends with this, and nothing of it is stored; OK: no longer. */
void store_mem_fail(struct store *store, enum err e);

/** A shared store was cut off for too long: its locks are free for others. */
void store_mem_lose_locks(struct store *store);
