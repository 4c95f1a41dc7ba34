/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The store that a realm has by default: pubsub/store.h in one directory, by LMDB.
 *
 * A thread behind the loop takes all that is pending, does it in one transaction and syncs once
 * (group commit); a letter brings the outcomes to the loop. What is read comes from the mapped
 * file, on the loop's thread, without a copy. The directory belongs to one process at a time.
 */
#pragma once

#include "base/rng.h"
#include "io/mailbox.h"
#include "pubsub/store.h"

enum {
    STORE_LMDB_FAULT_BYTES = 512,
    STORE_LMDB_BYTES_MIN = 1024 * 1024, /* of bytes_max */
};

struct store_lmdb_conf {
    const char *path;   /* a directory that is there and can be written */
    uint64_t bytes_max; /* of its file: events, keys, and what holds them together */
    size_t streams_max; /* opened in one life of the store */
    size_t pending_bytes_max;
    struct mailbox *mailbox; /* borrowed until the store is closed; it must go later */
    const struct log *log;   /* the same, also for the thread behind; may be NULL */
    struct rng *rng;         /* the same; the loop's: epochs */
};

/**
 * On failure `ret_fault` has a sentence for the operator. ERR_CONF: he can mend it (there is no
 * such directory, it cannot be written, another process has it, it is somebody else's or of
 * another version). ERR_IO, ERR_NOMEM.
 */
must_check enum err store_lmdb_open(const struct store_lmdb_conf *conf,
                                    struct store **ret_store,
                                    char ret_fault[STORE_LMDB_FAULT_BYTES]);
