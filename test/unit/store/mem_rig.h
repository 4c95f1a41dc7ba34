/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Stores in memory as most tests want them, alone or shared, and a router over one.
 */
#pragma once

#include "lib/testing.h"
#include "pubsub/router.h"
#include "store/store_mem.h"

/** With room for anything that is no test of limits. Errors are store_mem_open()'s. */
static inline enum err mem_rig_open(struct store_mem_disk *disk, struct rng *rng,
                                    struct store **ret_store)
{
    const struct store_mem_conf conf = {
        .bytes_max = 1 << 20, .streams_max = 10, .pending_bytes_max = 1 << 20, .rng = rng};

    return store_mem_open(&conf, disk, ret_store);
}

/** The same, where other realms have that disk, too; `watch` and its context are borrowed. */
static inline enum err mem_rig_open_shared(struct store_mem_disk *disk, struct rng *rng,
                                           const struct store_watch *watch, void *ctx,
                                           struct store **ret_store)
{
    const struct store_mem_conf conf = {.bytes_max = 1 << 20,
                                        .streams_max = 10,
                                        .pending_bytes_max = 1 << 20,
                                        .is_shared = true,
                                        .rng = rng};

    TRY(store_mem_open(&conf, disk, ret_store));
    (*ret_store)->watch = watch;
    (*ret_store)->watch_ctx = ctx;
    return OK;
}

/** Until neither of two has anything to say. */
static inline void mem_rig_run_both(struct store *a, struct store *b)
{
    for (int i = 0; i < 4; i++) {
        store_mem_run(a, SIZE_MAX);
        store_mem_run(b, SIZE_MAX);
    }
}

/** The rules and the store are borrowed. */
static inline struct router_conf mem_rig_router_conf(const struct router_rule *rules,
                                                     size_t count, struct store *store)
{
    return (struct router_conf){
        .rules = rules,
        .rule_count = count,
        .limits = {.channels = 10,
                   .store_bytes = 1 << 24,
                   .ring_bytes = 1 << 24,
                   .view = {.ring_bytes = 1000, .frame_bytes = 500}},
        .store = store,
    };
}
