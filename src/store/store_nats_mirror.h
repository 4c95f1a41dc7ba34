/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the log says, at hand: a store of its own for each realm, from which everything is read.
 * With a directory it is a store_lmdb, and a restart goes on where it was; otherwise it is in
 * memory. Either may be thrown away at any time: the server has all of it.
 */
#pragma once

#include "store/store_lmdb.h"
#include "store/store_mem.h"

struct store_nats_mirror_conf {
    const char *path;   /* NULL: in memory */
    uint64_t bytes_max; /* what a realm may store; what holds it together comes on top */
    struct loop *loop;  /* borrowed, as are the next, until the mirror is closed */
    const struct log *log;
    struct rng *rng;
};

struct store_nats_mirror {
    struct store_nats_mirror_conf conf;
    struct store *store;         /* owned, as are the next */
    struct store_mem_disk *disk; /* of one in memory */
    struct mailbox *mailbox;     /* of one on the disk */
    struct loop *inner;          /* before it is handed to the realm's loop */
    bool had_data;               /* when it was opened: perhaps it is somebody else's */
};

/** On a loop of its own: store_nats_mirror_drive() waits for it. `fault` has a sentence on
 *  failure; in any case store_nats_mirror_close(). */
must_check enum err store_nats_mirror_open(struct store_nats_mirror *mirror,
                                           const struct store_nats_mirror_conf *conf,
                                           char fault[STORE_LMDB_FAULT_BYTES]);

/** Throws away what is in it, and begins anew. */
must_check enum err store_nats_mirror_clear(struct store_nats_mirror *mirror,
                                            char fault[STORE_LMDB_FAULT_BYTES]);

/** From now on it answers on the realm's loop. All that was submitted is done and told; its
 *  streams are others than before. */
must_check enum err store_nats_mirror_hand_over(struct store_nats_mirror *mirror,
                                                char fault[STORE_LMDB_FAULT_BYTES]);

/** Until something was told, before it is handed over. */
void store_nats_mirror_drive(struct store_nats_mirror *mirror);

/** One in memory does what was submitted now, and tells. */
void store_nats_mirror_run(struct store_nats_mirror *mirror);

/** It is not to be used at the next start. As well as it goes. */
void store_nats_mirror_spoil(struct store_nats_mirror *mirror, struct span place_key);

/** What was submitted is done and told. Takes a zeroed one. */
void store_nats_mirror_close(struct store_nats_mirror *mirror);

static inline bool store_nats_mirror_is_on_disk(const struct store_nats_mirror *mirror)
{
    return mirror->conf.path != NULL;
}
