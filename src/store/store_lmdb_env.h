/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The LMDB environment in one directory: what is in it, how large it may be, and who looks.
 *
 * Four databases: "streams" (a stream's name: its numbers), "events" (a stream's id and an EID:
 * a record), "sweeps" (a stream's id: below this EID its records are rubbish), "state" (a key:
 * a value); and "mark", which says whose the file is and which version of all this.
 *
 * Two threads: the loop's reads, the writer's writes. The map moves when it grows, so both hold
 * `map_lock`: the one while it reads, the other while it grows.
 */
#pragma once

#include "base/span.h"
#include "store/store_lmdb_dir.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    STORE_LMDB_ENV_VERSION = 1,
    STORE_LMDB_ENV_FAULT_BYTES = STORE_LMDB_DIR_FAULT_BYTES,
};

struct store_lmdb_env {
    char *path;                 /* owned */
    uint64_t bytes_max;         /* of data.mdb */
    uint64_t removal_bytes_max; /* the same, with what is held back for removals */
    const struct log *log;
    int lock_fd;  /* owned; -1: none */
    MDB_env *mdb; /* owned; NULL: it could not be opened again, see ..._heal() */
    MDB_dbi streams;
    MDB_dbi events;
    MDB_dbi sweeps;
    MDB_dbi state;
    MDB_dbi mark;
    pthread_mutex_t map_lock; /* guards where the map is, and `mdb` */
    bool has_lock;            /* map_lock was made */
    MDB_txn *reader;          /* owned; the loop's: reset while nobody reads */
    unsigned reading;         /* the loop's: store_lmdb_env_read() without ..._read_end() */
    bool is_full;             /* the writer's: it was said */
    atomic_int said;          /* the fault that was said last: a broken disk fills no log */
};

/**
 * Opens what is in the directory, or makes it there. On failure `fault` has a sentence for the
 * operator: ERR_CONF when he can mend it (no such directory, not writable, in use by another
 * process, not ours, of a newer version), ERR_IO, ERR_NOMEM. Takes no memory that
 * store_lmdb_env_close() does not give back, which is to be called in any case.
 */
must_check enum err store_lmdb_env_open(struct store_lmdb_env *env, const char *path,
                                        uint64_t bytes_max, const struct log *log,
                                        char fault[STORE_LMDB_ENV_FAULT_BYTES]);

/** Takes a zeroed one, and one that failed to open. */
void store_lmdb_env_close(struct store_lmdb_env *env);

/* ---- the loop's thread ---- */

/** What is committed now, until store_lmdb_env_read_end(); inside another, what that one sees.
 *  ERR_IO, ERR_NOMEM. */
must_check enum err store_lmdb_env_read(struct store_lmdb_env *env, MDB_txn **ret_txn);

void store_lmdb_env_read_end(struct store_lmdb_env *env);

/* ---- the writer's thread, without a transaction ---- */

/** The map is larger now. False when it is as large as it may be: `for_removal` that is more.
 */
bool store_lmdb_env_grow(struct store_lmdb_env *env, bool for_removal);

/** Takes back what was grown for a removal, as far as nothing is there. */
void store_lmdb_env_settle(struct store_lmdb_env *env);

/** After MDB_PANIC: opens it again. ERR_IO. */
must_check enum err store_lmdb_env_heal(struct store_lmdb_env *env);

/** Whether LMDB or the disk says that it is full. LMDB calls a short write EIO: then the disk
 * is asked. */
bool store_lmdb_env_is_full(const struct store_lmdb_env *env, int code);

/* ---- any of both ---- */

/** What the one who submitted is to be told; tells the log why, but not the same again until
 *  something went well. */
enum err store_lmdb_env_err(struct store_lmdb_env *env, int code, const char *doing);

/** Something was written. */
void store_lmdb_env_went_well(struct store_lmdb_env *env, bool with_room);
