/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One submission while it is pending: a copy of its operations, in one allocation, so that what
 * carries it out needs no memory of its own. Shared by the kinds of store.
 */
#pragma once

#include "base/list.h"
#include "pubsub/store.h"

/** A stream's numbers, as one operation left them. */
struct store_job_after {
    uint64_t first_eid;
    uint64_t next_eid;
    uint64_t count;
    uint64_t bytes;
};

struct store_job {
    struct list node; /* the store's */
    store_done *done;
    void *ctx; /* borrowed until `done` */
    enum err e;
    size_t bytes; /* memory, events included */
    size_t count;
    bool needs_room; /* it may not use what is held back: see store_done */
    uint64_t *eids;  /* inside the allocation, as are the next and all keys and values */
    struct store_op *ops;
    struct store_job_after *after; /* of the stream of each operation that has one */
};

/** Takes a reference to each event and counts as pending. ERR_AGAIN when too much is,
 * ERR_NOMEM.
 */
must_check enum err store_job_new(struct store *store, const struct store_op *ops, size_t count,
                                  store_done *done, void *ctx, struct store_job **ret_job);

/** Shows the streams' new numbers, tells, and frees. */
void store_job_tell(struct store *store, struct store_job *job);

/** Without telling anybody. */
void store_job_drop(struct store *store, struct store_job *job);
