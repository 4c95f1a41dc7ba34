/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_seat.h"

#include "lib/scratch.h"
#include "store/store_lmdb.h"

#include <stdlib.h>

struct place {
    char path[SCRATCH_DIR_BYTES];
    struct store_contract_seat seat;
};

static void begin(struct store_contract_rig *rig)
{
    struct place *place = calloc(1, sizeof *place);

    if (place != NULL) {
        scratch_make(place->path);
        rig->own = place;
    }
}

static enum err open_store(struct store_contract_rig *rig)
{
    struct place *place = rig->own;
    struct store_lmdb_conf conf = {
        .path = place->path,
        .bytes_max = STORE_CONTRACT_BYTES_MAX,
        .streams_max = STORE_CONTRACT_STREAMS_MAX,
        .pending_bytes_max = STORE_CONTRACT_PENDING_MAX,
        .log = &rig->log,
        .rng = &rig->rng,
    };
    char fault[STORE_LMDB_FAULT_BYTES];

    TRY(store_contract_seat_open(&place->seat));
    conf.mailbox = place->seat.mailbox;
    return store_lmdb_open(&conf, &rig->store, fault);
}

static void turn(struct store_contract_rig *rig)
{
    const struct place *place = rig->own;

    store_contract_seat_turn(&place->seat, rig->store);
}

static void corrupt(struct store_contract_rig *rig, const char *stream, uint64_t eid)
{
    const struct place *place = rig->own;

    (void)stream; /* there is only one */
    store_contract_seat_spoil(place->path, eid);
}

static void end(struct store_contract_rig *rig)
{
    struct place *place = rig->own;

    if (place == NULL) {
        return;
    }
    store_contract_seat_close(&place->seat);
    scratch_remove(place->path, SCRATCH_STORE);
    free(place);
}

int main(void)
{
    static const struct store_contract_kind lmdb = {
        .begin = begin, .open = open_store, .turn = turn, .corrupt = corrupt, .end = end};

    return store_contract_run(&lmdb);
}
