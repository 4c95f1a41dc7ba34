/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The promises of pubsub/store.h, put to one kind of store after the other. What a kind has of
 * its own (its disk, its faults) is tested beside its source.
 */
#pragma once

#include "lib/testing.h"

#include "base/log.h"
#include "base/rng.h"
#include "pubsub/store.h"

enum {
    STORE_CONTRACT_BYTES_MAX = 4 * 1024 * 1024, /* what every kind is given for its disk */
    STORE_CONTRACT_PENDING_MAX = 1024 * 1024,
    STORE_CONTRACT_STREAMS_MAX = 16,
};

/** One store under test, with what it stands on. */
struct store_contract_rig {
    struct store *store; /* the kind's open() sets it; the contract closes it */
    struct rng rng;      /* epochs */
    struct log log;      /* into `said` */
    char said[4096];
    void *own; /* the kind's */
};

/** How a kind is made, driven and hurt. */
struct store_contract_kind {
    /** An empty disk. */
    void (*begin)(struct store_contract_rig *rig);
    /** The same disk again. Errors are the store's. */
    enum err (*open)(struct store_contract_rig *rig);
    /** Waits until at least one pending submission was told. */
    void (*turn)(struct store_contract_rig *rig);
    /** Changes a byte of this event's record while the store is closed. */
    void (*corrupt)(struct store_contract_rig *rig, const char *stream, uint64_t eid);
    /** The store is closed; the disk goes. */
    void (*end)(struct store_contract_rig *rig);
    /* Why a promise does not concern this kind; NULL: it does. */
    const char *no_corruption;
    const char *no_oom;

    /** Another realm's store on the same disk, which the contract closes. NULL, as the next
     *  two: this kind is not shared. */
    enum err (*open_second)(struct store_contract_rig *rig, struct store **ret_store);
    /** Waits until this one, whichever it is, has told something, or for a moment. */
    void (*turn_one)(struct store_contract_rig *rig, struct store *store);
    /** Its realm ends without a word; the store goes. What it has locked may become free
     *  later. */
    void (*kill)(struct store_contract_rig *rig, struct store *store);
};

/** For main(). */
int store_contract_run(const struct store_contract_kind *kind);
