/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract.h"
#include "contract/store_nats_rig.h"

#include "store/store_nats.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PATIENCE = 20000, /* ms that no answer needs */
    MOMENT = 20,      /* ms */
};

/* Each realm has a loop of its own: one that does not turn hears nothing. */
struct seat {
    struct store *store; /* borrowed */
    struct loop *loop;
    struct mailbox *mailbox;
};

struct place {
    char realm[32];
    char path[32]; /* of the mirror; empty: in memory */
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
    memcpy(place->path, "/tmp/wl-store-XXXXXX", 21);
    assert_non_null(mkdtemp(place->path));
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

    if (seat->loop == NULL) {
        TRY(loop_new(&seat->loop));
    }
    if (seat->mailbox == NULL) {
        TRY(mailbox_new(&seat->mailbox, seat->loop));
    }
    conf.loop = seat->loop;
    conf.mailbox = seat->mailbox;
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

static struct loop *loop_of(const struct store_contract_rig *rig, const struct store *store)
{
    const struct place *place = rig->own;
    size_t at = 0;

    while (place->seats[at].store != store) {
        at++;
        assert_true(at < sizeof place->seats / sizeof place->seats[0]);
    }
    return place->seats[at].loop;
}

static void turn_one(struct store_contract_rig *rig, struct store *store)
{
    assert_ok(loop_turn(loop_of(rig, store), MOMENT));
}

static void kill_store(struct store_contract_rig *rig, struct store *store)
{
    (void)rig;
    store_nats_kill(store);
}

static void turn(struct store_contract_rig *rig)
{
    struct loop *loop = loop_of(rig, rig->store);
    size_t before = rig->store->pending_count;
    msec began = loop_now(loop);

    while (rig->store->pending_count == before) {
        assert_ok(loop_turn(loop, PATIENCE));
        assert_true(loop_now(loop) - began < PATIENCE);
    }
}

/* In the mirror's file, which is what is read: as in store_lmdb_contract. */
static void corrupt(struct store_contract_rig *rig, const char *stream, uint64_t eid)
{
    static uint8_t file[16 * STORE_CONTRACT_BYTES_MAX];
    struct place *place = rig->own;
    const uint8_t wanted[12] = {1, 1, 0, 0, (uint8_t)eid}; /* version, text, zero, EID */
    char name[128];
    unsigned found = 0;
    ssize_t len;
    int fd;

    (void)stream; /* there is only one */
    (void)snprintf(name, sizeof name, "%s/data.mdb", place->path);
    fd = open(name, O_RDWR);
    len = pread(fd, file, sizeof file, 0);
    for (ssize_t at = 0; at + 56 < len; at++) {
        if (memcmp(file + at, wanted, sizeof wanted) == 0) {
            const uint8_t spoilt = file[at + 44] ^ 1;

            assert_int_equal(pwrite(fd, &spoilt, 1, at + 44), 1);
            found++;
        }
    }
    assert_true(found > 0);
    close(fd);
}

static void end(struct store_contract_rig *rig)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "wayleave.lock"};
    struct place *place = rig->own;

    if (place == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof place->seats / sizeof place->seats[0]; i++) {
        mailbox_free(place->seats[i].mailbox);
        loop_free(place->seats[i].loop);
    }
    for (size_t i = 0; place->path[0] != '\0' && i < 3; i++) {
        char name[128];

        (void)snprintf(name, sizeof name, "%s/%s", place->path, names[i]);
        (void)unlink(name);
    }
    assert_true(place->path[0] == '\0' || rmdir(place->path) == 0);
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
