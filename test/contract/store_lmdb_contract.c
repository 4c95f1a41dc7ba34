/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract.h"

#include "store/store_lmdb.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATIENCE = 20000, /* ms that no commit needs */
};

struct place {
    char path[64];
    struct loop *loop;
    struct mailbox *mailbox;
};

static void begin(struct store_contract_rig *rig)
{
    struct place *place = calloc(1, sizeof *place);

    if (place == NULL) {
        return;
    }
    memcpy(place->path, "/tmp/wl-store-XXXXXX", 21);
    assert_non_null(mkdtemp(place->path));
    rig->own = place;
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

    if (place->loop == NULL) {
        TRY(loop_new(&place->loop));
    }
    if (place->mailbox == NULL) {
        TRY(mailbox_new(&place->mailbox, place->loop));
    }
    conf.mailbox = place->mailbox;
    return store_lmdb_open(&conf, &rig->store, fault);
}

static void turn(struct store_contract_rig *rig)
{
    struct place *place = rig->own;
    size_t before = rig->store->pending_count;
    msec began = loop_now(place->loop);

    while (rig->store->pending_count == before) {
        assert_ok(loop_turn(place->loop, PATIENCE));
        assert_true(loop_now(place->loop) - began < PATIENCE);
    }
}

/* Nothing of LMDB's is asked: the record is found by its head, as whatever spoils a disk would
 * meet it. Pages that are no longer in use may have a copy, so all are spoilt. */
static void corrupt(struct store_contract_rig *rig, const char *stream, uint64_t eid)
{
    static uint8_t file[2 * STORE_CONTRACT_BYTES_MAX];
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
    mailbox_free(place->mailbox);
    loop_free(place->loop);
    for (size_t i = 0; i < 3; i++) {
        char name[128];

        (void)snprintf(name, sizeof name, "%s/%s", place->path, names[i]);
        (void)unlink(name);
    }
    assert_int_equal(rmdir(place->path), 0);
    free(place);
}

int main(void)
{
    static const struct store_contract_kind lmdb = {
        .begin = begin, .open = open_store, .turn = turn, .corrupt = corrupt, .end = end};

    return store_contract_run(&lmdb);
}
