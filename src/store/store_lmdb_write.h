/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The writer: takes what is pending, does all of it in one transaction of LMDB, and syncs once.
 * Where that fails for want of room, each submission is tried alone, so that only those fail
 * that must. Everything here belongs to the writer's thread; it allocates nothing of its own.
 */
#pragma once

#include "store/store_job.h"
#include "store/store_lmdb_change.h"

/** A stream as store_lmdb has it open. */
struct store_lmdb_write_stream {
    struct store_stream stream; /* the loop's, but for its name */
    struct list node;           /* the loop's */
    uint64_t id;                /* never changes, as the next */
    uint64_t epoch;
    struct store_lmdb_data_numbers now; /* the writer's: as its transaction leaves them */
    struct list touched;                /* the writer's; in no list: `now` is not known */
};

struct store_lmdb_writer {
    struct store_lmdb_change change; /* the transaction; its parts are owned here */
    struct list touched;             /* struct store_lmdb_write_stream */
    bool has_freed;                  /* pages went free in the last transaction */
};

/** There may be something left to sweep from before. */
void store_lmdb_write_init(struct store_lmdb_writer *writer, struct store_lmdb_env *env);

/** Does all jobs of the list, in order, and sets their outcomes. It is synced when this
 * returns.
 */
void store_lmdb_write_jobs(struct store_lmdb_writer *writer, struct list *jobs);

/** Sweeps a little of what is out of sight. */
void store_lmdb_write_sweep(struct store_lmdb_writer *writer);
