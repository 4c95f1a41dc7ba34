/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * store_mem when several stores have its disk.
 */
#include "contract/store_contract.h"

#include "store/store_mem.h"

static void begin(struct store_contract_rig *rig)
{
    struct store_mem_disk *disk;

    if (store_mem_disk_new(&disk) == OK) {
        rig->own = disk;
    }
}

static enum err open_second(struct store_contract_rig *rig, struct store **ret_store)
{
    const struct store_mem_conf conf = {
        .bytes_max = STORE_CONTRACT_BYTES_MAX,
        .streams_max = STORE_CONTRACT_STREAMS_MAX,
        .pending_bytes_max = STORE_CONTRACT_PENDING_MAX,
        .is_shared = true,
        .log = &rig->log,
        .rng = &rig->rng,
    };

    return store_mem_open(&conf, rig->own, ret_store);
}

static enum err open_store(struct store_contract_rig *rig)
{
    return open_second(rig, &rig->store);
}

static void turn_one(struct store_contract_rig *rig, struct store *store)
{
    (void)rig;
    store_mem_run(store, 1);
}

static void turn(struct store_contract_rig *rig)
{
    turn_one(rig, rig->store);
}

static void kill_store(struct store_contract_rig *rig, struct store *store)
{
    (void)rig;
    store_mem_kill(store);
}

static void corrupt(struct store_contract_rig *rig, const char *stream, uint64_t eid)
{
    assert_true(store_mem_disk_corrupt(rig->own, span_str(stream), eid));
}

static void end(struct store_contract_rig *rig)
{
    store_mem_disk_free(rig->own);
}

int main(void)
{
    static const struct store_contract_kind mem = {.begin = begin,
                                                   .open = open_store,
                                                   .turn = turn,
                                                   .corrupt = corrupt,
                                                   .end = end,
                                                   .open_second = open_second,
                                                   .turn_one = turn_one,
                                                   .kill = kill_store};

    return store_contract_run(&mem);
}
