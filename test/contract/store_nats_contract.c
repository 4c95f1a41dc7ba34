/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_seat.h"
#include "contract/store_nats_rig.h"

#include "lib/scratch.h"
#include "store/store_nats.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PATIENCE = 20000, /* ms that no answer needs */
    MOMENT = 20,      /* ms */
};

/* Each realm has a loop of its own: one that does not turn hears nothing. */
struct seat {
    struct store *store; /* borrowed */
    struct store_contract_seat own;
};

struct place {
    char realm[32];
    char path[SCRATCH_DIR_BYTES]; /* of the mirror; empty: in memory */
    struct seat seats[3];
};

static struct store_nats_rig server;
static unsigned realms;

static void begin(struct store_contract_rig *rig)
{
    struct place *place = calloc(1, sizeof *place);

    if (place != NULL) {
        (void)snprintf(place->realm, sizeof place->realm, "contract-%u", ++realms);
    }
    rig->own = place;
}

static void begin_on_disk(struct store_contract_rig *rig)
{
    struct place *place;

    begin(rig);
    place = rig->own;
    scratch_make(place->path);
}

static enum err open_in(struct store_contract_rig *rig, struct seat *seat, const char *path)
{
    const struct place *place = rig->own;
    struct store_nats_conf conf = {
        .url = span_str(server.url),
        .realm = span_str(place->realm),
        .path = path,
        .bytes_max = STORE_CONTRACT_BYTES_MAX,
        .streams_max = STORE_CONTRACT_STREAMS_MAX,
        .pending_bytes_max = STORE_CONTRACT_PENDING_MAX,
        .replicas = 1,
        .has_streams = true,
        .timeout = PATIENCE,
        .log = &rig->log,
        .rng = &rig->rng,
    };
    char fault[STORE_NATS_FAULT_BYTES];
    enum err e;

    TRY(store_contract_seat_open(&seat->own));
    conf.loop = seat->own.loop;
    conf.mailbox = seat->own.mailbox;
    e = store_nats_open(&conf, &seat->store, fault);
    if (e != OK && e != ERR_NOMEM) {
        print_error("%s\n", fault);
    }
    return e;
}

static enum err open_store(struct store_contract_rig *rig)
{
    struct place *place = rig->own;

    TRY(open_in(rig, &place->seats[0], place->path[0] == '\0' ? NULL : place->path));
    rig->store = place->seats[0].store;
    return OK;
}

static enum err open_second(struct store_contract_rig *rig, struct store **ret_store)
{
    struct place *place = rig->own;
    struct seat *seat = place->seats[1].store == NULL ? &place->seats[1] : &place->seats[2];

    TRY(open_in(rig, seat, NULL));
    *ret_store = seat->store;
    return OK;
}

static const struct store_contract_seat *seat_of(const struct store_contract_rig *rig,
                                                 const struct store *store)
{
    const struct place *place = rig->own;
    size_t at = 0;

    while (place->seats[at].store != store) {
        at++;
        assert_true(at < sizeof place->seats / sizeof place->seats[0]);
    }
    return &place->seats[at].own;
}

static void turn_one(struct store_contract_rig *rig, struct store *store)
{
    assert_ok(loop_turn(seat_of(rig, store)->loop, MOMENT));
}

static void kill_store(struct store_contract_rig *rig, struct store *store)
{
    (void)rig;
    store_nats_kill(store);
}

static void turn(struct store_contract_rig *rig)
{
    store_contract_seat_turn(seat_of(rig, rig->store), rig->store);
}

/* In the mirror's file, which is what is read. */
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
    for (size_t i = 0; i < sizeof place->seats / sizeof place->seats[0]; i++) {
        store_contract_seat_close(&place->seats[i].own);
    }
    if (place->path[0] != '\0') {
        scratch_remove(place->path, SCRATCH_STORE);
    }
    free(place);
}

int main(void)
{
    static const struct store_contract_kind in_memory = {
        .begin = begin,
        .open = open_store,
        .turn = turn,
        .end = end,
        .open_second = open_second,
        .turn_one = turn_one,
        .kill = kill_store,
        .no_corruption = "the mirror is in memory, and the server checks what it has",
    };
    static const struct store_contract_kind on_disk = {
        .begin = begin_on_disk,
        .open = open_store,
        .turn = turn,
        .corrupt = corrupt,
        .end = end,
        .open_second = open_second,
        .turn_one = turn_one,
        .kill = kill_store,
        .no_oom = "who has a mirror on the disk that fails must be started again",
    };
    int failed;

    store_nats_rig_start(&server);
    failed = store_contract_run(&in_memory) + store_contract_run(&on_disk);
    store_nats_rig_end(&server);
    return failed;
}
